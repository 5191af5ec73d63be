//! What is measured of the queue, in one look that costs the same however many builds there were: counters that the
//! table keeps by itself, and what indexes answer.

use std::{collections::BTreeMap, fs, io, time::Duration};

use rusqlite::Connection;

use super::{Result, Store, millis, now, wal, workers::LATELY};
use crate::keyboard::Keyboard;

/// The name of what is not known any more: a keyboard that was taken off the list, a version that was removed.
pub const OTHER: &str = "other";

/// All that is measured.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    /// The rows that are under way.
    pub queue: Queue,
    /// How long the phases of builds took.
    pub durations: BTreeMap<Phase, Histogram>,
    /// Builds that have ended.
    pub endings: BTreeMap<Ending, u64>,
    /// How often something happened besides the straight way, by the words of `history`, and `attempt`.
    pub happenings: BTreeMap<String, u64>,
    /// Comparisons that have ended, by their result.
    pub comparisons: BTreeMap<String, u64>,
    /// Keyboards that a controller which is there does not build warm any more.
    pub cold_keyboards: u64,
    /// Who builds.
    pub workers: Workers,
    /// Controllers that are there and that nobody disabled.
    pub controllers: u64,
    /// Requests for builds that were accepted.
    pub requests: u64,
}

/// The rows that are under way, comparisons apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// Builds that the next free slot may take.
    pub waiting: u64,
    /// Builds that wait for the end of a pause, after trouble.
    pub paused: u64,
    /// Builds that a worker holds.
    pub running: u64,
    /// Builds whose worker left or died, and that are not taken on yet.
    pub orphaned: u64,
    /// How long ago the oldest was asked for that waits or is paused.
    pub oldest_waiting: Option<Duration>,
}

/// What a histogram is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Phase {
    /// `waiting`, `preparing`, `building` or `finishing`.
    pub phase: String,
    /// The board.
    pub keyboard: String,
    /// The version as it was asked for.
    pub version: String,
}

/// How many took how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Builds that took longer than the bound before and at most this many milliseconds.
    pub buckets: BTreeMap<i64, u64>,
    /// Milliseconds of all of them.
    pub ms: u64,
}

/// What an ending is counted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ending {
    /// The board.
    pub keyboard: String,
    /// The version as it was asked for.
    pub version: String,
    /// `succeeded`, or the reason.
    pub outcome: String,
}

/// Workers that were seen lately, and what they can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Workers {
    /// They take builds.
    pub ready: u64,
    /// Something is in their way.
    pub in_trouble: u64,
    /// They take nothing new.
    pub stopping: u64,
    /// Builds that those of them that are not stopping run at once.
    pub slots: u64,
}

/// Bytes of the table and of its write-ahead log.
///
/// # Errors
/// When a size cannot be read.
pub fn sizes(store: &Store) -> io::Result<(u64, u64)> {
    Ok((fs::metadata(&store.inner.file)?.len(), wal::size(store)?))
}

/// Looks at all of it.
///
/// # Errors
/// When the table cannot be read.
pub async fn measures(store: &Store) -> Result<Measures> {
    store
        .read(|table| {
            Ok(Measures {
                queue: queue(table)?,
                durations: durations(table)?,
                endings: endings(table)?,
                happenings: counts(table, "SELECT what, times FROM happenings")?,
                comparisons: counts(table, "SELECT result, times FROM comparisons")?,
                cold_keyboards: one(
                    table,
                    "SELECT count(*) FROM cold_keyboards WHERE image IN (SELECT image FROM controllers)",
                )?,
                workers: workers(table)?,
                controllers: one(
                    table,
                    "SELECT count(*) FROM controllers WHERE name NOT IN (SELECT name FROM disabled_controllers)",
                )?,
                requests: one(
                    table,
                    "SELECT (SELECT count(*) FROM requests WHERE id > (SELECT counted FROM service))
                            + (SELECT coalesce(sum(value), 0) FROM counters WHERE kind = 'total' AND name = 'builds')",
                )?,
            })
        })
        .await
}

fn one(table: &Connection, question: &str) -> Result<u64> {
    Ok(table
        .prepare_cached(question)?
        .query_row([], |row| row.get(0))?)
}

fn queue(table: &Connection) -> Result<Queue> {
    let all = one(table, "SELECT waiting FROM service")?;
    let paused = one(
        table,
        "SELECT count(*) FROM jobs WHERE due_at IS NOT NULL AND compares IS NULL",
    )?;
    let (running, orphaned) = table
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE lease_until > ?1), count(*) FILTER (WHERE lease_until <= ?1)
             FROM jobs WHERE status = 'running' AND compares IS NULL",
        )?
        .query_row([now()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let oldest: Option<i64> = table
        .prepare_cached(
            "SELECT min(created_at) FROM jobs WHERE status = 'queued' AND compares IS NULL",
        )?
        .query_row([], |row| row.get(0))?;
    let age = |since: i64| Duration::from_millis(u64::try_from(now() - since).unwrap_or_default());
    Ok(Queue {
        waiting: all.saturating_sub(paused),
        paused,
        running,
        orphaned,
        oldest_waiting: oldest.map(age),
    })
}

/// Every histogram has every bound, also where nothing has fallen into it yet.
fn durations(table: &Connection) -> Result<BTreeMap<Phase, Histogram>> {
    let bounds: BTreeMap<i64, u64> = table
        .prepare_cached("SELECT ms FROM duration_bounds")?
        .query_map([], |row| Ok((row.get(0)?, 0)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut durations: BTreeMap<Phase, Histogram> = BTreeMap::new();
    let mut statement = table.prepare_cached(
        "SELECT phase, keyboard, iif(version IN (SELECT name FROM versions), version, ?1), at_most, builds, ms
         FROM durations",
    )?;
    let mut rows = statement.query([OTHER])?;
    while let Some(row) = rows.next()? {
        let phase = Phase {
            phase: row.get(0)?,
            keyboard: known(row.get(1)?),
            version: row.get(2)?,
        };
        let histogram = durations.entry(phase).or_insert_with(|| Histogram {
            buckets: bounds.clone(),
            ms: 0,
        });
        let (at_most, builds, ms): (i64, u64, u64) = (row.get(3)?, row.get(4)?, row.get(5)?);
        *histogram.buckets.entry(at_most).or_default() += builds;
        histogram.ms = histogram.ms.saturating_add(ms);
    }
    Ok(durations)
}

fn endings(table: &Connection) -> Result<BTreeMap<Ending, u64>> {
    let mut endings = BTreeMap::new();
    let mut statement = table.prepare_cached(
        "SELECT keyboard, iif(version IN (SELECT name FROM versions), version, ?1), outcome, builds FROM endings",
    )?;
    let mut rows = statement.query([OTHER])?;
    while let Some(row) = rows.next()? {
        let ending = Ending {
            keyboard: known(row.get(0)?),
            version: row.get(1)?,
            outcome: row.get(2)?,
        };
        let builds: u64 = row.get(3)?;
        *endings.entry(ending).or_default() += builds;
    }
    Ok(endings)
}

/// Only names from the list are shown: how many there can be is known then.
fn known(keyboard: String) -> String {
    if Keyboard::parse(&keyboard).is_some() {
        keyboard
    } else {
        OTHER.to_owned()
    }
}

fn counts(table: &Connection, question: &str) -> Result<BTreeMap<String, u64>> {
    Ok(table
        .prepare_cached(question)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?)
}

fn workers(table: &Connection) -> Result<Workers> {
    Ok(table
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE stopping = 0 AND trouble IS NULL),
                    count(*) FILTER (WHERE stopping = 0 AND trouble IS NOT NULL),
                    count(*) FILTER (WHERE stopping = 1),
                    coalesce(sum(slots) FILTER (WHERE stopping = 0), 0)
             FROM workers WHERE seen_at > ?1",
        )?
        .query_row([now() - millis(LATELY)], |row| {
            Ok(Workers {
                ready: row.get(0)?,
                in_trouble: row.get(1)?,
                stopping: row.get(2)?,
                slots: row.get(3)?,
            })
        })?)
}
