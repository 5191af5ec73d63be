//! Clients that wait for a build to change: what they cost, and how soon they are told.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Context;
use harness::program::pause;
use shared::store::{
    Store,
    jobs::{Cancelled, cancel},
};
use tokio::{runtime::Runtime, task::JoinSet};

use super::{bare::Bare, bodies::Bodies, client::Client, submits::BUILDS};
use crate::{
    limit::serve::HELD,
    measured::{Measured, Unit},
    process,
    run::Bench,
    service::Service,
};

/// Who waits.
const CLIENTS: usize = 2_000;

/// So long that memory has settled after the last of them has asked.
const SETTLED: Duration = Duration::from_secs(1);

/// The memory of a process that holds two thousand requests, beside a bare server that holds as many.
pub(crate) fn memory_vs_bare(bench: &Bench) -> anyhow::Result<Vec<Measured>> {
    let mut rounds = (Vec::new(), Vec::new());
    for _ in 0..bench.few_rounds() {
        let runtime = Runtime::new()?;
        let service = Service::start_api(bench, &[])?;
        let bodies = Bodies::of("latest");
        let build = runtime.block_on(submitted(&service, &bodies))?;
        let path = format!("{BUILDS}/{build}?wait=60&status=queued");
        let id = service.api.id();
        rounds.0.push(grows(&runtime, id, service.address, &path)?);
        let bare = Bare::answering(bench, b"")?;
        let id = bare.process.id();
        rounds.1.push(grows(&runtime, id, bare.address, HELD)?);
    }
    let name = "http_2000_waiting_memory_vs_bare";
    let measured = Measured::alone(name, Unit::Mebibytes, rounds.0)
        .beside("a bare server that holds as many", rounds.1);
    Ok(vec![measured])
}

/// A build that waits, which is in these bodies only once.
async fn submitted(service: &Service, bodies: &Bodies) -> anyhow::Result<String> {
    let body = bodies.different();
    let accepted = service.connect().await?.post(BUILDS, body).await?.json()?;
    Ok(accepted["id"].as_str().context("an id")?.to_owned())
}

/// MiB that a process has more when so many requests of this path wait in it.
fn grows(runtime: &Runtime, id: u32, address: SocketAddr, path: &str) -> anyhow::Result<f64> {
    pause(SETTLED);
    let before = process::resident(id)?;
    let mut waiting = runtime.block_on(wait(address, path, CLIENTS))?;
    pause(SETTLED);
    let with_all = process::resident(id)?;
    let ended = runtime.block_on(async { waiting.try_join_next() });
    anyhow::ensure!(ended.is_none(), "a request that should wait was answered");
    Ok(with_all - before)
}

/// Clients that have asked and wait. They give the moment in which they were answered.
async fn wait(
    address: SocketAddr,
    path: &str,
    clients: usize,
) -> anyhow::Result<JoinSet<anyhow::Result<Instant>>> {
    let mut waiting = JoinSet::new();
    for _ in 0..clients {
        let mut client = Client::connect(address).await?;
        let path = path.to_owned();
        waiting.spawn(async move {
            client.get(&path).await?;
            Ok(Instant::now())
        });
    }
    Ok(waiting)
}

/// How soon one client is told that its build has changed, while two thousand others wait and while nobody does.
pub(crate) fn told_among_2000_vs_alone(bench: &Bench) -> anyhow::Result<Vec<Measured>> {
    let runtime = Runtime::new()?;
    let service = Service::start_api(bench, &[])?;
    let store = runtime.block_on(Store::open(&service.data()))?;
    let bodies = Bodies::of("latest");
    let build = runtime.block_on(submitted(&service, &bodies))?;
    let path = format!("{BUILDS}/{build}?wait=60&status=queued");
    let times = bench.size(300);
    let told = async || {
        let mut took = Vec::with_capacity(times);
        for _ in 0..times {
            took.push(told(&service, &store, &bodies).await?);
        }
        anyhow::Ok(took)
    };
    let alone = runtime.block_on(told())?;
    let mut waiting = runtime.block_on(wait(service.address, &path, CLIENTS))?;
    pause(SETTLED);
    let among_many = runtime.block_on(told())?;
    let ended = runtime.block_on(async { waiting.try_join_next() });
    anyhow::ensure!(ended.is_none(), "a request that should wait was answered");
    let name = "http_told_among_2000_vs_alone";
    let measured = Measured::alone(name, Unit::Milliseconds, among_many)
        .beside("the same while nobody else waits", alone);
    Ok(vec![measured])
}

/// Milliseconds from another process's call that changes a build, its commit included, to the answer of who waits.
async fn told(service: &Service, store: &Store, bodies: &Bodies) -> anyhow::Result<f64> {
    let id = submitted(service, bodies).await?;
    let path = format!("{BUILDS}/{id}?wait=60&status=queued");
    let mut answered = wait(service.address, &path, 1).await?;
    // The request is on its way when this begins; it waits by now unless the machine is very busy.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let began = Instant::now();
    let cancelled = cancel(store, id.parse()?).await?;
    anyhow::ensure!(cancelled == Cancelled::Yes, "{cancelled:?}");
    let told = answered.join_next().await.context("a client")???;
    Ok((told - began).as_secs_f64() * 1000.0)
}
