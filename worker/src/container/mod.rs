//! What a worker needs of a container engine: a description of a container, and verbs.
//!
//! Verbs and not one `run`, so that a container can outlive the worker that started it.

pub mod docker;

use std::{collections::BTreeMap, future::Future, path::PathBuf};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use shared::store::versions::Controller;

pub use shared::job::container::{ContainerSpec, HostMount, Limits, Scratch};

/// Labels that say whose a container is. They are what leftovers are found by.
pub mod label {
    /// The build's id.
    pub const BUILD: &str = "kiisrv.build";
    /// The claim that it was made under.
    pub const EPOCH: &str = "kiisrv.epoch";
    /// The worker's id.
    pub const WORKER: &str = "kiisrv.worker";
    /// What it is for: [`ROLE_BUILD`], [`ROLE_PREPARED`], or the name of a chore.
    pub const ROLE: &str = "kiisrv.role";
    /// Of an image: the keyboards whose builds start warm, or `all`.
    pub const WARM: &str = "kiisrv.warm";
    /// Whose table it belongs to: several services may share an engine.
    pub const SERVICE: &str = "kiisrv.service";
    /// When a chore is over at the latest, in seconds since 1970.
    pub const UNTIL: &str = "kiisrv.until";
    /// A container that builds.
    pub const ROLE_BUILD: &str = "build";
    /// A container that was started ahead of the build that it is for. The row of that build names it.
    pub const ROLE_PREPARED: &str = "prepared";
    /// The name that the directories of such a container had before it got its build.
    pub const PREPARED: &str = "kiisrv.prepared";
}

/// How a container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The status of its first process.
    pub code: i64,
    /// Whether the engine saw something in it killed for memory.
    pub out_of_memory: bool,
}

/// A container of ours that the engine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    /// The engine's id for it.
    pub id: String,
    /// How far it is.
    pub state: State,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// How far a container is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was made and never started.
    Created,
    /// It was started; it may have ended meanwhile.
    Started,
}

/// A mount of a container, as the engine reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedMount {
    /// The path on the host.
    pub source: PathBuf,
    /// The path in the container.
    pub target: PathBuf,
}

/// What went wrong, by the step. The message reads on after "failed: ".
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// The socket is not there or may not be opened.
    #[error("{0}")]
    Unreachable(String),
    /// The image that a build was planned with is gone.
    #[error("the engine has no image {0}")]
    ImageMissing(String),
    /// A step of a container's life.
    #[error("the engine could not {step}: {cause}")]
    Step {
        /// What it was asked to do: `create a container`.
        step: &'static str,
        /// Its words.
        cause: String,
    },
}

/// The engine's verbs.
pub trait ContainerRuntime: Send + Sync + 'static {
    /// The engine's own id.
    fn engine_id(&self) -> impl Future<Output = Result<String, ContainerError>> + Send;

    /// What its limits depend on beside the flags, in one line: its own version, the kernel's, the runtime.
    fn about(&self) -> impl Future<Output = Result<String, ContainerError>> + Send;

    /// The images named `kiisrv-controller-*` that are tagged `latest`.
    fn controllers(&self) -> impl Future<Output = Result<Vec<Controller>, ContainerError>> + Send;

    /// The labels of an image; `None` where this engine does not have it.
    fn labels_of(
        &self,
        image: &str,
    ) -> impl Future<Output = Result<Option<BTreeMap<String, String>>, ContainerError>> + Send;

    /// The mounts of a container; `None` where this engine does not have it.
    fn mounts_of(
        &self,
        container: &str,
    ) -> impl Future<Output = Result<Option<Vec<ReportedMount>>, ContainerError>> + Send;

    /// Makes a container and gives its id. Nothing runs yet.
    fn create(
        &self,
        spec: &ContainerSpec,
    ) -> impl Future<Output = Result<String, ContainerError>> + Send;

    /// Starts it.
    fn start(&self, container: &str) -> impl Future<Output = Result<(), ContainerError>> + Send;

    /// Its output from the first byte on, until it ends.
    fn follow_log(&self, container: &str) -> BoxStream<'static, Result<Bytes, ContainerError>>;

    /// How many processes and threads are in it just now; `None` where the engine does not say.
    fn processes_in(
        &self,
        container: &str,
    ) -> impl Future<Output = Result<Option<u64>, ContainerError>> + Send;

    /// Waits for its end.
    fn wait(&self, container: &str) -> impl Future<Output = Result<Exit, ContainerError>> + Send;

    /// Ends it at once. One that has ended already is fine.
    fn kill(&self, container: &str) -> impl Future<Output = Result<(), ContainerError>> + Send;

    /// Removes it, and ends it where it runs. One that is gone already is fine.
    fn remove(&self, container: &str) -> impl Future<Output = Result<(), ContainerError>> + Send;

    /// All containers with our labels, running or not.
    fn list_ours(&self) -> impl Future<Output = Result<Vec<Ours>, ContainerError>> + Send;
}
