//! A claimed job with all that belongs to it while this worker has it.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use shared::store::jobs::{self, Adopted, Claimed};
use tokio::{sync::SetOnce, time::Instant};

use crate::{context::Context, mounts::BuildDirs};

/// A claim with all that belongs to it.
pub(crate) struct Run<R> {
    pub(crate) context: Arc<Context<R>>,
    pub(crate) claimed: Claimed,
    pub(crate) dirs: BuildDirs,
    pub(crate) log: PathBuf,
    /// How long the build had run when this worker came to it.
    pub(crate) ran_for: Duration,
    /// The claim that makes the container, or made it.
    pub(super) container_epoch: u32,
    container: Mutex<Option<String>>,
    /// Whether the row names the container, so that another worker could take it on.
    is_written_down: AtomicBool,
    /// Whether the container was ready before the build came.
    was_ready: AtomicBool,
    pub(crate) container_ended: OnceLock<Instant>,
    pub(super) leaving: SetOnce<Leaving>,
}

/// Why a run ends before its build does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// The job is somebody else's by now.
    LeaseLost,
    /// This worker leaves.
    WorkerLeaves,
}

impl<R> Run<R> {
    pub(super) fn of(context: Arc<Context<R>>, claimed: Claimed, container_epoch: u32) -> Self {
        let made_by = jobs::Held {
            epoch: container_epoch,
            ..claimed.held.clone()
        };
        Self {
            dirs: context
                .mapping
                .dirs_of(&context.store.service_id(), &made_by),
            log: context.log_path(&claimed.held),
            context,
            claimed,
            ran_for: Duration::ZERO,
            container_epoch,
            container: Mutex::new(None),
            is_written_down: AtomicBool::new(false),
            was_ready: AtomicBool::new(false),
            container_ended: OnceLock::new(),
            leaving: SetOnce::new(),
        }
    }

    /// The same for a container that another worker started.
    pub(super) fn of_adopted(context: Arc<Context<R>>, adopted: Adopted, was_ready: bool) -> Self {
        Self {
            ran_for: adopted.ran_for,
            container: Mutex::new(Some(adopted.container)),
            is_written_down: AtomicBool::new(true),
            was_ready: AtomicBool::new(was_ready),
            ..Self::of(context, adopted.claimed, adopted.container_epoch)
        }
    }

    /// The container that it runs in, from before it is written down until it is given up.
    pub(crate) fn container(&self) -> Option<String> {
        self.lock().clone()
    }

    /// It has this container, which is removed whatever happens from now on.
    pub(super) fn made(&self, container: &str) {
        *self.lock() = Some(container.to_owned());
    }

    /// The row names its container.
    pub(super) fn written_down(&self) {
        self.is_written_down.store(true, Ordering::Relaxed);
    }

    /// Whether the row names its container.
    pub(super) fn is_written_down(&self) -> bool {
        self.is_written_down.load(Ordering::Relaxed)
    }

    /// It runs in this container, which was ready and which its row names.
    pub(crate) fn has_container(&self, container: &str) {
        self.made(container);
        self.written_down();
        self.was_ready.store(true, Ordering::Relaxed);
    }

    /// The container is gone, and the build may have another one.
    pub(crate) fn has_no_container(&self) {
        *self.lock() = None;
        self.is_written_down.store(false, Ordering::Relaxed);
        self.was_ready.store(false, Ordering::Relaxed);
    }

    /// Whether the container was ready before the build came.
    pub(crate) fn was_ready(&self) -> bool {
        self.was_ready.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.container
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it has to leave.
    pub(crate) async fn left_early(&self) -> Leaving {
        *self.leaving.wait().await
    }

    /// Whether it has to, without waiting for the one who says so.
    pub(super) fn has_to_leave(&self) -> Option<Leaving> {
        let leaves = self.context.leaving.is_cancelled();
        let known = self.leaving.get().copied();
        known.or(leaves.then_some(Leaving::WorkerLeaves))
    }
}
