//! Nothing to `queued`, for strangers: within limits, and with a way to leave again.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use super::{
    super::{Result, Store, queue_order, requests},
    enqueue::{Enqueued, NewBuild, Standing, insert, join},
    leave::{self, LeaveToken},
    show::id_from,
};
use crate::job::JobId;

/// How many builds may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of one client.
    pub per_client: u32,
    /// Of all together.
    pub in_all: u32,
}

/// How somebody holds on to a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Until its token is shown: it is told one.
    UntilItLeaves,
    /// For good: it has no way to say that it leaves.
    ForGood,
}

/// What became of the wish.
#[derive(Debug)]
pub enum Admitted {
    /// It is on the disk.
    Yes {
        /// The build.
        enqueued: Enqueued,
        /// What it may be left with. There is none for a build that has ended, or that is held for good.
        token: Option<LeaveToken>,
    },
    /// Too many builds of this client wait.
    TooManyOfClient {
        /// When one of them will have ended, by what recent builds took.
        retry_after: Duration,
    },
    /// Too many builds wait.
    TooManyInAll {
        /// When the next of them will have ended, by what recent builds took.
        retry_after: Duration,
    },
}

/// What the transaction decided.
enum Decided {
    Yes(Enqueued, Option<LeaveToken>),
    /// The client's first waiting build.
    TooManyOfClient(Option<JobId>),
    TooManyInAll,
}

/// Writes a build into the queue if the limits have room for a new one. To join one that is there needs no room.
///
/// # Errors
/// When the table cannot be written: then there is no such build.
pub async fn admit(store: &Store, build: NewBuild, limits: Limits, hold: Hold) -> Result<Admitted> {
    // In the transaction, so that requests at the same time cannot all take the last place.
    let decided = store
        .write_and_ring(
            move |table| decide(table, &build, limits, hold),
            |decided| match decided {
                Decided::Yes(enqueued, _) => enqueued.ring(),
                Decided::TooManyOfClient(_) | Decided::TooManyInAll => None,
            },
        )
        .await?;
    Ok(match decided {
        Decided::Yes(enqueued, token) => Admitted::Yes { enqueued, token },
        Decided::TooManyOfClient(first) => Admitted::TooManyOfClient {
            retry_after: match first {
                Some(first) => queue_order::place(store, first).await?.eta(),
                None => queue_order::next_end(store).await?,
            },
        },
        Decided::TooManyInAll => Admitted::TooManyInAll {
            retry_after: queue_order::next_end(store).await?,
        },
    })
}

fn decide(table: &Connection, build: &NewBuild, limits: Limits, hold: Hold) -> Result<Decided> {
    let standing = Standing::of(table, &build.client, limits.per_client)?;
    let enqueued = match join(table, build, standing.turn)? {
        Some((id, status)) => Enqueued::Joined(id, status),
        None if standing.of_client >= limits.per_client => {
            return Ok(Decided::TooManyOfClient(first_of(table, &build.client)?));
        }
        None if standing.in_all >= limits.in_all => return Ok(Decided::TooManyInAll),
        None => Enqueued::New(insert(table, build, standing.turn)?),
    };
    let token = match hold {
        Hold::UntilItLeaves => leave::stay_until_left(table, enqueued, &build.client)?,
        Hold::ForGood => {
            leave::stay_for_good(table, enqueued, &build.client)?;
            None
        }
    };
    requests::record(table, build, enqueued)?;
    Ok(Decided::Yes(enqueued, token))
}

/// The client's build that is taken next.
fn first_of(table: &Connection, client: &str) -> Result<Option<JobId>> {
    let first: Option<String> = table
        .prepare_cached(
            "SELECT id FROM jobs WHERE client = ?1 AND status = 'queued' ORDER BY turn LIMIT 1",
        )?
        .query_row([client], |row| row.get(0))
        .optional()?;
    first.map(|id| id_from(&id)).transpose()
}
