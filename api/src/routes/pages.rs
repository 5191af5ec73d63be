//! The routes of pages, for people in front of browsers.

use warp::{Filter, Reply, filters::BoxedFilter, path, reply::Response};

use super::{Route, get, headers, one_of, query, with};
use crate::{
    body::incoming,
    client::asker,
    error::Answer,
    pages::{self, ask, assets, build, home, leave},
    state::State,
};

/// All of them.
pub(super) fn routes(state: &State) -> Route {
    one_of([
        first(state),
        draw(state),
        ask(state),
        show(state),
        leave(state),
        asset(),
    ])
}

/// `GET /?layout=KType-Standard.json`; `POST` is the old clients'.
fn first(state: &State) -> Route {
    let place = path::end().and(get()).and(with(state)).and(query());
    shown(place.then(home::home).boxed())
}

/// `POST /draw`
fn draw(state: &State) -> Route {
    let place = path!("draw").and(warp::post()).and(with(state));
    shown(
        place
            .and(headers())
            .and(incoming())
            .then(home::draw)
            .boxed(),
    )
}

/// `POST /builds`
fn ask(state: &State) -> Route {
    let place = path!("builds").and(warp::post()).and(with(state));
    let place = place.and(asker(state)).and(headers()).and(incoming());
    shown(place.then(ask::ask).boxed())
}

/// `GET /builds/{id}`
fn show(state: &State) -> Route {
    let place = path!("builds" / String).and(get());
    let handler = |id, state, headers, query| build::build(state, id, headers, query);
    let place = place.and(with(state)).and(headers()).and(query());
    shown(place.then(handler).boxed())
}

/// `POST /builds/{id}/leave`
fn leave(state: &State) -> Route {
    let place = path!("builds" / String / "leave").and(warp::post());
    let handler = |id, state, headers| leave::leave(state, id, headers);
    shown(place.and(with(state)).and(headers()).then(handler).boxed())
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
    route.map(pages::shown).map(Reply::into_response).boxed()
}
