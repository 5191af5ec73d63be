//! What is read by those who look after the service, with a million builds in its table.

use std::{net::SocketAddr, time::Instant};

use anyhow::Context;
use bytes::Bytes;
use hyper::{Method, Request, header};
use tokio::runtime::Runtime;

use super::client::{Client, get};
use crate::{
    crowd::{self, Crowd},
    measure::{in_turns, median},
    measured::{Goal, Measured, Unit},
    run::Bench,
    service::{self, Service, TOKEN},
};

/// No answer of these should take longer, in milliseconds.
const GOAL: Goal = Goal::AtMost(10.0);

/// What is measured of each table, by the path.
const PATHS: [(&str, &str); 3] = [
    ("http_stats", "/stats"),
    ("http_queue_page", "/queue"),
    ("http_queue_json", "/v1/queue"),
];

/// The names of the results.
pub(crate) fn names() -> Vec<String> {
    PATHS.iter().map(|(what, _)| name(what)).collect()
}

fn name(what: &str) -> String {
    format!("{what}_million_rows_vs_empty")
}

/// Statistics and queue with a million ended builds and ten thousand waiting ones, beside a table with nothing in it.
pub(crate) fn vs_empty(bench: &Bench) -> anyhow::Result<Vec<Measured>> {
    let runtime = Runtime::new()?;
    let directory = bench.fresh()?;
    let crowd = Crowd {
        finished: bench.size(1_000_000),
        waiting: bench.size(10_000),
    };
    crowd::fill(&service::data(directory.path()), crowd, "{}")?;
    let crowded = Service::start_api_in(directory, &[])?;
    let empty = Service::start_api(bench, &[])?;
    let ours = runtime.block_on(Operator::at(&crowded))?;
    let other = runtime.block_on(Operator::at(&empty))?;
    let times = bench.size(100);
    let of = |(what, path): &(&str, &'static str)| {
        let (ours, others) = in_turns(
            bench.rounds(),
            || runtime.block_on(ours.looks(path, times)),
            || runtime.block_on(other.looks(path, times)),
        )?;
        let measured = Measured::alone(name(what), Unit::Milliseconds, ours);
        Ok(measured
            .beside("the same with an empty table", others)
            .with_goal(GOAL))
    };
    PATHS.iter().map(of).collect()
}

/// Somebody who is signed in, by a cookie for pages and by a token for programs.
struct Operator {
    address: SocketAddr,
    cookie: String,
}

impl Operator {
    async fn at(service: &Service) -> anyhow::Result<Self> {
        let mut client = service.connect().await?;
        let form = format!("token={TOKEN}&name=bench");
        let request = Request::builder()
            .method(Method::POST)
            .uri("/queue/sign-in")
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(form).into())?;
        let answer = client.ask(request).await?.good()?;
        let cookie = answer.headers.get(header::SET_COOKIE);
        let cookie = cookie.context("a cookie")?.to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let address = service.address;
        Ok(Self { address, cookie })
    }

    /// The time of a look in the middle of so many, in milliseconds.
    async fn looks(&self, path: &str, times: usize) -> anyhow::Result<f64> {
        let mut client = Client::connect(self.address).await?;
        let mut took = Vec::with_capacity(times);
        for _ in 0..times {
            let mut request = get(path)?;
            let headers = request.headers_mut();
            headers.insert(header::COOKIE, self.cookie.parse()?);
            headers.insert(header::AUTHORIZATION, format!("Bearer {TOKEN}").parse()?);
            let asked = Instant::now();
            client.ask(request).await?.good()?;
            took.push(asked.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(median(&took))
    }
}
