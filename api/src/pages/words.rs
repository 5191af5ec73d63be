//! What a page says of a build, in sentences, and what to do next.

use shared::{
    job::{Reason, Status},
    store::{jobs::Build, queue_order::Place},
};

/// The heading.
pub(super) fn heading(build: &Build) -> &'static str {
    match build.status {
        Status::Queued => "Waiting to be built",
        Status::Running => "Building",
        Status::Succeeded => "Your firmware is ready",
        Status::Failed => match build.reason {
            Some(Reason::BuildFailed) => "This layout does not compile",
            _ => "This build did not work",
        },
        Status::Cancelled => "This build was cancelled",
    }
}

/// Where in the queue, and how long still.
pub(super) fn place(place: Place) -> String {
    let position = match place.position {
        0 | 1 => "Next in line".to_owned(),
        more => format!("Number {more} in line"),
    };
    format!(
        "{position}; ready in about {}.",
        span(place.eta_seconds.max(1))
    )
}

/// What happened and what to do, for a build that ended without firmware.
pub(super) fn ending(reason: Reason) -> &'static str {
    match reason {
        Reason::BuildFailed => {
            "The compiler refused it. What it complains of is listed here; change that and build again."
        }
        Reason::TimedOut => {
            "It took longer than a build may. Try again; if it happens twice, leave out animations or text of your own, as something in them may have no end."
        }
        Reason::OutOfMemory | Reason::TooManyProcesses | Reason::ScratchFull => {
            "It needed more of the machine than a build may have. Leave out animations or text of your own, and try again."
        }
        Reason::FileTooLarge | Reason::OutputTooLarge | Reason::LogTooLarge => {
            "It wrote more than a build may. Leave out animations or text of your own, and try again."
        }
        Reason::NoArtifact => {
            "The compiler said that it was done and left no firmware. The log may say more; try another version."
        }
        Reason::WorkerLost => {
            "The machines that built it broke down, more than once. Nothing is wrong with your layout: try again in a while."
        }
        Reason::ControllerMissing => {
            "The version that was to build it was taken away meanwhile. Choose another version."
        }
        Reason::Cancelled => {
            "Nobody wanted it any more, or an operator ended it. You can build it again."
        }
    }
}

/// A span of time for people.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..=90 => format!("{seconds} s"),
        91..=5400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h", (seconds + 1800) / 3600),
    }
}

/// The time between two moments in milliseconds, to a tenth of a second where it is short.
pub(super) fn between(from: i64, to: i64) -> String {
    let millis = u64::try_from(to.saturating_sub(from)).unwrap_or_default();
    match millis {
        0..10_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => span(millis / 1000),
    }
}

/// A size for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} bytes"),
        1000..1_000_000 => format!("{}.{} kB", bytes / 1000, bytes % 1000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_are_for_people() {
        assert_eq!(span(4), "4 s");
        assert_eq!(span(119), "2 min");
        assert_eq!(span(7200), "2 h");
        assert_eq!(between(1000, 2450), "1.4 s");
        assert_eq!(between(5, 0), "0.0 s");
        assert_eq!(between(0, 75_000), "75 s");
        assert_eq!(size(12), "12 bytes");
        assert_eq!(size(83_456), "83.4 kB");
        assert_eq!(size(1_250_000), "1.2 MB");
    }
}
