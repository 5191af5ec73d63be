//! Places in the queue, from a snapshot that is at most a second old: never a count for each poll.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::Mutex;

use super::{Result, Store};
use crate::job::JobId;

const FRESH: Duration = Duration::from_secs(1);

/// Builds whose durations make the estimate, newest first.
const SAMPLE: u32 = 20;

/// The estimate of a build's duration while nothing has been measured yet.
const UNKNOWN_DURATION: f64 = 10.0;

#[derive(Default)]
pub(super) struct Snapshot {
    taken: Mutex<Option<(Instant, Arc<Order>)>>,
}

#[derive(Default)]
struct Order {
    places: HashMap<String, u64>,
    seconds_a_build: f64,
    slots: u64,
}

/// A waiting build's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// 1: the next one.
    pub position: u64,
    /// Seconds until it ends, by what recent builds took.
    pub eta_seconds: u64,
}

impl Place {
    /// The same estimate as a length of time.
    pub(super) fn eta(self) -> Duration {
        Duration::from_secs(self.eta_seconds)
    }
}

/// When the next running build will have ended, by what recent builds took: then a place in the queue is free.
pub(super) async fn next_end(store: &Store) -> Result<Duration> {
    let order = current(store).await?;
    let between = order.seconds_a_build / order.slots.max(1) as f64;
    Ok(Duration::from_secs(between.ceil() as u64))
}

/// Where a waiting build stands in the queue. One that came after the snapshot stands behind all that
/// are in it.
///
/// # Errors
/// When the table cannot be read.
pub async fn place(store: &Store, id: JobId) -> Result<Place> {
    let order = current(store).await?;
    let behind_all = || order.places.len() as u64 + 1;
    let position = order
        .places
        .get(&id.to_string())
        .copied()
        .unwrap_or_else(behind_all);
    let rounds = position.div_ceil(order.slots.max(1));
    let eta_seconds = (rounds as f64 * order.seconds_a_build).ceil() as u64;
    Ok(Place {
        position,
        eta_seconds,
    })
}

async fn current(store: &Store) -> Result<Arc<Order>> {
    // Held over the look, so that those who come meanwhile share it.
    let mut taken = store.inner.order.taken.lock().await;
    if let Some((at, order)) = &*taken
        && at.elapsed() < FRESH
    {
        return Ok(Arc::clone(order));
    }
    let order = Arc::new(store.read(take).await?);
    *taken = Some((Instant::now(), Arc::clone(&order)));
    Ok(order)
}

fn take(table: &Connection) -> Result<Order> {
    let mut places = HashMap::new();
    let mut waiting = table.prepare_cached(
        "SELECT id FROM jobs WHERE status = 'queued' AND due_at IS NULL ORDER BY priority, turn, id",
    )?;
    for (id, position) in waiting.query_map([], |row| row.get(0))?.zip(1..) {
        places.insert(id?, position);
    }
    let seconds_a_build: Option<f64> = table
        .prepare_cached(
            "SELECT avg(finished_at - started_at) / 1000.0
             FROM (SELECT finished_at, started_at FROM jobs WHERE status = 'succeeded' ORDER BY id DESC LIMIT ?1)",
        )?
        .query_row([SAMPLE], |row| row.get(0))?;
    let slots: u64 = table
        .prepare_cached(
            "SELECT coalesce(sum(slots), 0) FROM workers WHERE stopping = 0 AND draining = 0 AND seen_at > ?1",
        )?
        .query_row(
            [super::now() - super::millis(super::workers::LATELY)],
            |row| row.get(0),
        )?;
    Ok(Order {
        places,
        seconds_a_build: seconds_a_build.unwrap_or(UNKNOWN_DURATION),
        slots,
    })
}
