//! `queued` or `running` to `cancelled`: the build is ended for all who asked for it.
//!
//! The row is the truth: a worker that held it has lost its lease with this commit, hears of it by a wake-up, and kills
//! the container.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::{
    super::{Result, Store, audit, now, statistics, wake},
    show::status_from,
};
use crate::job::{JobId, Reason, Status};

/// What became of the wish to end a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It was waiting or running, and is cancelled.
    Yes,
    /// It had ended so before.
    HadEnded(Status),
    /// There is no such build.
    NoSuchBuild,
}

/// Ends a build for all who asked for it.
///
/// # Errors
/// When the table cannot be written: then nothing has changed.
pub async fn cancel(store: &Store, id: JobId) -> Result<Cancelled> {
    let cancelled = store
        .write(move |table| cancel_row(table, id, "it was cancelled for all who asked for it"))
        .await?;
    if cancelled == Cancelled::Yes {
        tell(store, id);
    }
    Ok(cancelled)
}

/// The same by an operator, who is written down with it.
///
/// # Errors
/// When the table cannot be written: then nothing has changed.
pub async fn cancel_by(store: &Store, id: JobId, who: &str) -> Result<Cancelled> {
    let who = who.to_owned();
    let cancelled = store
        .write(move |table| {
            let cancelled = cancel_row(table, id, "it was cancelled by an operator")?;
            if cancelled == Cancelled::Yes {
                audit::record(table, &who, ("cancel", &id.to_string()), &json!({}))?;
            }
            Ok(cancelled)
        })
        .await?;
    if cancelled == Cancelled::Yes {
        tell(store, id);
    }
    Ok(cancelled)
}

/// The row's change, within a transaction. `detail` is one line for people: why.
pub(in crate::store) fn cancel_row(
    table: &Connection,
    id: JobId,
    detail: &str,
) -> Result<Cancelled> {
    let status: Option<String> = table
        .prepare_cached("SELECT status FROM jobs WHERE id = ?1")?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?;
    let Some(status) = status else {
        return Ok(Cancelled::NoSuchBuild);
    };
    let status = status_from(status)?;
    if status.is_final() {
        return Ok(Cancelled::HadEnded(status));
    }
    table
        .prepare_cached(
            "UPDATE jobs
             SET status = 'cancelled', reason = ?2, detail = ?3, finished_at = ?4, due_at = NULL,
                 lease_owner = NULL, lease_until = NULL
             WHERE id = ?1",
        )?
        .execute(params![
            id.to_string(),
            Reason::Cancelled.as_str(),
            detail,
            now()
        ])?;
    // One that waits again after a run has a start, and has not run since.
    if status == Status::Running {
        statistics::count_ended(table, id)?;
    }
    Ok(Cancelled::Yes)
}

/// Tells the worker that may run it, and whoever waits for it.
pub(super) fn tell(store: &Store, id: JobId) {
    for role in [wake::Role::Worker, wake::Role::Api] {
        store.ring((role, wake::Signal::Changed(id)));
    }
}
