//! The routes of pages, for people in front of browsers.

use warp::Filter;

use super::{Route, Verb::Get, headers};
use crate::{
    pages::{assets, shown},
    state::State,
};

/// All of them. Also their problems are pages.
pub(super) fn routes(_state: &State) -> Vec<Route> {
    vec![asset()]
}

fn asset() -> Route {
    let handler = |name: String, request| shown(assets::asset(&name, &request));
    Get.each("/assets/{name}", |here| here.and(headers()).map(handler))
}
