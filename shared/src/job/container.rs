//! What a build's container is given, as a value: a worker makes the container of it, the table keeps it as JSON, and
//! people read it as a command. Nothing here speaks to an engine.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

/// Files that a process in a container may have open.
pub const OPEN_FILES: u64 = 1024;

/// A container, described before it exists.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Its name on the engine.
    pub name: String,
    /// The image's id.
    pub image: String,
    /// `uid:gid`; `None` is the image's own.
    pub user: Option<String>,
    /// In place of the image's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// The entrypoint's arguments.
    pub command: Vec<String>,
    /// The environment, in addition to the image's.
    pub environment: Vec<(String, String)>,
    /// By which leftovers are found.
    pub labels: BTreeMap<String, String>,
    /// Directories of the host.
    pub mounts: Vec<HostMount>,
    /// File systems in the container's memory.
    pub scratch: Vec<Scratch>,
    /// Whether the image's files can be written to.
    pub read_only_root: bool,
    /// Capabilities that are kept; all others are dropped.
    pub capabilities: Vec<String>,
    /// The limits.
    pub limits: Limits,
}

/// A directory of the host in the container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostMount {
    /// The path as the *host* knows it.
    pub source: PathBuf,
    /// The path in the container.
    pub target: String,
    /// Whether the container may only read it.
    pub read_only: bool,
}

/// A file system in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scratch {
    /// The path in the container.
    pub target: String,
    /// Its size.
    pub bytes: u64,
    /// Files and directories in it at most.
    pub inodes: u32,
}

/// What a container may use at most.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory in bytes; swap is not on top of it.
    pub memory: u64,
    /// Processors.
    pub cpus: f64,
    /// Processes and threads.
    pub pids: u32,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of log that the engine keeps.
    pub log_bytes: u64,
}

impl ContainerSpec {
    /// As the table keeps it. A path that is no text cannot be kept, and leaves nothing: `null`.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "null".to_owned())
    }

    /// What the table keeps; `None` where another release wrote what this one does not understand.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl Scratch {
    /// Its options, as the kernel and every engine write them.
    #[must_use]
    pub fn options(&self) -> String {
        format!(
            "rw,noexec,nosuid,nodev,mode=1777,size={},nr_inodes={}",
            self.bytes, self.inodes
        )
    }
}

impl Limits {
    /// The limits of a process, by the names that engines have for them.
    #[must_use]
    pub const fn of_a_process(&self) -> [(&'static str, u64); 3] {
        [
            ("fsize", self.file_bytes),
            ("core", 0),
            ("nofile", OPEN_FILES),
        ]
    }
}
