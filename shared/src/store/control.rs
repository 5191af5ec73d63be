//! The operator's hand on the whole queue and on single workers: pause and resume, drain and undrain. Each change and
//! its row in the audit are one transaction.
//!
//! What runs goes on, and what lost its worker is still adopted: only [`claim_next`](super::jobs::claim_next) heeds this.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::{Result, Store, audit, now, wake};

/// What became of a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switched {
    /// It is so now.
    Done,
    /// It was so already, and nothing was written.
    AlreadySo,
    /// There is no such worker.
    NoSuchWorker,
}

/// Since when no worker takes a new build, in milliseconds since 1970; `None` where they do.
///
/// # Errors
/// When the table cannot be read.
pub async fn paused_at(store: &Store) -> Result<Option<i64>> {
    store.read(paused).await
}

fn paused(table: &Connection) -> Result<Option<i64>> {
    Ok(table
        .prepare_cached("SELECT paused_at FROM service")?
        .query_row([], |row| row.get(0))?)
}

/// Lets no worker take a new build. Builds are accepted as ever, and wait.
///
/// # Errors
/// When the table cannot be written.
pub async fn pause(store: &Store, who: &str) -> Result<Switched> {
    let who = who.to_owned();
    store
        .write(move |table| {
            if paused(table)?.is_some() {
                return Ok(Switched::AlreadySo);
            }
            table.execute("UPDATE service SET paused_at = ?1", [now()])?;
            audit::record(table, &who, ("pause", "queue"), &json!({}))?;
            Ok(Switched::Done)
        })
        .await
}

/// Lets workers take builds again, and wakes them.
///
/// # Errors
/// When the table cannot be written.
pub async fn resume(store: &Store, who: &str) -> Result<Switched> {
    let who = who.to_owned();
    let switched = store
        .write(move |table| {
            let Some(since) = paused(table)? else {
                return Ok(Switched::AlreadySo);
            };
            table.execute("UPDATE service SET paused_at = NULL", [])?;
            let details = json!({ "paused_at": since });
            audit::record(table, &who, ("resume", "queue"), &details)?;
            Ok(Switched::Done)
        })
        .await?;
    wake_workers(store, switched);
    Ok(switched)
}

/// Lets one worker take no new build. It ends what it has, and stays until it is stopped or may take builds again.
///
/// # Errors
/// When the table cannot be written.
pub async fn drain(store: &Store, worker: &str, who: &str) -> Result<Switched> {
    switch(store, worker, (true, "drain"), who).await
}

/// Lets a worker take builds again, and wakes it.
///
/// # Errors
/// When the table cannot be written.
pub async fn undrain(store: &Store, worker: &str, who: &str) -> Result<Switched> {
    let switched = switch(store, worker, (false, "undrain"), who).await?;
    wake_workers(store, switched);
    Ok(switched)
}

async fn switch(
    store: &Store,
    worker: &str,
    (draining, what): (bool, &'static str),
    who: &str,
) -> Result<Switched> {
    let (worker, who) = (worker.to_owned(), who.to_owned());
    store
        .write(move |table| {
            let found: Option<(bool, String)> = table
                .prepare_cached("SELECT draining, host FROM workers WHERE id = ?1")?
                .query_row([&worker], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((is_draining, host)) = found else {
                return Ok(Switched::NoSuchWorker);
            };
            if is_draining == draining {
                return Ok(Switched::AlreadySo);
            }
            table
                .prepare_cached("UPDATE workers SET draining = ?2 WHERE id = ?1")?
                .execute(params![worker, draining])?;
            audit::record(table, &who, (what, &worker), &json!({ "host": host }))?;
            Ok(Switched::Done)
        })
        .await
}

/// Builds may have waited for this. Whoever misses it looks by itself soon.
fn wake_workers(store: &Store, switched: Switched) {
    if switched == Switched::Done {
        store.ring((wake::Role::Worker, wake::Signal::Queued));
    }
}
