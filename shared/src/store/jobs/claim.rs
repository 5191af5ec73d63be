//! `queued` to `running`: a worker takes the next waiting build under a lease.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    super::{Result, Store, StoreError, cold_keyboards, millis, now, wake},
    show::id_from,
};
use crate::{
    channel::Dialect,
    job::{Fingerprint, JobId},
};

/// That a worker holds a build: what each later change of the row has to name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The build.
    pub id: JobId,
    /// The worker's id.
    pub worker: String,
    /// Counts the claims of this build; an older one changes nothing any more.
    pub epoch: u32,
}

/// A build that this worker holds now.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The proof.
    pub held: Held,
    /// What is built.
    pub fingerprint: Fingerprint,
    /// The board's name.
    pub keyboard: String,
    /// The layout's name.
    pub layout: String,
    /// The controller's name.
    pub controller: String,
    /// The id of the image that it was planned with.
    pub image: String,
    /// How the image is called: 1 or 2.
    pub protocol: u8,
    /// The KLL that the image understands.
    pub dialect: Dialect,
    /// Containers started for it so far.
    pub attempts: u32,
    /// Whether it is to use nothing that its image prepared.
    pub cold: bool,
    /// The build that this one is held against, where it is a comparison and nobody asked for it.
    pub compares: Option<JobId>,
    /// The layout's JSON.
    pub config: String,
}

/// Takes the next build, in the order of `(priority, turn, id)`, or nothing where none waits, the queue is paused or
/// this worker drains.
///
/// # Errors
/// When the table cannot be read or written.
pub async fn claim_next(store: &Store, worker: &str, lease: Duration) -> Result<Option<Claimed>> {
    let worker = worker.to_owned();
    // A claim that a power cut takes is made again.
    let claimed = store
        .write_unsynced(move |table| claim(table, &worker, lease))
        .await?;
    if let Some(claimed) = &claimed {
        store.ring((wake::Role::Api, wake::Signal::Changed(claimed.held.id)));
    }
    Ok(claimed)
}

/// The columns of a [`Claimed`].
pub(super) const CLAIMED: &str = "id, lease_epoch, fingerprint, keyboard, layout, controller, image, protocol, dialect, attempts, cold, compares";

fn claim(table: &Connection, worker: &str, lease: Duration) -> Result<Option<Claimed>> {
    let now = now();
    let mut statement = table.prepare_cached(&format!(
        "UPDATE jobs
         SET status = 'running', lease_owner = ?1, lease_until = ?2, lease_epoch = lease_epoch + 1,
             started_at = ?3, container_id = NULL, container_epoch = NULL, engine_id = NULL,
             container_started_at = NULL, container_ended_at = NULL, cold = compares IS NOT NULL
         WHERE id = (SELECT id FROM jobs WHERE status = 'queued' AND due_at IS NULL
                     ORDER BY priority, turn, id LIMIT 1)
               AND (SELECT paused_at FROM service) IS NULL
               AND NOT EXISTS (SELECT 1 FROM workers WHERE id = ?1 AND draining = 1)
         RETURNING {CLAIMED}, turn"
    ))?;
    // Stepped to its end: a RETURNING that is not may leave its row unwritten.
    let rows: Vec<(Claimed, i64)> = statement
        .query_and_then(params![worker, now + millis(lease), now], |row| {
            Ok((claimed_from(row, worker)?, row.get("turn")?))
        })?
        .collect::<Result<_>>()?;
    let Some((mut claimed, turn)) = rows.into_iter().next() else {
        return Ok(None);
    };
    table
        .prepare_cached("UPDATE service SET turn = max(turn, ?1)")?
        .execute([turn])?;
    if !claimed.cold && cold_keyboards::is_cold(table, &claimed.image, &claimed.keyboard)? {
        claimed.cold = true;
        table
            .prepare_cached("UPDATE jobs SET cold = 1 WHERE id = ?1")?
            .execute([claimed.held.id.to_string()])?;
    }
    claimed.config = config_of(table, claimed.held.id)?;
    Ok(Some(claimed))
}

/// The layout that is built; empty where somebody removed it.
pub(super) fn config_of(table: &Connection, id: JobId) -> Result<String> {
    Ok(table
        .prepare_cached("SELECT config FROM job_inputs WHERE job_id = ?1")?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?
        .unwrap_or_default())
}

/// A row of [`CLAIMED`], still without its config.
pub(super) fn claimed_from(row: &Row<'_>, worker: &str) -> Result<Claimed> {
    let unknown = |column, value| StoreError::Unknown {
        table: "jobs",
        column,
        value,
    };
    let fingerprint: String = row.get(2)?;
    let dialect: String = row.get(8)?;
    let compares: Option<String> = row.get(11)?;
    Ok(Claimed {
        held: Held {
            id: id_from(&row.get::<_, String>(0)?)?,
            worker: worker.to_owned(),
            epoch: row.get(1)?,
        },
        fingerprint: Fingerprint::parse(&fingerprint)
            .ok_or_else(|| unknown("fingerprint", fingerprint))?,
        keyboard: row.get(3)?,
        layout: row.get(4)?,
        controller: row.get(5)?,
        image: row.get(6)?,
        protocol: row.get(7)?,
        dialect: Dialect::parse(&dialect).ok_or_else(|| unknown("dialect", dialect))?,
        attempts: row.get(9)?,
        cold: row.get(10)?,
        compares: compares.map(|id| id_from(&id)).transpose()?,
        config: String::new(),
    })
}
