//! A layout as a picture: a document in, SVG out, in the page's own light or dark. Nothing here reads or writes a file.
//!
//! What a document says is somebody's own: text is cleaned, cut and escaped, places are bounded, and so is the whole.

/// What stands on one key.
mod legend;
/// Readable names of actions.
mod names;
/// Pictures that stand within a page.
mod page;
/// Places of boards and LEDs.
mod place;
/// What will be seen of each key and LED.
mod scene;
/// The picture's colours.
mod style;
/// The scene as SVG.
mod svg;
/// Text that fits.
mod text;
/// The picture in words.
mod words;

#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::Value;

use crate::layout::{Document, Fault, Library};

pub use page::{Drawing, FAULT_STYLE, Mark, Picture};
pub use style::STYLE;

/// Keys of the largest picture: five times the largest keyboard that we know.
pub const MAX_KEYS: usize = 512;
/// LEDs of the largest picture.
pub const MAX_LEDS: usize = 1024;
/// No picture has more bytes.
pub const MAX_BYTES: usize = 4 << 20;

/// What of a layout is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Layer 0, with what the layers above it do in small.
    #[default]
    AllLayers,
    /// One layer; where it leaves a key as it is, what the key does below is shown dimmed.
    Layer(usize),
}

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undrawable {
    /// What is wrong with the document, or keeps it from being drawn.
    Faults(Vec<Fault>),
    /// The layout does not have the layer that was asked for.
    NoSuchLayer {
        /// How many it has.
        layers: usize,
    },
}

impl fmt::Display for Undrawable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faults(faults) => {
                let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
            Self::NoSuchLayer { layers } => match layers {
                0 | 1 => f.write_str("this layout has layer 0 alone"),
                more => write!(f, "this layout has the layers 0 to {}", more - 1),
            },
        }
    }
}

impl std::error::Error for Undrawable {}

/// Reads a document and draws it.
///
/// # Errors
///
/// Every fault of the document, and what keeps it from being drawn. It need not fit its base or any keyboard that we
/// know: then nothing is marked as different.
pub fn draw_from(config: &Value, library: &Library, view: View) -> Result<String, Undrawable> {
    let document = Document::parse(config).map_err(Undrawable::Faults)?;
    draw(&document, library, view)
}

/// Draws a document.
///
/// # Errors
///
/// What keeps it from being drawn.
pub fn draw(document: &Document, library: &Library, view: View) -> Result<String, Undrawable> {
    if let View::Layer(layer) = view {
        let layers = document.layer_count();
        if layer > 0 && layer >= layers {
            return Err(Undrawable::NoSuchLayer { layers });
        }
    }
    let scene = scene::of(document, library).map_err(Undrawable::Faults)?;
    Ok(svg::render(&scene, view))
}
