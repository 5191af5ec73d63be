//! A table as it is after years: a million builds that have ended, their requests, and a hundred thousand that wait.
//!
//! It is filled by hand, as it would take an hour through the door.

use std::path::Path;

use harness::store::{ByHand, a_build};
use shared::store::{
    Store,
    jobs::{Hold, Limits, admit},
};
use tokio::runtime::Runtime;

/// How much is in the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    /// Builds that have ended, each with the request that asked for it.
    pub(crate) finished: usize,
    /// Builds that wait.
    pub(crate) waiting: usize,
}

/// Makes a table with a crowd in this directory.
pub(crate) fn fill(directory: &Path, crowd: Crowd, config: &str) -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    // The table itself is made by the program.
    drop(runtime.block_on(Store::open(directory))?);
    let table = ByHand::open(directory);
    let filled = table.run(&finished(crowd.finished)).and_then(|()| {
        let quoted = config.replace('\'', "''");
        table.run(&waiting(crowd.waiting, &quoted))
    });
    filled.map_err(anyhow::Error::msg)?;
    drop(table);
    // One more through the door: with it, all requests are counted.
    runtime.block_on(async {
        let store = Store::open(directory).await?;
        let limits = Limits {
            per_client: u32::MAX,
            in_all: u32::MAX,
        };
        let last = a_build("KType-last").with(|build| config.clone_into(&mut build.config));
        admit(&store, last.into(), limits, Hold::UntilItLeaves).await?;
        anyhow::Ok(())
    })
}

/// A request whose number is a multiple of this one has all before it counted.
const COUNTED_AT: usize = 1_024;

/// The start of a statement that counts to `count` as `number`.
fn up_to(count: usize) -> String {
    format!(
        "WITH RECURSIVE up_to (number) AS (SELECT 1 WHERE {count} > 0 UNION ALL SELECT number + 1 FROM up_to WHERE number < {count})"
    )
}

/// A UUID v7 of the moment `at`.
const ID: &str = "printf('%08x-%04x-7000-8000-%012x', at >> 16, at & 65535, number)";

/// Builds of the last years, a minute apart, in all ways to end: the newest is from yesterday.
fn finished(count: usize) -> String {
    let up_to = up_to(count);
    // Requests are counted by every so many of them: the next one shall be such.
    let before = COUNTED_AT - 1 - count % COUNTED_AT;
    format!(
        "BEGIN;
         CREATE TEMP TABLE builds AS {up_to}, moments AS (
             SELECT number, unixepoch() * 1000 - 86400000 - ({count} - number) * 60000 AS at FROM up_to)
         SELECT number, at, {ID} AS id, number % 10 = 0 AS failed, printf('%016x', number % 5000) AS client FROM moments;
         INSERT INTO jobs (id, fingerprint, status, turn, client, keyboard, layout, version, controller, image, protocol,
             dialect, created_at, started_at, finished_at, lease_epoch, attempts, container_id, engine_id, reason, detail,
             artifact_file, artifact_bytes, artifact_sha256, kept, container_started_at, container_ended_at)
         SELECT id, printf('%064x', number), iif(failed, 'failed', 'succeeded'), 0, client,
             iif(number % 3 = 0, 'WhiteFox', 'KType'), 'Standard', 'latest', '057', 'sha256:057', 2, 'latest',
             at, at + 100, at + 2000, 1, 1, printf('%064x', number), 'an engine', iif(failed, 'timed_out', NULL),
             iif(failed, 'it took too long', NULL), id || '/1.zip', 200000, printf('%064x', number), 1 - failed, at + 300, at + 1900
         FROM builds;
         INSERT INTO requests (id, at, job_id, client, os, platform, keyboard, layout, layers, controller, joined)
         SELECT number + {before}, at, id, client, iif(number % 2 = 0, 'Linux', 'Windows'), 'Web', 'KType', 'Standard', 2, '057', 0 FROM builds;
         DROP TABLE builds;
         COMMIT;"
    )
}

/// Builds of a thousand clients, as they come in turns.
fn waiting(count: usize, config: &str) -> String {
    let up_to = up_to(count);
    format!(
        "BEGIN;
         CREATE TEMP TABLE builds AS {up_to}, moments AS (SELECT number, unixepoch() * 1000 AS at FROM up_to)
         SELECT number, at, {ID} AS id, printf('client %d', number % 1000) AS client FROM moments;
         INSERT INTO jobs (id, fingerprint, turn, client, keyboard, layout, version, controller, image, protocol, dialect, created_at)
         SELECT id, printf('f%063x', number), number / 1000, client, 'KType', 'Standard', 'latest', '057', 'sha256:057', 2,
             'latest', at FROM builds;
         INSERT INTO job_inputs (job_id, config) SELECT id, '{config}' FROM builds;
         INSERT INTO participants (job_id, secret, client, at) SELECT id, '', client, at FROM builds;
         DROP TABLE builds;
         COMMIT;"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_the_crowd_that_it_was_filled_with() {
        let directory = tempfile::tempdir().unwrap();
        let crowd = Crowd {
            finished: 1_100,
            waiting: 30,
        };
        fill(directory.path(), crowd, r#"{"it's": 1}"#).unwrap();
        let table = ByHand::open(directory.path());
        let counts = |what: &str| table.ask(&format!("SELECT count(*) FROM {what}"));
        assert_eq!(counts("jobs WHERE status = 'succeeded'"), ["990"]);
        assert_eq!(counts("jobs WHERE status = 'failed'"), ["110"]);
        // One more came through the door.
        assert_eq!(counts("jobs WHERE status = 'queued'"), ["31"]);
        assert_eq!(table.ask("SELECT waiting FROM service"), ["31"]);
        let counted =
            table.ask("SELECT value FROM counters WHERE kind = 'total' AND name = 'builds'");
        assert_eq!(counted, ["1101"]);
    }
}
