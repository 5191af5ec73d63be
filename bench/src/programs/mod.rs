//! The programs themselves: how large they are, how soon they answer, what they take while they do nothing.

pub(crate) mod idle;
pub(crate) mod loaded;
pub(crate) mod size;
pub(crate) mod start;
