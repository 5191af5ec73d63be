//! Places in the queue, from a snapshot that is at most a second old: never a count for each poll.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::Mutex;

use super::{Result, Store, durations::Durations};
use crate::job::JobId;

const FRESH: Duration = Duration::from_secs(1);

/// What a running build still takes that has taken longer than others of its kind.
const OVERDUE: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Snapshot {
    taken: Mutex<Option<(Instant, Arc<Order>)>>,
}

#[derive(Default)]
struct Order {
    places: HashMap<String, Place>,
    behind_all: Place,
    a_build: Duration,
    slots: u32,
}

/// A waiting build's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// 1: the next one.
    pub position: u64,
    /// Seconds until it ends, by what recent builds of its keyboard and controller took, and of those before it.
    pub eta_seconds: u64,
}

impl Place {
    fn at(position: u64, ends_in: Duration) -> Self {
        Self {
            position,
            eta_seconds: whole_seconds(ends_in).as_secs(),
        }
    }

    /// The same estimate as a length of time.
    pub(super) fn eta(self) -> Duration {
        Duration::from_secs(self.eta_seconds)
    }
}

/// When the next running build will have ended, by what recent builds took: then a place in the queue is free.
pub(super) async fn next_end(store: &Store) -> Result<Duration> {
    let order = current(store).await?;
    Ok(whole_seconds(order.a_build / order.slots))
}

/// Where a waiting build stands in the queue. One that came after the snapshot stands behind all that
/// are in it.
///
/// # Errors
/// When the table cannot be read.
pub async fn place(store: &Store, id: JobId) -> Result<Place> {
    let order = current(store).await?;
    let place = order.places.get(&id.to_string());
    Ok(place.copied().unwrap_or(order.behind_all))
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
    let durations = Durations::read(table)?;
    let slots = slots(table)?;
    let mut slots_in_use = Slots::of(slots, still_running(table, &durations)?);
    let mut places = HashMap::new();
    let mut waiting = table.prepare_cached(
        "SELECT id, keyboard, controller FROM jobs WHERE status = 'queued' AND due_at IS NULL AND compares IS NULL
         ORDER BY priority, turn, id",
    )?;
    let mut rows = waiting.query([])?;
    let mut next_position = 1;
    while let Some(row) = rows.next()? {
        let end = slots_in_use.end_of_next(durations.of(row.get(1)?, row.get(2)?));
        places.insert(row.get(0)?, Place::at(next_position, end));
        next_position += 1;
    }
    let end = slots_in_use.end_of_next(durations.of_any());
    Ok(Order {
        places,
        behind_all: Place::at(next_position, end),
        a_build: durations.of_any(),
        slots,
    })
}

/// Builds that the workers seen lately do at once; one where there is none, so that there is an estimate at all.
fn slots(table: &Connection) -> Result<u32> {
    let slots: u32 = table
        .prepare_cached(
            "SELECT coalesce(sum(slots), 0) FROM workers WHERE stopping = 0 AND draining = 0 AND seen_at > ?1",
        )?
        .query_row(
            [super::now() - super::millis(super::workers::LATELY)],
            |row| row.get(0),
        )?;
    Ok(slots.max(1))
}

/// What each running build still takes. A comparison takes nothing, as it gives its slot up.
fn still_running(table: &Connection, durations: &Durations) -> Result<Vec<Duration>> {
    let now = super::now();
    let mut running = table.prepare_cached(
        "SELECT keyboard, controller, started_at FROM jobs WHERE status = 'running' AND compares IS NULL",
    )?;
    let mut rows = running.query([])?;
    let mut left = Vec::new();
    while let Some(row) = rows.next()? {
        let started_at: i64 = row.get(2)?;
        let ran = Duration::from_millis(u64::try_from(now - started_at).unwrap_or_default());
        let whole = durations.of(row.get(0)?, row.get(1)?);
        left.push(whole.saturating_sub(ran).max(OVERDUE));
    }
    Ok(left)
}

/// When each slot is free, seen from now. Builds are put into them in their order, as the workers do.
struct Slots {
    free_in: BinaryHeap<Reverse<Duration>>,
}

impl Slots {
    /// `slots` of them, of which some are in use still that long. More may run than there are, where a worker leaves.
    fn of(slots: u32, mut in_use: Vec<Duration>) -> Self {
        let slots = slots as usize;
        in_use.sort_unstable();
        let too_many = in_use.len().saturating_sub(slots);
        let mut free_in = in_use.split_off(too_many);
        free_in.resize(slots, Duration::ZERO);
        Self {
            free_in: free_in.into_iter().map(Reverse).collect(),
        }
    }

    /// Puts one more build into the slot that is free first, and says when it will have ended.
    fn end_of_next(&mut self, takes: Duration) -> Duration {
        let Reverse(start) = self.free_in.pop().unwrap_or_default();
        self.free_in.push(Reverse(start + takes));
        start + takes
    }
}

fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_millis().div_ceil(1000) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(slots: u32, in_use: &[u64], waiting: &[u64]) -> Vec<u64> {
        let in_use = in_use.iter().copied().map(Duration::from_secs).collect();
        let mut slots = Slots::of(slots, in_use);
        let mut end = |takes| slots.end_of_next(Duration::from_secs(takes)).as_secs();
        waiting.iter().map(|takes| end(*takes)).collect()
    }

    #[test]
    fn each_build_starts_when_the_first_slot_is_free() {
        assert_eq!(ends(1, &[], &[5, 7]), [5, 12]);
        assert_eq!(ends(2, &[], &[60, 5, 5, 5]), [60, 5, 10, 15]);
        assert_eq!(ends(2, &[30, 4], &[10, 10, 10]), [14, 24, 34]);
    }

    #[test]
    fn a_slot_that_is_going_takes_nothing_new() {
        assert_eq!(ends(1, &[3, 9], &[10]), [19], "the second still runs");
    }
}
