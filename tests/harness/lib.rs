//! What the test files share: a service on the real engine, images that misbehave, and a table of one's own.
#![expect(clippy::print_stderr, reason = "a test that is passed over says so")]

pub mod engine;
pub mod service;
pub mod store;
