//! The builds that this worker has under way, and how it comes to more of them.

use std::{sync::Arc, time::Duration};

use shared::store::{StoreError, jobs};
use tokio::task::JoinSet;
use tracing::{error, info};

use crate::{
    comparing, container::ContainerRuntime, context::Context, execute, lease::LEASE, orphans,
};

/// A look at the table in case that a wake-up got lost, and at builds whose worker may have died.
const SLOW_LOOK: Duration = Duration::from_secs(1);

/// What a look for a job found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A job.
    Ran,
    /// No job, or none that this worker could build just now.
    NothingWaiting,
}

/// The builds under way.
pub(crate) struct Slots<R> {
    context: Arc<Context<R>>,
    running: JoinSet<()>,
    /// Held by each comparison that is under way.
    comparisons: Arc<()>,
}

impl<R: ContainerRuntime> Slots<R> {
    pub(crate) fn of(context: Arc<Context<R>>) -> Self {
        Self {
            context,
            running: JoinSet::new(),
            comparisons: Arc::default(),
        }
    }

    /// Takes builds as long as there are slots, until this worker leaves.
    pub(crate) async fn keep_filled(&mut self) {
        while !self.context.leaving.is_cancelled() {
            // Registered before the look, so that work between look and wait is not missed.
            let context = Arc::clone(&self.context);
            let mut woken = std::pin::pin!(context.work.notified());
            woken.as_mut().enable();
            if let Err(error) = self.fill().await {
                error!(%error, "The table could not be asked for work");
            }
            context.prepared.set_running(self.running.len());
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep(SLOW_LOOK) => {}
                () = context.leaving.cancelled() => {}
                Some(ended) = self.running.join_next() => say_how(ended),
            }
        }
    }

    /// Waits until nothing is under way any more.
    pub(crate) async fn ended(&mut self) {
        while let Some(ended) = self.running.join_next().await {
            say_how(ended);
        }
    }

    async fn fill(&mut self) -> Result<(), StoreError> {
        self.adopt().await?;
        while self.running.len() < self.context.me.slots {
            if self.take_one().await? == Step::NothingWaiting {
                return Ok(());
            }
        }
        // Nobody waits for a comparison.
        if Arc::strong_count(&self.comparisons) > 1 && self.context.trouble().is_none() {
            comparing::give_way(&self.context).await?;
        }
        Ok(())
    }

    /// Takes on what runs and is nobody's, also beyond the slots: it runs anyway, and somebody has to watch
    /// its limits. Nothing new is taken until there is a slot again.
    pub(crate) async fn adopt(&mut self) -> Result<(), StoreError> {
        for taken_on in orphans::adopt(&self.context).await? {
            let compares = taken_on.adopted.claimed.compares.is_some();
            let run = execute::go_on(Arc::clone(&self.context), taken_on);
            self.see_through(run, compares);
        }
        Ok(())
    }

    /// Takes the next job, if one waits and nothing keeps this worker from building.
    pub(crate) async fn take_one(&mut self) -> Result<Step, StoreError> {
        let context = &self.context;
        if context.trouble().is_some() || context.leaving.is_cancelled() {
            return Ok(Step::NothingWaiting);
        }
        let Some(claimed) = jobs::claim_next(&context.store, &context.me.id, LEASE).await? else {
            return Ok(Step::NothingWaiting);
        };
        let compares = claimed.compares;
        info!(
            job.id = %claimed.held.id, keyboard = claimed.keyboard, attempt = claimed.attempts + 1,
            compares = compares.map(|warm| warm.to_string()), "Took a build"
        );
        if compares.is_none() {
            context.prepared.wanted(&claimed.image);
        }
        let run = execute::execute(Arc::clone(context), claimed);
        self.see_through(run, compares.is_some());
        Ok(Step::Ran)
    }

    fn see_through(&mut self, run: impl Future<Output = ()> + Send + 'static, compares: bool) {
        let held = compares.then(|| Arc::clone(&self.comparisons));
        self.running.spawn(async move {
            run.await;
            drop(held);
        });
    }
}

/// A build that panicked out of everything is rescued as one of a worker that died.
fn say_how(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(%error, "A build panicked, its slot goes on with the next");
    }
}
