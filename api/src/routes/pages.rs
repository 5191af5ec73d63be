//! The routes of pages, for people in front of browsers. Also their problems are pages.

use warp::Filter;

use super::{
    Route,
    Verb::{Get, Post},
    headers, query, with,
};
use crate::{
    body::incoming,
    client::{asker, over_tls},
    pages::{ask, assets, build, docs, forget, home, leave, privacy, shown},
    state::State,
};

/// All of them.
pub(super) fn routes(state: &State) -> Vec<Route> {
    vec![
        first(state),
        draw(state),
        ask(state),
        show(state),
        leave(state),
        forget(state),
        privacy(state),
        docs(),
        asset(),
    ]
}

/// With `?layout=KType-Standard.json`; `POST` is the old clients'.
fn first(state: &State) -> Route {
    Get.at("/", |here| {
        let here = here.and(with(state)).and(query());
        here.then(home::home).map(shown)
    })
}

fn draw(state: &State) -> Route {
    Post.at("/draw", |here| {
        let here = here.and(with(state)).and(headers()).and(incoming());
        here.then(home::draw).map(shown)
    })
}

fn ask(state: &State) -> Route {
    Post.at("/builds", |here| {
        let here = here.and(with(state)).and(asker(state)).and(headers());
        let here = here.and(over_tls(state)).and(incoming());
        here.then(ask::ask).map(shown)
    })
}

fn show(state: &State) -> Route {
    let handler = |id, state, headers, query| build::build(state, id, headers, query);
    Get.each("/builds/{id}", |here| {
        let here = here.and(with(state)).and(headers()).and(query());
        here.then(handler).map(shown)
    })
}

fn leave(state: &State) -> Route {
    let handler = |id, state, headers, over_tls| leave::leave(state, id, headers, over_tls);
    Post.each("/builds/{id}/leave", |here| {
        let here = here.and(with(state)).and(headers()).and(over_tls(state));
        here.then(handler).map(shown)
    })
}

fn forget(state: &State) -> Route {
    let handler = |id, state, headers, over_tls| forget::forget(state, id, headers, over_tls);
    Post.each("/builds/{id}/forget", |here| {
        let here = here.and(with(state)).and(headers()).and(over_tls(state));
        here.then(handler).map(shown)
    })
}

fn privacy(state: &State) -> Route {
    let handler = |state: State| shown(privacy::privacy(&state));
    Get.at("/privacy", |here| here.and(with(state)).map(handler))
}

fn docs() -> Route {
    Get.at("/docs", |here| here.map(|| shown(docs::docs())))
}

fn asset() -> Route {
    let handler = |name: String, request| shown(assets::asset(&name, &request));
    Get.each("/assets/{name}", |here| here.and(headers()).map(handler))
}
