//! The routes of the operators' pages. Each handler asks for the session by itself, before anything else.

use std::convert::Infallible;

use warp::{Filter, http::HeaderMap, path};

use super::{Route, get, headers, one_of, pages::shown, query, with};
use crate::{
    body::incoming,
    client::{Asker, asker, over_tls},
    pages::console::{Visit, act, build, plots, queue, sign_in},
    state::State,
};

/// All of them.
pub(super) fn routes(state: &State) -> Route {
    one_of([
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
        switch(state),
        switch_one(state),
    ])
}

/// `GET /queue?q=&keyboard=&status=&client=&before=`
fn show_queue(state: &State) -> Route {
    let place = path!("queue").and(get()).and(with(state));
    let place = place.and(visit(state)).and(query());
    shown(place.then(queue::queue).boxed())
}

/// `GET /queue/live?…`, with the same query
fn queue_live(state: &State) -> Route {
    let place = path!("queue" / "live").and(get()).and(with(state));
    let place = place.and(visit(state)).and(query());
    shown(place.then(queue::live).boxed())
}

/// `GET /queue/plots`
fn show_plots(state: &State) -> Route {
    let place = path!("queue" / "plots").and(get()).and(with(state));
    shown(place.and(visit(state)).then(plots::fragment).boxed())
}

/// `GET /queue/builds/{id}`
fn show_build(state: &State) -> Route {
    let place = path!("queue" / "builds" / String).and(get());
    let handler = |id, state, visit, query| build::build(state, id, visit, query);
    let place = place.and(with(state)).and(visit(state)).and(query());
    shown(place.then(handler).boxed())
}

/// `GET /queue/builds/{id}/live`
fn build_live(state: &State) -> Route {
    let place = path!("queue" / "builds" / String / "live").and(get());
    let handler = |id, state, visit| build::live(state, id, visit);
    shown(
        place
            .and(with(state))
            .and(visit(state))
            .then(handler)
            .boxed(),
    )
}

/// `GET /queue/builds/{id}/inputs`
fn build_inputs(state: &State) -> Route {
    let place = path!("queue" / "builds" / String / "inputs").and(get());
    let handler = |id, state, visit| build::inputs(state, id, visit);
    shown(
        place
            .and(with(state))
            .and(visit(state))
            .then(handler)
            .boxed(),
    )
}

/// `POST /queue/sign-in`
fn begin(state: &State) -> Route {
    let place = path!("queue" / "sign-in").and(warp::post());
    let place = place.and(with(state)).and(visit(state)).and(incoming());
    shown(place.then(sign_in::sign_in).boxed())
}

/// `POST /queue/sign-out`
fn end(state: &State) -> Route {
    let place = path!("queue" / "sign-out").and(warp::post());
    let place = place.and(with(state)).and(visit(state)).and(incoming());
    shown(place.then(sign_in::sign_out).boxed())
}

/// `POST /queue/builds/{id}/cancel`
fn cancel(state: &State) -> Route {
    let place = path!("queue" / "builds" / String / "cancel").and(warp::post());
    let handler = |id, state, visit, incoming| act::cancel(state, id, visit, incoming);
    let place = place.and(with(state)).and(visit(state)).and(incoming());
    shown(place.then(handler).boxed())
}

/// `POST /queue/builds/{id}/retry`
fn retry(state: &State) -> Route {
    let place = path!("queue" / "builds" / String / "retry").and(warp::post());
    let handler = |id, state, visit, incoming| act::retry(state, id, visit, incoming);
    let place = place.and(with(state)).and(visit(state)).and(incoming());
    shown(place.then(handler).boxed())
}

/// `POST /queue/pause` and `POST /queue/resume`
fn switch(state: &State) -> Route {
    let pause = path!("queue" / "pause").map(|| true);
    let resume = path!("queue" / "resume").map(|| false);
    let place = pause.or(resume).unify().and(warp::post());
    let handler = |pause, state, visit, incoming| act::switch(state, pause, visit, incoming);
    let place = place.and(with(state)).and(visit(state)).and(incoming());
    shown(place.then(handler).boxed())
}

/// `POST /queue/workers/{id}/drain` and `…/undrain`
fn switch_one(state: &State) -> Route {
    let drain = path!("queue" / "workers" / String / "drain").map(|id| (id, true));
    let undrain = path!("queue" / "workers" / String / "undrain").map(|id| (id, false));
    let place = drain.or(undrain).unify().and(warp::post());
    let handler = |which, state, visit, incoming| act::switch_one(state, which, visit, incoming);
    let place = place.and(with(state)).and(visit(state)).and(incoming());
    shown(place.then(handler).boxed())
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
