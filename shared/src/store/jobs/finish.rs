//! `running` to its end: the holder, and nobody else, says how it ended. This row is the publication.

use std::time::Duration;

use rusqlite::{Connection, params};
use serde_json::json;

use super::{
    super::{
        Result, Store, cold_keyboards,
        comparisons::{self, Compared, Subject},
        millis, now, statistics, wake,
    },
    claim::Held,
    diagnostics,
};
use crate::diagnose::Diagnostic;
use crate::job::{Artifact, FirmwareFile, Outcome, Reason, Status};

/// How long a failed compile answers later equal requests: long enough to spare a loop of retries,
/// short enough that a mended machine gets its chance.
const FAILURE_KEPT: Duration = Duration::from_hours(24);

/// What became of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is the build's end.
    Yes,
    /// The same, and the build was a comparison. Only of one that found a difference a zip is kept.
    Compared(Compared),
    /// The lease had gone to somebody else: nothing was changed.
    LeaseLost,
}

/// What there is to say of an end besides its outcome.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ended {
    /// How long ago the container did.
    pub container: Option<Duration>,
    /// Whether the build, if it has firmware, is to be built again cold and compared.
    pub compare: bool,
}

/// Records how a build ended, if this worker still holds it.
///
/// # Errors
/// When the table cannot be written: then the build has not ended.
pub async fn finish(store: &Store, held: &Held, outcome: Outcome) -> Result<Recorded> {
    finish_as(store, held, outcome, Ended::default()).await
}

/// The same with all that there is to say of it.
///
/// # Errors
/// As [`finish`] has.
pub async fn finish_as(
    store: &Store,
    held: &Held,
    outcome: Outcome,
    ended: Ended,
) -> Result<Recorded> {
    let end = End::from(outcome);
    let for_work = held.clone();
    let recorded = store
        .write(move |table| record(table, &for_work, end.clone(), ended))
        .await?;
    store.ring((wake::Role::Api, wake::Signal::Changed(held.id)));
    Ok(recorded)
}

fn record(table: &Connection, held: &Held, mut end: End, ended: Ended) -> Result<Recorded> {
    let Some(build) = Subject::held(table, held)? else {
        return Ok(Recorded::LeaseLost);
    };
    let Some(warm) = build.compares else {
        let doubted_by = build.doubted_by(table)?;
        let doubted_by = doubted_by.filter(|_| end.status == Status::Succeeded);
        end.kept &= doubted_by.is_none();
        write(table, held, &end, ended)?;
        statistics::count_ended(table, held.id)?;
        match doubted_by {
            Some(comparison) => cold_keyboards::mark(table, held.id, &comparison)?,
            None if ended.compare && end.status == Status::Succeeded => {
                comparisons::sample(table, &build)?;
            }
            None => {}
        }
        return Ok(Recorded::Yes);
    };
    let compared = comparisons::judge(table, warm, &end)?;
    end.kept = false;
    let compared = match compared {
        Compared::Different { .. } => Compared::Different {
            doubted: cold_keyboards::switch_off(table, &build, warm)?,
        },
        // What says nothing new is not kept: the warm build's firmware is there, and the log.
        Compared::Same | Compared::Not => {
            end.artifact = None;
            compared
        }
    };
    // Before the status, which is when it is counted.
    table
        .prepare_cached("UPDATE jobs SET compared = ?2 WHERE id = ?1")?
        .execute(params![held.id.to_string(), compared.word()])?;
    write(table, held, &end, ended)?;
    Ok(Recorded::Compared(compared))
}

fn write(table: &Connection, held: &Held, end: &End, ended: Ended) -> Result<()> {
    let now = now();
    let kept_for = end.kept_for.filter(|_| end.kept);
    table
        .prepare_cached(
            "UPDATE jobs
             SET status = ?2, finished_at = ?3, reason = ?4, detail = ?5, artifact_file = ?6, artifact_bytes = ?7,
                 artifact_sha256 = ?8, kept = ?9, kept_until = ?10, container_ended_at = ?11, artifact_files = ?12,
                 lease_owner = NULL, lease_until = NULL
             WHERE id = ?1",
        )?
        .execute(params![
            held.id.to_string(),
            end.status.as_str(),
            now,
            end.reason.map(Reason::as_str),
            end.detail,
            end.artifact.as_ref().map(|artifact| &artifact.file),
            end.artifact.as_ref().map(|artifact| artifact.bytes),
            end.artifact.as_ref().map(|artifact| &artifact.sha256),
            end.kept,
            kept_for.map(|kept| now + millis(kept)),
            ended.container.map(|ago| now - millis(ago)),
            end.files(),
        ])?;
    diagnostics::note(table, held.id, &end.diagnostics)
}

/// An outcome in the table's columns.
#[derive(Clone)]
pub(in crate::store) struct End {
    pub(in crate::store) status: Status,
    pub(in crate::store) reason: Option<Reason>,
    detail: Option<String>,
    artifact: Option<Artifact>,
    kept: bool,
    kept_for: Option<Duration>,
    diagnostics: Vec<Diagnostic>,
}

impl End {
    /// What the zip holds for a keyboard.
    pub(in crate::store) fn firmware(&self) -> &[FirmwareFile] {
        self.artifact
            .as_ref()
            .map_or(&[], |artifact| &artifact.files)
    }

    /// The same as it is stored; `None` where that is nothing.
    fn files(&self) -> Option<String> {
        let files = self.firmware();
        (!files.is_empty()).then(|| json!(files).to_string())
    }
}

impl From<Outcome> for End {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Built(artifact) => Self {
                status: Status::Succeeded,
                reason: None,
                detail: None,
                artifact: Some(artifact),
                kept: true,
                kept_for: None,
                diagnostics: Vec::new(),
            },
            Outcome::Failed {
                reason,
                detail,
                artifact,
                diagnostics,
            } => Self {
                status: Status::Failed,
                reason: Some(reason),
                detail: Some(detail),
                artifact,
                kept: reason.is_the_layouts_own(),
                kept_for: reason.is_the_layouts_own().then_some(FAILURE_KEPT),
                diagnostics,
            },
        }
    }
}
