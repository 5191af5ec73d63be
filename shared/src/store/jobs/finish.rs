//! `running` to its end: the holder, and nobody else, says how it ended. This row is the publication.

use std::time::Duration;

use rusqlite::params;
use serde_json::json;

use super::{
    super::{Result, Store, millis, now, statistics, wake},
    claim::Held,
    diagnostics,
};
use crate::diagnose::Diagnostic;
use crate::job::{Artifact, Outcome, Status};

/// How long a failed compile answers later equal requests: long enough to spare a loop of retries,
/// short enough that a mended machine gets its chance.
const FAILURE_KEPT: Duration = Duration::from_hours(24);

/// What became of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is the build's end.
    Yes,
    /// The lease had gone to somebody else: nothing was changed.
    LeaseLost,
}

/// Records how a build ended, if this worker still holds it.
///
/// # Errors
/// When the table cannot be written: then the build has not ended.
pub async fn finish(store: &Store, held: &Held, outcome: Outcome) -> Result<Recorded> {
    finish_after(store, held, outcome, None).await
}

/// The same for a build whose container ended so long ago.
///
/// # Errors
/// As [`finish`] has.
pub async fn finish_after(
    store: &Store,
    held: &Held,
    outcome: Outcome,
    container_ended: Option<Duration>,
) -> Result<Recorded> {
    let end = End::from(outcome);
    let for_work = held.clone();
    let recorded = store
        .write(move |table| {
            let now = now();
            let kept_until = end.kept_for.map(|kept| now + millis(kept));
            let changed = table
                .prepare_cached(
                    "UPDATE jobs
                     SET status = ?4, finished_at = ?5, reason = ?6, detail = ?7, artifact_file = ?8,
                         artifact_bytes = ?9, artifact_sha256 = ?10, kept = ?11, kept_until = ?12,
                         container_ended_at = ?13, artifact_files = ?14, lease_owner = NULL, lease_until = NULL
                     WHERE id = ?1 AND lease_owner = ?2 AND lease_epoch = ?3 AND status = 'running'",
                )?
                .execute(params![
                    for_work.id.to_string(),
                    for_work.worker,
                    for_work.epoch,
                    end.status.as_str(),
                    now,
                    end.reason,
                    end.detail,
                    end.artifact.as_ref().map(|artifact| &artifact.file),
                    end.artifact.as_ref().map(|artifact| artifact.bytes),
                    end.artifact.as_ref().map(|artifact| &artifact.sha256),
                    end.kept,
                    kept_until,
                    container_ended.map(|ago| now - millis(ago)),
                    end.files(),
                ])?;
            if changed == 0 {
                return Ok(Recorded::LeaseLost);
            }
            diagnostics::note(table, for_work.id, &end.diagnostics)?;
            statistics::count_ended(table, for_work.id)?;
            Ok(Recorded::Yes)
        })
        .await?;
    store.ring((wake::Role::Api, wake::Signal::Changed(held.id)));
    Ok(recorded)
}

/// An outcome in the table's columns.
struct End {
    status: Status,
    reason: Option<&'static str>,
    detail: Option<String>,
    artifact: Option<Artifact>,
    kept: bool,
    kept_for: Option<Duration>,
    diagnostics: Vec<Diagnostic>,
}

impl End {
    /// What the zip holds for a keyboard, as it is stored; `None` where that is nothing.
    fn files(&self) -> Option<String> {
        let files = &self.artifact.as_ref()?.files;
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
                reason: Some(reason.as_str()),
                detail: Some(detail),
                artifact,
                kept: reason.is_the_layouts_own(),
                kept_for: reason.is_the_layouts_own().then_some(FAILURE_KEPT),
                diagnostics,
            },
        }
    }
}
