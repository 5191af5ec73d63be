//! `running` back to `queued`: the holder cannot go on, through no fault of the build.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    super::{Result, Store, millis, now, statistics, wake},
    MAX_TROUBLES,
    claim::Held,
    history::{What, note},
};
use crate::job::Reason;

/// When a build that was given back may be taken again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// At once: the worker leaves, and there is no container yet.
    None,
    /// Later: the engine is in trouble, and each further trouble doubles the pause.
    Growing,
}

/// The first pause; the tenth would be over half an hour, which [`LONGEST_PAUSE`] cuts.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Gives a held build back, or sets it aside as `worker_lost` when it has been tried often enough.
/// `detail` is one line for people: what the trouble was.
///
/// # Errors
/// When the table cannot be written; its lease will end by itself.
pub async fn give_back(store: &Store, held: &Held, pause: Pause, detail: &str) -> Result<()> {
    let (for_work, detail) = (held.clone(), detail.to_owned());
    store
        .write(move |table| match pause {
            Pause::None => at_once(table, &for_work),
            Pause::Growing => try_later(table, &for_work, &detail),
        })
        .await?;
    store.ring((wake::Role::Api, wake::Signal::Changed(held.id)));
    store.ring((wake::Role::Worker, wake::Signal::Queued));
    Ok(())
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
        store.ring((wake::Role::Worker, wake::Signal::Queued));
    }
    Ok(due)
}

fn at_once(table: &Connection, held: &Held) -> Result<()> {
    let changed = table
        .prepare_cached(
            "UPDATE jobs SET status = 'queued', lease_owner = NULL, lease_until = NULL
             WHERE id = ?1 AND lease_owner = ?2 AND lease_epoch = ?3 AND status = 'running'",
        )?
        .execute(params![held.id.to_string(), held.worker, held.epoch])?;
    if changed == 1 {
        note(table, held, What::GivenBack, None)?;
    }
    Ok(())
}

fn try_later(table: &Connection, held: &Held, detail: &str) -> Result<()> {
    let Some(troubles) = troubles_of(table, held)? else {
        return Ok(());
    };
    note(table, held, What::Trouble, Some(detail))?;
    if troubles + 1 >= MAX_TROUBLES {
        return set_aside(table, held, detail);
    }
    table
        .prepare_cached(
            "UPDATE jobs
             SET status = 'queued', due_at = ?2, detail = ?3, troubles = troubles + 1, lease_owner = NULL,
                 lease_until = NULL
             WHERE id = ?1",
        )?
        .execute(params![held.id.to_string(), now() + millis(pause_after(troubles)), detail])?;
    Ok(())
}

/// Twice as long after each trouble.
pub(super) fn pause_after(troubles: u32) -> Duration {
    (FIRST_PAUSE * 2_u32.saturating_pow(troubles)).min(LONGEST_PAUSE)
}

/// How often it was in trouble before; `None` where it is not this worker's any more.
pub(super) fn troubles_of(table: &Connection, held: &Held) -> Result<Option<u32>> {
    Ok(table
        .prepare_cached(
            "SELECT troubles FROM jobs
             WHERE id = ?1 AND lease_owner = ?2 AND lease_epoch = ?3 AND status = 'running'",
        )?
        .query_row(
            params![held.id.to_string(), held.worker, held.epoch],
            |row| row.get(0),
        )
        .optional()?)
}

pub(super) fn set_aside(table: &Connection, held: &Held, detail: &str) -> Result<()> {
    table
        .prepare_cached(
            "UPDATE jobs
             SET status = 'failed', reason = ?2, detail = ?3, finished_at = ?4, troubles = troubles + 1,
                 lease_owner = NULL, lease_until = NULL
             WHERE id = ?1",
        )?
        .execute(params![
            held.id.to_string(),
            Reason::WorkerLost.as_str(),
            detail,
            now()
        ])?;
    note(table, held, What::SetAside, None)?;
    statistics::count_ended(table, held.id)
}
