//! `running` whose holder is silent: back to `queued`, or to its end after too many lost workers.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::{
    super::{Result, Store, millis, now, statistics, wake},
    MAX_LOSSES,
    adopt::Orphan,
    claim::Held,
    history::{What, note},
    show::id_from,
};
use crate::job::{JobId, Reason};

/// How long a build waits for a worker of the engine that its container is on. After that the engine is
/// taken for gone, and another one builds it anew.
const ORPHANED: Duration = Duration::from_mins(1);

/// What became of a build whose lease had ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescued {
    /// It waits again.
    Waiting(JobId),
    /// It is set aside as `worker_lost`.
    SetAside(JobId),
}

impl Rescued {
    /// The build.
    #[must_use]
    pub const fn id(self) -> JobId {
        let (Self::Waiting(id) | Self::SetAside(id)) = self;
        id
    }
}

/// Takes back every build whose lease has ended and that has no container to be adopted with, or whose
/// container nobody has looked after for too long. Any worker may do this at any time.
///
/// # Errors
/// When the table cannot be written.
pub async fn rescue_expired(store: &Store) -> Result<Vec<Rescued>> {
    let rescued = store
        .write(|table| {
            let now = now();
            let lost: Vec<Held> = table
                .prepare_cached(
                    "SELECT id, lease_owner, lease_epoch FROM jobs
                     WHERE status = 'running' AND lease_until <= ?1
                           AND (container_id IS NULL OR container_epoch IS NULL OR lease_until <= ?2)",
                )?
                .query_and_then([now, now - millis(ORPHANED)], |row| {
                    Ok(Held {
                        id: id_from(&row.get::<_, String>(0)?)?,
                        worker: row.get(1)?,
                        epoch: row.get(2)?,
                    })
                })?
                .collect::<Result<_>>()?;
            let rescued = lost.iter().map(|held| take_back(table, held));
            Ok(rescued.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect::<Vec<_>>())
        })
        .await?;
    tell(store, &rescued);
    Ok(rescued)
}

/// Takes back a build whose container is gone from its engine. `None`: somebody holds it after all.
///
/// # Errors
/// When the table cannot be written.
pub async fn rescue(store: &Store, orphan: &Orphan) -> Result<Option<Rescued>> {
    let held = orphan.held.clone();
    let rescued = store.write(move |table| take_back(table, &held)).await?;
    tell(store, rescued.as_slice());
    Ok(rescued)
}

/// The workers that hold running builds.
///
/// # Errors
/// When the table cannot be read.
pub async fn holders(store: &Store) -> Result<Vec<String>> {
    store
        .read(|table| {
            let mut holders = table.prepare_cached(
                "SELECT DISTINCT lease_owner FROM jobs
                 WHERE status = 'running' AND lease_until > ?1 AND lease_owner <> ''",
            )?;
            let rows = holders.query_map([now()], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
}

/// Ends the leases of a worker whose process is known to be gone, so that nobody has to wait for them.
/// Gives their number back.
///
/// # Errors
/// When the table cannot be written.
pub async fn end_leases_of(store: &Store, worker: &str) -> Result<usize> {
    let worker = worker.to_owned();
    store
        .write(move |table| {
            Ok(table
                .prepare_cached(
                    "UPDATE jobs SET lease_until = ?2
                     WHERE status = 'running' AND lease_owner = ?1 AND lease_until > ?2",
                )?
                .execute(params![worker, now()])?)
        })
        .await
}

/// Only as it was seen: a worker that was taken for dead may have handed the build over since, and is not lost then.
fn take_back(table: &Connection, held: &Held) -> Result<Option<Rescued>> {
    if is_lost_too_often(table, held)? {
        return set_aside(table, held);
    }
    let changed = table
        .prepare_cached(
            "UPDATE jobs
             SET status = 'queued', losses = losses + (lease_owner <> ''), lease_owner = NULL, lease_until = NULL
             WHERE id = ?1 AND lease_epoch = ?2 AND lease_owner = ?4 AND status = 'running' AND lease_until <= ?3",
        )?
        .execute(params![held.id.to_string(), held.epoch, now(), held.worker])?;
    if changed == 0 {
        return Ok(None);
    }
    note(table, held, What::Lost, None)?;
    Ok(Some(Rescued::Waiting(held.id)))
}

/// Whether this loss of a worker is one too many. One that left in good order is not lost.
pub(super) fn is_lost_too_often(table: &Connection, held: &Held) -> Result<bool> {
    let losses: u32 = table
        .prepare_cached("SELECT losses FROM jobs WHERE id = ?1")?
        .query_row([held.id.to_string()], |row| row.get(0))?;
    Ok(losses + u32::from(!held.worker.is_empty()) >= MAX_LOSSES)
}

/// Ends a build that takes its workers down, so that it blocks nobody.
pub(super) fn set_aside(table: &Connection, held: &Held) -> Result<Option<Rescued>> {
    let changed = table
        .prepare_cached(
            "UPDATE jobs
             SET status = 'failed', reason = ?3, finished_at = ?4, losses = losses + 1, lease_owner = NULL,
                 lease_until = NULL, detail = 'its worker was lost too often'
             WHERE id = ?1 AND lease_epoch = ?2 AND lease_owner = ?5 AND status = 'running' AND lease_until <= ?4",
        )?
        .execute(params![
            held.id.to_string(),
            held.epoch,
            Reason::WorkerLost.as_str(),
            now(),
            held.worker,
        ])?;
    if changed == 0 {
        return Ok(None);
    }
    note(table, held, What::Lost, None)?;
    note(table, held, What::SetAside, None)?;
    statistics::count_ended(table, held.id)?;
    Ok(Some(Rescued::SetAside(held.id)))
}

fn tell(store: &Store, rescued: &[Rescued]) {
    for one in rescued {
        store.ring((wake::Role::Api, wake::Signal::Changed(one.id())));
    }
    if !rescued.is_empty() {
        store.ring((wake::Role::Worker, wake::Signal::Queued));
    }
}
