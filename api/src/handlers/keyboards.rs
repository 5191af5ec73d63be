//! The keyboards that can be built.

use std::collections::BTreeSet;

use serde::Serialize;
use shared::keyboard::Keyboard;
use warp::{Reply, reply::Response};

use super::layouts::Catalogue;
use crate::state::State;

#[derive(Serialize)]
struct List<'a> {
    keyboards: Vec<View<'a>>,
}

#[derive(Serialize)]
struct View<'a> {
    name: &'static str,
    names: &'static [&'static str],
    split: bool,
    script: &'static str,
    layouts: BTreeSet<&'a str>,
}

/// All keyboards, with the layouts that are there for them.
pub(crate) fn keyboards(state: &State) -> Response {
    let keyboards = Keyboard::all()
        .iter()
        .map(|keyboard| View {
            name: keyboard.names().first().copied().unwrap_or_default(),
            names: keyboard.names(),
            split: keyboard.is_split(),
            script: keyboard.build_script(),
            layouts: layouts_of(keyboard, &state.catalogue),
        })
        .collect();
    warp::reply::json(&List { keyboards }).into_response()
}

fn layouts_of<'a>(keyboard: &Keyboard, catalogue: &'a Catalogue) -> BTreeSet<&'a str> {
    catalogue
        .layouts
        .iter()
        .filter(|layout| keyboard.spelling(&layout.keyboard).is_some())
        .map(|layout| layout.layout.as_str())
        .collect()
}
