//! Erasing what is kept of a build that has ended, or of a client: the rows here, the files by a worker ([`files`]).
//!
//! Nothing of a build stays but what is counted without its name, so that the same request is a new build. SQLite
//! overwrites what is deleted with zeros, as every connection that writes says `secure_delete`.

mod client;
pub mod files;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

pub use client::{OfClient, forget_client};

use super::{
    Result, Store, audit, comparisons,
    jobs::{LeaveToken, cancel::cancel_row, show::status_from},
    now,
    statistics::{self, count},
};
use crate::{
    job::{JobId, Status},
    layout::Library,
};

/// What stands in the statistics for layouts whose names were erased.
const FORGOTTEN: &str = "forgotten";

/// What became of the wish to have a build erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// It is gone from the table, and its files go next.
    Yes,
    /// It has not ended, and a worker may need it.
    NotEnded(Status),
    /// Others asked for the same, and were told of it.
    OthersHaveIt,
    /// The token is not one of this build's.
    UnknownToken,
    /// There is no such build.
    NoSuchBuild,
}

/// Erases a build for a submitter, who shows the token of its own answer. Where others have asked for the same and have
/// not left, it stays.
///
/// The names of layouts in the library are no secret, and stay in the statistics.
///
/// # Errors
/// When the table cannot be written: then nothing has changed.
pub async fn forget(
    store: &Store,
    library: &Library,
    id: JobId,
    token: &LeaveToken,
) -> Result<Forgotten> {
    let (library, secret) = (library.clone(), token.hash());
    store
        .write(move |table| {
            if let Some(why_not) = why_not(table, id)? {
                return Ok(why_not);
            }
            let others = "SELECT secret = ?2 FROM participants
                          WHERE job_id = ?1 AND (secret = ?2 OR left_at IS NULL) ORDER BY secret = ?2";
            let found: Vec<bool> = table
                .prepare_cached(others)?
                .query_map(params![id.to_string(), secret], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            match found[..] {
                [true] => {
                    erase(table, id, &library)?;
                    Ok(Forgotten::Yes)
                }
                [.., true] => Ok(Forgotten::OthersHaveIt),
                _ => Ok(Forgotten::UnknownToken),
            }
        })
        .await
}

/// The same for an operator, whoever asked for the build. Who did it is written down, and what was erased is not.
///
/// # Errors
/// When the table cannot be written: then nothing has changed.
pub async fn forget_by(
    store: &Store,
    library: &Library,
    id: JobId,
    who: &str,
) -> Result<Forgotten> {
    let (library, who) = (library.clone(), who.to_owned());
    store
        .write(move |table| {
            if let Some(why_not) = why_not(table, id)? {
                return Ok(why_not);
            }
            erase(table, id, &library)?;
            audit::record(table, &who, ("forget", &id.to_string()), &json!({}))?;
            Ok(Forgotten::Yes)
        })
        .await
}

/// Why a build cannot be erased, whoever asks.
fn why_not(table: &Connection, id: JobId) -> Result<Option<Forgotten>> {
    let status: Option<String> = table
        .prepare_cached("SELECT status FROM jobs WHERE id = ?1")?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?;
    Ok(match status.map(status_from).transpose()? {
        None => Some(Forgotten::NoSuchBuild),
        Some(status) if !status.is_final() => Some(Forgotten::NotEnded(status)),
        Some(_) => None,
    })
}

/// Removes all rows of a build that has ended, and leaves its id for whoever removes its files. Comparisons with it have
/// the same layout, and go with it, also one that runs: its worker loses it.
fn erase(table: &Connection, id: JobId, library: &Library) -> Result<()> {
    statistics::catch_up(table)?;
    for comparison in comparisons::of(table, id)? {
        cancel_row(table, comparison, "the build that it was for was erased")?;
        erase_row(table, comparison)?;
    }
    let (fingerprint, keyboard, layout): (String, String, String) = table
        .prepare_cached("SELECT fingerprint, keyboard, layout FROM jobs WHERE id = ?1")?
        .query_row([id.to_string()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    table
        .prepare_cached("DELETE FROM requests WHERE job_id = ?1")?
        .execute([id.to_string()])?;
    erase_row(table, id)?;
    blur_fingerprint(table, &fingerprint)?;
    let name = format!("{keyboard}-{layout}");
    if library.get(&format!("{name}.json")).is_none() {
        blur_name(table, (&keyboard, &layout), &name)?;
    }
    Ok(())
}

fn erase_row(table: &Connection, id: JobId) -> Result<()> {
    let id = id.to_string();
    // What hangs on it goes with it: layout, participants, history, diagnostics.
    table
        .prepare_cached("DELETE FROM jobs WHERE id = ?1")?
        .execute([&id])?;
    table
        .prepare_cached("INSERT OR IGNORE INTO erasing (job_id, at) VALUES (?1, ?2)")?
        .execute(params![id, now()])?;
    Ok(())
}

/// A fingerprint says whether somebody asked for a layout that one has. The number of different builds stays.
fn blur_fingerprint(table: &Connection, fingerprint: &str) -> Result<()> {
    table
        .prepare_cached(
            "UPDATE counted_once SET name = lower(hex(randomblob(32)))
             WHERE kind = 'unique_builds' AND name = ?1
               AND NOT EXISTS (SELECT 1 FROM jobs WHERE fingerprint = ?1 AND (status IN ('queued', 'running') OR kept = 1))
               AND NOT EXISTS (SELECT 1 FROM jobs WHERE fingerprint = ?1 AND NOT (status IN ('queued', 'running') OR kept = 1))",
        )?
        .execute([fingerprint])?;
    Ok(())
}

/// A layout's name is what a person called it, and the statistics show it to everybody. Where no other request has the
/// same name, it goes; the number stays.
fn blur_name(table: &Connection, (keyboard, layout): (&str, &str), name: &str) -> Result<()> {
    let is_shared = table
        .prepare_cached("SELECT 1 FROM requests WHERE keyboard = ?1 AND layout = ?2 LIMIT 1")?
        .exists([keyboard, layout])?;
    if is_shared {
        return Ok(());
    }
    let counted: Option<i64> = table
        .prepare_cached(
            "DELETE FROM counters WHERE kind = 'keyboard' AND name = ?1 RETURNING value",
        )?
        .query_and_then([name], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?
        .pop();
    match counted {
        Some(counted) => count(
            table,
            "keyboard",
            &format!("{keyboard}-{FORGOTTEN}"),
            counted,
        ),
        None => Ok(()),
    }
}
