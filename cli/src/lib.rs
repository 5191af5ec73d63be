//! Commands of the program that tests call too: they take their settings and where to write as arguments.

/// Controllers and channels: what people are given, by the operator's word.
pub mod versions;
