//! The routes of the operators' pages. Each handler asks for the session by itself, before anything else.

use std::convert::Infallible;

use warp::{Filter, http::HeaderMap};

use super::{
    Route,
    Verb::{Get, Post},
    headers, query, with,
};
use crate::{
    body::incoming,
    client::{Asker, asker, over_tls},
    pages::{
        console::{Visit, act, build, plots, queue, sign_in},
        shown,
    },
    state::State,
};

/// All of them.
pub(super) fn routes(state: &State) -> Vec<Route> {
    vec![
        show_queue(state),
        queue_live(state),
        show_plots(state),
        show_build(state),
        build_live(state),
        build_inputs(state),
        begin(state),
        end(state),
        cancel(state),
        retry(state),
        pause(state, "/queue/pause", true),
        pause(state, "/queue/resume", false),
        drain(state, "/queue/workers/{id}/drain", true),
        drain(state, "/queue/workers/{id}/undrain", false),
    ]
}

/// With `?q=&keyboard=&status=&client=&before=`.
fn show_queue(state: &State) -> Route {
    Get.at("/queue", |here| {
        let here = here.and(with(state)).and(visit(state)).and(query());
        here.then(queue::queue).map(shown)
    })
}

/// With the same query.
fn queue_live(state: &State) -> Route {
    Get.at("/queue/live", |here| {
        let here = here.and(with(state)).and(visit(state)).and(query());
        here.then(queue::live).map(shown)
    })
}

fn show_plots(state: &State) -> Route {
    Get.at("/queue/plots", |here| {
        let here = here.and(with(state)).and(visit(state));
        here.then(plots::fragment).map(shown)
    })
}

fn show_build(state: &State) -> Route {
    let handler = |id, state, visit, query| build::build(state, id, visit, query);
    Get.each("/queue/builds/{id}", |here| {
        let here = here.and(with(state)).and(visit(state)).and(query());
        here.then(handler).map(shown)
    })
}

fn build_live(state: &State) -> Route {
    let handler = |id, state, visit| build::live(state, id, visit);
    Get.each("/queue/builds/{id}/live", |here| {
        let here = here.and(with(state)).and(visit(state));
        here.then(handler).map(shown)
    })
}

fn build_inputs(state: &State) -> Route {
    let handler = |id, state, visit| build::inputs(state, id, visit);
    Get.each("/queue/builds/{id}/inputs", |here| {
        let here = here.and(with(state)).and(visit(state));
        here.then(handler).map(shown)
    })
}

fn begin(state: &State) -> Route {
    Post.at("/queue/sign-in", |here| {
        let here = here.and(with(state)).and(visit(state)).and(incoming());
        here.then(sign_in::sign_in).map(shown)
    })
}

fn end(state: &State) -> Route {
    Post.at("/queue/sign-out", |here| {
        let here = here.and(with(state)).and(visit(state)).and(incoming());
        here.then(sign_in::sign_out).map(shown)
    })
}

fn cancel(state: &State) -> Route {
    let handler = |id, state, visit, incoming| act::cancel(state, id, visit, incoming);
    Post.each("/queue/builds/{id}/cancel", |here| {
        let here = here.and(with(state)).and(visit(state)).and(incoming());
        here.then(handler).map(shown)
    })
}

fn retry(state: &State) -> Route {
    let handler = |id, state, visit, incoming| act::retry(state, id, visit, incoming);
    Post.each("/queue/builds/{id}/retry", |here| {
        let here = here.and(with(state)).and(visit(state)).and(incoming());
        here.then(handler).map(shown)
    })
}

/// Pauses the queue, or lets it go on.
fn pause(state: &State, path: &'static str, pause: bool) -> Route {
    let handler = move |state, visit, incoming| act::switch(state, pause, visit, incoming);
    Post.at(path, |here| {
        let here = here.and(with(state)).and(visit(state)).and(incoming());
        here.then(handler).map(shown)
    })
}

/// Drains a worker, or lets it take builds again.
fn drain(state: &State, path: &'static str, drain: bool) -> Route {
    let handler =
        move |id, state, visit, incoming| act::switch_one(state, (id, drain), visit, incoming);
    Post.each(path, |here| {
        let here = here.and(with(state)).and(visit(state)).and(incoming());
        here.then(handler).map(shown)
    })
}

fn visit(
    state: &State,
) -> impl Filter<Extract = (Visit,), Error = Infallible> + Clone + Send + Sync + 'static {
    let visit = asker(state).and(headers()).and(over_tls(state));
    visit.map(|asker: Asker, headers: HeaderMap, over_tls| Visit {
        asker,
        headers,
        over_tls,
    })
}
