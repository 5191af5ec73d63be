//! What the fuzzers share with the properties: the promises, and the small layout that inputs are put into.

#[path = "../tests/harness/promises.rs"]
pub mod promises;
#[path = "../tests/harness/small.rs"]
pub mod small;
