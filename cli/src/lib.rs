//! Commands of the program that tests call too: they take their settings and where to write as arguments.

/// What does not match among table, engine and files, and the mending of it.
pub mod doctor;
/// The queue, its builds and its workers, by the operator's word and over HTTP.
pub mod operate;
/// What moves while something takes longer than a moment.
pub mod progress;
/// Controllers and channels: what people are given, by the operator's word.
pub mod versions;
/// What is to be done with firmware, as a service says it.
pub mod what_now;

mod table;
