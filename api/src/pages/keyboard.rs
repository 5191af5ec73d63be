//! A layout as a page shows it: a picture of each layer, with what is wrong at its keys.

use bytes::Bytes;
use serde_json::Value;
use shared::{
    diagnose::Diagnostic,
    draw::{Drawing, Mark, View},
    layout::{Fault, Library},
};

use crate::{error::Problem, state::State, submit::aside_in_turn};

/// Layers that a page shows. Further ones are told of; hardly any layout has more.
const MOST_LAYERS: usize = 12;

/// Bytes of pictures in a page. What we come with has a tenth of it.
const MOST_BYTES: usize = 2 << 20;

/// A layout with its pictures.
#[derive(Debug, Default)]
pub(super) struct Keyboard {
    pub(super) name: String,
    pub(super) layers: Vec<Layer>,
    /// How many layers are not shown.
    pub(super) left_out: usize,
    /// Why there is no picture.
    pub(super) undrawable: Vec<String>,
    pub(super) faults: Vec<Trouble>,
}

/// One view of it.
#[derive(Debug)]
pub(super) struct Layer {
    /// For the page's own references.
    pub(super) id: usize,
    pub(super) label: String,
    /// Whether it is the one to be seen first.
    pub(super) is_first: bool,
    pub(super) faults: usize,
    pub(super) svg: String,
    pub(super) words: String,
}

/// Something that is wrong with a layout.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble {
    pub(super) layer: Option<usize>,
    pub(super) key: Option<String>,
    /// The place, where it is no key.
    pub(super) place: String,
    pub(super) message: String,
    /// The compiler's own words.
    pub(super) compiler: String,
    pointer: String,
}

impl From<&Fault> for Trouble {
    fn from(fault: &Fault) -> Self {
        let pointer = in_layout(&fault.pointer);
        let parts: Vec<_> = pointer.split('/').filter(|part| !part.is_empty()).collect();
        Self {
            layer: mark(pointer, "").and_then(|mark| mark.layer),
            key: None,
            place: parts.join(" › "),
            message: fault.message.clone(),
            compiler: String::new(),
            pointer: pointer.to_owned(),
        }
    }
}

impl From<Diagnostic> for Trouble {
    fn from(found: Diagnostic) -> Self {
        Self {
            layer: found.layer,
            key: found.key,
            place: String::new(),
            message: found.message,
            compiler: found.compiler,
            pointer: found
                .pointer
                .as_deref()
                .map(in_layout)
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

/// A pointer into the layout, made of one into the request.
fn in_layout(pointer: &str) -> &str {
    pointer.strip_prefix("/config").unwrap_or(pointer)
}

fn mark(pointer: &str, message: &str) -> Option<Mark> {
    Mark::of(&Fault::new(pointer, message))
}

/// Draws a layout in its turn among all that takes a while.
pub(super) async fn draw(
    state: &State,
    layout: Bytes,
    faults: Vec<Trouble>,
) -> Result<Keyboard, Problem> {
    let library = state.library.clone();
    aside_in_turn(state, move || Ok(drawn(&layout, faults, &library))).await
}

fn drawn(layout: &[u8], faults: Vec<Trouble>, library: &Library) -> Keyboard {
    let nothing = |faults, why: Vec<String>| Keyboard {
        faults,
        undrawable: why,
        ..Keyboard::default()
    };
    // Whoever brings this to be drawn has seen to its size; what is no JSON is told elsewhere.
    let Ok(config) = serde_json::from_slice::<Value>(layout) else {
        return nothing(faults, Vec::new());
    };
    match Drawing::of(&config, library) {
        Ok(drawing) => with_pictures(&drawing, faults),
        Err(why) => {
            let why = why.iter().take(10).map(ToString::to_string).collect();
            nothing(faults, why)
        }
    }
}

fn with_pictures(drawing: &Drawing, mut faults: Vec<Trouble>) -> Keyboard {
    let marks: Vec<_> = faults
        .iter_mut()
        .filter_map(|fault| {
            let mark = mark(&fault.pointer, &fault.message)?;
            fault.key = fault.key.take().or_else(|| drawing.key(mark.key));
            Some(mark)
        })
        .collect();
    let of_layer = |layer: usize| {
        let on_it = |fault: &&Trouble| fault.layer == Some(layer);
        faults.iter().filter(on_it).count()
    };
    let all = drawing.layers();
    let overview = (all > 1).then_some(View::AllLayers);
    let views = overview.into_iter().chain((0..all).map(View::Layer));
    let worst = faults.iter().find_map(|fault| fault.layer);
    let mut keyboard = Keyboard {
        name: drawing.name().to_owned(),
        ..Keyboard::default()
    };
    let mut bytes = 0;
    for view in views.take(MOST_LAYERS + 1) {
        let picture = drawing.picture(view, &marks);
        bytes += picture.svg.len() + picture.words.len();
        if bytes > MOST_BYTES {
            break;
        }
        let (label, faults) = match view {
            View::AllLayers => ("All layers".to_owned(), 0),
            View::Layer(layer) => (format!("Layer {layer}"), of_layer(layer)),
        };
        keyboard.layers.push(Layer {
            id: keyboard.layers.len(),
            label,
            is_first: worst.map(View::Layer) == Some(view),
            faults,
            svg: picture.svg,
            words: picture.words,
        });
    }
    if !keyboard.layers.iter().any(|layer| layer.is_first)
        && let Some(first) = keyboard.layers.first_mut()
    {
        first.is_first = true;
    }
    let shown =
        keyboard.layers.len() - usize::from(overview.is_some() && !keyboard.layers.is_empty());
    keyboard.left_out = all - shown;
    keyboard.faults = faults;
    keyboard
}
