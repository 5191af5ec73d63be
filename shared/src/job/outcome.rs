//! The states of a build and the ways in which it can end.

use serde::{Deserialize, Serialize};

use crate::diagnose::Diagnostic;

/// Gives an enum its stored words, both ways, in one table.
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word that the table and the API use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value that is stored under this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

/// Where a build is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Waiting for a worker.
    Queued,
    /// Held by a worker under a lease.
    Running,
    /// Ended with firmware.
    Succeeded,
    /// Ended without; [`Reason`] says why.
    Failed,
    /// Ended because nobody wants it any more.
    Cancelled,
}

words!(Status {
    Queued = "queued",
    Running = "running",
    Succeeded = "succeeded",
    Failed = "failed",
    Cancelled = "cancelled",
});

impl Status {
    /// Whether a build in this state changes no more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// Why a build ended without firmware: a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The compiler refused it: the only reason that is the layout's own.
    BuildFailed,
    /// It ran longer than a build may.
    TimedOut,
    /// It wanted more memory than a build may have.
    OutOfMemory,
    /// It wanted more processes than a build may have.
    TooManyProcesses,
    /// Its `/tmp` was full.
    ScratchFull,
    /// It wrote a larger file than a build may.
    FileTooLarge,
    /// It left more below `/mnt/builds` than a build may.
    OutputTooLarge,
    /// Its log had no end.
    LogTooLarge,
    /// It said that it succeeded and left no zip, or not a whole one.
    NoArtifact,
    /// The machine broke under it, more often than is tried again.
    WorkerLost,
    /// Its controller's image is not there any more.
    ControllerMissing,
    /// Nobody wants it any more.
    Cancelled,
}

words!(Reason {
    BuildFailed = "build_failed",
    TimedOut = "timed_out",
    OutOfMemory = "out_of_memory",
    TooManyProcesses = "too_many_processes",
    ScratchFull = "scratch_full",
    FileTooLarge = "file_too_large",
    OutputTooLarge = "output_too_large",
    LogTooLarge = "log_too_large",
    NoArtifact = "no_artifact",
    WorkerLost = "worker_lost",
    ControllerMissing = "controller_missing",
    Cancelled = "cancelled",
});

impl Reason {
    /// Whether the same request would end in the same way, so that the answer is kept.
    #[must_use]
    pub const fn is_the_layouts_own(self) -> bool {
        matches!(self, Self::BuildFailed)
    }
}

/// A published zip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Artifact {
    /// Its path below the directory of artifacts.
    #[serde(skip)]
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of the whole file, hex.
    pub sha256: String,
    /// What in it is for a keyboard.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FirmwareFile>,
}

/// A file in a zip that is for a keyboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirmwareFile {
    /// Its name in the zip.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, hex: what `sha256sum` says of the file.
    pub sha256: String,
}

/// How a run of a build ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With firmware.
    Built(Artifact),
    /// Without. The artifact, where there is one, holds the log.
    Failed {
        /// Why.
        reason: Reason,
        /// One line for people.
        detail: String,
        /// The zip with the log.
        artifact: Option<Artifact>,
        /// What the compiler complains of, where it is the layout's own fault.
        diagnostics: Vec<Diagnostic>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_leads_back_to_its_value() {
        for status in Status::ALL {
            assert_eq!(Status::from_word(status.as_str()), Some(*status));
        }
        assert_eq!(
            Reason::from_word("log_too_large"),
            Some(Reason::LogTooLarge)
        );
        assert_eq!(Reason::from_word("no such"), None);
    }
}
