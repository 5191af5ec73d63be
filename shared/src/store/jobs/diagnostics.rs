//! What the compiler complains of in a failed build.

use rusqlite::{Connection, params};

use super::super::{Result, Store};
use crate::{diagnose::Diagnostic, job::JobId};

/// A build's diagnostics, in the order of its log.
///
/// # Errors
/// When the table cannot be read.
pub async fn diagnostics(store: &Store, id: JobId) -> Result<Vec<Diagnostic>> {
    store
        .read(move |table| {
            table
                .prepare_cached(
                    "SELECT layer, line, key, pointer, message, compiler FROM diagnostics
                     WHERE job_id = ?1 ORDER BY number",
                )?
                .query_and_then([id.to_string()], |row| {
                    Ok(Diagnostic {
                        layer: row.get(0)?,
                        line: row.get(1)?,
                        key: row.get(2)?,
                        pointer: row.get(3)?,
                        message: row.get(4)?,
                        compiler: row.get(5)?,
                    })
                })?
                .collect()
        })
        .await
}

/// Writes them down, in the transaction that ends the build.
pub(super) fn note(table: &Connection, id: JobId, diagnostics: &[Diagnostic]) -> Result<()> {
    let mut insert = table.prepare_cached(
        "INSERT INTO diagnostics (job_id, number, layer, line, key, pointer, message, compiler)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (number, one) in diagnostics.iter().enumerate() {
        insert.execute(params![
            id.to_string(),
            number,
            one.layer,
            one.line,
            one.key,
            one.pointer,
            one.message,
            one.compiler
        ])?;
    }
    Ok(())
}
