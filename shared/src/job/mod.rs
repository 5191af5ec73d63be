//! One build: what was asked for, its name, its states and how it can end.

pub mod by_hand;
pub mod container;
pub mod fingerprint;
pub mod inputs;
pub mod outcome;
pub mod plan;
pub mod request;

use serde::Serialize;
use uuid::Uuid;

pub use container::ContainerSpec;
pub use fingerprint::Fingerprint;
pub use outcome::{Artifact, FirmwareFile, Outcome, Reason, Status};
pub use plan::Plan;
pub use request::BuildRequest;

/// A build's id: a UUID v7, so that ids sort by the time of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct JobId(Uuid);

impl JobId {
    /// An id for a build that is asked for now.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Default for JobId {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl std::str::FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}
