//! The routes of pages, for people in front of browsers.

use warp::{Filter, filters::BoxedFilter, path, reply::Response};

use super::{Route, get, headers, one_of};
use crate::{
    error::Answer,
    pages::{self, assets},
    state::State,
};

/// All of them.
pub(super) fn routes(_state: &State) -> Route {
    one_of([asset()])
}

/// `GET /assets/{name}`
fn asset() -> Route {
    let place = path!("assets" / String).and(get()).and(headers());
    shown(
        place
            .map(|name: String, headers| assets::asset(&name, &headers))
            .boxed(),
    )
}

/// A page's answer: also its problems are pages.
pub(super) fn shown(route: BoxedFilter<(Answer,)>) -> BoxedFilter<(Response,)> {
    route.map(pages::shown).boxed()
}
