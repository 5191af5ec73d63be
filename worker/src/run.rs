//! The worker: its start, its slots, its stop.

use std::{
    fs,
    future::Future,
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use shared::{
    layout::Library,
    settings::{Settings, WorkerSettings},
    store::{
        Store, StoreError,
        jobs::{self, Held},
        wake, workers,
    },
};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use uuid::Uuid;

use crate::{
    container::{ContainerError, ContainerRuntime, ContainerSpec, label},
    execute::execute,
    housekeeping,
    inputs::Owner,
    lease::LEASE,
    limits,
    mounts::Mapping,
};

/// A look at the table in case that a wake-up got lost.
const SLOW_LOOK: Duration = Duration::from_secs(1);

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
    /// Fires when running builds have to be given back.
    pub abandon: CancellationToken,
    proven: AtomicBool,
    trouble: Mutex<Option<String>>,
    limits: limits::Known,
}

impl<R> Context<R> {
    /// Where a claim's log is.
    #[must_use]
    pub fn log_path(&self, held: &Held) -> PathBuf {
        self.settings
            .logs
            .join(held.id.to_string())
            .join(format!("{}.log", held.epoch))
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
        }
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

    /// What a build in this image may use.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub(crate) async fn limits_of(
        &self,
        image: &str,
    ) -> Result<Arc<WorkerSettings>, ContainerError> {
        let settings = &self.settings.worker;
        self.limits.of_image(image, &self.runtime, settings).await
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

/// Why a worker cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine.
    #[error("the worker cannot start")]
    Engine(#[from] ContainerError),
    /// The table.
    #[error("the worker cannot start")]
    Store(#[from] StoreError),
    /// A directory or a socket of ours.
    #[error("the worker cannot start")]
    Io(#[from] std::io::Error),
}

/// The host's name; in a container it is the container's.
#[must_use]
pub fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// A worker that is ready to run.
pub struct Worker<R> {
    context: Arc<Context<R>>,
    listener: wake::Listener,
}

/// What a slot found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A job, which has ended.
    Ran,
    /// No job, or none that this worker could build just now.
    NothingWaiting,
}

impl<R: ContainerRuntime> Worker<R> {
    /// Signs on: finds the host's paths and the controllers, and proves that builds will work.
    ///
    /// # Errors
    /// [`StartError`], which says what to do.
    pub async fn start(
        settings: Settings,
        store: Store,
        runtime: R,
        library: Library,
    ) -> Result<Self, StartError> {
        for directory in [&settings.artifacts, &settings.logs] {
            fs::create_dir_all(directory)?;
        }
        let me = workers::Worker {
            id: Uuid::now_v7().to_string(),
            host: host_name(),
            engine_id: runtime.engine_id().await?,
            slots: settings.worker.slots,
        };
        let context = Context {
            mapping: Mapping::find(&settings.worker, &runtime).await?,
            owner: Owner::of_this_process(),
            abandon: CancellationToken::new(),
            proven: AtomicBool::new(false),
            trouble: Mutex::new(None),
            limits: limits::Known::default(),
            settings,
            store,
            runtime,
            library,
            me,
        };
        housekeeping::refresh_controllers(&context).await?;
        workers::sign_of_life(&context.store, &context.me, context.trouble()).await?;
        let listener = wake::Listener::bind(context.store.wake_directory(), wake::Role::Worker)?;
        info!(
            worker.id = context.me.id,
            slots = context.me.slots,
            "The worker is ready"
        );
        Ok(Self {
            context: Arc::new(context),
            listener,
        })
    }

    /// Builds until `shutdown`. Then it takes nothing new, gives running builds a moment to end, gives
    /// the others back, and signs off.
    pub async fn run_until_stopped(self, shutdown: impl Future<Output = ()> + Send) {
        let Self { context, listener } = self;
        let stopping = CancellationToken::new();
        let work = Arc::new(Notify::new());
        let mut slots = JoinSet::new();
        for _ in 0..context.me.slots {
            slots.spawn(run_slot(
                Arc::clone(&context),
                Arc::clone(&work),
                stopping.clone(),
            ));
        }
        let beside = async {
            tokio::join!(housekeeping::keep_house(&context), async {
                loop {
                    listener.next().await;
                    work.notify_waiters();
                }
            })
        };
        tokio::select! {
            () = shutdown => {}
            _ = beside => {}
        }
        stopping.cancel();
        let told = workers::stopping(&context.store, &context.me.id).await;
        leave(&context, slots).await;
        if let Err(error) = told.and(workers::signed_off(&context.store, &context.me.id).await) {
            error!(%error, "The worker could not sign off");
        }
    }

    /// Takes the next job, if one waits and nothing keeps this worker from building, and sees it to its
    /// end.
    ///
    /// # Errors
    /// When the table cannot be reached.
    pub async fn run_next_job(&self) -> Result<Step, StoreError> {
        run_next_job(&self.context).await
    }

    /// What this worker works with.
    #[must_use]
    pub fn context(&self) -> &Context<R> {
        &self.context
    }
}

async fn leave<R>(context: &Context<R>, mut slots: JoinSet<()>) {
    let all = async { while slots.join_next().await.is_some() {} };
    tokio::pin!(all);
    if tokio::time::timeout(context.settings.stop_grace / 2, &mut all)
        .await
        .is_err()
    {
        context.abandon.cancel();
        all.await;
    }
}

async fn run_slot<R: ContainerRuntime>(
    context: Arc<Context<R>>,
    work: Arc<Notify>,
    stopping: CancellationToken,
) {
    while !stopping.is_cancelled() {
        // Registered before the look, so that work between look and wait is not missed.
        let mut woken = std::pin::pin!(work.notified());
        woken.as_mut().enable();
        // A slot that was gone after a panic would be missed by nobody; its job is rescued as any other.
        match AssertUnwindSafe(run_next_job(&context))
            .catch_unwind()
            .await
        {
            Ok(Ok(Step::Ran)) => continue,
            Ok(Ok(Step::NothingWaiting)) => {}
            Err(_) => error!("A slot panicked and goes on with the next build"),
            Ok(Err(error)) => error!(%error, "The table could not be asked for work"),
        }
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(SLOW_LOOK) => {}
            () = stopping.cancelled() => {}
        }
    }
}

async fn run_next_job<R: ContainerRuntime>(context: &Arc<Context<R>>) -> Result<Step, StoreError> {
    if context.trouble().is_some() {
        return Ok(Step::NothingWaiting);
    }
    let Some(claimed) = jobs::claim_next(&context.store, &context.me.id, LEASE).await? else {
        return Ok(Step::NothingWaiting);
    };
    info!(job.id = %claimed.held.id, keyboard = claimed.keyboard, attempt = claimed.attempts + 1, "Took a build");
    execute(context, claimed).await;
    Ok(Step::Ran)
}
