//! What API and worker take when they have worked.

use std::sync::Arc;

use tokio::runtime::Runtime;

use crate::{
    containers::{Noop, journey::post_to_zip},
    http::{
        bodies::Bodies,
        client::post,
        load::{Ask, closed_loop},
        submits::BUILDS,
    },
    measured::{Measured, Unit},
    process,
    run::Bench,
    service::Service,
};

/// Connections that ask the API.
const CONNECTIONS: usize = 64;

/// The API's memory after a load of different builds.
pub(crate) fn api(bench: &Bench) -> anyhow::Result<Vec<Measured>> {
    let runtime = Runtime::new()?;
    let service = Service::start_api(bench, &[])?;
    let bodies = Bodies::of("latest");
    let ask: Ask = Arc::new(move || post(BUILDS, bodies.different()));
    let lasting = bench.load() * 2;
    closed_loop(&runtime, service.address, CONNECTIONS, lasting, &ask)?;
    memory("loaded_memory_api", service.api.id())
}

/// The worker's memory after some builds.
pub(crate) fn worker(bench: &Bench) -> anyhow::Result<Vec<Measured>> {
    let noop = Noop::set_up(bench, &[])?;
    let bodies = Bodies::of(Noop::VERSION);
    Runtime::new()?.block_on(async {
        let mut client = noop.service.connect().await?;
        for _ in 0..bench.size(50) {
            post_to_zip(&mut client, bodies.different()).await?;
        }
        anyhow::Ok(())
    })?;
    let id = noop.service.worker.as_ref().map_or(0, |worker| worker.id());
    memory("loaded_memory_worker", id)
}

fn memory(name: &str, id: u32) -> anyhow::Result<Vec<Measured>> {
    let resident = vec![process::resident(id)?];
    Ok(vec![Measured::alone(name, Unit::Mebibytes, resident)])
}
