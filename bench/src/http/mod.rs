//! The API under load: the program itself, in a process of its own, beside servers that do next to nothing.

pub(crate) mod bare;
pub(crate) mod bodies;
pub(crate) mod client;
pub(crate) mod crowded;
pub(crate) mod load;
pub(crate) mod mixed;
pub(crate) mod reads;
pub(crate) mod submits;
pub(crate) mod waiting;
