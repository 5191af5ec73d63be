//! The things that may not match, in words for people.

use std::{fmt, path::PathBuf};

use shared::job::JobId;

/// Something that does not match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mismatch {
    /// A container of ours that no running build owns, or a chore's that nobody waits for.
    Container {
        /// The engine's id for it.
        id: String,
        /// Its build, by its label.
        build: Option<String>,
    },
    /// A container that was ready for a build, and whose worker is gone or does not know of it.
    Prepared {
        /// The engine's id for it.
        id: String,
        /// The name of its directories.
        name: String,
    },
    /// A running build whose container is not on the engine where its row says that it is.
    ContainerGone {
        /// The build.
        build: JobId,
        /// The container.
        container: String,
        /// Whether its holder is silent, too.
        lease_over: bool,
    },
    /// A build's directories that no running claim owns, or a chore's that nobody waits for.
    Directory {
        /// Its name, in either place.
        name: String,
    },
    /// A file or a directory among the zips that no row names.
    UnnamedZip {
        /// Below the directory of artifacts.
        path: PathBuf,
    },
    /// A row that names a zip that is not there, or has another size.
    ZipLost {
        /// The build.
        build: JobId,
        /// The zip, below the directory of artifacts.
        file: String,
        /// What is the matter.
        why: String,
    },
    /// A directory of logs whose build has no row, or whose row says that its log is gone.
    StrayLog {
        /// The build.
        build: JobId,
    },
    /// The socket of a process that died.
    DeadSocket {
        /// Its name.
        name: String,
    },
    /// Builds that wait for a controller that no engine has.
    NobodyBuilds {
        /// The controller.
        controller: String,
        /// Their number.
        waiting: u64,
    },
    /// A directory of zips or logs that bears no mark of this service. Its files are not compared with rows.
    NotOurPlace {
        /// The directory.
        place: PathBuf,
        /// What makes us think so.
        why: String,
    },
}

impl Mismatch {
    /// Its kind in one word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Container { .. } => "container",
            Self::Prepared { .. } => "prepared",
            Self::ContainerGone { .. } => "container_gone",
            Self::Directory { .. } => "directory",
            Self::UnnamedZip { .. } => "unnamed_zip",
            Self::ZipLost { .. } => "zip_lost",
            Self::StrayLog { .. } => "stray_log",
            Self::DeadSocket { .. } => "dead_socket",
            Self::NobodyBuilds { .. } => "nobody_builds",
            Self::NotOurPlace { .. } => "not_our_place",
        }
    }

    /// What mends it, in a phrase.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Container { .. }
            | Self::Prepared { .. }
            | Self::UnnamedZip { .. }
            | Self::DeadSocket { .. } => "remove it",
            Self::Directory { .. } | Self::StrayLog { .. } => "remove them",
            Self::ContainerGone {
                lease_over: true, ..
            } => "let the build wait again",
            Self::ContainerGone { .. } => "nothing while its worker is alive, which sees it itself",
            Self::ZipLost { .. } => "drop the answer, so that the same request is built anew",
            Self::NobodyBuilds { .. } => {
                "nothing; make the controller's image, or cancel the builds"
            }
            Self::NotOurPlace { .. } => {
                "nothing; look at KIISRV_ARTIFACTS and KIISRV_LOGS, and at what is mounted there"
            }
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container { id, build } => {
                let id = id.get(..12).unwrap_or(id);
                match build {
                    Some(build) => {
                        write!(
                            f,
                            "container {id} is of build {build}, which does not run in it"
                        )
                    }
                    None => write!(f, "container {id} is of a chore that is over"),
                }
            }
            Self::Prepared { id, .. } => {
                let id = id.get(..12).unwrap_or(id);
                write!(
                    f,
                    "container {id} waits for a build that no worker will give to it"
                )
            }
            Self::ContainerGone {
                build, container, ..
            } => {
                let container = container.get(..12).unwrap_or(container);
                write!(
                    f,
                    "build {build} runs in container {container}, which is gone"
                )
            }
            Self::Directory { name } => write!(f, "directories {name} are of no running build"),
            Self::UnnamedZip { path } => {
                write!(f, "{} among the zips is named by no build", path.display())
            }
            Self::ZipLost { build, file, why } => write!(f, "build {build} names {file}, {why}"),
            Self::StrayLog { build } => {
                write!(f, "the logs of {build} belong to no build that keeps them")
            }
            Self::DeadSocket { name } => {
                write!(f, "nobody listens at the socket {name} any more")
            }
            Self::NobodyBuilds {
                controller,
                waiting,
            } => {
                write!(
                    f,
                    "{waiting} builds wait for controller {controller}, which no engine has"
                )
            }
            Self::NotOurPlace { place, why } => write!(f, "{}: {why}", place.display()),
        }
    }
}
