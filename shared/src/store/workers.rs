//! Who builds: each worker's row, and its signs of life.

use std::time::Duration;

use rusqlite::params;

use super::{Result, Store, millis, now};

/// How fresh a sign of life must be for its worker to count: three missed ones are too many.
pub const LATELY: Duration = Duration::from_secs(30);

/// After this long without a sign a worker's row is removed.
const FORGOTTEN: Duration = Duration::from_hours(24);

/// A worker as it signs on.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        .write_unsynced(move |table| {
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
            table.execute("UPDATE workers SET stopping = 1 WHERE id = ?1", [&worker])?;
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
                .execute("DELETE FROM workers WHERE id = ?1", [&worker])
                .map(drop)?)
        })
        .await
}

/// Whether an operator lets a worker take nothing new.
///
/// # Errors
/// When the table cannot be read.
pub async fn is_draining(store: &Store, worker: &str) -> Result<bool> {
    let worker = worker.to_owned();
    store
        .read(move |table| {
            let draining: bool = table
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM workers WHERE id = ?1 AND draining = 1)",
                )?
                .query_row([worker], |row| row.get(0))?;
            Ok(draining)
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

/// A worker as an operator sees it. Times are milliseconds since 1970, UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who.
    pub worker: Worker,
    /// Builds that it holds now.
    pub busy: u64,
    /// The controllers that its engine has.
    pub controllers: Vec<String>,
    /// When its process began.
    pub started_at: i64,
    /// Its last sign of life.
    pub seen_at: i64,
    /// Whether that is too long ago for it to count.
    pub silent: bool,
    /// Whether an operator lets it take nothing new.
    pub draining: bool,
    /// Whether it is about to leave.
    pub stopping: bool,
    /// Why it cannot build just now.
    pub trouble: Option<String>,
}

/// All workers that are known, those that have left or died within a day too where they said no good-bye.
///
/// # Errors
/// When the table cannot be read.
pub async fn all(store: &Store) -> Result<Vec<Seen>> {
    store
        .read(|table| {
            let since = now() - millis(LATELY);
            let mut statement = table.prepare_cached(
                "SELECT id, host, engine_id, slots, started_at, seen_at, draining, stopping, trouble,
                        (SELECT count(*) FROM jobs WHERE status = 'running' AND lease_owner = workers.id),
                        (SELECT group_concat(name) FROM (SELECT name FROM controllers
                                                         WHERE engine_id = workers.engine_id ORDER BY name))
                 FROM workers ORDER BY host, started_at",
            )?;
            let rows = statement.query_map([], |row| {
                let controllers: Option<String> = row.get(10)?;
                let seen_at = row.get(5)?;
                Ok(Seen {
                    worker: Worker {
                        id: row.get(0)?,
                        host: row.get(1)?,
                        engine_id: row.get(2)?,
                        slots: row.get(3)?,
                    },
                    started_at: row.get(4)?,
                    seen_at,
                    silent: seen_at <= since,
                    draining: row.get(6)?,
                    stopping: row.get(7)?,
                    trouble: row.get(8)?,
                    busy: row.get(9)?,
                    controllers: controllers
                        .map(|names| names.split(',').map(str::to_owned).collect())
                        .unwrap_or_default(),
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
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
                    "SELECT count(*) FILTER (WHERE trouble IS NULL AND stopping = 0 AND draining = 0), max(trouble)
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
