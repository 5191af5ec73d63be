//! Who builds: each worker's row, and its signs of life.

use std::time::Duration;

use rusqlite::params;

use super::{Result, Store, millis, now};

/// How fresh a sign of life must be for its worker to count: three missed ones are too many.
pub const LATELY: Duration = Duration::from_secs(30);

/// After this long without a sign a worker's row is removed.
const FORGOTTEN: Duration = Duration::from_hours(24);

/// A worker as it signs on.
#[derive(Clone, Debug)]
pub struct Worker {
    /// New for each start of a process.
    pub id: String,
    /// The host's or the container's name.
    pub host: String,
    /// The engine that it uses.
    pub engine_id: String,
    /// Builds at once.
    pub slots: usize,
}

/// Writes a worker's row, or its next sign of life. `trouble` is why it cannot build just now.
///
/// # Errors
/// When the table cannot be written.
pub async fn sign_of_life(store: &Store, worker: &Worker, trouble: Option<String>) -> Result<()> {
    let worker = worker.clone();
    store
        .write(move |table| {
            let now = now();
            table
                .prepare_cached(
                    "INSERT INTO workers (id, host, engine_id, slots, started_at, seen_at, trouble)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)
                     ON CONFLICT (id) DO UPDATE SET seen_at = ?5, trouble = ?6",
                )?
                .execute(params![
                    worker.id,
                    worker.host,
                    worker.engine_id,
                    worker.slots,
                    now,
                    trouble
                ])?;
            table
                .prepare_cached("DELETE FROM workers WHERE seen_at < ?1")?
                .execute([now - millis(FORGOTTEN)])?;
            Ok(())
        })
        .await
}

/// Says that a worker takes nothing new.
///
/// # Errors
/// When the table cannot be written.
pub async fn stopping(store: &Store, worker: &str) -> Result<()> {
    let worker = worker.to_owned();
    store
        .write(move |table| {
            table.execute("UPDATE workers SET stopping = 1 WHERE id = ?1", [worker])?;
            Ok(())
        })
        .await
}

/// Removes a worker's row: it has left in good order.
///
/// # Errors
/// When the table cannot be written.
pub async fn signed_off(store: &Store, worker: &str) -> Result<()> {
    let worker = worker.to_owned();
    store
        .write(move |table| {
            Ok(table
                .execute("DELETE FROM workers WHERE id = ?1", [worker])
                .map(drop)?)
        })
        .await
}

/// Whether a worker on this host has given a sign of life lately.
///
/// # Errors
/// When the table cannot be read.
pub async fn seen_lately_on(store: &Store, host: &str) -> Result<bool> {
    let host = host.to_owned();
    store
        .read(move |table| {
            let since = now() - millis(LATELY);
            let seen: bool = table
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM workers WHERE host = ?1 AND seen_at > ?2)",
                )?
                .query_row(params![host, since], |row| row.get(0))?;
            Ok(seen)
        })
        .await
}

/// The ability to build, as the workers report it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ability {
    /// Workers seen lately that take builds.
    pub workers: u64,
    /// Controllers that are there and that nobody disabled.
    pub controllers: u64,
    /// What a worker seen lately says is in its way.
    pub trouble: Option<String>,
}

/// Whether somebody builds.
///
/// # Errors
/// When the table cannot be read.
pub async fn ability(store: &Store) -> Result<Ability> {
    store
        .read(|table| {
            let since = now() - millis(LATELY);
            let (workers, trouble) = table
                .prepare_cached(
                    "SELECT count(*) FILTER (WHERE trouble IS NULL AND stopping = 0), max(trouble)
                     FROM workers WHERE seen_at > ?1",
                )?
                .query_row([since], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let controllers = table.query_row(
                "SELECT count(*) FROM controllers WHERE name NOT IN (SELECT name FROM disabled_controllers)",
                [],
                |row| row.get(0),
            )?;
            Ok(Ability {
                workers,
                controllers,
                trouble,
            })
        })
        .await
}
