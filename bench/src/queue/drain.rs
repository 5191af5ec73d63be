//! Builds that go out: taken and ended by worker processes that have nothing else to do.

use std::{path::Path, time::Duration, time::Instant};

use harness::store::firmware;
use shared::store::{
    Store,
    jobs::{Recorded, claim_next, finish},
};
use tokio::runtime::Runtime;

use super::enqueue;
use crate::{
    child::{self, Process, Role},
    limit,
    measure::{in_turns, per_second},
    measured::{Measured, Unit},
    run::Bench,
};

/// Longer than any round.
const LEASE: Duration = Duration::from_hours(1);

/// Ours beside the hand-written loop that ends one build and takes the next in one transaction.
pub(crate) fn vs_limit(bench: &Bench, processes: usize) -> anyhow::Result<Vec<Measured>> {
    let runtime = Runtime::new()?;
    let count = bench.commits();
    let ours = || {
        let directory = bench.fresh()?;
        enqueue::rate(&runtime, directory.path(), super::builds(64, count / 64))?;
        rate(&Role::drain(directory.path(), count), processes)
    };
    let other = || {
        let directory = bench.fresh()?;
        limit::drain::fill(directory.path(), count, &super::config())?;
        let role = Role::DrainByHand {
            directory: directory.path().to_owned(),
        };
        rate(&role, processes)
    };
    let (ours, others) = in_turns(bench.rounds(), ours, other)?;
    let name = format!("drain_{processes}_vs_limit");
    let measured = Measured::alone(name, Unit::PerSecond, ours)
        .beside(
            "a hand-written loop, one transaction for each build",
            others,
        )
        .at("drain", "processes", processes);
    Ok(vec![measured])
}

/// Builds per second, by so many processes in this role.
pub(super) fn rate(role: &Role, processes: usize) -> anyhow::Result<f64> {
    let mut all = (0..processes)
        .map(|_| Process::start(role))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let began = Instant::now();
    for process in &mut all {
        process.go()?;
    }
    let mut ended = 0;
    for process in &mut all {
        ended += process.hear()?.parse::<usize>()?;
    }
    Ok(per_second(ended, began.elapsed()))
}

/// In a process of its own: takes and ends builds as our workers do, until it ended as many or none waits, and
/// says how many.
pub(crate) fn drain(directory: &Path, most: usize) -> anyhow::Result<()> {
    Runtime::new()?.block_on(async {
        let store = Store::open(directory).await?;
        let worker = uuid::Uuid::now_v7().to_string();
        child::ready()?;
        let mut ended = 0_usize;
        while ended < most {
            let Some(claimed) = claim_next(&store, &worker, LEASE).await? else {
                break;
            };
            let recorded = finish(&store, &claimed.held, firmware()).await?;
            anyhow::ensure!(recorded == Recorded::Yes, "the lease was lost");
            ended += 1;
        }
        child::say(ended)
    })
}
