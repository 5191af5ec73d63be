//! What a worker promises, on an engine that does as the test says and a real table.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop, and its helpers too"
)]

mod adoption;
mod claims;
mod comparing;
mod housekeeping;
mod limits;
mod outcomes;
mod phases;
mod prepared;
mod reconcile;
mod retention;
mod rig;
mod self_test;
mod start_and_stop;
