//! One claimed job from its inputs to its outcome, in one container and one pair of directories, which
//! are removed whatever happens.
//!
//! A run is never dropped half way: what makes it leave early ([`Leaving`]) is looked at only where
//! its container is known and can be removed.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use futures_util::FutureExt;
use shared::{
    job::{BuildRequest, Outcome, Plan},
    kll::Generated,
    settings::WorkerSettings,
    store::jobs::{self, Claimed},
};
use tokio::{sync::SetOnce, time::Instant};
use tracing::warn;

use crate::{
    blocking::blocking,
    container::{ContainerError, ContainerRuntime, Exit},
    housekeeping::remove_dirs,
    inputs::write_inputs,
    lease,
    log::LogFile,
    mounts::BuildDirs,
    recipe::recipe_for,
    record::record,
    run::Context,
    verdict,
    watch::{end, watch},
};

/// A claim with all that belongs to it.
pub(crate) struct Run<R> {
    pub(crate) context: Arc<Context<R>>,
    pub(crate) claimed: Claimed,
    pub(crate) dirs: BuildDirs,
    pub(crate) log: PathBuf,
    container: OnceLock<String>,
    leaving: SetOnce<Leaving>,
}

/// Why a run ends before its build does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// The job is somebody else's by now.
    LeaseLost,
    /// This worker leaves.
    Abandoned,
}

impl<R> Run<R> {
    /// Waits until it has to leave.
    pub(crate) async fn left_early(&self) -> Leaving {
        *self.leaving.wait().await
    }

    /// Whether it has to, without waiting for the one who says so.
    fn has_to_leave(&self) -> Option<Leaving> {
        let abandoned = self.context.abandon.is_cancelled();
        let known = self.leaving.get().copied();
        known.or(abandoned.then_some(Leaving::Abandoned))
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) enum End {
    /// It has an outcome.
    Ended(Outcome),
    /// Something of ours broke under it.
    Broken(String),
    /// It did not wait for one.
    Left(Leaving),
}

/// What made a container stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Exited(Exit),
    TimedOut,
    TooManyProcesses,
    OutputTooLarge,
    DiskFull,
    LogEndless,
    ImageMissing,
    Left(Leaving),
}

/// Builds a claimed job and records how that ended.
pub async fn execute<R: ContainerRuntime>(context: &Arc<Context<R>>, claimed: Claimed) {
    let run = Arc::new(Run {
        context: Arc::clone(context),
        dirs: context
            .mapping
            .dirs_of(&context.store.service_id(), &claimed.held),
        log: context.log_path(&claimed.held),
        claimed,
        container: OnceLock::new(),
        leaving: SetOnce::new(),
    });
    // The lease is held until all is recorded and removed, and not only while the container runs.
    tokio::select! {
        () = see_through(&run) => {}
        never = hold(&run) => match never {},
    }
}

async fn see_through<R: ContainerRuntime>(run: &Arc<Run<R>>) {
    let started = Instant::now();
    let end = AssertUnwindSafe(build(run))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| End::Broken("this program panicked".to_owned()));
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

/// Holds the job and says when the run has to leave.
async fn hold<R>(run: &Run<R>) -> Infallible {
    let leaving = tokio::select! {
        () = lease::keep_until_lost(&run.context.store, &run.claimed.held) => Leaving::LeaseLost,
        () = run.context.abandon.cancelled() => Leaving::Abandoned,
    };
    drop(run.leaving.set(leaving));
    std::future::pending().await
}

async fn build<R: ContainerRuntime>(run: &Arc<Run<R>>) -> End {
    let limits = match run.context.limits_of(&run.claimed.image).await {
        Ok(limits) => limits,
        Err(error) => return End::Broken(error.to_string()),
    };
    let (preparing, log_cap) = (Arc::clone(run), limits.log_cap);
    let (generated, mut log) = match blocking(move || prepare(&preparing, log_cap)).await {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(end)) => return *end,
        Err(error) => return End::Broken(format!("the inputs could not be made: {error}")),
    };
    let stop = match run_container(run, &generated, &limits, &mut log).await {
        Ok(Stop::Left(why)) => return End::Left(why),
        Ok(stop) => stop,
        Err(ContainerError::ImageMissing(_)) => Stop::ImageMissing,
        Err(error) => return End::Broken(error.to_string()),
    };
    let judging = Arc::clone(run);
    blocking(move || verdict::judge(&judging, &generated, &limits, stop, log))
        .await
        .unwrap_or_else(|error| End::Broken(format!("the output could not be judged: {error}")))
}

/// Makes what the container will be given.
fn prepare<R>(run: &Run<R>, log_cap: u64) -> Result<(Generated, LogFile), Box<End>> {
    let broken = |what: &str, error: std::io::Error| {
        Box::new(End::Broken(format!("{what} could not be made: {error}")))
    };
    let mut log = LogFile::create(&run.log, log_cap).map_err(|error| broken("the log", error))?;
    let generated = match generate(run) {
        Ok(generated) => generated,
        Err(words) => {
            log.say(&words);
            // The API planned this build with the same text, so that it is not the layout's fault.
            return Err(Box::new(End::Broken(words)));
        }
    };
    let (claimed, owner) = (&run.claimed, run.context.owner);
    write_inputs(
        &run.dirs,
        &generated,
        &claimed.config,
        owner,
        claimed.protocol,
    )
    .map_err(|error| broken("the inputs", error))?;
    Ok((generated, log))
}

/// The API made sure that this works; it can only fail where its layouts are others than ours.
fn generate<R>(run: &Run<R>) -> Result<Generated, String> {
    let claimed = &run.claimed;
    let config = serde_json::from_str(&claimed.config)
        .map_err(|error| format!("the layout is no JSON: {error}"))?;
    let request = BuildRequest {
        config,
        version: String::new(),
    };
    let plan = Plan::of(
        &request,
        &claimed.image,
        claimed.dialect,
        &run.context.library,
    )
    .map_err(|faults| {
        let lines: Vec<_> = faults
            .iter()
            .map(|fault| format!("{}: {}", fault.pointer, fault.message))
            .collect();
        format!("the layout cannot be built here: {}", lines.join("; "))
    })?;
    if plan.fingerprint != claimed.fingerprint {
        return Err("this worker would build something else than was asked for: it is of another release than the \
                    API, or has other layouts"
            .to_owned());
    }
    Ok(plan.generated)
}

async fn run_container<R: ContainerRuntime>(
    run: &Run<R>,
    generated: &Generated,
    limits: &WorkerSettings,
    log: &mut LogFile,
) -> Result<Stop, ContainerError> {
    let (context, held) = (&run.context, &run.claimed.held);
    let user = context.owner.user();
    let spec = recipe_for(&run.claimed, generated, &run.dirs, &user, limits);
    let created = context.create(spec).await?;
    // Known from here on, so that it is removed whatever happens to this run.
    let id = run.container.get_or_init(|| created);
    if let Some(why) = run.has_to_leave() {
        return Ok(Stop::Left(why));
    }
    match jobs::container_created(&context.store, held, id, &context.me.engine_id).await {
        Ok(true) => {}
        Ok(false) => return Ok(Stop::Left(Leaving::LeaseLost)),
        Err(error) => {
            return Err(ContainerError::Step {
                step: "start a container",
                cause: format!("it could not be written down: {error}"),
            });
        }
    }
    context.runtime.start(id).await?;
    let stop = watch(run, limits, id, log).await?;
    if !matches!(stop, Stop::Exited(_)) {
        end(run, id).await?;
    }
    Ok(stop)
}

/// Whether it is gone: while it is there, it may write to its directories.
async fn remove_container<R: ContainerRuntime>(run: &Run<R>) -> bool {
    let Some(id) = run.container.get() else {
        return true;
    };
    let removed = run.context.runtime.remove(id).await;
    if let Err(error) = &removed {
        warn!(container = id, %error, "A container could not be removed yet");
    }
    removed.is_ok()
}
