//! The table of routes. Paths come before methods, so that a known path with another method is a 405.

mod operator;

use std::convert::Infallible;

use warp::{
    Filter, Reply,
    filters::BoxedFilter,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    path,
    path::FullPath,
    reply::Response,
};

use crate::{
    body::incoming,
    client::{asker, asker_address},
    error::answer_refusal,
    handlers::{
        artifacts, builds, events, health, keyboards, layouts, leave, metrics, pictures,
        predecessor, stats, versions,
    },
    state::State,
    traffic::{Asked, asked},
};

type Route = BoxedFilter<(Response,)>;

/// All routes. They refuse nothing: every request has an answer.
pub fn routes(
    state: &State,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static + use<>
{
    let native = one_of([
        submit_build(state),
        show_build(state),
        leave_build(state),
        build_log(state),
        build_events(state),
        build_artifact(state),
        keyboards(state),
        versions(state),
        layouts(state),
        draw_layout(state),
        layout_picture(state),
    ]);
    let health = one_of([healthz(), readyz(state), metrics(state)]);
    let predecessor = one_of([
        download_php(state),
        root(state),
        tmp_file(state),
        layout_file(state),
        releases(state),
        stats(state),
    ]);
    let all = one_of([
        preflight(),
        native,
        operator::routes(state),
        predecessor,
        health,
    ]);
    let answered = path::full()
        .and(all.recover(answer_refusal).unify())
        .map(|path: FullPath, response| with_allow(&path, response))
        .map(for_every_origin);
    let traffic = state.traffic.clone();
    asked()
        .and(answered)
        .map(move |asked: Asked, response: Response| {
            traffic.answered(&asked, response.status());
            response
        })
}

/// Says with a 405 what the path does know, which warp forgets when it refuses.
fn with_allow(path: &FullPath, mut response: Response) -> Response {
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let segments: Vec<_> = path.as_str().split('/').skip(1).collect();
        let methods = match segments[..] {
            ["v1", "builds"] | ["v1", "layouts", "svg"] | ["download.php"] | [""] => {
                "POST, OPTIONS"
            }
            ["v1", "builds", _] => "GET, HEAD, DELETE, OPTIONS",
            ["v1", "builds", _, "cancel" | "retry"]
            | ["v1", "queue", "pause" | "resume"]
            | ["v1", "workers", _, "drain" | "undrain"] => "POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        };
        let methods = HeaderValue::from_static(methods);
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}

/// `POST /v1/builds`
fn submit_build(state: &State) -> Route {
    answered(
        path!("v1" / "builds")
            .and(warp::post())
            .and(with(state))
            .and(asker(state))
            .and(incoming())
            .then(builds::submit_build),
    )
}

/// `GET /v1/builds/{id}?wait=30&status=queued`
fn show_build(state: &State) -> Route {
    let place = path!("v1" / "builds" / String).and(get());
    let handler = |id, state, asker, query| builds::show_build(state, id, asker, query);
    let place = place.and(with(state)).and(asker(state));
    answered(place.and(query()).then(handler))
}

/// `DELETE /v1/builds/{id}`
fn leave_build(state: &State) -> Route {
    let place = path!("v1" / "builds" / String).and(warp::delete());
    let handler = |id, state, headers| leave::leave_build(state, id, headers);
    answered(place.and(with(state)).and(headers()).then(handler))
}

/// `GET /v1/builds/{id}/log`
fn build_log(state: &State) -> Route {
    let place = path!("v1" / "builds" / String / "log").and(get());
    let handler = |id, state, headers| artifacts::log(state, id, headers);
    answered(place.and(with(state)).and(headers()).then(handler))
}

/// `GET /v1/builds/{id}/events`
fn build_events(state: &State) -> Route {
    let place = path!("v1" / "builds" / String / "events").and(get());
    let handler =
        |id, state, asker, method, headers| events::events(state, id, asker, method, headers);
    let place = place.and(with(state)).and(asker(state));
    answered(place.and(warp::method()).and(headers()).then(handler))
}

/// `GET /v1/builds/{id}/artifact`
fn build_artifact(state: &State) -> Route {
    let place = path!("v1" / "builds" / String / "artifact").and(get());
    let handler = |id, state, headers| artifacts::artifact(state, id, headers);
    answered(place.and(with(state)).and(headers()).then(handler))
}

/// `GET /v1/keyboards`
fn keyboards(state: &State) -> Route {
    let place = path!("v1" / "keyboards").and(get());
    answered(
        place
            .and(with(state))
            .map(|state: State| keyboards::keyboards(&state)),
    )
}

/// `GET /v1/versions`
fn versions(state: &State) -> Route {
    let place = path!("v1" / "versions").and(get());
    answered(place.and(with(state)).then(versions::versions))
}

/// `GET /v1/layouts`
fn layouts(state: &State) -> Route {
    let place = path!("v1" / "layouts").and(get());
    answered(
        place
            .and(with(state))
            .map(|state: State| layouts::layouts(&state)),
    )
}

/// `POST /v1/layouts/svg?layer=1`
fn draw_layout(state: &State) -> Route {
    let place = path!("v1" / "layouts" / "svg").and(warp::post());
    let handler = |state, query, incoming| pictures::draw_sent(state, query, incoming);
    answered(
        place
            .and(with(state))
            .and(query())
            .and(incoming())
            .then(handler),
    )
}

/// `GET /layouts/{name}.svg?layer=1`
fn layout_picture(state: &State) -> Route {
    // Another ending is the other route's.
    let file = path::param().and_then(|picture: String| async move {
        pictures::file_of(&picture).ok_or_else(warp::reject::not_found)
    });
    let place = path("layouts").and(file).and(path::end()).and(get());
    let handler = |file, state, headers, query| pictures::picture(state, file, headers, query);
    answered(
        place
            .and(with(state))
            .and(headers())
            .and(query())
            .then(handler),
    )
}

/// `GET /healthz`
fn healthz() -> Route {
    answered(path!("healthz").and(get()).map(health::alive))
}

/// `GET /readyz`
fn readyz(state: &State) -> Route {
    answered(
        path!("readyz")
            .and(get())
            .and(with(state))
            .then(health::ready),
    )
}

/// `GET /metrics`
fn metrics(state: &State) -> Route {
    let place = path!("metrics").and(get());
    let place = place.and(with(state)).and(asker_address(state));
    answered(place.then(metrics::metrics))
}

/// `POST /download.php`
fn download_php(state: &State) -> Route {
    build_and_wait(state, path!("download.php").boxed())
}

/// `POST /`
fn root(state: &State) -> Route {
    build_and_wait(state, path::end().boxed())
}

fn build_and_wait(state: &State, place: BoxedFilter<()>) -> Route {
    answered(
        place
            .and(warp::post())
            .and(with(state))
            .and(asker(state))
            .and(incoming())
            .then(predecessor::build_and_wait),
    )
}

/// `GET /tmp/{file}`
fn tmp_file(state: &State) -> Route {
    let place = path!("tmp" / String).and(get());
    let handler = |file, state, headers| predecessor::tmp_file(state, file, headers);
    answered(place.and(with(state)).and(headers()).then(handler))
}

/// `GET /layouts/{file}`
fn layout_file(state: &State) -> Route {
    let place = path!("layouts" / String).and(get());
    let handler =
        |file: String, state: State, headers: HeaderMap| layouts::layout(&state, &file, &headers);
    answered(place.and(with(state)).and(headers()).map(handler))
}

/// `GET /versions`
fn releases(state: &State) -> Route {
    let place = path!("versions").and(get());
    answered(place.and(with(state)).then(versions::releases))
}

/// `GET /stats`
fn stats(state: &State) -> Route {
    let place = path!("stats").and(get());
    answered(place.and(with(state)).and(headers()).then(stats::stats))
}

/// `OPTIONS` of every path: what a browser asks before it asks across origins.
fn preflight() -> Route {
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

/// Opens an answer, also a refusal, to pages of every origin, and forbids browsers to guess its kind.
pub(crate) fn for_every_origin(mut response: Response) -> Response {
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
fn one_of<const N: usize>(routes: [Route; N]) -> Route {
    let nothing = warp::any()
        .and_then(|| async { Err::<Response, _>(warp::reject::not_found()) })
        .boxed();
    routes
        .into_iter()
        .rev()
        .fold(nothing, |rest, route| route.or(rest).unify().boxed())
}

fn answered<R: Reply + 'static>(
    route: impl Filter<Extract = (R,), Error = warp::Rejection> + Clone + Send + Sync + 'static,
) -> Route {
    route.map(Reply::into_response).boxed()
}

fn with(
    state: &State,
) -> impl Filter<Extract = (State,), Error = Infallible> + Clone + Send + Sync + 'static {
    let state = state.clone();
    warp::any().map(move || state.clone())
}

/// `GET`, or `HEAD`, which the server answers without the body.
fn get() -> impl Filter<Extract = (), Error = warp::Rejection> + Clone + Send + Sync + 'static {
    warp::get().or(warp::head()).unify()
}

fn headers()
-> impl Filter<Extract = (HeaderMap,), Error = Infallible> + Clone + Send + Sync + 'static {
    warp::header::headers_cloned()
}

/// The query as it stands, empty where there is none.
fn query() -> impl Filter<Extract = (String,), Error = Infallible> + Clone + Send + Sync + 'static {
    warp::query::raw().or_else(|_| async { Ok::<_, Infallible>((String::new(),)) })
}
