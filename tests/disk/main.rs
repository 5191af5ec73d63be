//! Disks that do not do as they should: syncs that fail, no room left. Nothing that was accepted is lost,
//! and all goes on by itself when the disk does.
#![expect(clippy::unwrap_used, reason = "a test may stop")]
#![expect(clippy::print_stderr, reason = "a test that is passed over says so")]

mod full;
mod program;
mod sync;
