//! The limit: what somebody gets who writes by hand, for one purpose, what SQLite and this disk allow.
#![expect(
    clippy::disallowed_types,
    reason = "what is measured here stands beside the store, not behind it"
)]

pub(crate) mod drain;
pub(crate) mod enqueue;
pub(crate) mod serve;
pub(crate) mod wakeup;

use std::{path::Path, time::Duration};

use rusqlite::Connection;

/// One row for a build, and what a queue cannot do without: nobody asks twice, and the next one is found.
const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS jobs (
        id TEXT PRIMARY KEY NOT NULL, fingerprint TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'queued',
        client TEXT NOT NULL, keyboard TEXT NOT NULL, layout TEXT NOT NULL, config TEXT NOT NULL,
        worker TEXT, lease_until INTEGER, artifact TEXT, created_at INTEGER NOT NULL, finished_at INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX IF NOT EXISTS one ON jobs (fingerprint) WHERE status IN ('queued', 'running');
    CREATE INDEX IF NOT EXISTS waiting ON jobs (id) WHERE status = 'queued';";

/// The table of the limit in this directory, as durable as ours.
fn open(directory: &Path) -> anyhow::Result<Connection> {
    let table = Connection::open(directory.join("limit.db"))?;
    table.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
    table.busy_handler(Some(|_| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let jitter = now.map_or(0, |now| now.subsec_nanos() % 300);
        std::thread::park_timeout(Duration::from_micros(100 + u64::from(jitter)));
        true
    }))?;
    table.execute_batch(TABLE)?;
    Ok(table)
}
