//! `running` back to `queued`: the holder cannot go on, through no fault of the build.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::{
    super::{Result, Store, millis, now, requests, wake},
    MAX_CLAIMS, MAX_STARTS,
    claim::Held,
};
use crate::job::Reason;

/// When a build that was given back may be taken again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// At once: the worker leaves. A start that it made counts for nothing.
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
            Pause::None => hand_over(table, &for_work),
            Pause::Growing => try_later(table, &for_work, &detail),
        })
        .await?;
    wake::ring(
        store.wake_directory(),
        wake::Role::Api,
        wake::Signal::Changed(held.id),
    );
    wake::ring(
        store.wake_directory(),
        wake::Role::Worker,
        wake::Signal::Queued,
    );
    Ok(())
}

fn hand_over(table: &Connection, held: &Held) -> Result<()> {
    table
        .prepare_cached(
            "UPDATE jobs
             SET status = 'queued', lease_owner = NULL, lease_until = NULL,
                 attempts = attempts - (container_id IS NOT NULL), container_id = NULL, engine_id = NULL
             WHERE id = ?1 AND lease_owner = ?2 AND lease_epoch = ?3 AND status = 'running'",
        )?
        .execute(params![held.id.to_string(), held.worker, held.epoch])?;
    Ok(())
}

fn try_later(table: &Connection, held: &Held, detail: &str) -> Result<()> {
    let now = now();
    let pause = (FIRST_PAUSE * 2_u32.saturating_pow(held.epoch.min(16) - 1)).min(LONGEST_PAUSE);
    let changed = table
        .prepare_cached(
            "UPDATE jobs
             SET status = 'queued', due_at = ?4, detail = ?5, lease_owner = NULL, lease_until = NULL
             WHERE id = ?1 AND lease_owner = ?2 AND lease_epoch = ?3 AND status = 'running'
                   AND attempts < ?6 AND lease_epoch < ?7",
        )?
        .execute(params![
            held.id.to_string(),
            held.worker,
            held.epoch,
            now + millis(pause),
            detail,
            MAX_STARTS,
            MAX_CLAIMS
        ])?;
    if changed == 0 {
        set_aside(table, held, detail)?;
    }
    Ok(())
}

fn set_aside(table: &Connection, held: &Held, detail: &str) -> Result<()> {
    let changed = table
        .prepare_cached(
            "UPDATE jobs
             SET status = 'failed', reason = ?4, detail = ?5, finished_at = ?6, lease_owner = NULL,
                 lease_until = NULL
             WHERE id = ?1 AND lease_owner = ?2 AND lease_epoch = ?3 AND status = 'running'",
        )?
        .execute(params![
            held.id.to_string(),
            held.worker,
            held.epoch,
            Reason::WorkerLost.as_str(),
            detail,
            now()
        ])?;
    if changed == 1 {
        requests::count_ended(table, held.id)?;
    }
    Ok(())
}
