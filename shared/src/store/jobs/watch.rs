//! Waiting for a build to change, without asking the table all the time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

use super::{
    super::{Result, Store, wake},
    show::{Build, show},
};
use crate::job::JobId;

/// A look at the table in case that a wake-up got lost.
const SLOW_LOOK: Duration = Duration::from_secs(2);

/// Who waits for which build in this process.
#[derive(Clone, Default)]
pub struct Changes {
    waiting: Arc<Mutex<HashMap<JobId, Arc<Notify>>>>,
}

impl Changes {
    /// Starts to listen for the workers' wake-ups.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn listen(store: &Store) -> std::io::Result<Self> {
        let changes = Self::default();
        let listener = wake::Listener::bind(
            store.wake_directory(),
            wake::Role::Api,
            &Uuid::now_v7().to_string(),
        )?;
        let waiting = Arc::downgrade(&changes.waiting);
        tokio::spawn(async move {
            loop {
                let signal = listener.next().await;
                let Some(waiting) = waiting.upgrade() else {
                    return;
                };
                if let wake::Signal::Changed(id) = signal {
                    Self { waiting }.wake(id);
                }
            }
        });
        Ok(changes)
    }

    fn wake(&self, id: JobId) {
        if let Some(waiters) = self.lock().get(&id) {
            waiters.notify_waiters();
        }
    }

    fn watch(&self, id: JobId) -> Watched {
        let waiters = Arc::clone(self.lock().entry(id).or_default());
        Watched {
            changes: self.clone(),
            id,
            waiters,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, Arc<Notify>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One waiter's place. The last one to leave takes the entry along.
struct Watched {
    changes: Changes,
    id: JobId,
    waiters: Arc<Notify>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut waiting = self.changes.lock();
        // Two: this one and the one in the map.
        if Arc::strong_count(&self.waiters) == 2 {
            waiting.remove(&self.id);
        }
    }
}

/// The build as soon as `enough` says so, or as it is at the deadline. `None` where there is none.
///
/// # Errors
/// When the table cannot be read.
pub async fn wait_until(
    store: &Store,
    changes: &Changes,
    id: JobId,
    enough: impl Fn(&Build) -> bool + Send,
    deadline: Instant,
) -> Result<Option<Build>> {
    let watched = changes.watch(id);
    loop {
        // Registered before the look, so that a change between look and wait is not missed.
        let mut change = std::pin::pin!(watched.waiters.notified());
        change.as_mut().enable();
        match show(store, id).await? {
            Some(build) if !enough(&build) && Instant::now() < deadline => {
                let look = deadline.min(Instant::now() + SLOW_LOOK);
                // An end of the pause is as good as a wake-up: either way the table is looked at.
                drop(tokio::time::timeout_at(look, change).await);
            }
            found => return Ok(found),
        }
    }
}
