//! Builds that are asked for: different ones, one and the same, one that has been built.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use bytes::Bytes;
use harness::store::firmware;
use shared::store::{
    Store,
    jobs::{claim_next, finish},
};
use tokio::runtime::Runtime;

use super::{
    bare::Bare,
    bodies::Bodies,
    client::post,
    load::{Ask, closed_loop, results},
};
use crate::{
    limit::serve::WRITTEN, measure::in_turns, measured::Measured, run::Bench, service::Service,
};

/// Where builds are asked for.
pub(crate) const BUILDS: &str = "/v1/builds";

/// Connections of a load that is not about their number.
const CONNECTIONS: usize = 64;

type Body = Arc<dyn Fn() -> Bytes + Send + Sync>;

/// The server that stands beside, and what is asked of it.
struct Beside {
    is: &'static str,
    path: &'static str,
}

const CONSTANT: Beside = Beside {
    is: "a bare server that reads as much and answers a constant",
    path: "/",
};

/// Different builds, each durable before it is answered, beside a server that only writes what it was sent.
pub(crate) fn different_vs_limit(
    bench: &Bench,
    connections: usize,
) -> anyhow::Result<Vec<Measured>> {
    let bodies = Bodies::of("latest");
    let beside = Beside {
        is: "a bare server that commits what it is sent, in groups",
        path: WRITTEN,
    };
    let service = Service::start_api(bench, &[])?;
    let what = format!("http_submits_{connections}");
    let body: Body = Arc::new(move || bodies.different());
    let load = (connections, &body);
    let measured = side_by_side(bench, &service, load, &beside, (&what, "limit"))?;
    let plots = ["http_submits", "http_submits_p50", "http_submits_p99"];
    let points = measured.into_iter().zip(plots);
    Ok(points
        .map(|(point, plot)| point.at(plot, "connections", connections))
        .collect())
}

/// The same build again and again, which waits.
pub(crate) fn same_vs_bare(bench: &Bench) -> anyhow::Result<Vec<Measured>> {
    let service = Service::start_api(bench, &[])?;
    let names = ("http_same_build", "bare");
    side_by_side(
        bench,
        &service,
        (CONNECTIONS, &the_same()),
        &CONSTANT,
        names,
    )
}

/// The same build again and again, which has been built and is kept.
pub(crate) fn cached_vs_bare(bench: &Bench) -> anyhow::Result<Vec<Measured>> {
    let service = Service::start_api(bench, &[])?;
    let body = the_same();
    let runtime = Runtime::new()?;
    let built = runtime.block_on(async {
        let mut client = service.connect().await?;
        client.post(BUILDS, body()).await?;
        let store = Store::open(&service.data()).await?;
        let lease = Duration::from_mins(1);
        let claimed = claim_next(&store, "bench", lease).await?;
        let claimed = claimed.context("it does not wait")?;
        finish(&store, &claimed.held, firmware()).await?;
        client.post(BUILDS, body()).await?.json()
    })?;
    anyhow::ensure!(built["status"] == "succeeded", "it is not kept: {built}");
    let names = ("http_cached_build", "bare");
    side_by_side(bench, &service, (CONNECTIONS, &body), &CONSTANT, names)
}

fn the_same() -> Body {
    let bodies = Bodies::of("latest");
    Arc::new(move || bodies.same())
}

fn side_by_side(
    bench: &Bench,
    service: &Service,
    (connections, body): (usize, &Body),
    beside: &Beside,
    names: (&str, &str),
) -> anyhow::Result<Vec<Measured>> {
    let runtime = Runtime::new()?;
    let first = runtime
        .block_on(async { service.connect().await?.post(BUILDS, body()).await })?
        .body;
    let bare = Bare::answering(bench, &first)?;
    let ask = |path: &'static str| -> Ask {
        let body = Arc::clone(body);
        Arc::new(move || post(path, body()))
    };
    let (asked, other) = (ask(BUILDS), ask(beside.path));
    let load = |address, ask| closed_loop(&runtime, address, connections, bench.load(), ask);
    let (ours, others) = in_turns(
        bench.rounds(),
        || load(service.address, &asked),
        || load(bare.address, &other),
    )?;
    Ok(results(names, beside.is, &ours, &others))
}
