//! What a comparison of the table with engine and files needs to know of it, in small pieces; and whether the table
//! itself is whole.

use std::{collections::BTreeMap, path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, params};

use super::{
    Result, Store, StoreError,
    jobs::show::{id_from, status_from},
    millis, now, open,
};
use crate::job::{JobId, Status};

/// What a build's row says of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// Where the build is.
    pub status: Status,
    /// The zip that the row names, below the directory of artifacts.
    pub zip: Option<String>,
    /// Whether its log is kept no longer.
    pub log_gone: bool,
}

/// What the rows of these builds say of their files. A build that is not in the answer has no row.
///
/// # Errors
/// When the table cannot be read.
pub async fn whereabouts(store: &Store, ids: Vec<JobId>) -> Result<BTreeMap<JobId, Whereabouts>> {
    store
        .read(move |table| {
            let mut statement = table
                .prepare_cached("SELECT status, artifact_file, log_gone FROM jobs WHERE id = ?1")?;
            let mut found = BTreeMap::new();
            for id in ids {
                let row = statement
                    .query_row([id.to_string()], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                    })
                    .optional()?;
                if let Some((status, zip, log_gone)) = row {
                    let status = status_from(status)?;
                    found.insert(
                        id,
                        Whereabouts {
                            status,
                            zip,
                            log_gone,
                        },
                    );
                }
            }
            Ok(found)
        })
        .await
}

/// A zip that a row names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedZip {
    /// The build.
    pub build: JobId,
    /// The file, below the directory of artifacts.
    pub file: String,
    /// Its size.
    pub bytes: u64,
}

/// The next zips that rows name, in the order of the builds' ids, after this one.
///
/// # Errors
/// When the table cannot be read.
pub async fn named_zips(store: &Store, after: Option<JobId>, most: u32) -> Result<Vec<NamedZip>> {
    let after = after.map_or_else(String::new, |id| id.to_string());
    store
        .read(move |table| {
            table
                .prepare_cached(
                    "SELECT id, artifact_file, artifact_bytes FROM jobs
                     WHERE id > ?1 AND artifact_file IS NOT NULL ORDER BY id LIMIT ?2",
                )?
                .query_and_then(params![after, most], named_zip)?
                .collect()
        })
        .await
}

/// The newest zip that a row names.
///
/// # Errors
/// When the table cannot be read.
pub async fn newest_zip(store: &Store) -> Result<Option<NamedZip>> {
    store
        .read(|table| {
            table
                .prepare_cached(
                    "SELECT id, artifact_file, artifact_bytes FROM jobs
                     WHERE artifact_file IS NOT NULL ORDER BY id DESC LIMIT 1",
                )?
                .query_and_then([], named_zip)?
                .next()
                .transpose()
        })
        .await
}

fn named_zip(row: &Row<'_>) -> Result<NamedZip> {
    Ok(NamedZip {
        build: id_from(&row.get::<_, String>(0)?)?,
        file: row.get(1)?,
        bytes: row.get(2)?,
    })
}

/// A running build with its container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The build.
    pub build: JobId,
    /// The engine's id for its container.
    pub container: String,
    /// Whether its holder has given no sign of life in time.
    pub lease_over: bool,
}

/// The running builds whose container is on this engine.
///
/// # Errors
/// When the table cannot be read.
pub async fn running_on(store: &Store, engine: &str) -> Result<Vec<Running>> {
    let engine = engine.to_owned();
    store
        .read(move |table| {
            table
                .prepare_cached(
                    "SELECT id, container_id, lease_until <= ?2 FROM jobs
                     WHERE status = 'running' AND engine_id = ?1 AND container_id IS NOT NULL",
                )?
                .query_and_then(params![engine, now()], |row| {
                    Ok(Running {
                        build: id_from(&row.get::<_, String>(0)?)?,
                        container: row.get(1)?,
                        lease_over: row.get(2)?,
                    })
                })?
                .collect()
        })
        .await
}

/// Controllers that no engine has had when last looked at, and how many builds have waited for each longer than this.
///
/// # Errors
/// When the table cannot be read.
pub async fn waiting_in_vain(store: &Store, longer_than: Duration) -> Result<Vec<(String, u64)>> {
    store
        .read(move |table| {
            let mut statement = table.prepare_cached(
                "SELECT controller, count(*) FROM jobs
                 WHERE status = 'queued' AND created_at <= ?1 AND compares IS NULL AND controller NOT IN (SELECT name FROM controllers)
                 GROUP BY controller",
            )?;
            let rows = statement
                .query_map([now() - millis(longer_than)], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok(rows)
        })
        .await
}

/// Builds that wait now.
///
/// # Errors
/// When the table cannot be read.
pub async fn waiting(store: &Store) -> Result<u64> {
    store
        .read(|table| {
            let sql = "SELECT count(*) FROM jobs WHERE status = 'queued' AND compares IS NULL";
            Ok(table.query_row(sql, [], |row| row.get(0))?)
        })
        .await
}

/// Names that people may ask for although no engine has their controller.
///
/// # Errors
/// When the table cannot be read.
pub async fn versions_of_nothing(store: &Store) -> Result<Vec<String>> {
    let sql = "SELECT name FROM versions
               WHERE enabled = 1 AND controller NOT IN (SELECT name FROM controllers) ORDER BY name";
    store.read(move |table| lines(table, sql)).await
}

/// What is wrong with the table's file, in SQLite's words; nothing where it is whole. The thorough check reads the
/// indexes against the rows, too, and takes its time.
///
/// # Errors
/// When the check cannot be made.
pub async fn damage(store: &Store, thorough: bool) -> Result<Vec<String>> {
    store.read(move |table| damage_of(table, thorough)).await
}

pub(super) fn damage_of(table: &Connection, thorough: bool) -> Result<Vec<String>> {
    let check = if thorough {
        "PRAGMA integrity_check(20)"
    } else {
        "PRAGMA quick_check(20)"
    };
    match lines(table, check) {
        Ok(mut found) => {
            found.retain(|line| line != "ok");
            Ok(found)
        }
        // Some damage ends the check itself.
        Err(StoreError::Statement(error)) if is_damage(&error) => Ok(vec![error.to_string()]),
        Err(error) => Err(error),
    }
}

pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Rows that belong to a row that is not there: the tables' names, one for each row.
///
/// # Errors
/// When the check cannot be made.
pub async fn orphans(store: &Store) -> Result<Vec<String>> {
    store
        .read(|table| lines(table, "PRAGMA foreign_key_check"))
        .await
}

fn lines(table: &Connection, sql: &str) -> Result<Vec<String>> {
    Ok(table
        .prepare(sql)?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?)
}

/// The form of a table, by the number of the migrations that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// The one that it has.
    pub found: u64,
    /// The one that this program gives it.
    pub ours: u64,
}

/// The form of the table in this directory, which is only read for that: opening it for work would change it.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn form(directory: &Path) -> Result<Form> {
    let file = directory.join("kiisrv.db");
    let failed = |error: rusqlite::Error| StoreError::Open {
        path: file.display().to_string(),
        cause: error.to_string(),
    };
    let found = open_as_it_is(&file)
        .and_then(|table| form_of(&table))
        .map_err(failed)?;
    Ok(Form {
        found,
        ours: open::migrations(),
    })
}

/// A connection to a table of any form, which is not changed by that.
pub(super) fn open_as_it_is(file: &Path) -> rusqlite::Result<Connection> {
    // Not opened read-only: after a crash, the first to read has to bring the WAL in order.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(file, flags)
}

pub(super) fn form_of(table: &Connection) -> rusqlite::Result<u64> {
    table.query_row("PRAGMA user_version", [], |row| row.get(0))
}
