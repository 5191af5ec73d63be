//! Commands of the program that tests call too: they take their settings and where to write as arguments.

/// What does not match among table, engine and files, and the mending of it.
pub mod doctor;
/// Controllers and channels: what people are given, by the operator's word.
pub mod versions;
