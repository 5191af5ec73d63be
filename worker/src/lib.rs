//! One job after another, in containers.
//!
//! - [`run`]: the worker: its slots, its start and its stop.
//! - [`execute`]: one claimed job from its inputs to its outcome.
//! - [`inputs`], [`recipe`], [`log`], [`artifact`]: what goes in, the container, what comes out.
//! - [`lease`], [`housekeeping`]: holding a job; what is done beside the jobs.
//! - [`mounts`], [`proof`]: our paths as the host knows them, and that they are right.
//! - [`container`]: the engine's verbs; only `container::docker` speaks to it.

pub mod artifact;
pub mod container;
pub mod execute;
pub mod housekeeping;
pub mod inputs;
pub mod lease;
pub mod log;
pub mod mounts;
pub mod proof;
pub mod recipe;
pub mod run;

pub use container::docker::DockerEngine;
pub use run::Worker;
