//! One claimed job from its inputs to its outcome, in one container and one pair of directories, which
//! are removed whatever happens, unless another worker takes them on.
//!
//! A run is never dropped half way: what makes it leave early ([`Leaving`]) is looked at only where
//! its container is known and can be removed, or handed over.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use shared::{
    job::Outcome,
    kll::Generated,
    settings::WorkerSettings,
    store::jobs::{self, Adopted, Claimed, LettingGo},
};
use tokio::{sync::SetOnce, time::Instant};
use tracing::warn;

use crate::{
    blocking::blocking,
    container::{ContainerError, ContainerRuntime, State},
    context::Context,
    housekeeping::remove_dirs,
    lease,
    log::LogFile,
    mounts::BuildDirs,
    phases,
    prepare::{prepare, prepare_to_go_on},
    recipe::recipe_for,
    record::{let_go, record},
    verdict,
    watch::{Stop, end, watch},
};

/// A claim with all that belongs to it.
pub(crate) struct Run<R> {
    pub(crate) context: Arc<Context<R>>,
    pub(crate) claimed: Claimed,
    pub(crate) dirs: BuildDirs,
    pub(crate) log: PathBuf,
    /// How long the build had run when this worker came to it.
    pub(crate) ran_for: Duration,
    /// The claim that makes the container, or made it.
    container_epoch: u32,
    container: OnceLock<String>,
    /// Whether the row names the container, so that another worker could take it on.
    is_written_down: AtomicBool,
    pub(crate) container_ended: OnceLock<Instant>,
    leaving: SetOnce<Leaving>,
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
    fn of(context: Arc<Context<R>>, claimed: Claimed, container_epoch: u32) -> Self {
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
            container: OnceLock::new(),
            is_written_down: AtomicBool::new(false),
            container_ended: OnceLock::new(),
            leaving: SetOnce::new(),
        }
    }

    /// Waits until it has to leave.
    pub(crate) async fn left_early(&self) -> Leaving {
        *self.leaving.wait().await
    }

    /// Whether it has to, without waiting for the one who says so.
    fn has_to_leave(&self) -> Option<Leaving> {
        let leaves = self.context.leaving.is_cancelled();
        let known = self.leaving.get().copied();
        known.or(leaves.then_some(Leaving::WorkerLeaves))
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) enum End {
    /// It has an outcome.
    Ended(Outcome),
    /// Something of ours broke under it.
    Broken(String),
    /// The engine does not tell what became of its container.
    Interrupted(String),
    /// It did not wait for one.
    Left(Leaving),
}

/// How far a job is when this worker comes to it.
#[derive(Clone, Copy)]
enum Beginning {
    /// Nothing is there yet.
    Nothing,
    /// Its container is, in this state.
    Container(State),
}

/// Builds a claimed job and records how that ended.
pub(crate) async fn execute<R: ContainerRuntime>(context: Arc<Context<R>>, claimed: Claimed) {
    let epoch = claimed.held.epoch;
    let run = Run::of(context, claimed, epoch);
    while_held(Arc::new(run), Beginning::Nothing).await;
}

/// The same for a build whose container another worker started.
pub(crate) async fn go_on<R: ContainerRuntime>(
    context: Arc<Context<R>>,
    adopted: Adopted,
    state: State,
) {
    let run = Run {
        ran_for: adopted.ran_for,
        container: OnceLock::from(adopted.container),
        is_written_down: AtomicBool::new(true),
        ..Run::of(context, adopted.claimed, adopted.container_epoch)
    };
    while_held(Arc::new(run), Beginning::Container(state)).await;
}

async fn while_held<R: ContainerRuntime>(run: Arc<Run<R>>, beginning: Beginning) {
    // The lease is held until all is recorded and removed, and not only while the container runs.
    tokio::select! {
        () = see_through(&run, beginning) => {}
        never = hold(&run) => match never {},
    }
}

async fn see_through<R: ContainerRuntime>(run: &Arc<Run<R>>, beginning: Beginning) {
    let started = Instant::now();
    let end = AssertUnwindSafe(build(run, beginning))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| End::Broken("this program panicked".to_owned()));
    if runs_on(run, &end).await {
        return;
    }
    let is_gone = if matches!(end, End::Ended(_)) {
        record(run, end, started).await;
        remove_container(run).await
    } else {
        // Whoever takes the job next must not meet this container: it ends before the row says so. One
        // that the engine does not remove has a claim and directories of its own, and is looked for later.
        let is_gone = remove_container(run).await;
        record(run, end, started).await;
        is_gone
    };
    if !is_gone {
        return;
    }
    let (id, image) = (run.claimed.held.id, &run.claimed.image);
    if let Err(error) = remove_dirs(&run.context, &run.dirs, Some(image)).await {
        warn!(job.id = %id, %error, "The build's directories could not be removed yet");
    }
}

/// Whether the container goes on without this worker: it was handed over, or somebody has it already.
async fn runs_on<R>(run: &Run<R>, end: &End) -> bool {
    let why = match end {
        End::Left(Leaving::WorkerLeaves) => Some(LettingGo::Leaving),
        End::Interrupted(detail) => Some(LettingGo::Trouble(detail.clone())),
        End::Left(Leaving::LeaseLost) => None,
        End::Ended(_) | End::Broken(_) => return false,
    };
    if !run.is_written_down.load(Ordering::Relaxed) {
        return false;
    }
    let (store, held) = (&run.context.store, &run.claimed.held);
    if let Some(why) = why
        && let_go(store, held, why).await
    {
        return true;
    }
    // Where the table does not say, whoever looks after leftovers will find it.
    jobs::is_wanted(store, held.id, run.container_epoch)
        .await
        .unwrap_or(true)
}

/// Holds the job and says when the run has to leave.
async fn hold<R>(run: &Run<R>) -> Infallible {
    let (context, held) = (&run.context, &run.claimed.held);
    let leaving = tokio::select! {
        () = lease::keep_until_lost(&context.store, held, &context.rows_changed) => Leaving::LeaseLost,
        () = context.leaving.cancelled() => Leaving::WorkerLeaves,
    };
    drop(run.leaving.set(leaving));
    std::future::pending().await
}

async fn build<R: ContainerRuntime>(run: &Arc<Run<R>>, beginning: Beginning) -> End {
    let limits = match (run.context.limits_of(&run.claimed.image).await, beginning) {
        (Ok(limits), _) => limits,
        (Err(error), Beginning::Nothing) => return End::Broken(error.to_string()),
        (Err(error), Beginning::Container(_)) => return End::Interrupted(error.to_string()),
    };
    let (preparing, log_cap) = (Arc::clone(run), limits.log_cap);
    let prepare = move || match beginning {
        Beginning::Nothing => prepare(&preparing, log_cap),
        Beginning::Container(_) => prepare_to_go_on(&preparing, log_cap),
    };
    let (generated, mut log) = match blocking(prepare).await {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(end)) => return *end,
        Err(error) => return End::Broken(format!("the inputs could not be made: {error}")),
    };
    let started = match beginning {
        Beginning::Nothing => run_container(run, &generated, &limits).await,
        Beginning::Container(State::Created) => start(run).await.map(|()| None),
        Beginning::Container(State::Started) => Ok(None),
    };
    let stop = match started {
        Ok(None) => follow_to_its_end(run, &limits, &mut log).await,
        Ok(Some(why)) => return End::Left(why),
        Err(ContainerError::ImageMissing(_)) => Ok(Stop::ImageMissing),
        Err(error) => return End::Broken(error.to_string()),
    };
    let stop = match stop {
        Ok(Stop::Left(why)) => return End::Left(why),
        Ok(stop) => stop,
        Err(error) => return End::Interrupted(error.to_string()),
    };
    let judging = Arc::clone(run);
    blocking(move || verdict::judge(&judging, &generated, &limits, stop, log))
        .await
        .unwrap_or_else(|error| End::Broken(format!("the output could not be judged: {error}")))
}

/// Makes the container, writes it down and starts it, or says why the run has to leave before that.
async fn run_container<R: ContainerRuntime>(
    run: &Run<R>,
    generated: &Generated,
    limits: &WorkerSettings,
) -> Result<Option<Leaving>, ContainerError> {
    let (context, held) = (&run.context, &run.claimed.held);
    let user = context.owner.user();
    let spec = recipe_for(&run.claimed, generated, &run.dirs, &user, limits);
    let created = context.create(spec.clone()).await?;
    // Known from here on, so that it is removed whatever happens to this run.
    let id = run.container.get_or_init(|| created);
    if let Some(why) = run.has_to_leave() {
        return Ok(Some(why));
    }
    match jobs::container_created(&context.store, held, (id, &context.me.engine_id), &spec).await {
        Ok(true) => {}
        Ok(false) => return Ok(Some(Leaving::LeaseLost)),
        Err(error) => {
            return Err(ContainerError::Step {
                step: "start a container",
                cause: format!("it could not be written down: {error}"),
            });
        }
    }
    run.is_written_down.store(true, Ordering::Relaxed);
    start(run).await?;
    Ok(None)
}

async fn start<R: ContainerRuntime>(run: &Run<R>) -> Result<(), ContainerError> {
    match run.container.get() {
        Some(id) => phases::start(run, id).await,
        None => Ok(()),
    }
}

/// Follows the container to its end. One that went over a limit is dead afterwards.
async fn follow_to_its_end<R: ContainerRuntime>(
    run: &Run<R>,
    limits: &WorkerSettings,
    log: &mut LogFile,
) -> Result<Stop, ContainerError> {
    let Some(id) = run.container.get() else {
        return Ok(Stop::Left(Leaving::LeaseLost));
    };
    let stop = watch(run, limits, id, log).await?;
    if !matches!(stop, Stop::Exited(_) | Stop::Left(_)) {
        end(run, id).await?;
    }
    run.container_ended.get_or_init(Instant::now);
    Ok(stop)
}

/// Whether it is gone: while it is there, it may write to its directories.
async fn remove_container<R: ContainerRuntime>(run: &Run<R>) -> bool {
    let Some(id) = run.container.get() else {
        return true;
    };
    let removed = run.context.runtime.remove(id).await;
    if let Err(error) = &removed {
        warn!(job.id = %run.claimed.held.id, container = id, %error, "A container could not be removed yet");
    }
    removed.is_ok()
}
