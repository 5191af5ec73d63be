//! What the test files share: a service on the real engine, images that misbehave, an engine that does as
//! a test says, an engine of one's own, a table of one's own, and one of the predecessor's.
#![expect(clippy::print_stderr, reason = "a test that is passed over says so")]

pub mod engine;
pub mod engine_proxy;
pub mod private_engine;
pub mod program;
pub mod promises;
pub mod quick_controller;
pub mod ready_container;
pub mod scripted;
pub mod service;
pub mod small;
pub mod source;
pub mod store;
