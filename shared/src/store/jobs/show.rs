//! A build's row as the API shows it.

use rusqlite::{OptionalExtension, Params, Row, params};

use super::super::{Result, Store, StoreError};
use crate::job::{Artifact, Fingerprint, FirmwareFile, JobId, Reason, Status};

/// A build. Times are milliseconds since 1970, UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// Its id.
    pub id: JobId,
    /// What is built.
    pub fingerprint: Fingerprint,
    /// Where it is.
    pub status: Status,
    /// Why it ended without firmware.
    pub reason: Option<Reason>,
    /// One line for people about that.
    pub detail: Option<String>,
    /// The board's name.
    pub keyboard: String,
    /// The layout's name.
    pub layout: String,
    /// The channel or version, as asked.
    pub version: String,
    /// The controller's name.
    pub controller: String,
    /// Containers started for it.
    pub attempts: u32,
    /// Whether it was told to use nothing that its image prepared.
    pub cold: bool,
    /// The build that this one is held against, where it is a comparison and nobody asked for it.
    pub compares: Option<JobId>,
    /// The comparison by which its firmware may be wrong.
    pub doubted_by: Option<JobId>,
    /// How often something of ours broke under it.
    pub troubles: u32,
    /// How many workers died with it.
    pub losses: u32,
    /// The claim that holds it or held it last; the log of that one is the one to read.
    pub epoch: u32,
    /// When it was asked for.
    pub created_at: i64,
    /// When a worker took it.
    pub started_at: Option<i64>,
    /// When it ended.
    pub finished_at: Option<i64>,
    /// The zip.
    pub artifact: Option<Artifact>,
}

/// The build with this id.
///
/// # Errors
/// When the table cannot be read.
pub async fn show(store: &Store, id: JobId) -> Result<Option<Build>> {
    find(store, "SELECT * FROM jobs WHERE id = ?1", [id.to_string()]).await
}

/// The newest build with this fingerprint that ended in this status and left a zip. A later one that still waits does
/// not hide it: somebody may have been told its name just before.
///
/// # Errors
/// When the table cannot be read.
pub async fn show_answer(
    store: &Store,
    fingerprint: &Fingerprint,
    status: Status,
) -> Result<Option<Build>> {
    // One look into each of the two indexes that have fingerprints.
    let sql = "SELECT * FROM (SELECT * FROM jobs WHERE fingerprint = ?1 AND (status IN ('queued', 'running') OR kept = 1)
                              UNION ALL
                              SELECT * FROM jobs WHERE fingerprint = ?1 AND NOT (status IN ('queued', 'running') OR kept = 1))
               WHERE status = ?2 AND artifact_file IS NOT NULL ORDER BY id DESC LIMIT 1";
    let parameters = [fingerprint.as_str(), status.as_str()].map(str::to_owned);
    find(store, sql, parameters).await
}

/// Whether the claim of this number holds the build while it runs, or made the container that it runs in.
///
/// Containers and directories of all other claims are leftovers.
///
/// # Errors
/// When the table cannot be read.
pub async fn is_wanted(store: &Store, id: JobId, epoch: u32) -> Result<bool> {
    store
        .read(move |table| {
            let is_wanted: bool = table
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM jobs WHERE id = ?1 AND status = 'running'
                                    AND (lease_epoch = ?2 OR container_epoch = ?2))",
                )?
                .query_row(params![id.to_string(), epoch], |row| row.get(0))?;
            Ok(is_wanted)
        })
        .await
}

/// Whether a build runs in this container of this engine, whoever holds it.
///
/// # Errors
/// When the table cannot be read.
pub async fn runs_in(store: &Store, container: &str, engine: &str) -> Result<bool> {
    let (container, engine) = (container.to_owned(), engine.to_owned());
    store
        .read(move |table| {
            let runs: bool = table
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM jobs WHERE status = 'running' AND container_id = ?1 AND engine_id = ?2)",
                )?
                .query_row(params![container, engine], |row| row.get(0))?;
            Ok(runs)
        })
        .await
}

async fn find(
    store: &Store,
    sql: &'static str,
    parameters: impl Params + Send + 'static,
) -> Result<Option<Build>> {
    store
        .read(move |table| {
            table
                .prepare_cached(sql)?
                .query_row(parameters, |row| Ok(from_row(row)))
                .optional()?
                .transpose()
        })
        .await
}

fn from_row(row: &Row<'_>) -> Result<Build> {
    let reason: Option<String> = row.get("reason")?;
    let fingerprint: String = row.get("fingerprint")?;
    let file: Option<String> = row.get("artifact_file")?;
    let artifact = match file {
        None => None,
        Some(file) => Some(Artifact {
            file,
            bytes: row.get("artifact_bytes")?,
            sha256: row.get("artifact_sha256")?,
            files: files_from(row.get("artifact_files")?)?,
        }),
    };
    Ok(Build {
        id: id_from(&row.get::<_, String>("id")?)?,
        fingerprint: Fingerprint::parse(&fingerprint)
            .ok_or_else(|| unknown("fingerprint", fingerprint))?,
        status: status_from(row.get("status")?)?,
        reason: reason
            .map(|word| Reason::from_word(&word).ok_or_else(|| unknown("reason", word)))
            .transpose()?,
        detail: row.get("detail")?,
        keyboard: row.get("keyboard")?,
        layout: row.get("layout")?,
        version: row.get("version")?,
        controller: row.get("controller")?,
        attempts: row.get("attempts")?,
        cold: row.get("cold")?,
        compares: other_build(row, "compares")?,
        doubted_by: other_build(row, "doubted_by")?,
        troubles: row.get("troubles")?,
        losses: row.get("losses")?,
        epoch: row.get("lease_epoch")?,
        created_at: row.get("created_at")?,
        started_at: row.get("started_at")?,
        finished_at: row.get("finished_at")?,
        artifact,
    })
}

/// `NULL` where nobody has looked into the zip.
pub(in crate::store) fn files_from(text: Option<String>) -> Result<Vec<FirmwareFile>> {
    text.map_or(Ok(Vec::new()), |text| {
        serde_json::from_str(&text).map_err(|_| unknown("artifact_files", text))
    })
}

/// A column that names another build, or none.
pub(in crate::store) fn other_build(row: &Row<'_>, column: &str) -> Result<Option<JobId>> {
    let id: Option<String> = row.get(column)?;
    id.map(|id| id_from(&id)).transpose()
}

pub(in crate::store) fn id_from(text: &str) -> Result<JobId> {
    text.parse().map_err(|_| unknown("id", text.to_owned()))
}

pub(in crate::store) fn status_from(word: String) -> Result<Status> {
    Status::from_word(&word).ok_or_else(|| unknown("status", word))
}

fn unknown(column: &'static str, value: String) -> StoreError {
    StoreError::Unknown {
        table: "jobs",
        column,
        value,
    }
}
