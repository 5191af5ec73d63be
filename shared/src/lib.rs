//! The domain of kiisrv, without HTTP and without containers.
//!
//! In the order in which they depend on each other:
//!
//! - [`settings`], [`telemetry`], [`disk`]: every environment variable; the log's form; room. They depend on nothing.
//! - [`keyboard`], [`channel`], [`release`]: what a keyboard's, a version's and a controller's name stand for.
//! - [`layout`]: the Configurator's JSON as types, and the library of layout files.
//! - [`kll`]: a layout as text for the KLL compiler. Reads and writes no files.
//! - [`draw`]: a layout as a picture. Reads and writes no files either.
//! - [`diagnose`]: what is wrong with a layout, in words and with its place: before it is built, and from a failed build's log.
//! - [`flash`]: what to do with firmware once it is built: a keyboard -> steps.
//! - [`job`]: one build: its request, fingerprint, states and outcome; what its container is given, as a value and as a command.
//! - [`store`]: all SQL.

pub mod channel;
pub mod diagnose;
pub mod disk;
pub mod draw;
pub mod flash;
pub mod job;
pub mod keyboard;
pub mod kll;
pub mod layout;
pub mod release;
pub mod settings;
pub mod store;
pub mod telemetry;
