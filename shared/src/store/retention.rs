//! What is kept no longer: zips, logs, rows and requests go by age and by room, a few in a transaction.
//!
//! A row says that its file is gone before it goes: whoever removes one here removes the files of the ids that it is
//! given, and nobody else is given them.

use std::time::Duration;

use rusqlite::{Connection, Params, params};

use super::{Result, Store, jobs::show::id_from, millis, now, statistics};
use crate::job::{JobId, Status};

/// No zip goes for want of room before this: whoever was just told of it is on the way to fetch it.
const FRESH: Duration = Duration::from_hours(1);

/// What a row says when its zip goes; the same request is a new build from then on.
macro_rules! drop_zips {
    ($which:literal) => {
        concat!(
            "UPDATE jobs SET kept = 0, kept_until = NULL, artifact_file = NULL, artifact_bytes = NULL,
                             artifact_sha256 = NULL, artifact_files = NULL
             WHERE id IN (",
            $which,
            ") RETURNING id"
        )
    };
}

/// Drops zips of builds that ended in this status longer ago than `age`, the oldest first. Their directories are the
/// caller's to remove.
///
/// # Errors
/// When the table cannot be written: nothing is dropped then.
pub async fn drop_old_zips(
    store: &Store,
    status: Status,
    age: Duration,
    most: u32,
) -> Result<Vec<JobId>> {
    store
        .write(move |table| {
            ids(
                table,
                drop_zips!(
                    "SELECT id FROM jobs WHERE artifact_bytes IS NOT NULL AND status = ?1 AND finished_at <= ?2
                     ORDER BY finished_at LIMIT ?3"
                ),
                params![status.as_str(), before(age), most],
            )
        })
        .await
}

/// Drops zips until the others have `bound` bytes at most.
///
/// # Errors
/// When the table cannot be written: nothing is dropped then.
pub async fn drop_zips_over(store: &Store, bound: u64, most: u32) -> Result<Vec<JobId>> {
    // Most of the time all is well, and a look holds up no writer.
    if store.read(sum_of_zips).await? <= bound {
        return Ok(Vec::new());
    }
    store
        .write(move |table| {
            let excess = sum_of_zips(table)?.saturating_sub(bound);
            drop_bytes(table, excess, most)
        })
        .await
}

/// Drops zips of this many bytes: first those of failures, which are worth least, then firmware, the oldest first.
///
/// # Errors
/// When the table cannot be written: nothing is dropped then.
pub async fn drop_zips_for_room(store: &Store, bytes: u64, most: u32) -> Result<Vec<JobId>> {
    store
        .write(move |table| drop_bytes(table, bytes, most))
        .await
}

fn drop_bytes(table: &Connection, bytes: u64, most: u32) -> Result<Vec<JobId>> {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    ids(
        table,
        drop_zips!(
            "SELECT id FROM (
                 SELECT id, sum(artifact_bytes) OVER (ORDER BY place) - artifact_bytes AS before
                 FROM (SELECT id, artifact_bytes, row_number() OVER (ORDER BY status, finished_at) AS place
                       FROM jobs WHERE artifact_bytes IS NOT NULL AND finished_at <= ?1
                       ORDER BY status, finished_at LIMIT ?2))
             WHERE before < ?3"
        ),
        params![before(FRESH), most, bytes],
    )
}

fn sum_of_zips(table: &Connection) -> Result<u64> {
    Ok(table
        .prepare_cached(
            "SELECT coalesce(sum(artifact_bytes), 0) FROM jobs WHERE artifact_bytes IS NOT NULL",
        )?
        .query_row([], |row| row.get(0))?)
}

/// Drops the answer of a build whose zip is lost. `false` where the row names it no longer.
///
/// # Errors
/// When the table cannot be written.
pub async fn drop_answer(store: &Store, id: JobId, file: &str) -> Result<bool> {
    let file = file.to_owned();
    let dropped = store
        .write(move |table| {
            ids(
                table,
                drop_zips!("SELECT id FROM jobs WHERE id = ?1 AND artifact_file = ?2"),
                params![id.to_string(), file],
            )
        })
        .await?;
    Ok(!dropped.is_empty())
}

/// Gives up logs of builds that ended longer ago than `age`, and what they were made of: layouts, and what their containers
/// were given. The logs' directories are the caller's to remove.
///
/// # Errors
/// When the table cannot be written: nothing is given up then.
pub async fn drop_old_logs(store: &Store, age: Duration, most: u32) -> Result<Vec<JobId>> {
    store
        .write(move |table| {
            let dropped = ids(
                table,
                "UPDATE jobs SET log_gone = 1
                 WHERE id IN (SELECT id FROM jobs WHERE finished_at <= ?1 AND log_gone = 0
                              ORDER BY finished_at LIMIT ?2)
                 RETURNING id",
                params![before(age), most],
            )?;
            for delete in [
                "DELETE FROM job_inputs WHERE job_id = ?1",
                "DELETE FROM attempts WHERE job_id = ?1",
            ] {
                let mut delete = table.prepare_cached(delete)?;
                for id in &dropped {
                    delete.execute([id.to_string()])?;
                }
            }
            Ok(dropped)
        })
        .await
}

/// Removes the layouts of builds that ended longer ago than `age`, where their logs are kept longer. Gives the number.
///
/// # Errors
/// When the table cannot be written: nothing is removed then.
pub async fn drop_old_layouts(store: &Store, age: Duration, most: u32) -> Result<usize> {
    // A look holds up no writer, and most of the time nothing is due.
    let due = store
        .read(move |table| {
            ids(
                table,
                // By the layouts that are there: ended builds are many more.
                "SELECT jobs.id FROM job_inputs CROSS JOIN jobs ON jobs.id = job_id WHERE finished_at <= ?1 LIMIT ?2",
                params![before(age), most],
            )
        })
        .await?;
    if due.is_empty() {
        return Ok(0);
    }
    store
        .write(move |table| {
            let mut inputs = table.prepare_cached("DELETE FROM job_inputs WHERE job_id = ?1")?;
            let mut removed = 0;
            for id in &due {
                removed += inputs.execute([id.to_string()])?;
            }
            Ok(removed)
        })
        .await
}

/// Removes rows of builds that ended longer ago than `age` and have neither zip nor log. Gives their number.
///
/// # Errors
/// When the table cannot be written: nothing is removed then.
pub async fn drop_old_rows(store: &Store, age: Duration, most: u32) -> Result<usize> {
    let sql = "DELETE FROM jobs WHERE id IN (
                   SELECT id FROM jobs WHERE finished_at <= ?1 AND log_gone = 1 AND artifact_bytes IS NULL
                   ORDER BY finished_at LIMIT ?2)";
    remove(store, sql, age, most).await
}

/// Removes what is remembered of requests older than `age`; the counters keep what they counted. Gives the number.
///
/// # Errors
/// When the table cannot be written: nothing is removed then.
pub async fn drop_old_requests(store: &Store, age: Duration, most: u32) -> Result<usize> {
    // They are numbered as they come, so that the first rows are the oldest.
    let sql = "DELETE FROM requests
               WHERE id IN (SELECT id FROM requests ORDER BY id LIMIT ?2) AND at <= ?1";
    remove(store, sql, age, most).await
}

async fn remove(store: &Store, sql: &'static str, age: Duration, most: u32) -> Result<usize> {
    store
        .write(move |table| {
            statistics::catch_up(table)?;
            Ok(table
                .prepare_cached(sql)?
                .execute(params![before(age), most])?)
        })
        .await
}

fn before(age: Duration) -> i64 {
    now().saturating_sub(millis(age))
}

fn ids(table: &Connection, sql: &str, parameters: impl Params) -> Result<Vec<JobId>> {
    // Stepped to its end: a RETURNING that is not may leave its row unwritten.
    table
        .prepare_cached(sql)?
        .query_and_then(parameters, |row| id_from(&row.get::<_, String>(0)?))?
        .collect()
}
