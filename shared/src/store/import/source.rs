//! A predecessor's file, opened so that nothing in it is changed.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, Row, types::ValueRef};

use super::super::{Result, StoreError, open::BUSY};

/// Opens a table of another program for reading only.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .and_then(readable)
        .or_else(|refused| {
            // In WAL mode even a reader makes files beside the table. Where the directory cannot be written,
            // a table without a journal is read as one that nobody changes; one with a journal would be
            // read without its latest rows, and so not at all.
            if !path.is_file() || has_journal(path) {
                return Err(refused);
            }
            let uri = format!("file:{}?immutable=1", escaped(path));
            Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI).and_then(readable)
        });
    connection.map_err(|error| unreadable(path, &error))
}

/// What is said of a file that cannot be read.
pub(super) fn unreadable(path: &Path, error: &rusqlite::Error) -> StoreError {
    let hint = if has_journal(path) {
        " (it has a journal beside it: copy it with its -wal or -journal to where they can be written)"
    } else {
        ""
    };
    StoreError::Source {
        path: path.display().to_string(),
        cause: format!("{error}{hint}"),
    }
}

/// Opening reads nothing yet: whether it can be read shows with the first question.
fn readable(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(BUSY)?;
    connection.execute_batch("PRAGMA query_only = ON;")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

fn has_journal(path: &Path) -> bool {
    ["-wal", "-journal"].iter().any(|ending| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
            .metadata()
            .is_ok_and(|file| file.len() > 0)
    })
}

/// These three would end the path in a URI.
fn escaped(path: &Path) -> String {
    path.display()
        .to_string()
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23")
}

/// A column's text; `None` where there is none, or only blanks.
pub(super) fn text<'row>(row: &'row Row<'_>, column: usize) -> Option<&'row str> {
    match row.get_ref(column) {
        Ok(ValueRef::Text(bytes)) => std::str::from_utf8(bytes)
            .ok()
            .map(str::trim)
            .filter(|text| !text.is_empty()),
        _ => None,
    }
}
