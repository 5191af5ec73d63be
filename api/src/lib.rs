//! HTTP in, HTTP out. What is said on the wire is decided here and nowhere else.
//!
//! In the order of a request's way:
//!
//! - `server`, with [`run`]: connections, their limits, and the end of them when the process stops. `door` lets them
//!   in, `linger` reads on where one still sends.
//! - [`routes()`]: the table of routes. Each leads to one function in `handlers`.
//! - `client`, `body`: who asks, and what they send, within bounds.
//! - `operator`: who may look at all builds and change them.
//! - `submit`: from a body to a row in the queue, for the native route and for the predecessor's.
//! - `handlers`: one file for each thing that can be asked about.
//! - `pages`: HTML for people. `openapi`: the description of all routes for programs.
//! - `query`: numbers in a request. `files`, `range`: a file of a build as an answer.
//! - `feed`, `watcher`, `log_reader`: one look for all who watch a build, each of them, and its log as it grows.
//! - `error`: every refusal, as `application/problem+json`.
//! - `state`, with [`State`]: what all of them share; `room`: whether the disk has room; `per_client`: what one client
//!   may hold at once; `traffic`, `exposition`: what is counted, and how metrics are written.

mod body;
mod client;
mod door;
mod error;
mod exposition;
mod feed;
mod files;
mod handlers;
mod linger;
mod log_reader;
mod openapi;
mod operator;
mod pages;
mod per_client;
mod query;
mod range;
mod room;
mod routes;
mod server;
mod state;
mod submit;
#[cfg(test)]
mod tests;
mod traffic;
mod watcher;

pub use routes::routes;
pub use server::run;
pub use state::{StartError, State};
