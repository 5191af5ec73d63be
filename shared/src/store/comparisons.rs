//! Builds that started warm are held against cold ones: some are built once more, with nothing that their image prepared.
//!
//! Such a comparison is a row of `jobs`, behind all others in the queue. It is nobody's build: it joins with none, is
//! no answer, is in no figure about builds, and gives its slot up to the first build that wants it.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Result, Store, cold_keyboards,
    jobs::{
        Held,
        cancel::cancel_row,
        finish::End,
        show::{files_from, id_from, other_build},
    },
    millis, now, wake,
};
use crate::job::{Fingerprint, FirmwareFile, JobId, Reason, Status};

/// Behind every build that somebody asked for.
const PRIORITY: i64 = 1000;

/// Comparisons that wait at most. They wait where all slots are busy, and then a few say as much as many; each of them
/// keeps a layout for as long.
const MOST_WAITING: u32 = 4;

/// How a comparison ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Warm and cold made the same firmware.
    Same,
    /// They did not: that keyboard is built cold from now on.
    Different {
        /// Builds that are marked as doubtful, as they were made in the same way.
        doubted: usize,
    },
    /// It says nothing: it did not end by itself, or the firmware that it was to be held against is gone.
    Not,
}

impl Compared {
    /// The word that the table has for it, where it has one.
    pub(super) const fn word(self) -> Option<&'static str> {
        match self {
            Self::Same => Some("same"),
            Self::Different { .. } => Some("different"),
            Self::Not => None,
        }
    }
}

/// What has to be known of a build when it ends.
pub(super) struct Subject {
    pub(super) id: JobId,
    pub(super) image: String,
    pub(super) keyboard: String,
    pub(super) controller: String,
    fingerprint: String,
    pub(super) cold: bool,
    pub(super) compares: Option<JobId>,
}

impl Subject {
    /// A build that this claim holds; `None` where it is somebody else's by now.
    pub(super) fn held(table: &Connection, held: &Held) -> Result<Option<Self>> {
        table
            .prepare_cached(
                "SELECT image, keyboard, controller, fingerprint, cold, compares FROM jobs
                 WHERE id = ?1 AND lease_owner = ?2 AND lease_epoch = ?3 AND status = 'running'",
            )?
            .query_and_then(
                params![held.id.to_string(), held.worker, held.epoch],
                |row| {
                    Ok(Self {
                        id: held.id,
                        image: row.get(0)?,
                        keyboard: row.get(1)?,
                        controller: row.get(2)?,
                        fingerprint: row.get(3)?,
                        cold: row.get(4)?,
                        compares: other_build(row, "compares")?,
                    })
                },
            )?
            .next()
            .transpose()
    }

    /// The comparison by which this build is doubtful from the beginning: it had started warm when that found a
    /// difference.
    pub(super) fn doubted_by(&self, table: &Connection) -> Result<Option<String>> {
        if self.cold {
            return Ok(None);
        }
        cold_keyboards::found_by(table, &self.image, &self.keyboard)
    }
}

/// What a comparison's end says of the warm build.
pub(super) fn judge(table: &Connection, warm: JobId, end: &End) -> Result<Compared> {
    let different = Compared::Different { doubted: 0 };
    let Some(of_warm) = firmware_of(table, warm)? else {
        return Ok(Compared::Not);
    };
    Ok(match (end.status, end.reason) {
        (Status::Succeeded, _) if sorted(end.firmware()) == sorted(&of_warm) => Compared::Same,
        (Status::Succeeded, _) => different,
        // Warm, it compiled.
        (Status::Failed, Some(Reason::BuildFailed)) => different,
        _ => Compared::Not,
    })
}

/// What is stored of a build's firmware; `None` where it is kept no longer.
fn firmware_of(table: &Connection, id: JobId) -> Result<Option<Vec<FirmwareFile>>> {
    let files: Option<Option<String>> = table
        .prepare_cached("SELECT artifact_files FROM jobs WHERE id = ?1 AND status = 'succeeded'")?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?;
    files
        .flatten()
        .map(|text| files_from(Some(text)))
        .transpose()
}

fn sorted(files: &[FirmwareFile]) -> Vec<&FirmwareFile> {
    let mut files: Vec<_> = files.iter().collect();
    files.sort_by_key(|file| &file.name);
    files
}

/// Puts a comparison into the queue for a build that has just succeeded, unless enough of them wait.
pub(super) fn sample(table: &Connection, warm: &Subject) -> Result<()> {
    let Some(fingerprint) = Fingerprint::parse(&warm.fingerprint) else {
        return Ok(());
    };
    let (id, warm) = (JobId::new().to_string(), warm.id.to_string());
    let added = table
        .prepare_cached(
            "INSERT INTO jobs (id, fingerprint, priority, turn, client, keyboard, layout, version, controller, image,
                               protocol, dialect, created_at, compares)
             SELECT ?1, ?2, ?3, (SELECT turn FROM service), '', keyboard, layout, version, controller, image,
                    protocol, dialect, ?4, id
             FROM jobs
             WHERE id = ?5 AND cold = 0 AND EXISTS (SELECT 1 FROM job_inputs WHERE job_id = ?5)
               AND (SELECT count(*) FROM jobs WHERE status = 'queued' AND compares IS NOT NULL) < ?6
               AND NOT EXISTS (SELECT 1 FROM jobs WHERE fingerprint = ?2
                                                    AND (status IN ('queued', 'running') OR kept = 1))",
        )?
        .execute(params![
            id,
            fingerprint.cold().as_str(),
            PRIORITY,
            now(),
            warm,
            MOST_WAITING,
        ])?;
    if added == 1 {
        table
            .prepare_cached(
                "INSERT INTO job_inputs (job_id, config) SELECT ?1, config FROM job_inputs WHERE job_id = ?2",
            )?
            .execute([&id, &warm])?;
    }
    Ok(())
}

/// Lets a comparison of this worker wait again where somebody's build waits. Its container is to be ended, as that of a
/// build that was cancelled.
///
/// # Errors
/// When the table cannot be written.
pub async fn give_way(store: &Store, worker: &str) -> Result<Option<JobId>> {
    let worker = worker.to_owned();
    let gave_way = store
        .write_unsynced(move |table| {
            // Stepped to its end: a RETURNING that is not may leave its row unwritten.
            let rows: Vec<JobId> = table
                .prepare_cached(
                    "UPDATE jobs SET status = 'queued', lease_owner = NULL, lease_until = NULL
                     WHERE id = (SELECT id FROM jobs
                                 WHERE status = 'running' AND compares IS NOT NULL AND lease_owner = ?1
                                 ORDER BY started_at DESC LIMIT 1)
                       AND (SELECT compares IS NULL FROM jobs WHERE status = 'queued' AND due_at IS NULL
                            ORDER BY priority, turn, id LIMIT 1)
                       AND (SELECT paused_at FROM service) IS NULL
                       AND NOT EXISTS (SELECT 1 FROM workers WHERE id = ?1 AND draining = 1)
                     RETURNING id",
                )?
                .query_and_then([&worker], |row| id_from(&row.get::<_, String>(0)?))?
                .collect::<Result<_>>()?;
            Ok(rows.into_iter().next())
        })
        .await?;
    if let Some(id) = gave_way {
        store.ring((wake::Role::Api, wake::Signal::Changed(id)));
    }
    Ok(gave_way)
}

/// Ends comparisons that have waited for longer than this. Gives their number.
///
/// # Errors
/// When the table cannot be written.
pub async fn give_up(store: &Store, after: Duration) -> Result<usize> {
    let before = now() - millis(after);
    let old = move |table: &Connection| -> Result<Vec<JobId>> {
        table
            .prepare_cached(
                "SELECT id FROM jobs WHERE status = 'queued' AND compares IS NOT NULL AND created_at <= ?1",
            )?
            .query_and_then([before], |row| id_from(&row.get::<_, String>(0)?))?
            .collect()
    };
    if store.read(old).await?.is_empty() {
        return Ok(0);
    }
    store
        .write(move |table| {
            let old = old(table)?;
            for id in &old {
                cancel_row(table, *id, "no slot was idle for it")?;
            }
            Ok(old.len())
        })
        .await
}

/// The comparisons of a build, whatever became of them.
pub(super) fn of(table: &Connection, warm: JobId) -> Result<Vec<JobId>> {
    table
        .prepare_cached("SELECT id FROM jobs WHERE compares = ?1")?
        .query_and_then([warm.to_string()], |row| id_from(&row.get::<_, String>(0)?))?
        .collect()
}
