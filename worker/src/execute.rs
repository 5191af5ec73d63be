//! One claimed job from its inputs to its outcome, in one container and one pair of directories, which
//! are removed whatever happens, unless another worker takes them on.
//!
//! A run is never dropped half way: what makes it leave early ([`Leaving`]) is looked at only where
//! its container is known and can be removed, or handed over.

mod run;

use std::{convert::Infallible, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use shared::{
    job::Outcome,
    kll::Generated,
    settings::WorkerSettings,
    store::jobs::{self, Claimed, LettingGo},
};
use tokio::time::Instant;
use tracing::warn;

use crate::{
    blocking::blocking,
    container::{ContainerError, ContainerRuntime, State},
    context::Context,
    housekeeping::remove_dirs,
    lease,
    log::LogFile,
    orphans::TakenOn,
    phases,
    prepare::{prepare, prepare_to_go_on, write_inputs_of},
    prepared::{Given, give, pass_on},
    recipe::recipe_for,
    record::{let_go, record},
    verdict,
    watch::{Stop, end, watch},
};
pub(crate) use run::{Leaving, Run};

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
#[derive(Clone)]
enum Beginning {
    /// Nothing is there yet.
    Nothing,
    /// Its container is, in this state.
    Container(State),
    /// The same with one that was ready before the build came, in directories of this name.
    Ready(String),
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
    TakenOn {
        adopted,
        state,
        ready,
    }: TakenOn,
) {
    let run = Run::of_adopted(context, adopted, ready.is_some());
    let beginning = ready.map_or(Beginning::Container(state), Beginning::Ready);
    while_held(Arc::new(run), beginning).await;
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
    if !run.is_written_down() {
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
    let is_new = matches!(beginning, Beginning::Nothing);
    let said = match run.context.said_by(&run.claimed.image).await {
        Ok(said) => said,
        Err(error) if is_new => return End::Broken(error.to_string()),
        Err(error) => return End::Interrupted(error.to_string()),
    };
    let limits = &said.limits;
    let (preparing, log_cap) = (Arc::clone(run), limits.log_cap);
    let prepare = move || {
        if is_new {
            prepare(&preparing, log_cap)
        } else {
            prepare_to_go_on(&preparing, log_cap)
        }
    };
    let (generated, mut log) = match blocking(prepare).await {
        Ok(Ok((generated, log))) => (Arc::new(generated), log),
        Ok(Err(end)) => return *end,
        Err(error) => return End::Broken(format!("the inputs could not be made: {error}")),
    };
    let started = match beginning {
        Beginning::Nothing => begin(run, &generated, limits).await,
        Beginning::Container(State::Created) => start(run).await.map(|()| None),
        Beginning::Container(State::Started) => Ok(None),
        Beginning::Ready(name) => pass_on(run, &name, &generated, None).await.map(|()| None),
    };
    let stop = match started {
        Ok(None) => follow_to_its_end(run, limits, &mut log).await,
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
    blocking(move || verdict::judge(&judging, &generated, &said.limits, stop, log))
        .await
        .unwrap_or_else(|error| End::Broken(format!("the output could not be judged: {error}")))
}

/// Gives the build to a container that is ready, or makes one for it. Says why the run has to leave before that.
async fn begin<R: ContainerRuntime>(
    run: &Arc<Run<R>>,
    generated: &Arc<Generated>,
    limits: &WorkerSettings,
) -> Result<Option<Leaving>, ContainerError> {
    if let Some(why) = run.has_to_leave() {
        return Ok(Some(why));
    }
    if let Some(ready) = run.context.prepared.take_for(&run.claimed) {
        match give(run, ready, generated).await? {
            Given::Goes => return Ok(None),
            Given::Left(why) => return Ok(Some(why)),
            Given::CameToNothing => {}
        }
    }
    let (writing, inputs) = (Arc::clone(run), Arc::clone(generated));
    blocking(move || write_inputs_of(&writing, &inputs))
        .await
        .and_then(|written| written)
        .map_err(|error| {
            ContainerError::Unreachable(format!("the inputs could not be made: {error}"))
        })?;
    run_container(run, generated, limits).await
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
    run.made(&created);
    if let Some(why) = run.has_to_leave() {
        return Ok(Some(why));
    }
    match jobs::container_created(
        &context.store,
        held,
        (&created, &context.me.engine_id),
        &spec,
    )
    .await
    {
        Ok(true) => {}
        Ok(false) => return Ok(Some(Leaving::LeaseLost)),
        Err(error) => {
            return Err(ContainerError::Step {
                step: "start a container",
                cause: format!("it could not be written down: {error}"),
            });
        }
    }
    run.written_down();
    start(run).await?;
    Ok(None)
}

async fn start<R: ContainerRuntime>(run: &Run<R>) -> Result<(), ContainerError> {
    match run.container() {
        Some(id) => phases::start(run, &id).await,
        None => Ok(()),
    }
}

/// Follows the container to its end. One that went over a limit is dead afterwards.
async fn follow_to_its_end<R: ContainerRuntime>(
    run: &Run<R>,
    limits: &WorkerSettings,
    log: &mut LogFile,
) -> Result<Stop, ContainerError> {
    let Some(id) = run.container() else {
        return Ok(Stop::Left(Leaving::LeaseLost));
    };
    let stop = watch(run, limits, &id, log).await?;
    if !matches!(stop, Stop::Exited(_) | Stop::Left(_)) {
        end(run, &id).await?;
    }
    run.container_ended.get_or_init(Instant::now);
    Ok(stop)
}

/// Whether it is gone: while it is there, it may write to its directories.
async fn remove_container<R: ContainerRuntime>(run: &Run<R>) -> bool {
    let Some(id) = run.container() else {
        return true;
    };
    let removed = run.context.runtime.remove(&id).await;
    if let Err(error) = &removed {
        warn!(job.id = %run.claimed.held.id, container = id, %error, "A container could not be removed yet");
    }
    removed.is_ok()
}
