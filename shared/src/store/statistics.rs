//! The counters behind the statistics, which cost the same with ten requests and with ten million.
//!
//! A request is written down when it comes and counted later, many of them in a few statements: to count
//! each by itself took longer than all else that a build needs to be queued.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde::Serialize;

use super::{Result, Store};
use crate::job::JobId;

/// The statistics.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// Requests that were accepted.
    pub builds: u64,
    /// Different builds among them.
    pub unique_builds: u64,
    /// Different clients.
    pub users: u64,
    /// Layers of all requests together.
    pub layers: u64,
    /// Milliseconds that all runs took together.
    pub build_ms: u64,
    /// Requests by operating system.
    pub os: BTreeMap<String, u64>,
    /// Requests by platform.
    pub platforms: BTreeMap<String, u64>,
    /// Requests by keyboard and layout.
    pub keyboards: BTreeMap<String, u64>,
    /// Requests by controller.
    pub versions: BTreeMap<String, u64>,
}

/// What is to be added to the counters for the requests that are not counted yet. No request says its fingerprint, its
/// build does; whoever removes builds counts first.
const UNCOUNTED: &str = "
    WITH uncounted AS MATERIALIZED (SELECT * FROM requests WHERE id > (SELECT counted FROM service)),
         once (kind, name) AS MATERIALIZED (
             SELECT DISTINCT 'unique_builds', jobs.fingerprint FROM uncounted JOIN jobs ON jobs.id = uncounted.job_id
             UNION ALL SELECT DISTINCT 'users', client FROM uncounted WHERE client <> '')
    SELECT 'total' AS kind, 'builds' AS name, count(*) AS value FROM uncounted
    UNION ALL SELECT 'total', 'layers', coalesce(sum(layers), 0) FROM uncounted
    UNION ALL SELECT 'os', os, count(*) FROM uncounted GROUP BY os
    UNION ALL SELECT 'platform', platform, count(*) FROM uncounted GROUP BY platform
    UNION ALL SELECT 'keyboard', keyboard || '-' || layout, count(*) FROM uncounted GROUP BY keyboard, layout
    UNION ALL SELECT 'version', 'controller-' || controller, count(*) FROM uncounted GROUP BY controller
    UNION ALL SELECT 'total', kind, count(*) FROM once
              WHERE NOT EXISTS (SELECT 1 FROM counted_once c WHERE c.kind = once.kind AND c.name = once.name)
              GROUP BY kind";

/// The statistics as they stand.
///
/// # Errors
/// When the table cannot be read.
pub async fn statistics(store: &Store) -> Result<Statistics> {
    store
        .read(|table| {
            let mut statistics = Statistics::default();
            let sql = format!(
                "SELECT kind, name, value FROM counters UNION ALL SELECT * FROM ({UNCOUNTED})"
            );
            let mut counters = table.prepare_cached(&sql)?;
            let mut rows = counters.query([])?;
            while let Some(row) = rows.next()? {
                let (kind, name, value): (String, String, u64) =
                    (row.get(0)?, row.get(1)?, row.get(2)?);
                statistics.add(&kind, name, value);
            }
            Ok(statistics)
        })
        .await
}

impl Statistics {
    fn add(&mut self, kind: &str, name: String, value: u64) {
        let counter = match (kind, name.as_str()) {
            ("total", "builds") => &mut self.builds,
            ("total", "unique_builds") => &mut self.unique_builds,
            ("total", "users") => &mut self.users,
            ("total", "layers") => &mut self.layers,
            ("total", "build_ms") => &mut self.build_ms,
            ("os", _) => self.os.entry(name).or_default(),
            ("platform", _) => self.platforms.entry(name).or_default(),
            ("keyboard", _) => self.keyboards.entry(name).or_default(),
            ("version", _) => self.versions.entry(name).or_default(),
            // A counter of a newer program.
            _ => return,
        };
        *counter += value;
    }
}

/// Counts all requests that are not counted yet.
pub(super) fn catch_up(table: &Connection) -> Result<()> {
    let add = format!(
        "INSERT INTO counters (kind, name, value) SELECT * FROM ({UNCOUNTED}) WHERE value > 0
         ON CONFLICT (kind, name) DO UPDATE SET value = value + excluded.value"
    );
    for statement in [
        &add,
        "INSERT OR IGNORE INTO counted_once (kind, name)
         SELECT 'unique_builds', fingerprint FROM requests JOIN jobs ON jobs.id = job_id
         WHERE requests.id > (SELECT counted FROM service) ORDER BY fingerprint",
        "INSERT OR IGNORE INTO counted_once (kind, name)
         SELECT 'users', client FROM requests WHERE id > (SELECT counted FROM service) AND client <> ''",
    ] {
        table.prepare_cached(statement)?.execute([])?;
    }
    all_are_counted(table)
}

/// Says that there is no request that is not counted.
pub(super) fn all_are_counted(table: &Connection) -> Result<()> {
    table
        .prepare_cached("UPDATE service SET counted = (SELECT coalesce(max(id), 0) FROM requests)")?
        .execute([])?;
    Ok(())
}

/// Counts a build's duration, in the transaction that ends it.
pub(super) fn count_ended(table: &Connection, id: JobId) -> Result<()> {
    table
        .prepare_cached(
            "INSERT INTO counters (kind, name, value)
             SELECT 'total', 'build_ms', max(0, coalesce(finished_at - started_at, 0)) FROM jobs
             WHERE id = ?1 AND compares IS NULL
             ON CONFLICT (kind, name) DO UPDATE SET value = value + excluded.value",
        )?
        .execute([id.to_string()])?;
    Ok(())
}

/// Adds to one counter.
pub(super) fn count(table: &Connection, kind: &str, name: &str, by: i64) -> Result<()> {
    table
        .prepare_cached(
            "INSERT INTO counters (kind, name, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (kind, name) DO UPDATE SET value = value + ?3",
        )?
        .execute(params![kind, name, by])?;
    Ok(())
}

/// Adds one to a total, for what was not counted in it before.
pub(super) fn count_once(table: &Connection, kind: &str, name: &str) -> Result<()> {
    let is_new = table
        .prepare_cached("INSERT OR IGNORE INTO counted_once (kind, name) VALUES (?1, ?2)")?
        .execute([kind, name])?;
    if is_new == 1 {
        count(table, "total", kind, 1)
    } else {
        Ok(())
    }
}
