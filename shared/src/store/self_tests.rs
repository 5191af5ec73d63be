//! What a worker has found its engine to enforce.

use rusqlite::{OptionalExtension, params};

use super::{Result, Store, now};

/// The limits that are known to be missing under this key; `None` where nobody has looked yet.
///
/// # Errors
/// When the table cannot be read.
pub async fn missing(store: &Store, key: &str) -> Result<Option<Vec<String>>> {
    let key = key.to_owned();
    store
        .read(move |table| {
            let found: Option<String> = table
                .prepare_cached("SELECT missing FROM self_tests WHERE key = ?1")?
                .query_row([key], |row| row.get(0))
                .optional()?;
            Ok(found.map(|names| {
                let names = names.split(',').filter(|name| !name.is_empty());
                names.map(str::to_owned).collect()
            }))
        })
        .await
}

/// Writes a result down, for the next start. `about` is the engine in words.
///
/// # Errors
/// When the table cannot be written.
pub async fn record(store: &Store, key: &str, about: &str, missing: &[String]) -> Result<()> {
    let (key, about, missing) = (key.to_owned(), about.to_owned(), missing.join(","));
    store
        .write(move |table| {
            table.execute(
                "INSERT INTO self_tests (key, at, about, missing) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (key) DO UPDATE SET at = ?2, about = ?3, missing = ?4",
                params![key, now(), about, missing],
            )?;
            Ok(())
        })
        .await
}
