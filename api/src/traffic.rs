//! What this process counts of its own work: requests, how long their answers took, connections.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    proto::MetricFamily,
};
use warp::{
    Filter,
    http::{Method, StatusCode},
    path::FullPath,
};

use crate::routes::Place;

/// From an answer out of memory to the longest that an old client is held.
const SECONDS: [f64; 12] = [
    0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 600.0,
];

/// Counts. Clones count together.
#[derive(Clone)]
pub(crate) struct Traffic {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    connections: IntGauge,
    refused: IntCounter,
}

/// A request as it is counted.
pub(crate) struct Asked {
    begun: Instant,
    method: &'static str,
    route: &'static str,
}

/// A connection that counts until this is dropped.
pub(crate) struct Connected(IntGauge);

impl Default for Traffic {
    #[expect(
        clippy::expect_used,
        reason = "names and labels are fixed, and each test of a route makes one"
    )]
    fn default() -> Self {
        Self::new().expect("names and labels that Prometheus takes")
    }
}

impl Traffic {
    fn new() -> prometheus::Result<Self> {
        let traffic = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(
                Opts::new("kiisrv_http_requests_total", "Requests that were answered."),
                &["route", "method", "status"],
            )?,
            seconds: HistogramVec::new(
                HistogramOpts::new(
                    "kiisrv_http_request_seconds",
                    "From a request's head to its answer's head.",
                )
                .buckets(SECONDS.to_vec()),
                &["route"],
            )?,
            connections: IntGauge::new("kiisrv_http_connections", "Connections that are served.")?,
            refused: IntCounter::new(
                "kiisrv_http_connections_refused_total",
                "Connections that were refused, as their client has too many.",
            )?,
        };
        traffic
            .registry
            .register(Box::new(traffic.requests.clone()))?;
        traffic
            .registry
            .register(Box::new(traffic.seconds.clone()))?;
        traffic
            .registry
            .register(Box::new(traffic.connections.clone()))?;
        traffic
            .registry
            .register(Box::new(traffic.refused.clone()))?;
        Ok(traffic)
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, asked: &Asked, status: StatusCode) {
        self.took(asked, status, asked.begun.elapsed());
    }

    fn took(&self, asked: &Asked, status: StatusCode, time: Duration) {
        self.requests
            .with_label_values(&[asked.route, asked.method, status.as_str()])
            .inc();
        self.seconds
            .with_label_values(&[asked.route])
            .observe(time.as_secs_f64());
    }

    /// Counts a connection.
    pub(crate) fn connected(&self) -> Connected {
        self.connections.inc();
        Connected(self.connections.clone())
    }

    /// Counts one that was refused.
    pub(crate) fn refused(&self) {
        self.refused.inc();
    }

    /// All that was counted.
    pub(crate) fn families(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Takes the time and the route of every request.
pub(crate) fn asked(
    places: Arc<[Place]>,
) -> impl Filter<Extract = (Asked,), Error = Infallible> + Clone + Send + Sync + 'static {
    let query = warp::query::raw().or_else(|_| async { Ok::<_, Infallible>((String::new(),)) });
    warp::method().and(warp::path::full()).and(query).map(
        move |method: Method, path: FullPath, query: String| Asked {
            begun: Instant::now(),
            method: method_of(&method),
            route: route_of(&places, path.as_str(), &query),
        },
    )
}

fn method_of(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// The route of a path, by the table of routes. What somebody made up is `other`, so that strangers cannot make new
/// series. A look that waits for a change is a route of its own: its time is no one's fault.
fn route_of(places: &[Place], path: &str, query: &str) -> &'static str {
    let waits = query.split('&').any(|part| part.starts_with("wait="));
    let place = places.iter().find(|place| place.is_at(path));
    match place.map(|place| place.path) {
        Some("/v1/builds/{id}") if waits => "/v1/builds/{id}?wait",
        Some(path) => path,
        None => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Verb;

    #[test]
    fn a_path_that_somebody_made_up_makes_no_series_of_its_own() {
        let places =
            ["/", "/v1/builds/{id}", "/v1/builds/{id}/log", "/tmp/{file}"].map(|path| Place {
                verb: Verb::Get,
                path,
            });
        for (path, query, route) in [
            ("/", "", "/"),
            ("/v1/builds/abc", "", "/v1/builds/{id}"),
            (
                "/v1/builds/abc",
                "status=queued&wait=9",
                "/v1/builds/{id}?wait",
            ),
            ("/v1/builds/abc/log", "", "/v1/builds/{id}/log"),
            ("/tmp/x.zip", "", "/tmp/{file}"),
            ("/tmp/x/y", "", "other"),
            ("/v1/builds/abc/log/x", "", "other"),
            ("/wp-login.php", "", "other"),
        ] {
            assert_eq!(route_of(&places, path, query), route, "{path}");
        }
    }

    #[test]
    fn a_connection_counts_until_it_ends() {
        let traffic = Traffic::default();
        let first = traffic.connected();
        let second = traffic.connected();
        drop(first);
        assert_eq!(traffic.connections.get(), 1);
        drop(second);
        assert_eq!(traffic.connections.get(), 0);
    }
}
