//! The operators' routes. Each handler asks for the token by itself, before anything else.

use warp::{Filter, path};

use super::{Route, answered, get, headers, one_of, query, with};
use crate::{
    client::asker,
    handlers::{attempts, operator, queue},
    state::State,
};

/// All of them.
pub(super) fn routes(state: &State) -> Route {
    one_of([
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
    ])
}

/// `GET /v1/queue?status=&keyboard=&client=&q=&limit=&before=`
fn show_queue(state: &State) -> Route {
    let place = path!("v1" / "queue").and(get());
    let place = place.and(with(state)).and(asker(state)).and(headers());
    answered(place.and(query()).then(queue::queue))
}

/// `GET /v1/workers`
fn show_workers(state: &State) -> Route {
    let place = path!("v1" / "workers").and(get());
    let place = place.and(with(state)).and(asker(state)).and(headers());
    answered(place.then(queue::workers))
}

/// `GET /v1/builds/{id}/attempts`
fn show_attempts(state: &State) -> Route {
    let place = path!("v1" / "builds" / String / "attempts").and(get());
    let handler = |id, state, asker, headers| attempts::attempts(state, id, asker, headers);
    let place = place.and(with(state)).and(asker(state)).and(headers());
    answered(place.then(handler))
}

/// `GET /v1/builds/{id}/inputs`
fn show_inputs(state: &State) -> Route {
    let place = path!("v1" / "builds" / String / "inputs").and(get());
    let handler = |id, state, asker, headers| attempts::inputs(state, id, asker, headers);
    let place = place.and(with(state)).and(asker(state)).and(headers());
    answered(place.then(handler))
}

/// `POST /v1/builds/{id}/cancel`
fn cancel(state: &State) -> Route {
    let place = path!("v1" / "builds" / String / "cancel").and(warp::post());
    let handler = |id, state, asker, headers| operator::cancel(state, id, asker, headers);
    let place = place.and(with(state)).and(asker(state)).and(headers());
    answered(place.then(handler))
}

/// `POST /v1/builds/{id}/retry`
fn retry(state: &State) -> Route {
    let place = path!("v1" / "builds" / String / "retry").and(warp::post());
    let handler = |id, state, asker, headers| operator::retry(state, id, asker, headers);
    let place = place.and(with(state)).and(asker(state)).and(headers());
    answered(place.then(handler))
}

/// `POST /v1/queue/pause`
fn pause(state: &State) -> Route {
    let place = path!("v1" / "queue" / "pause").and(warp::post());
    let place = place.and(with(state)).and(asker(state)).and(headers());
    answered(place.then(operator::pause))
}

/// `POST /v1/queue/resume`
fn resume(state: &State) -> Route {
    let place = path!("v1" / "queue" / "resume").and(warp::post());
    let place = place.and(with(state)).and(asker(state)).and(headers());
    answered(place.then(operator::resume))
}

/// `POST /v1/workers/{id}/drain`
fn drain(state: &State) -> Route {
    let place = path!("v1" / "workers" / String / "drain").and(warp::post());
    let handler = |id, state, asker, headers| operator::drain(state, id, asker, headers);
    let place = place.and(with(state)).and(asker(state)).and(headers());
    answered(place.then(handler))
}

/// `POST /v1/workers/{id}/undrain`
fn undrain(state: &State) -> Route {
    let place = path!("v1" / "workers" / String / "undrain").and(warp::post());
    let handler = |id, state, asker, headers| operator::undrain(state, id, asker, headers);
    let place = place.and(with(state)).and(asker(state)).and(headers());
    answered(place.then(handler))
}
