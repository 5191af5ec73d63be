//! The containers that were made for a build, and what each was given.

use rusqlite::{Connection, params};

use super::{
    super::{Result, Store, now},
    claim::Held,
};
use crate::job::{ContainerSpec, JobId};

/// One container.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The claim that made it.
    pub epoch: u32,
    /// When, in milliseconds since 1970, UTC.
    pub at: i64,
    /// The worker that made it.
    pub worker: String,
    /// Its engine.
    pub engine: String,
    /// The engine's id for it.
    pub container: String,
    /// What it was given; `None` where this program does not understand it.
    pub spec: Option<ContainerSpec>,
}

/// The containers that were made for a build, in their order. They are kept as long as its log.
///
/// # Errors
/// When the table cannot be read.
pub async fn attempts(store: &Store, id: JobId) -> Result<Vec<Attempt>> {
    store
        .read(move |table| {
            let mut statement = table.prepare_cached(
                "SELECT epoch, at, worker, engine_id, container_id, spec FROM attempts
                 WHERE job_id = ?1 ORDER BY epoch",
            )?;
            let rows = statement.query_map([id.to_string()], |row| {
                let spec: String = row.get(5)?;
                Ok(Attempt {
                    epoch: row.get(0)?,
                    at: row.get(1)?,
                    worker: row.get(2)?,
                    engine: row.get(3)?,
                    container: row.get(4)?,
                    spec: ContainerSpec::from_json(&spec),
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
}

/// Writes a container down, in the transaction that gives it to its build.
pub(super) fn note(
    table: &Connection,
    held: &Held,
    (container, engine): (&str, &str),
    spec: &str,
) -> Result<()> {
    table
        .prepare_cached(
            "INSERT INTO attempts (job_id, epoch, at, worker, engine_id, container_id, spec)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (job_id, epoch) DO UPDATE SET at = excluded.at, container_id = excluded.container_id,
                                                       spec = excluded.spec",
        )?
        .execute(params![
            held.id.to_string(),
            held.epoch,
            now(),
            held.worker,
            engine,
            container,
            spec
        ])?;
    Ok(())
}
