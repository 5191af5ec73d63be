//! `running` stays `running`: the holder's sign of life, and what it started. A power cut may take this: it ends the
//! container too, and the build is claimed again.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::{
    super::{Result, Store, millis, now},
    attempts,
    claim::Held,
};
use crate::job::ContainerSpec;

/// Moves the lease's end. `false`: the build is not this worker's any more.
///
/// # Errors
/// When the table cannot be written.
pub async fn renew(store: &Store, held: &Held, lease: Duration) -> Result<bool> {
    let held = held.clone();
    store
        .write_unsynced(move |table| {
            let changed = table
                .prepare_cached(
                    "UPDATE jobs SET lease_until = ?4
                     WHERE id = ?1 AND lease_owner = ?2 AND lease_epoch = ?3 AND status = 'running'",
                )?
                .execute(params![held.id.to_string(), held.worker, held.epoch, now() + millis(lease)])?;
            Ok(changed == 1)
        })
        .await
}

/// Writes down a container of this engine and all that it is given before it is started, and counts the start. `false`:
/// the build is not this worker's any more, and the container must not start.
///
/// # Errors
/// When the table cannot be written.
pub async fn container_created(
    store: &Store,
    held: &Held,
    names: (&str, &str),
    spec: &ContainerSpec,
) -> Result<bool> {
    let given = Given::of(held, names, spec);
    store
        .write_unsynced(move |table| given.write_down(table, None))
        .await
}

/// The same for a container that was started ahead of any build, before it is given this one's inputs: for the build
/// that is its start.
///
/// # Errors
/// When the table cannot be written.
pub async fn container_taken(
    store: &Store,
    held: &Held,
    names: (&str, &str),
    spec: &ContainerSpec,
) -> Result<bool> {
    let given = Given::of(held, names, spec);
    store.write_unsynced(move |table| given.take(table)).await
}

/// A build's container.
struct Given {
    held: Held,
    container: String,
    engine: String,
    spec: String,
}

impl Given {
    fn of(held: &Held, (container, engine): (&str, &str), spec: &ContainerSpec) -> Self {
        Self {
            held: held.clone(),
            container: container.to_owned(),
            engine: engine.to_owned(),
            spec: spec.to_json(),
        }
    }

    /// It runs already, and is counted among those that did.
    fn take(&self, table: &Connection) -> Result<bool> {
        let is_held = self.write_down(table, Some(now()))?;
        if is_held {
            table
                .prepare_cached(
                    "INSERT INTO happenings (what, times) VALUES ('prepared', 1)
                     ON CONFLICT (what) DO UPDATE SET times = times + 1",
                )?
                .execute([])?;
        }
        Ok(is_held)
    }

    /// One claim is one start, also where a container that was ready came to nothing and another was made.
    fn write_down(&self, table: &Connection, started_at: Option<i64>) -> Result<bool> {
        let held = &self.held;
        let changed = table
            .prepare_cached(
                "UPDATE jobs SET container_id = ?4, container_epoch = ?3, engine_id = ?5, container_started_at = ?6,
                                 attempts = attempts + (container_epoch IS NOT ?3)
                 WHERE id = ?1 AND lease_owner = ?2 AND lease_epoch = ?3 AND status = 'running'",
            )?
            .execute(params![
                held.id.to_string(),
                held.worker,
                held.epoch,
                self.container,
                self.engine,
                started_at
            ])?;
        if changed == 1 {
            attempts::note(table, held, (&self.container, &self.engine), &self.spec)?;
        }
        Ok(changed == 1)
    }
}

/// Writes down that the container runs, for those who measure. Of a lost claim nothing is written.
///
/// # Errors
/// When the table cannot be written.
pub async fn container_started(store: &Store, held: &Held) -> Result<()> {
    let held = held.clone();
    store
        .write_unsynced(move |table| {
            table
                .prepare_cached(
                    "UPDATE jobs SET container_started_at = ?4
                     WHERE id = ?1 AND lease_owner = ?2 AND lease_epoch = ?3 AND status = 'running'",
                )?
                .execute(params![held.id.to_string(), held.worker, held.epoch, now()])?;
            Ok(())
        })
        .await
}

/// Whether the build is still this worker's: somebody may have cancelled it.
///
/// # Errors
/// When the table cannot be read.
pub async fn is_held(store: &Store, held: &Held) -> Result<bool> {
    let held = held.clone();
    store
        .read(move |table| {
            let is_held: bool = table
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM jobs WHERE id = ?1 AND lease_owner = ?2 AND lease_epoch = ?3
                                    AND status = 'running')",
                )?
                .query_row(params![held.id.to_string(), held.worker, held.epoch], |row| row.get(0))?;
            Ok(is_held)
        })
        .await
}
