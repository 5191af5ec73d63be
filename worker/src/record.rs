//! A run's end goes into the table, and what no row names is removed. The log of this process says
//! each failure once, here.

use std::{sync::Arc, time::Duration};

use shared::{
    job::Outcome,
    store::{
        self, Store,
        comparisons::Compared,
        jobs::{self, Ended, Held, LettingGo, Pause, Recorded},
    },
};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::{
    artifact,
    blocking::blocking,
    comparing,
    container::ContainerRuntime,
    execute::{End, Leaving, Run},
    lease::LEASE,
    phases,
};

/// Between two tries to write an end down.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Records an end. One that cannot be written is no end: the lease runs out and the build is rescued.
pub(crate) async fn record<R: ContainerRuntime>(run: &Arc<Run<R>>, end: End, started: Instant) {
    let (store, held) = (&run.context.store, &run.claimed.held);
    let id = held.id;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let recorded = match end {
        End::Ended(outcome) => {
            say(run, &outcome, duration_ms);
            let recorded = finish_patiently(run, outcome).await;
            remove_unnamed(run, &recorded).await;
            recorded
        }
        End::Broken(detail) | End::Interrupted(detail) => {
            error!(job.id = %id, detail, "A build could not be carried out, it is tried again later");
            jobs::give_back(store, held, Pause::Growing, &detail)
                .await
                .map(|()| Recorded::Yes)
        }
        End::Left(Leaving::WorkerLeaves) => {
            info!(job.id = %id, "Gave a build back that had no container yet, as this worker leaves");
            jobs::give_back(store, held, Pause::None, "")
                .await
                .map(|()| Recorded::Yes)
        }
        End::Left(Leaving::LeaseLost) => Ok(Recorded::LeaseLost),
    };
    match recorded {
        Ok(Recorded::Yes) => {}
        Ok(Recorded::Compared(compared)) => comparing::say(&run.claimed, compared),
        Ok(Recorded::LeaseLost) if run.claimed.compares.is_some() => {
            info!(job.id = %id, "A comparison gave way, or was not wanted any more");
        }
        Ok(Recorded::LeaseLost) => {
            warn!(job.id = %id, "The build was cancelled or had gone to another worker, its end here counts for nothing");
        }
        Err(error) => {
            error!(job.id = %id, %error, "A build's end could not be written, it will be rescued");
        }
    }
}

/// Lets go of a build whose container runs on. `false`: it was not this worker's any more.
pub(crate) async fn let_go(store: &Store, held: &Held, why: LettingGo) -> bool {
    let id = held.id;
    match &why {
        LettingGo::Leaving => info!(job.id = %id, "Hands a running build over"),
        LettingGo::Trouble(detail) => {
            error!(job.id = %id, detail, "The engine lost sight of a build, which is looked for again later");
        }
    }
    match jobs::hand_over(store, held, why).await {
        Ok(handed_over) => handed_over,
        Err(error) => {
            error!(job.id = %id, %error, "A build could not be handed over, its lease ends by itself");
            true
        }
    }
}

fn say<R>(run: &Run<R>, outcome: &Outcome, duration_ms: u64) {
    let (claimed, prepared) = (&run.claimed, run.was_ready());
    let (id, keyboard, layout) = (claimed.held.id, &claimed.keyboard, &claimed.layout);
    match outcome {
        // How a comparison ended is said once it is known.
        Outcome::Built(_) if claimed.compares.is_some() => {}
        Outcome::Built(artifact) => {
            info!(job.id = %id, keyboard, layout, duration_ms, prepared, bytes = artifact.bytes, "Built {keyboard}-{layout} in {duration_ms} ms");
        }
        Outcome::Failed { reason, detail, .. } => {
            info!(job.id = %id, keyboard, layout, duration_ms, prepared, %reason, detail, "{keyboard}-{layout} was not built: {reason}");
        }
    }
}

/// A table that cannot be written for a moment shall not cost a whole build.
async fn finish_patiently<R: ContainerRuntime>(
    run: &Run<R>,
    outcome: Outcome,
) -> store::Result<Recorded> {
    let held = &run.claimed.held;
    let compare = comparing::is_drawn(run, &outcome).await;
    let give_up = Instant::now() + LEASE / 2;
    loop {
        let ended = Ended {
            container: phases::ended_ago(run),
            compare,
        };
        let recorded = jobs::finish_as(&run.context.store, held, outcome.clone(), ended);
        match recorded.await {
            Err(error) if Instant::now() < give_up => {
                warn!(job.id = %held.id, %error, "A build's end could not be written, trying again");
                tokio::time::sleep(TRY_AGAIN).await;
            }
            ended => return ended,
        }
    }
}

/// Removes the zips of lost claims: this one's, or those of earlier ones. An end that may or may not
/// have been written removes nothing.
async fn remove_unnamed<R: Send + Sync + 'static>(
    run: &Arc<Run<R>>,
    recorded: &store::Result<Recorded>,
) {
    let Ok(recorded) = *recorded else { return };
    let for_work = Arc::clone(run);
    let removed = blocking(move || {
        let (artifacts, held) = (&for_work.context.settings.artifacts, &for_work.claimed.held);
        match recorded {
            Recorded::Yes | Recorded::Compared(Compared::Different { .. }) => {
                artifact::keep_only(artifacts, held)
            }
            Recorded::Compared(_) | Recorded::LeaseLost => artifact::take_back(artifacts, held),
        }
    });
    if let Err(error) = removed.await.and_then(|removed| removed) {
        warn!(job.id = %run.claimed.held.id, %error, "A zip that no build names could not be removed");
    }
}
