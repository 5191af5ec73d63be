//! Many clients at once, one of whom wants far more than the others, while others read: does anybody starve?

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use harness::store::firmware;
use shared::store::{
    Store,
    jobs::{claim_next, finish},
};
use tokio::{runtime::Runtime, task::JoinSet};

use super::{
    bodies::Bodies,
    client::{Client, get, post},
    submits::BUILDS,
};
use crate::{
    measure::{each, median},
    measured::{Goal, Measured, Unit},
    run::Bench,
    service::Service,
};

/// Clients who ask for a build, wait for it, and ask for the next.
const POLITE: usize = 63;

/// What one more client has waiting all the time.
const GREEDY: usize = 100;

/// Connections that only read.
const READERS: usize = 8;

/// What they read, one after the other.
const READ: [&str; 3] = ["/versions", "/stats", "/layouts/KType-Standard.json"];

/// The worst client of all beside the one in the middle, by how long each of them waits for a build.
pub(crate) fn worst_client_vs_median(bench: &Bench) -> anyhow::Result<Vec<Measured>> {
    let mut rounds = Vec::new();
    for _ in 0..bench.few_rounds() {
        rounds.push(round(bench)?);
    }
    let worst = |waits: &Vec<f64>| waits.iter().copied().fold(0.0, f64::max);
    let measured = Measured::alone(
        "mixed_load_worst_client_vs_median",
        Unit::Milliseconds,
        each(&rounds, worst),
    )
    .beside(
        "the client in the middle",
        each(&rounds, |waits| median(waits)),
    )
    .with_goal(Goal::RatioAtMost(10.0));
    Ok(vec![measured])
}

/// How long each client waits, in milliseconds: the polite ones for a build, the greedy one from build to build.
fn round(bench: &Bench) -> anyhow::Result<Vec<f64>> {
    let service = Service::start_api(bench, &[("KIISRV_TRUSTED_PROXIES", "127.0.0.1")])?;
    let address = service.address;
    let data = service.data();
    let end = Instant::now() + bench.load() * 3;
    Runtime::new()?.block_on(async {
        let store = Store::open(&data).await?;
        let is_over = Arc::new(AtomicBool::new(false));
        let worker = tokio::spawn(work(store, Arc::clone(&is_over)));
        let bodies = Arc::new(Bodies::of("latest"));
        let began = Instant::now();
        let mut polite = JoinSet::new();
        for number in 0..POLITE {
            polite.spawn(ask_for_builds(
                address,
                number + 1,
                Arc::clone(&bodies),
                end,
            ));
        }
        let mut greedy = JoinSet::new();
        for _ in 0..GREEDY {
            greedy.spawn(ask_for_builds(address, 0, Arc::clone(&bodies), end));
        }
        let mut readers = JoinSet::new();
        for _ in 0..READERS {
            readers.spawn(read(address, end));
        }
        let mut waits = Vec::new();
        for took in joined(polite).await? {
            anyhow::ensure!(!took.is_empty(), "a client was never served");
            waits.push(median(&took));
        }
        let builds: usize = joined(greedy).await?.iter().map(Vec::len).sum();
        anyhow::ensure!(builds > 0, "the client with many builds was never served");
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        waits.push(began.elapsed().as_secs_f64() * 1000.0 / builds as f64);
        joined(readers).await?;
        is_over.store(true, Ordering::Relaxed);
        worker.await??;
        Ok(waits)
    })
}

async fn joined<T: 'static>(mut tasks: JoinSet<anyhow::Result<T>>) -> anyhow::Result<Vec<T>> {
    let mut all = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        all.push(ended??);
    }
    Ok(all)
}

/// One client: how long each of its builds took, in milliseconds.
async fn ask_for_builds(
    address: SocketAddr,
    client: usize,
    bodies: Arc<Bodies>,
    end: Instant,
) -> anyhow::Result<Vec<f64>> {
    let from: hyper::header::HeaderValue = format!("10.0.0.{client}").parse()?;
    let mut connection = Client::connect(address).await?;
    let mut took = Vec::new();
    while Instant::now() < end {
        let asked = Instant::now();
        let mut request = post(BUILDS, bodies.different())?;
        request
            .headers_mut()
            .insert("x-forwarded-for", from.clone());
        let mut build = connection.ask(request).await?.good()?.json()?;
        while let Some(status @ ("queued" | "running")) = build["status"].as_str() {
            let id = build["id"].as_str().context("an id")?;
            let path = format!("{BUILDS}/{id}?wait=60&status={status}");
            build = connection.get(&path).await?.json()?;
        }
        took.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(took)
}

async fn read(address: SocketAddr, end: Instant) -> anyhow::Result<()> {
    let mut connection = Client::connect(address).await?;
    for path in READ.into_iter().cycle() {
        if Instant::now() >= end {
            break;
        }
        connection.ask(get(path)?).await?.good()?;
    }
    Ok(())
}

/// A worker without containers: it takes and ends one build after the other.
async fn work(store: Store, is_over: Arc<AtomicBool>) -> anyhow::Result<()> {
    let lease = Duration::from_mins(1);
    while !is_over.load(Ordering::Relaxed) {
        match claim_next(&store, "bench", lease).await? {
            Some(claimed) => drop(finish(&store, &claimed.held, firmware()).await?),
            None => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
    Ok(())
}
