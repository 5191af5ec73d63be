//! Files of builds that were erased: which are still to go, and that the write-ahead log holds nothing of them either.

use std::time::Duration;

use rusqlite::params;

use super::super::{Result, Store, jobs::show::id_from, millis, now, wal};
use crate::job::JobId;

/// A build that was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Its id, which its directories bear.
    pub id: JobId,
    /// When, in milliseconds since 1970, UTC.
    pub at: i64,
}

/// Builds whose files are to go, some of them: first those that nobody has dealt with.
///
/// # Errors
/// When the table cannot be read.
pub async fn to_go(store: &Store, most: u32) -> Result<Vec<Erased>> {
    store
        .read(move |table| {
            table
                .prepare_cached("SELECT job_id, at FROM erasing ORDER BY tried, at LIMIT ?1")?
                .query_and_then([most], |row| {
                    let id = id_from(&row.get::<_, String>(0)?)?;
                    Ok(Erased {
                        id,
                        at: row.get(1)?,
                    })
                })?
                .collect()
        })
        .await
}

/// Says that the files of these builds are gone.
///
/// Those that were erased within the last `moment` are given out once more: a worker whose build was cancelled may be
/// about to write. Gives the number of those that nobody had dealt with; `None` where the write-ahead log could not be emptied, as somebody reads, so that all are given out again.
///
/// # Errors
/// When the table cannot be written.
pub async fn are_gone(
    store: &Store,
    erased: Vec<Erased>,
    moment: Duration,
) -> Result<Option<usize>> {
    if !wal::keep_below(store, 0).await? {
        return Ok(None);
    }
    let before = now().saturating_sub(millis(moment));
    store
        .write(move |table| {
            let mut tried = table
                .prepare_cached("UPDATE erasing SET tried = 1 WHERE job_id = ?1 AND tried = 0")?;
            let mut done =
                table.prepare_cached("DELETE FROM erasing WHERE job_id = ?1 AND at <= ?2")?;
            let mut new = 0;
            for erased in &erased {
                let id = erased.id.to_string();
                new += tried.execute([&id])?;
                done.execute(params![id, before])?;
            }
            Ok(Some(new))
        })
        .await
}
