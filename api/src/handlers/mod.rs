//! One file for each thing that can be asked about. Handlers are ordinary functions of ordinary arguments.

pub(crate) mod artifacts;
pub(crate) mod attempts;
pub(crate) mod builds;
pub(crate) mod description;
pub(crate) mod events;
pub(crate) mod forget;
pub(crate) mod health;
pub(crate) mod keyboards;
pub(crate) mod layouts;
pub(crate) mod leave;
pub(crate) mod metrics;
pub(crate) mod operator;
pub(crate) mod pictures;
pub(crate) mod predecessor;
pub(crate) mod queue;
pub(crate) mod stats;
pub(crate) mod versions;
