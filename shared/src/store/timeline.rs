//! How the last hour, day and month went: what ended, and how long builds waited and took. It is read from small
//! histograms that the table keeps as builds end, and never from the builds themselves.

use std::{collections::BTreeMap, time::Duration};

use rusqlite::{Connection, params};

use super::{Result, Store, now};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How long minutes are kept: a plot of an hour needs one, and who comes an hour late still sees it.
const MINUTES_KEPT: i64 = 6 * HOUR;

/// How long hours are kept: a month, and the day that is under way.
const HOURS_KEPT: i64 = 32 * DAY;

/// What is longer is told as this: the last bound but the one that has no end.
const LONGEST: i64 = 100_000_000;

/// A stretch of time up to now, in equal steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The last hour by minutes.
    Hour,
    /// The last day by hours.
    Day,
    /// The last thirty days by days, which begin at midnight UTC.
    Month,
}

impl Window {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Month];

    /// The length of a step in milliseconds.
    #[must_use]
    pub const fn step(self) -> i64 {
        match self {
            Self::Hour => MINUTE,
            Self::Day => HOUR,
            Self::Month => DAY,
        }
    }

    /// How many steps it has; the last of them is under way.
    #[must_use]
    pub const fn steps(self) -> i64 {
        match self {
            Self::Hour => 60,
            Self::Day => 24,
            Self::Month => 30,
        }
    }

    const fn span(self) -> &'static str {
        match self {
            Self::Hour => "minute",
            Self::Day | Self::Month => "hour",
        }
    }
}

/// What happened in a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// Which.
    pub window: Window,
    /// Its steps, oldest first, also those in which nothing ended.
    pub steps: Vec<Step>,
    /// All of it together; it begins with the first step.
    pub whole: Step,
}

/// What ended in one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// When it began, in milliseconds since 1970, UTC.
    pub start: i64,
    /// Builds with firmware.
    pub succeeded: u64,
    /// Builds without.
    pub failed: u64,
    /// Builds that nobody wanted any more.
    pub cancelled: u64,
    /// From the request to the claim by a worker.
    pub waited: Option<Quantiles>,
    /// From the claim to the end.
    pub took: Option<Quantiles>,
}

impl Step {
    /// All that ended.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.succeeded + self.failed + self.cancelled
    }
}

/// How long most builds needed. Rounded up to a bound of the histogram: by a quarter at most, above ten milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// Half of them needed no more.
    pub p50: Duration,
    /// Nineteen of twenty needed no more.
    pub p95: Duration,
}

/// What is counted of a step while it is read.
#[derive(Default)]
struct Counts {
    outcomes: BTreeMap<String, u64>,
    waited: BTreeMap<i64, u64>,
    took: BTreeMap<i64, u64>,
}

/// What happened in each window up to now.
///
/// # Errors
/// When the table cannot be read.
pub async fn timelines(store: &Store) -> Result<[Timeline; 3]> {
    store
        .read(|table| {
            let [hour, day, month] = Window::ALL.map(|window| timeline(table, window));
            Ok([hour?, day?, month?])
        })
        .await
}

fn timeline(table: &Connection, window: Window) -> Result<Timeline> {
    let step = window.step();
    let first = now() / step * step - (window.steps() - 1) * step;
    let mut found: BTreeMap<i64, Counts> = BTreeMap::new();
    let mut whole = Counts::default();
    let mut statement = table.prepare_cached(
        "SELECT start - start % ?3 AS step, what, at_most, sum(builds) FROM timeline
         WHERE span = ?1 AND start >= ?2 GROUP BY step, what, at_most",
    )?;
    let mut rows = statement.query(params![window.span(), first, step])?;
    while let Some(row) = rows.next()? {
        let what: String = row.get(1)?;
        let (start, at_most, builds) = (row.get(0)?, row.get(2)?, row.get(3)?);
        found.entry(start).or_default().add(&what, at_most, builds);
        whole.add(&what, at_most, builds);
    }
    let starts = (0..window.steps()).map(|number| first + number * step);
    let steps = starts.map(|start| found.remove(&start).unwrap_or_default().step(start));
    Ok(Timeline {
        window,
        steps: steps.collect(),
        whole: whole.step(first),
    })
}

impl Counts {
    fn add(&mut self, what: &str, at_most: i64, builds: u64) {
        let count = match what {
            "waited" => self.waited.entry(at_most).or_default(),
            "took" => self.took.entry(at_most).or_default(),
            _ => self.outcomes.entry(what.to_owned()).or_default(),
        };
        *count += builds;
    }

    fn step(self, start: i64) -> Step {
        let ended = |outcome: &str| self.outcomes.get(outcome).copied().unwrap_or_default();
        Step {
            start,
            succeeded: ended("succeeded"),
            failed: ended("failed"),
            cancelled: ended("cancelled"),
            waited: Quantiles::of(&self.waited),
            took: Quantiles::of(&self.took),
        }
    }
}

impl Quantiles {
    fn of(histogram: &BTreeMap<i64, u64>) -> Option<Self> {
        Some(Self {
            p50: quantile(histogram, 50)?,
            p95: quantile(histogram, 95)?,
        })
    }
}

/// The bound below which so many of a hundred are.
fn quantile(histogram: &BTreeMap<i64, u64>, percent: u64) -> Option<Duration> {
    let all: u64 = histogram.values().sum();
    let rank = (all * percent).div_ceil(100);
    let mut below = 0;
    let (bound, _) = histogram.iter().find(|(_, builds)| {
        below += **builds;
        below >= rank
    })?;
    let bound = u64::try_from((*bound).min(LONGEST)).unwrap_or_default();
    Some(Duration::from_millis(bound))
}

/// Removes what no plot shows any more: the oldest minute and the oldest hour, where they are old enough. Gives the
/// number of rows.
///
/// # Errors
/// When the table cannot be written: nothing is removed then.
pub async fn drop_oldest(store: &Store) -> Result<usize> {
    store
        .write(move |table| {
            let mut delete = table.prepare_cached(
                "DELETE FROM timeline
                 WHERE span = ?1 AND start = (SELECT min(start) FROM timeline WHERE span = ?1) AND start < ?2",
            )?;
            let minutes = delete.execute(params!["minute", now() - MINUTES_KEPT])?;
            let hours = delete.execute(params!["hour", now() - HOURS_KEPT])?;
            Ok(minutes + hours)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(histogram: &[(i64, u64)], percent: u64) -> Option<u64> {
        let histogram = histogram.iter().copied().collect();
        quantile(&histogram, percent).map(|found| found.as_secs())
    }

    #[test]
    fn a_quantile_is_the_first_bound_that_enough_builds_keep() {
        let builds = [(1000, 9), (2000, 9), (3000, 1), (4000, 1)];
        assert_eq!(seconds(&builds, 50), Some(2));
        assert_eq!(seconds(&builds, 95), Some(3));
        assert_eq!(seconds(&[(5000, 1)], 50), Some(5), "of one it is that one");
        assert_eq!(seconds(&[(i64::MAX, 1)], 95), Some(100_000));
        assert_eq!(seconds(&[], 95), None);
    }
}
