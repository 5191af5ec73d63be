//! One look at the table for all who watch the queue, however many they are and however often their browsers ask.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use shared::store::{
    jobs::{self, Filter, Overview},
    timeline::{self, Timeline},
    workers::{self, Seen},
};
use tokio::sync::Mutex;

use crate::{error::Problem, state::State};

/// Builds of each kind on a page.
pub(crate) const SHOWN: usize = 50;

/// However many watch, the table is looked at once in this time; browsers ask every two seconds.
const FRESH: Duration = Duration::from_secs(1);

/// A plot's shortest step is a minute.
const PLOTS_FRESH: Duration = Duration::from_secs(10);

/// What was shown last.
#[derive(Default)]
pub(crate) struct Console {
    queue: Last<Look>,
    plots: Last<[Timeline; 3]>,
}

/// The queue and the workers.
pub(crate) struct Look {
    pub(crate) overview: Overview,
    pub(crate) workers: Vec<Seen>,
}

/// What was seen last, and when.
struct Last<T>(Mutex<Option<(Instant, Arc<T>)>>);

impl<T> Default for Last<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Last<T> {
    /// What was seen within this time, or what is seen now.
    async fn within(
        &self,
        age: Duration,
        look: impl Future<Output = Result<T, Problem>>,
    ) -> Result<Arc<T>, Problem> {
        // Whoever asks at the same time waits here for the same look.
        let mut last = self.0.lock().await;
        if let Some((at, seen)) = &*last
            && at.elapsed() < age
        {
            return Ok(Arc::clone(seen));
        }
        let seen = Arc::new(look.await?);
        *last = Some((Instant::now(), Arc::clone(&seen)));
        Ok(seen)
    }
}

/// The queue as it is for everybody who looks for nothing in particular.
pub(crate) async fn queue(state: &State) -> Result<Arc<Look>, Problem> {
    let all = Filter {
        limit: SHOWN,
        ..Filter::default()
    };
    state.console.queue.within(FRESH, found(state, all)).await
}

/// The queue as far as somebody looks for it.
pub(crate) async fn found(state: &State, filter: Filter) -> Result<Look, Problem> {
    Ok(Look {
        overview: jobs::overview(&state.store, filter).await?,
        workers: workers::all(&state.store).await?,
    })
}

/// How the last hour, day and month went.
pub(crate) async fn plots(state: &State) -> Result<Arc<[Timeline; 3]>, Problem> {
    let look = async { Ok(timeline::timelines(&state.store).await?) };
    state.console.plots.within(PLOTS_FRESH, look).await
}
