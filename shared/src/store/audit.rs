//! Who changed what: one row for each change that an operator makes, in the transaction that makes it.

use rusqlite::{Connection, params};
use serde::Serialize;
use serde_json::Value;

use super::{Result, Store, StoreError, now};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When, in milliseconds since 1970, UTC.
    pub at: i64,
    /// Who.
    pub who: String,
    /// The verb: `move`, `disable`.
    pub what: String,
    /// The version or the controller that was changed.
    pub subject: String,
    /// What there is to say of it, by name.
    pub details: Value,
}

/// Writes a change down; called from within the transaction that makes it.
pub(super) fn record(
    table: &Connection,
    who: &str,
    (what, subject): (&str, &str),
    details: &Value,
) -> Result<()> {
    table
        .prepare_cached(
            "INSERT INTO audit (at, who, what, subject, details) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![now(), who, what, subject, details.to_string()])?;
    Ok(())
}

/// The last changes, newest first.
///
/// # Errors
/// When the table cannot be read.
pub async fn entries(store: &Store, most: u32) -> Result<Vec<Entry>> {
    store
        .read(move |table| {
            let mut statement = table.prepare_cached(
                "SELECT at, who, what, subject, details FROM audit ORDER BY id DESC LIMIT ?1",
            )?;
            let mut rows = statement.query([most])?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                let details: String = row.get(4)?;
                entries.push(Entry {
                    at: row.get(0)?,
                    who: row.get(1)?,
                    what: row.get(2)?,
                    subject: row.get(3)?,
                    details: serde_json::from_str(&details).map_err(|_| StoreError::Unknown {
                        table: "audit",
                        column: "details",
                        value: details,
                    })?,
                });
            }
            Ok(entries)
        })
        .await
}
