//! What those who watch a build are told of: one task for each watched build, however many watch it.
//!
//! The task looks at the row, at the build's place and at the length of its log, and keeps what it saw last where all
//! watchers see it. That is a state and no list of messages, so a slow watcher holds no memory: it goes on with what is
//! newest. The log's text does not pass through here. Each watcher reads the file from where it stands, which is in the
//! kernel's memory already and costs the table nothing. The last watcher to leave ends the task.

use std::{
    collections::HashMap,
    convert::Infallible,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use shared::{
    job::{JobId, Status},
    store::{
        jobs::{self, Build},
        queue_order::{self, Place},
    },
};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};

use crate::{error::Problem, handlers::builds, state::State};

/// Between two looks at the length of a log. A line is no later than that, and a look costs one call of the system.
const LOG_LOOK: Duration = Duration::from_millis(200);

/// Between two looks at a place, which is from a snapshot of that age.
const PLACE_LOOK: Duration = Duration::from_secs(1);

/// Waiting for a change has no end of its own; this is merely long.
const LONG: Duration = Duration::from_hours(1);

/// A pause after the table could not be read.
const AFTER_TROUBLE: Duration = Duration::from_secs(2);

/// The builds that are watched.
#[derive(Clone, Default)]
pub(crate) struct Feeds {
    /// The task alone holds its feed, so that one that panicked leaves no watcher waiting.
    watched: Arc<Mutex<HashMap<JobId, Weak<Feed>>>>,
}

type Feed = watch::Sender<Seen>;

/// A build as it was seen last.
#[derive(Clone)]
pub(crate) struct Seen {
    /// The row.
    pub(crate) build: Arc<Build>,
    /// The row as `GET /v1/builds/{id}` shows it.
    pub(crate) shown: Arc<str>,
    /// Its place, while it waits.
    pub(crate) place: Option<Place>,
    /// Bytes of its log. It is told so that watchers wake up; they read to the end of the file.
    log: u64,
}

impl Seen {
    async fn of(state: &State, build: Build) -> Result<Self, Problem> {
        let shown = shown(state, &build).await?;
        Ok(Self {
            build: Arc::new(build),
            shown,
            place: None,
            log: 0,
        })
    }
}

async fn shown(state: &State, build: &Build) -> Result<Arc<str>, Problem> {
    let view = builds::view(state, build, None).await?;
    let text = serde_json::to_string(&view).map_err(Problem::broken)?;
    Ok(text.into())
}

impl Feeds {
    /// What is seen of a build from now on. The sender is gone after the last change.
    ///
    /// # Errors
    /// When there is no such build, or the table cannot be read.
    pub(crate) async fn watch(
        &self,
        state: &State,
        id: JobId,
    ) -> Result<watch::Receiver<Seen>, Problem> {
        if let Some(seen) = self.join(id) {
            return Ok(seen);
        }
        let seen = Seen::of(state, builds::find(state, id).await?).await?;
        if seen.build.status.is_final() {
            // Nothing will change, so that nobody needs to look.
            return Ok(watch::Sender::new(seen).subscribe());
        }
        let mut watched = self.lock();
        // Another watcher may have come in between.
        if let Some(feed) = watched.get(&id).and_then(Weak::upgrade) {
            return Ok(feed.subscribe());
        }
        let feed = Arc::new(watch::Sender::new(seen));
        let seen = feed.subscribe();
        watched.insert(id, Arc::downgrade(&feed));
        tokio::spawn(keep_seeing(state.clone(), id, feed));
        Ok(seen)
    }

    fn join(&self, id: JobId) -> Option<watch::Receiver<Seen>> {
        let watched = self.lock();
        // Still under the lock, so that the task cannot find itself unwatched in between.
        let feed = watched.get(&id)?.upgrade()?;
        Some(feed.subscribe())
    }

    /// Ends a feed where nobody watches: looked at and taken out in one step, as somebody may be coming.
    fn end_if_unwatched(&self, id: JobId, feed: &Feed) -> bool {
        let mut watched = self.lock();
        let is_unwatched = feed.receiver_count() == 0;
        if is_unwatched {
            watched.remove(&id);
        }
        is_unwatched
    }

    fn end(&self, id: JobId) {
        self.lock().remove(&id);
    }

    /// How many builds are watched.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Weak<Feed>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks until the build has ended or nobody watches any more.
async fn keep_seeing(state: State, id: JobId, feed: Arc<Feed>) {
    loop {
        tokio::select! {
            () = see_row(&state, id, &feed) => return state.feeds.end(id),
            never = see_log(&state, &feed) => match never {},
            never = see_place(&state, id, &feed) => match never {},
            () = feed.closed() => if state.feeds.end_if_unwatched(id, &feed) {
                return;
            }
        }
    }
}

/// Tells each change of the row, until it has ended or is removed.
async fn see_row(state: &State, id: JobId, feed: &Feed) {
    loop {
        let known = Arc::clone(&feed.borrow().build);
        if known.status.is_final() {
            return;
        }
        let deadline = Instant::now() + LONG;
        let changed = |build: &Build| *build != *known;
        let found = jobs::wait_until(&state.store, &state.changes, id, changed, deadline).await;
        let told = match found {
            Ok(None) => return,
            Ok(Some(build)) if *known == build => Ok(()),
            Ok(Some(build)) => Seen::of(state, build)
                .await
                .map(|seen| drop(feed.send_replace(seen))),
            Err(error) => Err(error.into()),
        };
        if let Err(problem) = told {
            problem.log();
            tokio::time::sleep(AFTER_TROUBLE).await;
        }
    }
}

/// Tells when the log has grown.
async fn see_log(state: &State, feed: &Feed) -> Infallible {
    let mut looks = tokio::time::interval(LOG_LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let (status, path) = {
            let seen = feed.borrow();
            (seen.build.status, log_of(&seen.build))
        };
        if status == Status::Running
            && let Ok(found) = tokio::fs::symlink_metadata(state.settings.logs.join(path)).await
        {
            feed.send_if_modified(|seen| {
                let has_grown = seen.log != found.len();
                seen.log = found.len();
                has_grown
            });
        }
    }
}

/// Tells the place of a build that waits.
async fn see_place(state: &State, id: JobId, feed: &Feed) -> Infallible {
    let mut looks = tokio::time::interval(PLACE_LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let known = Arc::clone(&feed.borrow().build);
        if known.status != Status::Queued {
            continue;
        }
        // A table that cannot be read is told of by whoever looks at the row.
        let Ok(place) = queue_order::place(&state.store, id).await else {
            continue;
        };
        let Ok(shown) = shown(state, &known).await else {
            continue;
        };
        feed.send_if_modified(|seen| {
            // The row may have changed during the look, and what was seen then is newer.
            let is_news = Arc::ptr_eq(&seen.build, &known) && seen.place != Some(place);
            if is_news {
                seen.place = Some(place);
                seen.shown = shown;
            }
            is_news
        });
    }
}

/// The log of a build's last claim, below the directory of logs.
pub(crate) fn log_of(build: &Build) -> PathBuf {
    PathBuf::from(build.id.to_string()).join(format!("{}.log", build.epoch))
}
