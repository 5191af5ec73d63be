//! `running` under a new holder: a worker takes on the container of one that left or died.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::{
    super::{Result, Store, millis, now, wake},
    claim::{CLAIMED, Claimed, Held, claimed_from, config_of},
    history::{What, note},
    rescue::{Rescued, is_lost_too_often, set_aside},
    show::id_from,
};

/// A running build that nobody holds, and the container that it runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The claim of the one who let go; its worker is empty where the build was handed over.
    pub held: Held,
    /// The container.
    pub container: String,
    /// The claim that made the container: its labels and its directories bear that number.
    pub container_epoch: u32,
}

/// What became of an orphan.
#[derive(Clone, Debug)]
pub enum Adoption {
    /// It is this worker's now.
    Ours(Box<Adopted>),
    /// It has taken too many workers down, and is tried no more.
    SetAside,
    /// Another worker was quicker, or its holder lives after all.
    Gone,
}

/// A build that this worker took on while it ran.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// The new claim.
    pub claimed: Claimed,
    /// The container.
    pub container: String,
    /// See [`Orphan::container_epoch`].
    pub container_epoch: u32,
    /// How long the build has been running, as it counts against its time limit.
    pub ran_for: Duration,
}

/// The running builds on this engine that nobody holds any more.
///
/// # Errors
/// When the table cannot be read.
pub async fn orphans(store: &Store, engine: &str) -> Result<Vec<Orphan>> {
    let engine = engine.to_owned();
    store
        .read(move |table| {
            table
                .prepare_cached(
                    "SELECT id, lease_owner, lease_epoch, container_id, container_epoch FROM jobs
                     WHERE status = 'running' AND lease_until <= ?1 AND engine_id = ?2
                           AND container_id IS NOT NULL AND container_epoch IS NOT NULL
                     ORDER BY id",
                )?
                .query_and_then(params![now(), engine], |row| {
                    Ok(Orphan {
                        held: Held {
                            id: id_from(&row.get::<_, String>(0)?)?,
                            worker: row.get(1)?,
                            epoch: row.get(2)?,
                        },
                        container: row.get(3)?,
                        container_epoch: row.get(4)?,
                    })
                })?
                .collect()
        })
        .await
}

/// Takes an orphan on. Its starts are not counted anew, as there is none.
///
/// # Errors
/// When the table cannot be read or written.
pub async fn adopt(
    store: &Store,
    orphan: &Orphan,
    worker: &str,
    lease: Duration,
) -> Result<Adoption> {
    let (id, orphan, worker) = (orphan.held.id, orphan.clone(), worker.to_owned());
    let adoption = store
        .write(move |table| take_on(table, &orphan, &worker, lease))
        .await?;
    if !matches!(adoption, Adoption::Gone) {
        store.ring((wake::Role::Api, wake::Signal::Changed(id)));
    }
    Ok(adoption)
}

fn take_on(table: &Connection, orphan: &Orphan, worker: &str, lease: Duration) -> Result<Adoption> {
    if is_lost_too_often(table, &orphan.held)? {
        return Ok(match set_aside(table, &orphan.held)? {
            Some(Rescued::SetAside(_)) => Adoption::SetAside,
            _ => Adoption::Gone,
        });
    }
    let now = now();
    let rows: Vec<(Claimed, i64)> = table
        .prepare_cached(&format!(
            "UPDATE jobs
             SET losses = losses + (lease_owner <> ''), lease_owner = ?3, lease_until = ?4,
                 lease_epoch = lease_epoch + 1
             WHERE id = ?1 AND lease_epoch = ?2 AND lease_owner = ?6 AND status = 'running' AND lease_until <= ?5
             RETURNING {CLAIMED}, started_at"
        ))?
        .query_and_then(
            params![
                orphan.held.id.to_string(),
                orphan.held.epoch,
                worker,
                now + millis(lease),
                now,
                orphan.held.worker,
            ],
            |row| Ok((claimed_from(row, worker)?, row.get("started_at")?)),
        )?
        .collect::<Result<_>>()?;
    let Some((mut claimed, started_at)) = rows.into_iter().next() else {
        return Ok(Adoption::Gone);
    };
    claimed.config = config_of(table, claimed.held.id)?;
    if !orphan.held.worker.is_empty() {
        note(table, &orphan.held, What::Lost, None)?;
    }
    note(table, &claimed.held, What::Adopted, None)?;
    let ran_for = u64::try_from(now - started_at).unwrap_or_default();
    Ok(Adoption::Ours(Box::new(Adopted {
        claimed,
        container: orphan.container.clone(),
        container_epoch: orphan.container_epoch,
        ran_for: Duration::from_millis(ran_for),
    })))
}
