//! What a run's outcome is, by what its container did and left. The container is dead by now.

use shared::{
    job::{Artifact, Outcome, Reason},
    kll::Generated,
};

use crate::{
    artifact::{self, ArtifactError},
    container::Exit,
    execute::{End, Run, Stop},
    inputs::{ERROR_OUTPUT, OUTPUT},
    log::LogFile,
};

/// The exit status of a process that was killed.
const KILLED: i64 = 128 + 9;

/// Turns what happened into an outcome, and publishes what belongs to it.
pub(crate) fn judge<R>(run: &Run<R>, generated: &Generated, stop: Stop, mut log: LogFile) -> End {
    let limits = &run.context.settings.worker;
    let seconds = limits.build_time.as_secs();
    let (reason, detail) = match stop {
        Stop::Exited(Exit { code: 0, .. }) => match publish_firmware(run, generated) {
            Ok(artifact) => return End::Ended(Outcome::Built(artifact)),
            Err(error @ ArtifactError::Store(_)) => return End::Broken(error.to_string()),
            Err(error) => (Reason::NoArtifact, error.to_string()),
        },
        Stop::Exited(exit) => match reason_of(run, exit) {
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
        Stop::ImageMissing => (
            Reason::ControllerMissing,
            format!("the engine has no image {} any more", run.claimed.image),
        ),
        Stop::Left(why) => return End::Left(why),
    };
    if !reason.is_the_layouts_own() {
        // The log is all that the old clients show, and the compiler did not say this in it.
        log.say(&detail);
    }
    end_with_log(run, reason, detail)
}

/// An end without firmware. There always is a zip with the log: the old clients fetch it.
pub(crate) fn end_with_log<R>(run: &Run<R>, reason: Reason, detail: String) -> End {
    match publish_failure(run) {
        Ok(artifact) => End::Ended(Outcome::Failed {
            reason,
            detail,
            artifact: Some(artifact),
        }),
        Err(error) => End::Broken(error.to_string()),
    }
}

/// Why a container ended with a failure; `None` where it was killed by nobody we know.
fn reason_of<R>(run: &Run<R>, exit: Exit) -> Option<(Reason, String)> {
    if exit.out_of_memory {
        return Some((
            Reason::OutOfMemory,
            "it wanted more memory than a build may have".to_owned(),
        ));
    }
    let hint = artifact::read_hint(&run.dirs.builds.join("reason"));
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

fn publish_firmware<R>(run: &Run<R>, generated: &Generated) -> Result<Artifact, ArtifactError> {
    let must_hold: &[&str] = if generated.keyboard.is_split() {
        &[
            "log/build.log",
            "left_kiibohd.dfu.bin",
            "right_kiibohd.dfu.bin",
        ]
    } else {
        &["log/build.log", "kiibohd.dfu.bin"]
    };
    let artifacts = &run.context.settings.artifacts;
    artifact::publish(
        &run.dirs.builds,
        OUTPUT,
        must_hold,
        artifacts,
        &run.claimed.held,
    )
}

/// The zip that the build left for its failure, or one of our own.
fn publish_failure<R>(run: &Run<R>) -> Result<Artifact, ArtifactError> {
    let (claimed, artifacts) = (&run.claimed, &run.context.settings.artifacts);
    let must_hold = &["log/build.log"];
    artifact::publish(
        &run.dirs.builds,
        ERROR_OUTPUT,
        must_hold,
        artifacts,
        &claimed.held,
    )
    .or_else(|_| {
        let name = format!("{}-{}.json", claimed.keyboard, claimed.layout);
        artifact::publish_log(&run.log, (&name, &claimed.config), artifacts, &claimed.held)
    })
}
