//! What is only read, and by everybody: versions and layouts.

use std::sync::Arc;

use tokio::runtime::Runtime;

use super::{
    bare::Bare,
    client::get,
    load::{Ask, closed_loop, results},
};
use crate::{measure::in_turns, measured::Measured, run::Bench, service::Service};

/// As many as a service behind a proxy has.
const CONNECTIONS: usize = 64;

/// A path, beside a bare server that answers the same bytes.
pub(crate) fn vs_bare(
    bench: &Bench,
    what: &str,
    path: &'static str,
) -> anyhow::Result<Vec<Measured>> {
    let runtime = Runtime::new()?;
    let service = Service::start_api(bench, &[])?;
    let answer = runtime
        .block_on(async { service.connect().await?.get(path).await })?
        .body;
    let bare = Bare::answering(bench, &answer)?;
    let ask: Ask = Arc::new(move || get(path));
    let load = |address| closed_loop(&runtime, address, CONNECTIONS, bench.load(), &ask);
    let (ours, others) = in_turns(
        bench.rounds(),
        || load(service.address),
        || load(bare.address),
    )?;
    let is = "a bare server that answers the same bytes";
    Ok(results((what, "bare"), is, &ours, &others))
}
