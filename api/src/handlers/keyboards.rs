//! The keyboards that can be built.

use std::collections::BTreeSet;

use serde::Serialize;
use shared::keyboard::Keyboard;
use utoipa::ToSchema;
use warp::{Reply, reply::Response};

use super::layouts::Catalogue;
use crate::state::State;

/// All keyboards.
#[derive(Serialize, ToSchema)]
#[schema(as = Keyboards)]
pub(crate) struct List {
    keyboards: Vec<View>,
}

/// A keyboard.
#[derive(Serialize, ToSchema)]
#[schema(as = Keyboard)]
struct View {
    /// The name that its layouts are filed under.
    name: &'static str,
    /// All names that it is known by.
    #[schema(value_type = Vec<String>)]
    names: &'static [&'static str],
    /// Whether it is built as two halves.
    split: bool,
    /// The firmware's script that builds it.
    script: &'static str,
    /// The layouts that are here for it.
    #[schema(value_type = Vec<String>)]
    layouts: BTreeSet<String>,
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

fn layouts_of(keyboard: &Keyboard, catalogue: &Catalogue) -> BTreeSet<String> {
    catalogue
        .layouts
        .iter()
        .filter(|layout| keyboard.spelling(&layout.keyboard).is_some())
        .map(|layout| layout.layout.clone())
        .collect()
}
