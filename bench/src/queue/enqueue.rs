//! Builds that come in at once, each answered when it is on the disk.

use std::{path::Path, time::Instant};

use shared::store::{
    Store,
    jobs::{Hold, Limits, NewBuild, admit},
};
use tokio::runtime::Runtime;

use crate::{
    limit,
    measure::{in_turns, per_second},
    measured::{Measured, Unit},
    peer,
    run::Bench,
};

/// Room for all.
const LIMITS: Limits = Limits {
    per_client: u32::MAX,
    in_all: u32::MAX,
};

/// Ours beside the hand-written group commit.
pub(crate) fn vs_limit(bench: &Bench, producers: usize) -> anyhow::Result<Vec<Measured>> {
    let runtime = Runtime::new()?;
    let each = each(bench, producers);
    let (ours, others) = in_turns(
        bench.rounds(),
        || {
            rate(
                &runtime,
                bench.fresh()?.path(),
                super::builds(producers, each),
            )
        },
        || {
            limit::enqueue::rate(
                &runtime,
                bench.fresh()?.path(),
                super::builds(producers, each),
            )
        },
    )?;
    let name = format!("enqueue_{producers}_vs_limit");
    let measured = Measured::alone(name, Unit::PerSecond, ours)
        .beside("a hand-written group commit of one row", others)
        .at("enqueue", "producers", producers);
    Ok(vec![measured])
}

/// Ours beside apalis on SQLite, as durable.
pub(crate) fn vs_apalis(bench: &Bench, producers: usize) -> anyhow::Result<Vec<Measured>> {
    let runtime = Runtime::new()?;
    let apalis = peer::Apalis::built()?;
    // Its producers commit one by one, so that they get through fewer than in the other comparisons.
    let each = bench.commits() / producers;
    let (ours, others) = in_turns(
        bench.rounds(),
        || {
            let builds = super::builds(producers, each);
            rate(&runtime, bench.fresh()?.path(), builds)
        },
        || apalis.enqueue(bench.fresh()?.path(), producers, each, &super::config()),
    )?;
    let name = format!("enqueue_{producers}_vs_apalis");
    let measured = Measured::alone(name, Unit::PerSecond, ours)
        .beside("apalis on SQLite, synchronous in full", others);
    Ok(vec![measured])
}

/// A producer waits for each of its builds, and there is an end to what many of them make.
fn each(bench: &Bench, producers: usize) -> usize {
    let most = bench.size(12_000) / producers;
    bench.commits().min(most).max(20)
}

/// Builds per second, through the same door as the API's.
pub(crate) fn rate(
    runtime: &Runtime,
    directory: &Path,
    lists: Vec<Vec<NewBuild>>,
) -> anyhow::Result<f64> {
    let count: usize = lists.iter().map(Vec::len).sum();
    runtime.block_on(async {
        let store = Store::open(directory).await?;
        let began = Instant::now();
        let mut producers = tokio::task::JoinSet::new();
        for list in lists {
            let store = store.clone();
            producers.spawn(async move {
                for build in list {
                    admit(&store, build, LIMITS, Hold::UntilItLeaves).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = producers.join_next().await {
            ended??;
        }
        Ok(per_second(count, began.elapsed()))
    })
}
