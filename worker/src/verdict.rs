//! What a run's outcome is, by what its container did and left. The container is dead by now.

use shared::{
    diagnose::{self, Diagnostic},
    job::{Artifact, Outcome, Reason},
    kll::Generated,
    settings::WorkerSettings,
    store::jobs::Claimed,
};

use tracing::warn;

use crate::{
    artifact::{self, ArtifactError},
    container::Exit,
    execute::{End, Run},
    inputs::{ERROR_OUTPUT, OUTPUT},
    log::LogFile,
    tree::fits,
    watch::Stop,
};

/// The exit status of a process that was killed.
const KILLED: i64 = 128 + 9;

/// And of one that was told to end and did. An engine that stops tells all its containers to, and we tell none.
const TERMINATED: i64 = 128 + 15;

/// What an engine says that was itself killed, and found the container dead when it came back.
const UNKNOWN: i64 = 255;

/// Turns what happened into an outcome, and publishes what belongs to it.
pub(crate) fn judge<R>(
    run: &Run<R>,
    generated: &Generated,
    limits: &WorkerSettings,
    stop: Stop,
    mut log: LogFile,
) -> End {
    let (reason, detail) = match last_look(run, limits, stop) {
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
        Stop::TimedOut => {
            let seconds = limits.build_time.as_secs();
            (Reason::TimedOut, format!("it ran longer than {seconds} s"))
        }
        Stop::TooManyProcesses => {
            let pids = limits.build_pids;
            let detail =
                format!("it had {pids} processes, all that a build may, until its time was over");
            (Reason::TooManyProcesses, detail)
        }
        Stop::OutputTooLarge => {
            let (mib, files) = (limits.build_output >> 20, limits.build_files);
            let detail = format!("it left more than {mib} MiB or more than {files} files");
            (Reason::OutputTooLarge, detail)
        }
        // All builds of this disk end so, and it need not be this one that filled it.
        Stop::DiskFull => return End::Broken("the disk ran full".to_owned()),
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
    // So that the file is whole before it is published.
    drop(log);
    let mut end = end_with_log(run, reason, detail);
    if reason.is_the_layouts_own()
        && let End::Ended(Outcome::Failed { diagnostics, .. }) = &mut end
    {
        *diagnostics = diagnosed(run, generated);
    }
    end
}

/// What the compiler complains of. A log that cannot be read is no reason to lose the build's end.
fn diagnosed<R>(run: &Run<R>, generated: &Generated) -> Vec<Diagnostic> {
    match std::fs::read(&run.log) {
        Ok(log) => diagnose::of_log(&log, generated),
        Err(error) => {
            warn!(job.id = %run.claimed.held.id, %error, "A failed build's log could not be read for what it complains of");
            Vec::new()
        }
    }
}

/// A build may leave too much and be gone before anybody looked: what an ended one left is measured too.
fn last_look<R>(run: &Run<R>, limits: &WorkerSettings, stop: Stop) -> Stop {
    let within = || fits(&run.dirs.builds, limits.build_output, limits.build_files);
    match stop {
        Stop::Exited(_) if !within() => Stop::OutputTooLarge,
        other => other,
    }
}

/// An end without firmware. There always is a zip with the log: the old clients fetch it.
pub(crate) fn end_with_log<R>(run: &Run<R>, reason: Reason, detail: String) -> End {
    match publish_failure(run) {
        Ok(artifact) => End::Ended(Outcome::Failed {
            reason,
            detail,
            artifact: Some(artifact),
            diagnostics: Vec::new(),
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
        _ if matches!(exit.code, KILLED | TERMINATED | UNKNOWN) => None,
        _ if run.claimed.protocol < 2
            && let Some(reason) = limit_in_log(run) =>
        {
            Some((reason, format!("a limit was hit: {reason}")))
        }
        _ => Some((
            Reason::BuildFailed,
            format!("the build ended with status {}", exit.code),
        )),
    }
}

/// Old images leave no hint: what programs say that meet a limit is all that tells of it.
fn limit_in_log<R>(run: &Run<R>) -> Option<Reason> {
    let log = std::fs::read(&run.log).ok()?;
    let log = String::from_utf8_lossy(&log);
    [
        ("No space left on device", Reason::ScratchFull),
        ("File size limit exceeded", Reason::FileTooLarge),
        ("Resource temporarily unavailable", Reason::TooManyProcesses),
    ]
    .into_iter()
    .find_map(|(words, reason)| log.contains(words).then_some(reason))
}

fn publish_firmware<R>(run: &Run<R>, generated: &Generated) -> Result<Artifact, ArtifactError> {
    let firmware: &[&str] = if generated.keyboard.is_split() {
        &["left_kiibohd.dfu.bin", "right_kiibohd.dfu.bin"]
    } else {
        &["kiibohd.dfu.bin"]
    };
    publish(run, OUTPUT, firmware)
}

/// The zip that the build left for its failure, or one of our own.
fn publish_failure<R>(run: &Run<R>) -> Result<Artifact, ArtifactError> {
    let (claimed, artifacts) = (&run.claimed, &run.context.settings.artifacts);
    publish(run, ERROR_OUTPUT, &[]).or_else(|_| {
        let json = (json_name(claimed), claimed.config.as_str());
        artifact::publish_log(&run.log, (&json.0, json.1), artifacts, &claimed.held)
    })
}

/// Publishes a zip that holds this and what the old clients read from every zip.
fn publish<R>(run: &Run<R>, name: &str, must_hold: &[&str]) -> Result<Artifact, ArtifactError> {
    let json = json_name(&run.claimed);
    let must_hold = [must_hold, &["log/build.log", &json]].concat();
    let artifacts = &run.context.settings.artifacts;
    artifact::publish(
        &run.dirs.builds,
        name,
        &must_hold,
        artifacts,
        &run.claimed.held,
    )
}

fn json_name(claimed: &Claimed) -> String {
    format!("{}-{}.json", claimed.keyboard, claimed.layout)
}
