//! What every job of a worker needs: settings, table, engine, and what is known of them just now.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use shared::{
    layout::Library,
    settings::Settings,
    store::{Store, jobs::Held, workers},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{
    container::{ContainerError, ContainerRuntime, ContainerSpec, label},
    inputs::Owner,
    limits::{self, Said},
    mounts::Mapping,
    prepared::Pool,
};

/// What every job of a worker needs.
pub struct Context<R> {
    /// All settings.
    pub settings: Settings,
    /// The table.
    pub store: Store,
    /// The engine.
    pub runtime: R,
    /// The base layouts.
    pub library: Library,
    /// Our paths on the host.
    pub mapping: Mapping,
    /// Who owns a build's files.
    pub owner: Owner,
    /// This worker's row.
    pub me: workers::Worker,
    /// Fires when this worker leaves: running builds are handed over.
    pub leaving: CancellationToken,
    /// Told when there may be work.
    pub(crate) work: Notify,
    /// Told when a build's container or directories may be nobody's any more.
    pub(crate) leftovers: Notify,
    /// Told when somebody else changed a running build's row.
    pub(crate) rows_changed: Notify,
    proven: AtomicBool,
    trouble: Mutex<Option<String>>,
    /// The image of the last self-test, and the limits that were missing.
    self_tested: Mutex<Option<(String, Vec<String>)>>,
    images: limits::Known,
    /// The containers that are ready for builds.
    pub(crate) prepared: Pool,
}

/// The parts of a [`Context`] that others make.
pub(crate) struct Parts<R> {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) runtime: R,
    pub(crate) library: Library,
    pub(crate) mapping: Mapping,
    pub(crate) me: workers::Worker,
}

impl<R> Context<R> {
    pub(crate) fn of(parts: Parts<R>) -> Self {
        Self {
            settings: parts.settings,
            store: parts.store,
            runtime: parts.runtime,
            library: parts.library,
            mapping: parts.mapping,
            owner: Owner::of_this_process(),
            prepared: Pool::of(&parts.me),
            me: parts.me,
            leaving: CancellationToken::new(),
            work: Notify::new(),
            leftovers: Notify::new(),
            rows_changed: Notify::new(),
            proven: AtomicBool::new(false),
            trouble: Mutex::new(None),
            self_tested: Mutex::new(None),
            images: limits::Known::default(),
        }
    }

    /// Where a claim's log is.
    #[must_use]
    pub fn log_path(&self, held: &Held) -> PathBuf {
        self.settings
            .logs
            .join(held.id.to_string())
            .join(format!("{}.log", held.epoch))
    }

    pub(crate) fn look_again(&self) {
        self.work.notify_waiters();
    }

    /// Why nothing can be built just now.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set_trouble(&self, trouble: Option<String>) {
        let mut known = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != trouble {
            match &trouble {
                Some(words) => error!("Nothing can be built: {words}"),
                None => info!("Ready to build"),
            }
            *known = trouble;
            self.prepared.look_again();
        }
    }

    /// What this process has seen to be missing with this image.
    pub(crate) fn self_tested(&self, image: &str) -> Option<Vec<String>> {
        let known = self
            .self_tested
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (of, missing) = known.as_ref()?;
        (of == image).then(|| missing.clone())
    }

    pub(crate) fn set_self_tested(&self, image: &str, missing: &[String]) {
        *self
            .self_tested
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some((image.to_owned(), missing.to_vec()));
    }

    pub(crate) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    pub(crate) fn proven(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }
}

impl<R: ContainerRuntime> Context<R> {
    /// Makes a container that bears this service's name. Others on the same engine keep away from it,
    /// as this one keeps away from theirs.
    ///
    /// # Errors
    /// When the engine refuses.
    pub(crate) async fn create(&self, mut spec: ContainerSpec) -> Result<String, ContainerError> {
        spec.labels
            .insert(label::SERVICE.to_owned(), self.store.service_id());
        self.runtime.create(&spec).await
    }

    /// What an image says of its builds.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub(crate) async fn said_by(&self, image: &str) -> Result<Arc<Said>, ContainerError> {
        let settings = &self.settings.worker;
        self.images.of_image(image, &self.runtime, settings).await
    }

    /// The id of some controller image, for chores that need a shell.
    pub(crate) async fn any_image(&self) -> Option<String> {
        self.runtime
            .controllers()
            .await
            .ok()?
            .into_iter()
            .next()
            .map(|controller| controller.image)
    }
}
