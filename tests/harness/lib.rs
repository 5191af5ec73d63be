//! What the test files share: a service on the real engine, and images that misbehave.
#![expect(clippy::print_stderr, reason = "a test that is passed over says so")]

pub mod engine;
pub mod service;
