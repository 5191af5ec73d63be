//! Builds that come in at once, each answered when it is on the disk.

use std::{path::Path, time::Instant};

use shared::store::{
    Store,
    jobs::{Hold, Limits, NewBuild, admit},
};
use tokio::runtime::Runtime;

use crate::{
    limit,
    measure::{Compared, Unit, in_turns},
    run::Bench,
};

/// Room for all.
const LIMITS: Limits = Limits {
    per_client: u32::MAX,
    in_all: u32::MAX,
};

/// Ours beside the hand-written group commit.
pub(crate) fn vs_limit(bench: &Bench, producers: usize) -> anyhow::Result<Compared> {
    let runtime = Runtime::new()?;
    let each = (bench.size(40_000) / producers).clamp(20, 4_000);
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
    Ok(Compared {
        name: format!("enqueue_{producers}_vs_limit"),
        unit: Unit::PerSecond,
        other_is: "a hand-written group commit of one row",
        ours,
        others,
    })
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
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        Ok(count as f64 / began.elapsed().as_secs_f64())
    })
}
