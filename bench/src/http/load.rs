//! A load: so many connections, each of which asks again when it has its answer.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use tokio::{runtime::Runtime, task::JoinSet};

use super::client::Client;
use crate::{
    measure::{each, per_second, quantile},
    measured::{Measured, Unit},
};

/// What a request is, made anew each time.
pub(crate) type Ask = Arc<dyn Fn() -> anyhow::Result<Request<Full<Bytes>>> + Send + Sync>;

/// How a load went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Answers a second, of all connections together.
    pub(crate) per_second: f64,
    /// How long the answer in the middle took, in milliseconds.
    pub(crate) p50: f64,
    /// One in a hundred took longer.
    pub(crate) p99: f64,
}

/// Loads an address for so long. An answer that is not a good one ends it.
pub(crate) fn closed_loop(
    runtime: &Runtime,
    address: SocketAddr,
    connections: usize,
    lasting: Duration,
    ask: &Ask,
) -> anyhow::Result<Load> {
    runtime.block_on(async {
        let mut clients = Vec::with_capacity(connections);
        for _ in 0..connections {
            clients.push(Client::connect(address).await?);
        }
        let began = Instant::now();
        let mut asking = JoinSet::new();
        for client in clients {
            asking.spawn(ask_until(client, Arc::clone(ask), began + lasting));
        }
        let mut took = Vec::new();
        while let Some(ended) = asking.join_next().await {
            took.extend(ended??);
        }
        Ok(Load {
            per_second: per_second(took.len(), began.elapsed()),
            p50: quantile(&took, 0.5),
            p99: quantile(&took, 0.99),
        })
    })
}

async fn ask_until(mut client: Client, ask: Ask, end: Instant) -> anyhow::Result<Vec<f64>> {
    let mut took = Vec::new();
    while Instant::now() < end {
        let request = ask()?;
        let asked = Instant::now();
        client.ask(request).await?.good()?;
        took.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(took)
}

/// The names of a load's results, for [`results`].
pub(crate) fn names(what: &str, beside: &str) -> Vec<String> {
    let figures = ["", "_p50", "_p99"];
    figures
        .map(|figure| format!("{what}{figure}_vs_{beside}"))
        .into()
}

/// Rate and times of one load beside another.
pub(crate) fn results(
    (what, beside): (&str, &str),
    is: &'static str,
    ours: &[Load],
    others: &[Load],
) -> Vec<Measured> {
    let figures: [Figure; 3] = [
        (Unit::PerSecond, |load| load.per_second),
        (Unit::Milliseconds, |load| load.p50),
        (Unit::Milliseconds, |load| load.p99),
    ];
    let of = |(name, (unit, figure)): (String, Figure)| {
        Measured::alone(name, unit, each(ours, figure)).beside(is, each(others, figure))
    };
    let names = names(what, beside).into_iter();
    names.zip(figures).map(of).collect()
}

/// One of a load's figures, and in what it is.
type Figure = (Unit, fn(&Load) -> f64);
