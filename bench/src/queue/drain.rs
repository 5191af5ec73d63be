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
    measure::{Compared, Unit, in_turns},
    run::Bench,
};

/// Longer than any round.
const LEASE: Duration = Duration::from_hours(1);

/// Ours beside the hand-written loop that ends one build and takes the next in one transaction.
pub(crate) fn vs_limit(bench: &Bench, processes: usize) -> anyhow::Result<Compared> {
    let runtime = Runtime::new()?;
    let count = bench.size(10_000);
    let ours = || {
        let directory = bench.fresh()?;
        enqueue::rate(&runtime, directory.path(), super::builds(256, count / 256))?;
        let role = Role::Drain {
            directory: directory.path().to_owned(),
        };
        rate(&role, processes)
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
    Ok(Compared {
        name: format!("drain_{processes}_vs_limit"),
        unit: Unit::PerSecond,
        other_is: "a hand-written loop, one transaction for each build",
        ours,
        others,
    })
}

/// Builds per second, by so many processes in this role.
fn rate(role: &Role, processes: usize) -> anyhow::Result<f64> {
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
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    Ok(ended as f64 / began.elapsed().as_secs_f64())
}

/// In a process of its own: takes and ends builds as our workers do, until none waits, and says how many.
pub(crate) fn drain(directory: &Path) -> anyhow::Result<()> {
    Runtime::new()?.block_on(async {
        let store = Store::open(directory).await?;
        let worker = uuid::Uuid::now_v7().to_string();
        child::ready()?;
        let mut ended = 0_usize;
        while let Some(claimed) = claim_next(&store, &worker, LEASE).await? {
            let recorded = finish(&store, &claimed.held, firmware()).await?;
            anyhow::ensure!(recorded == Recorded::Yes, "the lease was lost");
            ended += 1;
        }
        child::say(ended)
    })
}
