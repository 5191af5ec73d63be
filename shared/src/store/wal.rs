//! The write-ahead log stays small: SQLite copies it into the table by itself, but starts it anew only in a moment in
//! which nobody reads. Where readers never pause, that moment has to be made.

use std::{fs, io, path::PathBuf, time::Duration};

use rusqlite::Connection;

use super::{Result, Store, StoreError};

/// Above this it is time to make that moment. The log's own limit, to which it is cut when it begins anew, is twice
/// as much.
pub const ENOUGH: u64 = 32 << 20;

/// How long the moment is waited for: writers wait as long, and they have patience for ten seconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// Bytes of the write-ahead log.
///
/// # Errors
/// When its size cannot be read.
pub fn size(store: &Store) -> io::Result<u64> {
    match fs::metadata(path(store)) {
        Ok(found) => Ok(found.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Empties the log where it has more than `enough` bytes. `false`: a reader did not end in time, and it stays as it
/// is until the next try.
///
/// The readers of this moment are waited for, while new ones already read from the table.
///
/// # Errors
/// When the table cannot be reached.
pub async fn keep_below(store: &Store, enough: u64) -> Result<bool> {
    let closed = |error: &dyn std::fmt::Display| StoreError::Closed(error.to_string());
    if size(store).map_err(|error| closed(&error))? <= enough {
        return Ok(true);
    }
    let file = store.inner.file.clone();
    // A connection of its own: the writer's has builds to commit.
    tokio::task::spawn_blocking(move || {
        let table = Connection::open(file)?;
        table.busy_timeout(PATIENCE)?;
        let was_busy: bool =
            table.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        Ok(!was_busy)
    })
    .await
    .map_err(|error| closed(&error))?
}

fn path(store: &Store) -> PathBuf {
    let mut path = store.inner.file.clone().into_os_string();
    path.push("-wal");
    path.into()
}
