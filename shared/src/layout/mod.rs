//! Layouts: the Configurator's documents as types, and the library of files that they build on.

/// What a layout is to one that builds on it.
pub(crate) mod base;
/// What the text in a document must be like to be safe in a KLL file.
pub(crate) mod check;
/// The Configurator's document as types.
pub mod document;
/// What is wrong with a document, and where.
pub mod fault;
/// The layouts that we come with, by checked name.
pub mod library;
/// Names that are safe in file names and URLs.
pub mod name;
/// Reading a JSON value without stopping at the first fault.
mod node;
/// Which layouts are a keyboard's, and which of them stands for it.
pub mod of_keyboard;

pub use document::Document;
pub use fault::Fault;
pub use library::{LayoutFile, Library, LibraryError};
