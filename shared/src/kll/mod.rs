//! KLL, the language of the keyboard layouts, from a document: text in, text out. Nothing here reads or writes a file.

/// What a key does, as KLL.
mod action;
/// LED animations, as KLL.
mod animation;
/// The base layout that a document builds on.
pub(crate) mod base;
/// Which layer says what of which key.
mod layers;
/// A layer's file as text.
mod render;
/// What each line was made of.
mod source;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::channel::Dialect;
use crate::keyboard::Keyboard;
use crate::layout::document::{Document, Header};
use crate::layout::fault::{Fault, Faults, shown};
use crate::layout::library::Library;
use crate::layout::name::safe_name;

use base::Base;

pub use source::Source;

/// One KLL file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KllFile {
    /// Its safe name, such as `KType-Standard-0.kll`.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// What its parts were made of, in their order. The head of the file is made of nothing that can be at fault.
    pub sources: Vec<Source>,
}

impl KllFile {
    /// What the line of this number was made of; lines count from 1, as compilers do it.
    #[must_use]
    pub fn source_of(&self, line: usize) -> Option<&Source> {
        let after = self.sources.partition_point(|source| source.line <= line);
        self.sources.get(after.checked_sub(1)?)
    }
}

/// All that a build needs to know of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// One file a layer, from layer 0.
    pub files: Vec<KllFile>,
    /// The keyboard's name, spelled as we spell it.
    pub board: String,
    /// The layout's name, made safe.
    pub layout: String,
    /// The physical variant, made safe: `Layout` in the build's environment. Empty where there is none.
    pub variant: String,
    /// `DefaultMapOverride` in the build's environment, such as `stdFuncMap KType-Standard-0`.
    pub default_map: String,
    /// `PartialMapsExpandedOverride` in the build's environment, with `;` between the layers.
    pub partial_maps: String,
    /// How many layers there are.
    pub layers: usize,
    /// The keyboard.
    pub keyboard: &'static Keyboard,
}

/// Makes KLL of a document, or says all that keeps it from its keyboard.
///
/// # Errors
///
/// Every fault, with its place in the document.
pub fn generate(
    document: &Document,
    dialect: Dialect,
    library: &Library,
) -> Result<Generated, Vec<Fault>> {
    let faults = Faults::default();
    match build(document, dialect, library, &faults) {
        Some(generated) => faults.unless_any(generated),
        None => Err(faults.into_vec()),
    }
}

/// Reads a document and makes KLL of it, or says at once all that is wrong with it, be it in itself or for its keyboard.
///
/// # Errors
///
/// Every fault, with its place in the document.
pub fn generate_from(
    config: &Value,
    dialect: Dialect,
    library: &Library,
) -> Result<(Document, Generated), Vec<Fault>> {
    let (document, faults) = Document::read(config);
    let mut found = faults.into_vec();
    match generate(&document, dialect, library) {
        Ok(generated) if found.is_empty() => Ok((document, generated)),
        Ok(_) => Err(found),
        Err(mut misfits) => {
            // What could not be read stands as empty, and an empty thing fits nothing: that is not a second fault.
            misfits.retain(|misfit| !found.iter().any(|fault| fault.touches(misfit)));
            found.append(&mut misfits);
            Err(found)
        }
    }
}

/// `None` only where a fault was noted.
fn build(
    document: &Document,
    dialect: Dialect,
    library: &Library,
    faults: &Faults,
) -> Option<Generated> {
    let header = &document.header;
    check_layers(document, faults);
    let layout = safe_name(&header.layout);
    if layout.is_empty() {
        faults.note("/header/Layout", "must not be empty");
    }
    let (keyboard, board) = find_keyboard(header, faults)?;
    let base = Base::find(keyboard, header, dialect, library, faults)?;
    let layers = layers::diff(document, keyboard, &base, faults);

    let stem = |layer: usize| format!("{board}-{layout}-{layer}");
    let with_map = |layer: usize| format!("{} {}", keyboard.function_map(), stem(layer));
    let files = layers.iter().enumerate().map(|(number, layer)| {
        let (text, sources) = render::file(document, number, layer, dialect);
        KllFile {
            name: format!("{}.kll", stem(number)),
            text,
            sources,
        }
    });
    // Each partial layer needs the function map again: without it, a FUNCTION key on that layer does not compile.
    let partial_maps: Vec<_> = (1..layers.len()).map(with_map).collect();
    Some(Generated {
        files: files.collect(),
        board: board.to_owned(),
        variant: safe_name(header.variant.as_deref().unwrap_or_default()),
        default_map: with_map(0),
        partial_maps: partial_maps.join(";"),
        layers: layers.len(),
        keyboard,
        layout,
    })
}

fn find_keyboard(header: &Header, faults: &Faults) -> Option<(&'static Keyboard, &'static str)> {
    let found = Keyboard::parse(&header.name)
        .and_then(|keyboard| Some((keyboard, keyboard.spelling(&header.name)?)));
    if found.is_none() {
        let message = format!("is not a keyboard we know: {}", shown(&header.name));
        faults.note("/header/Name", message);
    }
    found
}

/// Custom text that says something must have a layer to say it on.
fn check_layers(document: &Document, faults: &Faults) {
    let layers = document.layer_count();
    if layers == 0 {
        faults.note("/matrix", "has no key that does anything");
    }
    for (&layer, text) in &document.custom {
        if layer >= layers && says_something(text) {
            let message = format!("is for a layer that no key has; there are {layers}");
            faults.note(format_args!("/custom/{layer}"), message);
        }
    }
}

/// The Configurator leaves empty text and its own comment lines on layers that were only looked at.
fn says_something(kll: &str) -> bool {
    kll.lines()
        .map(str::trim)
        .any(|line| !line.is_empty() && !line.starts_with('#'))
}
