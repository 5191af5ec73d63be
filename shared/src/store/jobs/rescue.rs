//! `running` whose holder is silent: back to `queued`, or to its end after too many starts.

use rusqlite::{Connection, params};

use super::{
    super::{Result, Store, now, requests, wake},
    MAX_CLAIMS, MAX_STARTS,
    show::id_from,
};
use crate::job::{JobId, Reason};

/// What became of a build whose lease had ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescued {
    /// It waits again.
    Waiting(JobId),
    /// It is set aside as `worker_lost`.
    SetAside(JobId),
}

/// Takes back every build whose lease has ended. Any worker may do this at any time.
///
/// # Errors
/// When the table cannot be written.
pub async fn rescue_expired(store: &Store) -> Result<Vec<Rescued>> {
    let rescued = store.write(rescue).await?;
    for one in &rescued {
        let (Rescued::Waiting(id) | Rescued::SetAside(id)) = *one;
        wake::ring(
            store.wake_directory(),
            wake::Role::Api,
            wake::Signal::Changed(id),
        );
    }
    if !rescued.is_empty() {
        wake::ring(
            store.wake_directory(),
            wake::Role::Worker,
            wake::Signal::Queued,
        );
    }
    Ok(rescued)
}

fn rescue(table: &Connection) -> Result<Vec<Rescued>> {
    let now = now();
    let set_aside = ids(
        table,
        "UPDATE jobs
         SET status = 'failed', reason = ?1, finished_at = ?2, lease_owner = NULL, lease_until = NULL,
             detail = 'its worker was lost too often'
         WHERE status = 'running' AND lease_until <= ?2 AND (attempts >= ?3 OR lease_epoch >= ?4)
         RETURNING id",
        params![Reason::WorkerLost.as_str(), now, MAX_STARTS, MAX_CLAIMS],
    )?;
    for id in &set_aside {
        requests::count_ended(table, *id)?;
    }
    let waiting = ids(
        table,
        "UPDATE jobs SET status = 'queued', lease_owner = NULL, lease_until = NULL
         WHERE status = 'running' AND lease_until <= ?1 RETURNING id",
        params![now],
    )?;
    Ok(set_aside
        .into_iter()
        .map(Rescued::SetAside)
        .chain(waiting.into_iter().map(Rescued::Waiting))
        .collect())
}

/// Lets builds wait whose pause is over. Gives their number back.
///
/// # Errors
/// When the table cannot be written.
pub async fn make_due_builds_wait(store: &Store) -> Result<usize> {
    let due = store
        .write(|table| {
            Ok(table
                .prepare_cached("UPDATE jobs SET due_at = NULL WHERE due_at <= ?1")?
                .execute([now()])?)
        })
        .await?;
    if due > 0 {
        wake::ring(
            store.wake_directory(),
            wake::Role::Worker,
            wake::Signal::Queued,
        );
    }
    Ok(due)
}

fn ids(table: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<Vec<JobId>> {
    table
        .prepare_cached(sql)?
        .query_and_then(parameters, |row| id_from(&row.get::<_, String>(0)?))?
        .collect()
}
