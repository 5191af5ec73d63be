//! A worker whose whole life is one statement that ends a build and one that takes the next, in one transaction.

use std::path::Path;

use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::child;

/// Puts this many builds into the table of the limit.
pub(crate) fn fill(directory: &Path, count: usize, config: &str) -> anyhow::Result<()> {
    let table = super::open(directory)?;
    let transaction = table.unchecked_transaction()?;
    let mut insert = transaction.prepare(
        "INSERT INTO jobs (id, fingerprint, client, keyboard, layout, config, created_at)
         VALUES (?1, ?2, 'somebody', 'KType', 'Standard', ?3, unixepoch())",
    )?;
    for _ in 0..count {
        let id = Uuid::now_v7().to_string();
        insert.execute(params![id, id.repeat(2), config])?;
    }
    drop(insert);
    Ok(transaction.commit()?)
}

/// In a process of its own: takes and ends builds until none waits, and says how many.
pub(crate) fn drain(directory: &Path) -> anyhow::Result<()> {
    let table = super::open(directory)?;
    let worker = Uuid::now_v7().to_string();
    child::ready()?;
    let mut held = None;
    let mut ended = 0_usize;
    loop {
        held = step(&table, &worker, held.as_deref())?;
        if held.is_none() {
            return child::say(ended);
        }
        ended += 1;
    }
}

/// Ends the build that is held, and takes the next.
fn step(table: &Connection, worker: &str, held: Option<&str>) -> anyhow::Result<Option<String>> {
    table.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    if let Some(id) = held {
        table
            .prepare_cached(
                "UPDATE jobs SET status = 'succeeded', finished_at = unixepoch(), artifact = ?3, worker = NULL,
                                 lease_until = NULL
                 WHERE id = ?1 AND worker = ?2 AND status = 'running'",
            )?
            .execute(params![id, worker, "a build/1.zip"])?;
    }
    let taken = table
        .prepare_cached(
            "UPDATE jobs SET status = 'running', worker = ?1, lease_until = unixepoch() + 20
             WHERE id = (SELECT id FROM jobs WHERE status = 'queued' ORDER BY id LIMIT 1)
             RETURNING id, keyboard, layout, config",
        )?
        .query_map([worker], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    table.prepare_cached("COMMIT")?.execute([])?;
    Ok(taken.into_iter().next())
}
