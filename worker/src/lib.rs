//! One job after another, in containers.
//!
//! - [`run`], [`context`]: the worker: its start, its stop, and what every job needs.
//! - [`slots`], [`orphans`]: what is under way, and how more comes: claimed, or taken on from a worker that left.
//! - [`execute`], [`watch`], [`verdict`], [`record`]: one claimed job from its inputs to its outcome;
//!   [`phases`]: when its container started and ended; [`comparing`]: which are built again cold.
//! - [`prepare`], [`inputs`], [`limits`], [`recipe`], [`log`], [`artifact`]: what goes in, the container, what comes out.
//! - [`prepared`]: containers that are started ahead of the builds that they are for.
//! - [`lease`], [`housekeeping`]: holding a job; what is done beside the jobs.
//! - [`reconcile`], [`retention`]: what does not match, and what is kept no longer.
//! - [`tree`]: directories that a build could write to, measured and removed.
//! - [`mounts`], [`proof`]: our paths as the host knows them, and that they are right; [`self_test`]: that the
//!   engine enforces its limits; [`chore`] is the small container that proves both.
//! - [`container`]: the engine's verbs; only `container::docker` speaks to it.

pub mod artifact;
mod blocking;
mod chore;
mod comparing;
pub mod container;
pub mod context;
mod execute;
pub mod housekeeping;
pub mod inputs;
pub mod lease;
pub mod limits;
pub mod log;
pub mod mounts;
mod orphans;
mod phases;
mod prepare;
pub mod prepared;
pub mod proof;
pub mod recipe;
pub mod reconcile;
mod record;
pub mod retention;
mod room;
pub mod run;
pub mod self_test;
pub mod slots;
pub mod tree;
mod verdict;
mod watch;

pub use container::docker::DockerEngine;
pub use run::Worker;
