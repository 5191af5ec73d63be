//! One claimed job from its inputs to its outcome, in one container and one pair of directories, which
//! are removed whatever happens.

use std::{path::PathBuf, sync::OnceLock, time::Duration};

use shared::{
    job::{Artifact, Outcome, Reason},
    kll::{self, Generated},
    store::jobs::{self, Claimed, Pause, Recorded},
};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::{
    artifact::{self, ArtifactError},
    container::{ContainerError, ContainerRuntime, Exit},
    housekeeping::remove_dirs,
    inputs::{ERROR_OUTPUT, OUTPUT, write_inputs},
    lease,
    log::{Followed, LogFile, follow},
    mounts::BuildDirs,
    recipe::recipe_for,
    run::Context,
};

/// How often a running build's output is measured. What it writes in between is what the reserve of
/// free disk is for.
const OUTPUT_LOOK: Duration = Duration::from_millis(200);

/// The exit status of a process that was killed.
const KILLED: i64 = 128 + 9;

/// Builds a claimed job and records how that ended.
pub async fn execute<R: ContainerRuntime>(context: &Context<R>, claimed: &Claimed) {
    let started = Instant::now();
    let dirs = context.mapping.dirs_of(&claimed.held);
    let container = OnceLock::new();
    let end = tokio::select! {
        end = build(context, claimed, &dirs, &container) => end,
        () = lease::keep_until_lost(&context.store, &claimed.held) => End::LeaseLost,
        () = context.abandon.cancelled() => End::Abandoned,
    };
    // Whoever takes the job next must not meet this container: it ends before the row says so.
    if matches!(end, End::LeaseLost | End::Abandoned | End::Broken(_)) {
        remove_container(context, &container).await;
    }
    record(context, claimed, end, started).await;
    remove_container(context, &container).await;
    if let Err(error) = remove_dirs(context, &dirs, &claimed.image).await {
        warn!(job.id = %claimed.held.id, %error, "The build's directories could not be removed yet");
    }
}

/// How a run ended.
#[derive(Debug)]
enum End {
    /// It has an outcome.
    Ended(Outcome),
    /// Something of ours broke under it.
    Broken(String),
    /// The job is somebody else's by now.
    LeaseLost,
    /// This worker leaves.
    Abandoned,
}

/// What made a container stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Exited(Exit),
    TimedOut,
    OutputTooLarge,
    LogEndless,
}

async fn build<R: ContainerRuntime>(
    context: &Context<R>,
    claimed: &Claimed,
    dirs: &BuildDirs,
    container: &OnceLock<String>,
) -> End {
    let log_path = context.log_path(&claimed.held);
    let mut log = match LogFile::create(&log_path, context.settings.worker.log_cap) {
        Ok(log) => log,
        Err(error) => return End::Broken(format!("the log could not be made: {error}")),
    };
    let generated = match generate(context, claimed) {
        Ok(generated) => generated,
        Err(words) => {
            log.say(&words);
            return end_with_log(context, claimed, dirs, Reason::BuildFailed, words);
        }
    };
    if let Err(error) = write_inputs(
        dirs,
        &generated,
        &claimed.config,
        context.owner,
        claimed.protocol,
    ) {
        return End::Broken(format!("the inputs could not be written: {error}"));
    }
    match run_container(context, claimed, &generated, dirs, (container, &mut log)).await {
        Ok(stop) => judge(context, claimed, &generated, dirs, stop),
        Err(ContainerError::ImageMissing(image)) => {
            let detail = format!("the engine has no image {image} any more");
            end_with_log(context, claimed, dirs, Reason::ControllerMissing, detail)
        }
        Err(error) => End::Broken(error.to_string()),
    }
}

/// The API made sure that this works; it can only fail where its layouts are others than ours.
fn generate<R>(context: &Context<R>, claimed: &Claimed) -> Result<Generated, String> {
    let config = serde_json::from_str(&claimed.config)
        .map_err(|error| format!("the layout is no JSON: {error}"))?;
    match kll::generate_from(&config, claimed.dialect, &context.library) {
        Ok((_, generated)) => Ok(generated),
        Err(faults) => {
            let lines: Vec<_> = faults
                .iter()
                .map(|fault| format!("{}: {}", fault.pointer, fault.message))
                .collect();
            Err(format!("the layout cannot be built: {}", lines.join("; ")))
        }
    }
}

async fn run_container<R: ContainerRuntime>(
    context: &Context<R>,
    claimed: &Claimed,
    generated: &Generated,
    dirs: &BuildDirs,
    (container, log): (&OnceLock<String>, &mut LogFile),
) -> Result<Stop, ContainerError> {
    let spec = recipe_for(
        claimed,
        generated,
        dirs,
        &context.owner.user(),
        &context.settings.worker,
    );
    let created = context.runtime.create(&spec).await?;
    // Known from here on, so that it is removed whatever happens to this run.
    let id = container.get_or_init(|| created);
    let written =
        jobs::container_created(&context.store, &claimed.held, id, &context.me.engine_id).await;
    if !matches!(written, Ok(true)) {
        return Err(ContainerError::Step {
            step: "start a container",
            cause: "its job is not ours".to_owned(),
        });
    }
    context.runtime.start(id).await?;
    watch(context, dirs, id, log).await
}

/// Follows a container to its end, or ends it where it goes over a limit.
async fn watch<R: ContainerRuntime>(
    context: &Context<R>,
    dirs: &BuildDirs,
    id: &str,
    log: &mut LogFile,
) -> Result<Stop, ContainerError> {
    let limits = &context.settings.worker;
    let output = context.runtime.follow_log(id);
    let followed = async {
        // The log first and to its end, then the exit: the other way round its last lines can be lost.
        match follow(output, log).await? {
            Followed::ToItsEnd => context.runtime.wait(id).await.map(Stop::Exited),
            Followed::Endless => Ok(Stop::LogEndless),
        }
    };
    let stop = tokio::select! {
        stop = followed => stop?,
        () = tokio::time::sleep(limits.build_time) => Stop::TimedOut,
        () = grows_over(dirs.builds.clone(), limits.build_output) => Stop::OutputTooLarge,
    };
    if !matches!(stop, Stop::Exited(_)) {
        context.runtime.kill(id).await?;
        context.runtime.wait(id).await?;
    }
    Ok(stop)
}

/// Returns when the directory holds more than this many bytes.
async fn grows_over(directory: PathBuf, bytes: u64) {
    loop {
        tokio::time::sleep(OUTPUT_LOOK).await;
        let directory = directory.clone();
        let held =
            tokio::task::spawn_blocking(move || crate::housekeeping::bytes_below(&directory)).await;
        if held.is_ok_and(|held| held > bytes) {
            return;
        }
    }
}

/// Turns what happened into an outcome. The container is dead by now.
fn judge<R>(
    context: &Context<R>,
    claimed: &Claimed,
    generated: &Generated,
    dirs: &BuildDirs,
    stop: Stop,
) -> End {
    let limits = &context.settings.worker;
    let seconds = limits.build_time.as_secs();
    let (reason, detail) = match stop {
        Stop::Exited(Exit { code: 0, .. }) => {
            match publish_firmware(context, claimed, generated, dirs) {
                Ok(end) => return end,
                Err(error) => (Reason::NoArtifact, error.to_string()),
            }
        }
        Stop::Exited(exit) => match reason_of(exit, dirs) {
            Some(reason) => reason,
            // Killed, and neither by us nor for memory: that is the machine's trouble, not the layout's.
            None => return End::Broken("the container was killed from outside".to_owned()),
        },
        Stop::TimedOut => (Reason::TimedOut, format!("it ran longer than {seconds} s")),
        Stop::OutputTooLarge => (
            Reason::OutputTooLarge,
            format!("it left more than {} MiB", limits.build_output >> 20),
        ),
        Stop::LogEndless => (Reason::LogTooLarge, "its log had no end".to_owned()),
    };
    end_with_log(context, claimed, dirs, reason, detail)
}

/// An end without firmware. There always is a zip with the log: the old clients fetch it.
fn end_with_log<R>(
    context: &Context<R>,
    claimed: &Claimed,
    dirs: &BuildDirs,
    reason: Reason,
    detail: String,
) -> End {
    match publish_failure(context, claimed, dirs) {
        Ok(artifact) => End::Ended(Outcome::Failed {
            reason,
            detail,
            artifact: Some(artifact),
        }),
        Err(error) => End::Broken(error.to_string()),
    }
}

/// Why a container ended with a failure; `None` where it was killed by nobody we know.
fn reason_of(exit: Exit, dirs: &BuildDirs) -> Option<(Reason, String)> {
    if exit.out_of_memory {
        return Some((
            Reason::OutOfMemory,
            "it wanted more memory than a build may have".to_owned(),
        ));
    }
    let hint = artifact::read_hint(&dirs.builds.join("reason"));
    match hint.as_deref().and_then(Reason::from_word) {
        Some(
            reason @ (Reason::TooManyProcesses
            | Reason::ScratchFull
            | Reason::FileTooLarge
            | Reason::OutOfMemory),
        ) => Some((reason, format!("a limit was hit: {reason}"))),
        _ if exit.code == KILLED => None,
        _ => Some((
            Reason::BuildFailed,
            format!("the build ended with status {}", exit.code),
        )),
    }
}

fn publish_firmware<R>(
    context: &Context<R>,
    claimed: &Claimed,
    generated: &Generated,
    dirs: &BuildDirs,
) -> Result<End, ArtifactError> {
    let must_hold: &[&str] = if generated.keyboard.is_split() {
        &[
            "log/build.log",
            "left_kiibohd.dfu.bin",
            "right_kiibohd.dfu.bin",
        ]
    } else {
        &["log/build.log", "kiibohd.dfu.bin"]
    };
    match artifact::publish(
        &dirs.builds,
        OUTPUT,
        must_hold,
        &context.settings.artifacts,
        &claimed.held,
    ) {
        Ok(artifact) => Ok(End::Ended(Outcome::Built(artifact))),
        Err(ArtifactError::Store(error)) => Ok(End::Broken(format!(
            "the artifact could not be stored: {error}"
        ))),
        Err(error) => Err(error),
    }
}

fn publish_failure<R>(
    context: &Context<R>,
    claimed: &Claimed,
    dirs: &BuildDirs,
) -> Result<Artifact, ArtifactError> {
    let artifacts = &context.settings.artifacts;
    artifact::publish(
        &dirs.builds,
        ERROR_OUTPUT,
        &["log/build.log"],
        artifacts,
        &claimed.held,
    )
    .or_else(|_| {
        let json_name = format!("{}-{}.json", claimed.keyboard, claimed.layout);
        let log = context.log_path(&claimed.held);
        artifact::publish_log(
            &log,
            (&json_name, &claimed.config),
            artifacts,
            &claimed.held,
        )
    })
}

/// Records an end. The log of this process says each failure once, here.
async fn record<R>(context: &Context<R>, claimed: &Claimed, end: End, started: Instant) {
    let id = claimed.held.id;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let recorded = match end {
        End::Ended(outcome) => {
            say(claimed, &outcome, duration_ms);
            finish_patiently(context, claimed, outcome).await
        }
        End::Broken(detail) => {
            error!(job.id = %id, detail, "A build could not be carried out, it is tried again later");
            jobs::give_back(&context.store, &claimed.held, Pause::Growing, &detail)
                .await
                .map(|()| Recorded::Yes)
        }
        End::Abandoned => {
            info!(job.id = %id, "Handed a running build back, as this worker leaves");
            jobs::give_back(&context.store, &claimed.held, Pause::None, "")
                .await
                .map(|()| Recorded::Yes)
        }
        End::LeaseLost => Ok(Recorded::LeaseLost),
    };
    match recorded {
        Ok(Recorded::Yes) => {}
        Ok(Recorded::LeaseLost) => {
            warn!(job.id = %id, "The build had gone to another worker, its end here counts for nothing");
        }
        Err(error) => {
            error!(job.id = %id, %error, "A build's end could not be written, it will be rescued");
        }
    }
}

fn say(claimed: &Claimed, outcome: &Outcome, duration_ms: u64) {
    let (id, keyboard, layout) = (claimed.held.id, &claimed.keyboard, &claimed.layout);
    match outcome {
        Outcome::Built(artifact) => {
            info!(job.id = %id, keyboard, layout, duration_ms, bytes = artifact.bytes, "Built {keyboard}-{layout} in {duration_ms} ms");
        }
        Outcome::Failed { reason, detail, .. } => {
            info!(job.id = %id, keyboard, layout, duration_ms, %reason, detail, "{keyboard}-{layout} was not built: {reason}");
        }
    }
}

/// A table that cannot be written for a moment shall not cost a whole build.
async fn finish_patiently<R>(
    context: &Context<R>,
    claimed: &Claimed,
    outcome: Outcome,
) -> shared::store::Result<Recorded> {
    let give_up = Instant::now() + lease::LEASE / 2;
    loop {
        match jobs::finish(&context.store, &claimed.held, outcome.clone()).await {
            Err(error) if Instant::now() < give_up => {
                warn!(job.id = %claimed.held.id, %error, "A build's end could not be written, trying again");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            ended => return ended,
        }
    }
}

async fn remove_container<R: ContainerRuntime>(context: &Context<R>, container: &OnceLock<String>) {
    let Some(id) = container.get() else { return };
    if let Err(error) = context.runtime.remove(id).await {
        warn!(container = id, %error, "A container could not be removed yet");
    }
}
