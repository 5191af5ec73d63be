//! A running container, followed to its end or to a limit that it goes over.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use shared::{disk, settings::WorkerSettings};

use crate::{
    blocking::blocking,
    container::{ContainerError, ContainerRuntime, Exit},
    execute::{Leaving, Run},
    log::{Followed, LogFile, follow},
    tree::fits,
};

/// How often a running build's output is measured. What it writes in between is what the reserve of
/// free disk is for.
const OUTPUT_LOOK: Duration = Duration::from_millis(200);

/// How long a build that is over its time lives on for its processes to be counted.
const COUNTING: Duration = Duration::from_secs(3);

/// How long a killed container may take to be dead. One that takes longer hangs in the machine.
const DYING: Duration = Duration::from_secs(30);

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

/// Follows a container to its end, or to a limit that it goes over.
pub(crate) async fn watch<R: ContainerRuntime>(
    run: &Run<R>,
    limits: &WorkerSettings,
    id: &str,
    log: &mut LogFile,
) -> Result<Stop, ContainerError> {
    let (builds, reserve) = (&run.dirs.builds, run.context.settings.disk_reserve);
    let output = run.context.runtime.follow_log(id);
    let followed = async {
        // The log first and to its end, then the exit: the other way round its last lines can be lost.
        match follow(output, log).await? {
            Followed::ToItsEnd => {
                let exit = run.context.runtime.wait(id).await?;
                // A build that met a full disk fails like one whose layout does not compile.
                let full = exit.code != 0 && is_full(run.dirs.builds.clone(), reserve).await;
                Ok(if full {
                    Stop::DiskFull
                } else {
                    Stop::Exited(exit)
                })
            }
            Followed::Endless => Ok(Stop::LogEndless),
        }
    };
    let stop = tokio::select! {
        stop = followed => stop?,
        why = run.left_early() => Stop::Left(why),
        () = tokio::time::sleep(limits.build_time.saturating_sub(run.ran_for)) => Stop::TimedOut,
        stop = output_too_large(builds, limits, reserve) => stop,
    };
    Ok(match stop {
        Stop::TimedOut if has_all_its_processes(run, limits, id).await => Stop::TooManyProcesses,
        other => other,
    })
}

/// Whether a container has as many processes as it may, which is what a bomb of forks that never ends
/// looks like. An engine that does not say so in time is not waited for.
async fn has_all_its_processes<R: ContainerRuntime>(
    run: &Run<R>,
    limits: &WorkerSettings,
    id: &str,
) -> bool {
    let counted = tokio::time::timeout(COUNTING, run.context.runtime.processes_in(id)).await;
    matches!(counted, Ok(Ok(Some(count))) if count >= u64::from(limits.build_pids))
}

/// Kills a container, and makes sure that it is dead: nothing may change what it left from now on.
pub(crate) async fn end<R: ContainerRuntime>(run: &Run<R>, id: &str) -> Result<(), ContainerError> {
    run.context.runtime.kill(id).await?;
    match tokio::time::timeout(DYING, run.context.runtime.wait(id)).await {
        Ok(exit) => exit.map(drop),
        Err(_) => Err(ContainerError::Step {
            step: "end a container",
            cause: format!("it was killed {} s ago and still runs", DYING.as_secs()),
        }),
    }
}

/// Returns when the build's output is over its limit, or its disk half way through the reserve: files
/// that are open and have no name any more are seen only there.
async fn output_too_large(directory: &Path, limits: &WorkerSettings, reserve: u64) -> Stop {
    let (bytes, files) = (limits.build_output, limits.build_files);
    loop {
        tokio::time::sleep(OUTPUT_LOOK).await;
        let place = directory.to_owned();
        let held = blocking(move || fits(&place, bytes, files)).await;
        if held.is_ok_and(|fits| !fits) {
            return Stop::OutputTooLarge;
        }
        if is_full(directory.to_owned(), reserve).await {
            return Stop::DiskFull;
        }
    }
}

/// Whether a disk is half way through the reserve.
async fn is_full(place: PathBuf, reserve: u64) -> bool {
    let lacking = blocking(move || disk::lacking(&[place], reserve / 2)).await;
    matches!(lacking, Ok(Ok(Some(_))))
}
