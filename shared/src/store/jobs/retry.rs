//! A build that has ended, once more: what it was made of, and a new row for it.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::{
    super::{Result, Store, StoreError, audit},
    claim::config_of,
    enqueue::{Enqueued, NewBuild, put},
};
use crate::{channel::Dialect, job::JobId};

/// What a build was asked for with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The channel or version.
    pub version: String,
    /// The layout's JSON.
    pub config: String,
}

/// What a build was asked for with; `None` where its layout is kept no longer, or there is no such build.
///
/// # Errors
/// When the table cannot be read.
pub async fn wish(store: &Store, id: JobId) -> Result<Option<Wish>> {
    store
        .read(move |table| {
            let version: Option<String> = table
                .prepare_cached("SELECT version FROM jobs WHERE id = ?1")?
                .query_row([id.to_string()], |row| row.get(0))
                .optional()?;
            let config = config_of(table, id)?;
            Ok(version
                .filter(|_| !config.is_empty())
                .map(|version| Wish { version, config }))
        })
        .await
}

/// What a build's inputs are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeOf {
    /// The layout's JSON.
    pub config: String,
    /// The id of the image that it was planned with.
    pub image: String,
    /// The KLL that the image understands.
    pub dialect: Dialect,
}

/// What a build's inputs are made of; `None` where its layout is kept no longer, or there is no such build.
///
/// # Errors
/// When the table cannot be read.
pub async fn made_of(store: &Store, id: JobId) -> Result<Option<MadeOf>> {
    store
        .read(move |table| {
            let found: Option<(String, String)> = table
                .prepare_cached("SELECT image, dialect FROM jobs WHERE id = ?1")?
                .query_row([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let config = config_of(table, id)?;
            let Some((image, dialect)) = found.filter(|_| !config.is_empty()) else {
                return Ok(None);
            };
            let dialect = Dialect::parse(&dialect).ok_or(StoreError::Unknown {
                table: "jobs",
                column: "dialect",
                value: dialect,
            })?;
            Ok(Some(MadeOf {
                config,
                image,
                dialect,
            }))
        })
        .await
}

/// Writes a build into the queue that an operator asks for in the place of one that has ended.
///
/// A failure that is kept as the answer to the same request stops being one; a build that waits or runs, and firmware
/// that is there, are joined.
///
/// # Errors
/// When the table cannot be written: then nothing has changed.
pub async fn retry(store: &Store, build: NewBuild, of: JobId, who: &str) -> Result<Enqueued> {
    let who = who.to_owned();
    store
        .write_and_ring(
            move |table| {
                forget_failure(table, &build)?;
                let enqueued = put(table, &build)?;
                let details = json!({
                    "build": enqueued.id(),
                    "joined": matches!(enqueued, Enqueued::Joined(..)),
                });
                audit::record(table, &who, ("retry", &of.to_string()), &details)?;
                Ok(enqueued)
            },
            Enqueued::ring,
        )
        .await
}

fn forget_failure(table: &Connection, build: &NewBuild) -> Result<()> {
    table
        .prepare_cached(
            "UPDATE jobs SET kept = 0 WHERE fingerprint = ?1 AND kept = 1 AND status = 'failed'",
        )?
        .execute(params![build.fingerprint.as_str()])?;
    Ok(())
}
