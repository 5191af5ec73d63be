//! What the test files share: a service on the real engine, images that misbehave, and an engine that
//! does as a test says.
#![expect(clippy::print_stderr, reason = "a test that is passed over says so")]

pub mod engine;
pub mod scripted;
pub mod service;
