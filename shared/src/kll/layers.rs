//! Which layer says what of which key: a document held against its base.

use crate::keyboard::{KeyMatching, Keyboard};
use crate::layout::document::{Document, MatrixKey};
use crate::layout::fault::{Faults, shown};

use super::base::Base;

/// What one layer says, in the order of the matrix.
#[derive(Debug, Default)]
pub(super) struct Layer<'a> {
    /// What keys do instead of what they did.
    pub(super) changes: Vec<Change<'a>>,
    /// What keys do besides.
    pub(super) triggers: Vec<Change<'a>>,
}

/// One key of one layer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change<'a> {
    /// The key as the base layout names it.
    pub(super) key: &'a str,
    /// What it is to do.
    pub(super) action: &'a str,
    /// Which key of the matrix says so.
    pub(super) place: usize,
    /// Which of the key's triggers; 0 for what it does.
    pub(super) index: usize,
}

/// What each layer of the document says of the base's keys; notes the keys that the base does not have.
pub(super) fn diff<'a>(
    document: &'a Document,
    keyboard: &Keyboard,
    base: &'a Base<'_>,
    faults: &Faults,
) -> Vec<Layer<'a>> {
    let mut layers = Vec::new();
    layers.resize_with(document.layer_count(), Layer::default);
    let matrix = &document.matrix;
    match keyboard.key_matching() {
        KeyMatching::ByPlace => by_place(matrix, base, &mut layers, faults),
        KeyMatching::ByScanCode => by_scan_code(matrix, base, &mut layers, faults),
    }
    layers
}

fn by_place<'a>(
    matrix: &'a [MatrixKey],
    base: &'a Base<'_>,
    layers: &mut [Layer<'a>],
    faults: &Faults,
) {
    if matrix.len() != base.len() {
        let (ours, theirs) = (matrix.len(), base.len());
        let message = format!("has {ours} keys, and its base {} has {theirs}", base.name());
        faults.note("/matrix", message);
        return;
    }
    for (place, key) in matrix.iter().enumerate() {
        place_key(place, key, base.key_at(place), layers, faults);
    }
}

fn by_scan_code<'a>(
    matrix: &'a [MatrixKey],
    base: &'a Base<'_>,
    layers: &mut [Layer<'a>],
    faults: &Faults,
) {
    let by_code = base.by_code();
    for (place, key) in matrix.iter().enumerate() {
        match by_code.get(key.code.as_str()) {
            Some(&default) => place_key(place, key, default, layers, faults),
            // Known layouts have such keys, and older firmware has always been built without them.
            None if base.is_unknown_here(&key.code) => {}
            None => {
                let message = format!("{} is no key of its base {}", shown(&key.code), base.name());
                faults.note(format_args!("/matrix/{place}/code"), message);
            }
        }
    }
}

fn place_key<'a>(
    place: usize,
    matrix_key: &'a MatrixKey,
    default: Option<&'a str>,
    layers: &mut [Layer<'a>],
    faults: &Faults,
) {
    if matrix_key.layers_in_use().next().is_none() {
        return;
    }
    let Some(key) = default else {
        faults.note(
            format_args!("/matrix/{place}"),
            "does nothing in its base layout, so that it has no name",
        );
        return;
    };
    for (&layer, action) in &matrix_key.layers {
        if let Some(layer) = layers.get_mut(layer) {
            layer.changes.push(Change {
                key,
                action: &action.key,
                place,
                index: 0,
            });
        }
    }
    for (&layer, triggers) in &matrix_key.triggers {
        if let Some(layer) = layers.get_mut(layer) {
            let triggers = triggers.iter().enumerate();
            layer
                .triggers
                .extend(triggers.map(|(index, trigger)| Change {
                    key,
                    action: &trigger.action,
                    place,
                    index,
                }));
        }
    }
}
