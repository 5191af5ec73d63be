//! The operators' routes. Each handler asks for the token by itself, before anything else.

use warp::Filter;

use super::{
    Route,
    Verb::{Get, Post},
    headers, query, with,
};
use crate::{
    body::incoming,
    client::asker,
    handlers::{attempts, forget, operator, queue},
    state::State,
};

/// All of them.
pub(super) fn routes(state: &State) -> [Route; 11] {
    [
        show_queue(state),
        show_workers(state),
        show_attempts(state),
        show_inputs(state),
        cancel(state),
        retry(state),
        pause(state),
        resume(state),
        drain(state),
        undrain(state),
        forget(state),
    ]
}

/// With `?status=&keyboard=&client=&q=&limit=&before=`.
fn show_queue(state: &State) -> Route {
    Get.at("/v1/queue", |here| {
        let here = here.and(with(state)).and(asker(state)).and(headers());
        here.and(query()).then(queue::queue)
    })
}

fn show_workers(state: &State) -> Route {
    Get.at("/v1/workers", |here| {
        let here = here.and(with(state)).and(asker(state)).and(headers());
        here.then(queue::workers)
    })
}

fn show_attempts(state: &State) -> Route {
    let handler = |id, state, asker, headers| attempts::attempts(state, id, asker, headers);
    Get.each("/v1/builds/{id}/attempts", |here| {
        let here = here.and(with(state)).and(asker(state)).and(headers());
        here.then(handler)
    })
}

fn show_inputs(state: &State) -> Route {
    let handler = |id, state, asker, headers| attempts::inputs(state, id, asker, headers);
    Get.each("/v1/builds/{id}/inputs", |here| {
        let here = here.and(with(state)).and(asker(state)).and(headers());
        here.then(handler)
    })
}

fn cancel(state: &State) -> Route {
    let handler = |id, state, asker, headers| operator::cancel(state, id, asker, headers);
    Post.each("/v1/builds/{id}/cancel", |here| {
        let here = here.and(with(state)).and(asker(state)).and(headers());
        here.then(handler)
    })
}

fn retry(state: &State) -> Route {
    let handler = |id, state, asker, headers| operator::retry(state, id, asker, headers);
    Post.each("/v1/builds/{id}/retry", |here| {
        let here = here.and(with(state)).and(asker(state)).and(headers());
        here.then(handler)
    })
}

fn pause(state: &State) -> Route {
    Post.at("/v1/queue/pause", |here| {
        let here = here.and(with(state)).and(asker(state)).and(headers());
        here.then(operator::pause)
    })
}

fn resume(state: &State) -> Route {
    Post.at("/v1/queue/resume", |here| {
        let here = here.and(with(state)).and(asker(state)).and(headers());
        here.then(operator::resume)
    })
}

fn drain(state: &State) -> Route {
    let handler = |id, state, asker, headers| operator::drain(state, id, asker, headers);
    Post.each("/v1/workers/{id}/drain", |here| {
        let here = here.and(with(state)).and(asker(state)).and(headers());
        here.then(handler)
    })
}

fn undrain(state: &State) -> Route {
    let handler = |id, state, asker, headers| operator::undrain(state, id, asker, headers);
    Post.each("/v1/workers/{id}/undrain", |here| {
        let here = here.and(with(state)).and(asker(state)).and(headers());
        here.then(handler)
    })
}

fn forget(state: &State) -> Route {
    Post.at("/v1/forget", |here| {
        let here = here.and(with(state)).and(asker(state)).and(headers());
        here.and(incoming()).then(forget::forget)
    })
}
