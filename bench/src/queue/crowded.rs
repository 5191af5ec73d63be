//! What many rows cost those that come and go: builds that have ended, and builds that wait.

use std::path::Path;

use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{drain, enqueue};
use crate::{
    child::Role,
    crowd::{self, Crowd},
    measure::{each, in_turns},
    measured::{Goal, Measured, Unit},
    run::Bench,
};

/// Producers, as in the other comparisons.
const PRODUCERS: usize = 16;

/// They cost less than a tenth.
const GOAL: Goal = Goal::RatioAtLeast(0.9);

/// A table with something in it, beside an empty one.
#[derive(Clone, Copy)]
pub(crate) enum With {
    /// Builds that have ended.
    AMillionFinished,
    /// Builds that wait.
    AHundredThousandWaiting,
}

impl With {
    const fn words(self) -> &'static str {
        match self {
            Self::AMillionFinished => "1_million_finished",
            Self::AHundredThousandWaiting => "100k_waiting",
        }
    }

    const fn crowd(self, bench: &Bench) -> Crowd {
        match self {
            Self::AMillionFinished => Crowd {
                finished: bench.size(1_000_000),
                waiting: 0,
            },
            Self::AHundredThousandWaiting => Crowd {
                finished: 0,
                waiting: bench.size(100_000),
            },
        }
    }

    /// The names of the results.
    pub(crate) fn names(self) -> [String; 2] {
        let words = self.words();
        [
            format!("enqueue_16_{words}_vs_empty"),
            format!("drain_1_{words}_vs_empty"),
        ]
    }
}

/// Enqueueing and draining in a full table, beside an empty one.
pub(crate) fn vs_empty(bench: &Bench, with: With) -> anyhow::Result<Vec<Measured>> {
    let runtime = Runtime::new()?;
    let table = |crowd| -> anyhow::Result<TempDir> {
        let directory = bench.fresh()?;
        crowd::fill(directory.path(), crowd, &super::config())?;
        Ok(directory)
    };
    let full = table(with.crowd(bench))?;
    let empty = table(Crowd {
        finished: 0,
        waiting: 0,
    })?;
    let each_producer = bench.commits() / PRODUCERS;
    let round = |directory: &Path| round(&runtime, directory, each_producer);
    let (ours, others) = in_turns(
        bench.rounds(),
        || round(full.path()),
        || round(empty.path()),
    )?;
    let of = |name: String, rate: fn(&Rates) -> f64| {
        Measured::alone(name, Unit::PerSecond, each(&ours, rate))
            .beside("the same in an empty table", each(&others, rate))
            .with_goal(GOAL)
    };
    let [enqueue, drain] = with.names();
    Ok(vec![
        of(enqueue, |rates| rates.enqueue),
        of(drain, |rates| rates.drain),
    ])
}

/// Builds a second.
struct Rates {
    enqueue: f64,
    drain: f64,
}

/// Some come and as many go, so that the table is as full after as before.
fn round(runtime: &Runtime, directory: &Path, each: usize) -> anyhow::Result<Rates> {
    let enqueue = enqueue::rate(runtime, directory, super::builds(PRODUCERS, each))?;
    let drain = drain::rate(&Role::drain(directory, PRODUCERS * each), 1)?;
    Ok(Rates { enqueue, drain })
}
