//! The routes of pages, for people in front of browsers.

use warp::{Filter, Reply, filters::BoxedFilter, reply::Response};

use super::{
    Route,
    Verb::{Get, Post},
    headers, query, with,
};
use crate::{
    body::incoming,
    client::asker,
    error::Answer,
    pages::{self, ask, assets, build, forget, home, leave, privacy},
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
        asset(),
    ]
}

/// With `?layout=KType-Standard.json`; `POST` is the old clients'.
fn first(state: &State) -> Route {
    Get.at("/", |here| {
        shown(here.and(with(state)).and(query()).then(home::home).boxed())
    })
}

fn draw(state: &State) -> Route {
    Post.at("/draw", |here| {
        let here = here.and(with(state)).and(headers());
        shown(here.and(incoming()).then(home::draw).boxed())
    })
}

fn ask(state: &State) -> Route {
    Post.at("/builds", |here| {
        let here = here.and(with(state)).and(asker(state)).and(headers());
        shown(here.and(incoming()).then(ask::ask).boxed())
    })
}

fn show(state: &State) -> Route {
    let handler = |id, state, headers, query| build::build(state, id, headers, query);
    Get.each("/builds/{id}", |here| {
        let here = here.and(with(state)).and(headers()).and(query());
        shown(here.then(handler).boxed())
    })
}

fn leave(state: &State) -> Route {
    let handler = |id, state, headers| leave::leave(state, id, headers);
    Post.each("/builds/{id}/leave", |here| {
        shown(here.and(with(state)).and(headers()).then(handler).boxed())
    })
}

fn forget(state: &State) -> Route {
    let handler = |id, state, headers| forget::forget(state, id, headers);
    Post.each("/builds/{id}/forget", |here| {
        shown(here.and(with(state)).and(headers()).then(handler).boxed())
    })
}

fn privacy(state: &State) -> Route {
    let handler = |state: State| privacy::privacy(&state);
    Get.at("/privacy", |here| {
        shown(here.and(with(state)).map(handler).boxed())
    })
}

fn asset() -> Route {
    let handler = |name: String, headers| assets::asset(&name, &headers);
    Get.each("/assets/{name}", |here| {
        shown(here.and(headers()).map(handler).boxed())
    })
}

/// A page's answer: also its problems are pages.
pub(super) fn shown(route: BoxedFilter<(Answer,)>) -> BoxedFilter<(Response,)> {
    route.map(pages::shown).map(Reply::into_response).boxed()
}
