//! Erasing all that is kept of one client, in pieces that hold up nobody.

use rusqlite::{Connection, params};
use serde_json::json;

use super::{
    super::{Result, Store, audit, jobs::show::id_from, statistics},
    erase,
};
use crate::{job::JobId, layout::Library};

/// Builds, and requests, in one transaction.
const PIECE: u32 = 100;

/// What was erased of a client, and what was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct OfClient {
    /// Builds that are gone.
    pub erased: u64,
    /// Builds that others asked for too. They stay, and say no more that this client did.
    pub shared: u64,
    /// Builds that have not ended.
    pub unfinished: u64,
}

/// Erases all ended builds of a client that nobody else asked for, and everything by which others could be known to be
/// its own. Who did it is written down, and of whom it was is not.
///
/// # Errors
/// When the table cannot be written: what was erased before stays so, and the rest is done when it is asked for again.
pub async fn forget_client(
    store: &Store,
    library: &Library,
    client: &str,
    who: &str,
) -> Result<OfClient> {
    let mut done = OfClient::default();
    loop {
        let wanted = client.to_owned();
        let builds = store.read(move |table| builds_of(table, &wanted)).await?;
        let is_last = builds.len() < PIECE as usize;
        let (client, library) = (client.to_owned(), library.clone());
        let (erased, shared) = store
            .write(move |table| {
                let mut piece = (0, 0);
                for &id in &builds {
                    if is_shared(table, id, &client)? {
                        part(table, id, &client)?;
                        piece.1 += 1;
                    } else {
                        erase(table, id, &library)?;
                        piece.0 += 1;
                    }
                }
                Ok(piece)
            })
            .await?;
        done.erased += erased;
        done.shared += shared;
        if is_last {
            break;
        }
    }
    while forget_requests(store, client).await? == PIECE as usize {}
    let (client, who) = (client.to_owned(), who.to_owned());
    store
        .write(move |table| {
            let done = OfClient {
                unfinished: last_traces(table, &client)?,
                ..done
            };
            audit::record(table, &who, ("forget", "a client"), &json!(done))?;
            Ok(done)
        })
        .await
}

/// Builds that have ended and that this client asked for, some of them.
fn builds_of(table: &Connection, client: &str) -> Result<Vec<JobId>> {
    table
        .prepare_cached(
            // By the table itself: every ended row is looked at, and an index of them would only be a way round.
            "SELECT id FROM jobs WHERE +finished_at IS NOT NULL AND jobs.client = ?1
             UNION
             SELECT id FROM participants JOIN jobs ON id = job_id
             WHERE participants.client = ?1 AND finished_at IS NOT NULL
             UNION
             SELECT jobs.id FROM requests JOIN jobs ON jobs.id = job_id
             WHERE requests.client = ?1 AND finished_at IS NOT NULL
             LIMIT ?2",
        )?
        .query_and_then(params![client, PIECE], |row| {
            id_from(&row.get::<_, String>(0)?)
        })?
        .collect()
}

/// Whether somebody else asked for it too. An empty client is one of whom nothing was written down.
fn is_shared(table: &Connection, id: JobId, client: &str) -> Result<bool> {
    Ok(table
        .prepare_cached(
            "SELECT 1 FROM participants
             WHERE job_id = ?1 AND left_at IS NULL AND client NOT IN (?2, '')
             UNION ALL
             SELECT 1 FROM requests WHERE job_id = ?1 AND client NOT IN (?2, '')",
        )?
        .exists(params![id.to_string(), client])?)
}

/// Parts a build that stays from a client.
fn part(table: &Connection, id: JobId, client: &str) -> Result<()> {
    statistics::catch_up(table)?;
    for statement in [
        "DELETE FROM requests WHERE job_id = ?1 AND client = ?2",
        "UPDATE participants SET client = '' WHERE job_id = ?1 AND client = ?2",
        "UPDATE jobs SET client = '' WHERE id = ?1 AND client = ?2",
    ] {
        table
            .prepare_cached(statement)?
            .execute(params![id.to_string(), client])?;
    }
    Ok(())
}

/// Requests whose builds have gone already, some of them. Gives the number.
async fn forget_requests(store: &Store, client: &str) -> Result<usize> {
    let client = client.to_owned();
    let found: Vec<i64> = store
        .read(move |table| {
            Ok(table
                .prepare_cached(
                    "SELECT id FROM requests
                     WHERE client = ?1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_id)
                     LIMIT ?2",
                )?
                .query_map(params![client, PIECE], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?)
        })
        .await?;
    store
        .write(move |table| {
            statistics::catch_up(table)?;
            let mut delete = table.prepare_cached("DELETE FROM requests WHERE id = ?1")?;
            for id in &found {
                delete.execute([id])?;
            }
            Ok(found.len())
        })
        .await
}

/// What is left besides builds and requests. Gives the number of builds that have not ended.
fn last_traces(table: &Connection, client: &str) -> Result<u64> {
    table
        .prepare_cached("DELETE FROM served WHERE client = ?1")?
        .execute([client])?;
    // The number of users stays.
    table
        .prepare_cached(
            "UPDATE counted_once SET name = lower(hex(randomblob(16))) WHERE kind = 'users' AND name = ?1",
        )?
        .execute([client])?;
    Ok(table
        .prepare_cached(
            "SELECT count(*) FROM jobs
             WHERE status IN ('queued', 'running')
               AND (jobs.client = ?1 OR EXISTS (SELECT 1 FROM participants WHERE job_id = jobs.id AND participants.client = ?1))",
        )?
        .query_row([client], |row| row.get(0))?)
}
