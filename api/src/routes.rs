//! The table of routes. Paths come before methods, so that a known path with another method is a 405.

mod console;
mod operator;
mod pages;
mod place;

use std::{convert::Infallible, sync::Arc};

use warp::{
    Filter, Reply,
    filters::BoxedFilter,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    path::{self, FullPath},
    reply::Response,
};

use Verb::{Delete, Get, Post};
pub(crate) use place::{Place, Verb};
use place::{Route, with_allow};

use crate::{
    body::incoming,
    client::{asker, asker_address},
    error::answer_refusal,
    handlers::{
        artifacts, builds, description, events, forget, health, keyboards, layouts, leave, metrics,
        pictures, predecessor, stats, versions,
    },
    pages::{OwnOrigin, in_place_of},
    state::State,
    traffic::{Asked, asked},
};

/// All routes. They refuse nothing: every request has an answer.
pub fn routes(
    state: &State,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static + use<>
{
    let table = table(state);
    let places: Arc<[Place]> = table.iter().map(|route| route.place).collect();
    let known = Arc::clone(&places);
    let all = preflight().or(first_of(table)).unify();
    let answered = path::full()
        .and(headers())
        .and(all.recover(answer_refusal).unify())
        .map(move |path: FullPath, request: HeaderMap, response| {
            let response = in_place_of(response, path.as_str(), &request);
            with_allow(&places, &path, response)
        })
        .map(for_every_origin);
    let traffic = state.traffic.clone();
    asked(known)
        .and(answered)
        .map(move |asked: Asked, response: Response| {
            traffic.answered(&asked, response.status());
            response
        })
}

/// Every route that there is. What is not in here does not exist.
fn table(state: &State) -> Vec<Route> {
    let mut all = for_programs(state);
    all.extend(pages::routes(state));
    all.extend(console::routes(state));
    all
}

/// The routes for programs, each of which `openapi` describes.
fn for_programs(state: &State) -> Vec<Route> {
    let native = [
        submit_build(state),
        show_build(state),
        leave_build(state),
        forget_build(state),
        build_log(state),
        build_events(state),
        build_artifact(state),
        keyboards(state),
        versions(state),
        layouts(state),
        draw_layout(state),
        layout_picture(state),
    ];
    let service = [healthz(), readyz(state), metrics(state), openapi_json()];
    let predecessor = [
        build_and_wait(state, "/download.php"),
        build_and_wait(state, "/"),
        tmp_file(state),
        layout_file(state),
        releases(state),
        stats(state),
    ];
    let mut all = Vec::from(native);
    all.extend(operator::routes(state));
    all.extend(predecessor);
    all.extend(service);
    all
}

/// Where the routes for programs are.
#[cfg(test)]
pub(crate) fn places(state: &State) -> Vec<Place> {
    let routes = for_programs(state).into_iter();
    routes.map(|route| route.place).collect()
}

/// Takes a build.
fn submit_build(state: &State) -> Route {
    Post.at("/v1/builds", |here| {
        here.and(with(state))
            .and(asker(state))
            .and(incoming())
            .then(builds::submit_build)
    })
}

/// With `?wait=30&status=queued`.
fn show_build(state: &State) -> Route {
    let handler = |id, state, asker, query| builds::show_build(state, id, asker, query);
    Get.each("/v1/builds/{id}", |here| {
        let here = here.and(with(state)).and(asker(state));
        here.and(query()).then(handler)
    })
}

fn leave_build(state: &State) -> Route {
    let handler = |id, state, headers| leave::leave_build(state, id, headers);
    Delete.each("/v1/builds/{id}", |here| {
        here.and(with(state)).and(headers()).then(handler)
    })
}

fn forget_build(state: &State) -> Route {
    let handler = |id, state, headers| forget::forget_build(state, id, headers);
    Post.each("/v1/builds/{id}/forget", |here| {
        here.and(with(state)).and(headers()).then(handler)
    })
}

fn build_log(state: &State) -> Route {
    let handler = |id, state, headers| artifacts::log(state, id, headers);
    Get.each("/v1/builds/{id}/log", |here| {
        here.and(with(state)).and(headers()).then(handler)
    })
}

fn build_events(state: &State) -> Route {
    let handler =
        |id, state, asker, method, headers| events::events(state, id, asker, method, headers);
    Get.each("/v1/builds/{id}/events", |here| {
        let here = here.and(with(state)).and(asker(state));
        here.and(warp::method()).and(headers()).then(handler)
    })
}

fn build_artifact(state: &State) -> Route {
    let handler = |id, state, headers| artifacts::artifact(state, id, headers);
    Get.each("/v1/builds/{id}/artifact", |here| {
        here.and(with(state)).and(headers()).then(handler)
    })
}

fn keyboards(state: &State) -> Route {
    Get.at("/v1/keyboards", |here| {
        here.and(with(state))
            .map(|state: State| keyboards::keyboards(&state))
    })
}

fn versions(state: &State) -> Route {
    Get.at("/v1/versions", |here| {
        here.and(with(state)).then(versions::versions)
    })
}

fn layouts(state: &State) -> Route {
    Get.at("/v1/layouts", |here| {
        here.and(with(state))
            .map(|state: State| layouts::layouts(&state))
    })
}

/// With `?layer=1`.
fn draw_layout(state: &State) -> Route {
    Post.at("/v1/layouts/svg", |here| {
        let here = here.and(with(state)).and(query());
        here.and(incoming()).then(pictures::draw_sent)
    })
}

/// With `?layer=1`.
fn layout_picture(state: &State) -> Route {
    let handler = |name, state, headers, query| pictures::picture(state, name, headers, query);
    Get.each("/layouts/{name}.svg", |here| {
        let here = here.and(with(state)).and(headers());
        here.and(query()).then(handler)
    })
}

fn healthz() -> Route {
    Get.at("/healthz", |here| here.map(health::alive))
}

fn readyz(state: &State) -> Route {
    Get.at("/readyz", |here| here.and(with(state)).then(health::ready))
}

fn metrics(state: &State) -> Route {
    Get.at("/metrics", |here| {
        let here = here.and(with(state)).and(asker_address(state));
        here.then(metrics::metrics)
    })
}

fn openapi_json() -> Route {
    let handler = |headers: HeaderMap| description::description(&headers);
    Get.at("/openapi.json", |here| here.and(headers()).map(handler))
}

/// The predecessor's way of asking, which has two paths.
fn build_and_wait(state: &State, path: &'static str) -> Route {
    Post.at(path, |here| {
        here.and(with(state))
            .and(asker(state))
            .and(incoming())
            .then(predecessor::build_and_wait)
    })
}

fn tmp_file(state: &State) -> Route {
    let handler = |file, state, headers| predecessor::tmp_file(state, file, headers);
    Get.each("/tmp/{file}", |here| {
        here.and(with(state)).and(headers()).then(handler)
    })
}

fn layout_file(state: &State) -> Route {
    let handler =
        |file: String, state: State, headers: HeaderMap| layouts::layout(&state, &file, &headers);
    Get.each("/layouts/{file}", |here| {
        here.and(with(state)).and(headers()).map(handler)
    })
}

fn releases(state: &State) -> Route {
    Get.at("/versions", |here| {
        here.and(with(state)).then(versions::releases)
    })
}

fn stats(state: &State) -> Route {
    Get.at("/stats", |here| {
        here.and(with(state)).and(headers()).then(stats::stats)
    })
}

/// `OPTIONS` of every path: what a browser asks before it asks across origins.
fn preflight() -> BoxedFilter<(Response,)> {
    let allowed = |request: HeaderMap| {
        let mut response = StatusCode::NO_CONTENT.into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, HEAD, POST, DELETE"),
        );
        headers.insert(
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("86400"),
        );
        // Whatever it wants to send is fine, as no header that a browser adds by itself gives anybody a right here.
        if let Some(wanted) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        // A page of the internet may reach a service on the visitor's own machine or network.
        if request
            .get("access-control-request-private-network")
            .is_some()
        {
            let name = HeaderName::from_static("access-control-allow-private-network");
            headers.insert(name, HeaderValue::from_static("true"));
        }
        response
    };
    // Not `warp::options()`, which says "wrong method" to every other request and so hides what is not there.
    let is_options = warp::method().and_then(|method| async move {
        match method {
            Method::OPTIONS => Ok(()),
            _ => Err(warp::reject::not_found()),
        }
    });
    is_options.untuple_one().and(headers()).map(allowed).boxed()
}

/// Opens an answer, also a refusal, to pages of every origin, and forbids browsers to guess its kind. What is for our
/// own pages stays theirs.
pub(crate) fn for_every_origin(mut response: Response) -> Response {
    if response.extensions().get::<OwnOrigin>().is_some() {
        return response;
    }
    let fixed: [(HeaderName, &'static str); 3] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "Location, ETag, Retry-After, Content-Disposition, Content-Range",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in fixed {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The first that matches.
fn first_of(routes: Vec<Route>) -> BoxedFilter<(Response,)> {
    let nothing = warp::any()
        .and_then(|| async { Err::<Response, _>(warp::reject::not_found()) })
        .boxed();
    let filters = routes.into_iter().map(|route| route.filter);
    filters
        .rev()
        .fold(nothing, |rest, route| route.or(rest).unify().boxed())
}

fn with(
    state: &State,
) -> impl Filter<Extract = (State,), Error = Infallible> + Clone + Send + Sync + 'static {
    let state = state.clone();
    warp::any().map(move || state.clone())
}

fn headers()
-> impl Filter<Extract = (HeaderMap,), Error = Infallible> + Clone + Send + Sync + 'static {
    warp::header::headers_cloned()
}

/// The query as it stands, empty where there is none.
fn query() -> impl Filter<Extract = (String,), Error = Infallible> + Clone + Send + Sync + 'static {
    warp::query::raw().or_else(|_| async { Ok::<_, Infallible>((String::new(),)) })
}
