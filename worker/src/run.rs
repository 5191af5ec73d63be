//! The worker: its start and its stop.

use std::{fs, future::Future, sync::Arc};

use shared::{
    layout::Library,
    settings::Settings,
    store::{Store, StoreError, wake, workers},
};
use tokio::task::JoinSet;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::{
    container::{ContainerError, ContainerRuntime},
    context::{Context, Parts},
    housekeeping,
    mounts::Mapping,
    prepared::keep_ready,
    slots::{Slots, Step},
};

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
        let mapping = Mapping::find(&settings.worker, &runtime).await?;
        let context = Context::of(Parts {
            settings,
            store,
            runtime,
            library,
            mapping,
            me,
        });
        // Before the first claim: whoever finds no ear under a holder's name takes it for dead.
        let listener = wake::Listener::bind(
            context.store.wake_directory(),
            wake::Role::Worker,
            &context.me.id,
        )?;
        housekeeping::refresh_controllers(&context).await?;
        workers::sign_of_life(&context.store, &context.me, context.trouble()).await?;
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

    /// Builds until `shutdown`. Then it takes nothing new, hands over what runs, and signs off: the next
    /// worker takes the running containers on.
    pub async fn run_until_stopped(self, shutdown: impl Future<Output = ()> + Send) {
        let Self { context, listener } = self;
        let mut slots = Slots::of(Arc::clone(&context));
        // On its own, as it must come to its end.
        let mut ready = JoinSet::new();
        ready.spawn(keep_ready(Arc::clone(&context)));
        let told = async {
            loop {
                match listener.next().await {
                    wake::Signal::Queued => context.look_again(),
                    wake::Signal::Changed(_) => context.rows_changed.notify_waiters(),
                }
            }
        };
        let until_stopped = async {
            let stop = async {
                shutdown.await;
                context.leaving.cancel();
            };
            // A claim that is under way is not dropped: its build would wait for its lease to end.
            tokio::join!(slots.keep_filled(), stop)
        };
        let beside = async { tokio::join!(housekeeping::keep_house(&context), told) };
        tokio::select! {
            _ = until_stopped => {}
            _ = beside => {}
        }
        if let Err(error) = workers::stopping(&context.store, &context.me.id).await {
            warn!(%error, "The worker could not say that it stops");
        }
        // One that cannot be handed over by then is adopted like that of a worker that died.
        let all_ended = async { tokio::join!(slots.ended(), ready.join_next()) };
        if tokio::time::timeout(context.settings.stop_grace, all_ended)
            .await
            .is_err()
        {
            error!("The worker leaves while builds of its own have not been handed over");
            return;
        }
        if let Err(error) = workers::signed_off(&context.store, &context.me.id).await {
            error!(%error, "The worker could not sign off");
        }
    }

    /// Takes on the running builds of workers that left or died, and then the next job, if one waits and
    /// nothing keeps this worker from building. Sees all of them to their ends.
    ///
    /// # Errors
    /// When the table cannot be reached.
    pub async fn run_next_job(&self) -> Result<Step, StoreError> {
        let mut slots = Slots::of(Arc::clone(&self.context));
        slots.adopt().await?;
        let step = slots.take_one().await?;
        slots.ended().await;
        Ok(step)
    }

    /// What this worker works with.
    #[must_use]
    pub fn context(&self) -> &Context<R> {
        &self.context
    }
}
