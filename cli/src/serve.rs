//! Wiring: settings, table, API and worker, until a signal says stop.

use std::time::Duration;

use anyhow::Context;
use shared::{layout::Library, settings::Settings, store::Store};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tokio_util::sync::CancellationToken;
use tracing::info;
use worker::{DockerEngine, Worker};

/// What runs in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Api,
    Worker,
    Both,
}

/// Runs until SIGTERM or SIGINT.
pub(crate) fn run(settings: Settings, part: Part) -> anyhow::Result<()> {
    let runtime = Runtime::new().context("the runtime could not start")?;
    // On a thread of the runtime: what wakes this one has to come by one of those first.
    let served = runtime.block_on(runtime.spawn(serve(settings, part)));
    // A read of a stuck disk must not hold up the exit.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served.context("the program broke")?
}

async fn serve(settings: Settings, part: Part) -> anyhow::Result<()> {
    let stop = stop_signal()?;
    let store = Store::open(&settings.data).await?;
    match part {
        Part::Api => {
            let listener = listen(&settings).await?;
            serve_api(settings, store, listener, stop).await
        }
        Part::Worker => {
            start_worker(settings, store)
                .await?
                .run_until_stopped(stopped(stop))
                .await;
            Ok(())
        }
        Part::Both => {
            // Before the worker: a port that is taken is found before a build is.
            let listener = listen(&settings).await?;
            let worker = start_worker(settings.clone(), store.clone()).await?;
            let api_ended = CancellationToken::new();
            let worker_stops = stopped_or(stop.clone(), api_ended.clone());
            let (served, ()) = tokio::join!(
                async {
                    let served = serve_api(settings, store, listener, stop).await;
                    api_ended.cancel();
                    served
                },
                worker.run_until_stopped(worker_stops)
            );
            served
        }
    }
}

async fn listen(settings: &Settings) -> anyhow::Result<TcpListener> {
    let address = settings.listen;
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} (KIISRV_HOST, KIISRV_PORT)"))
}

async fn serve_api(
    settings: Settings,
    store: Store,
    listener: TcpListener,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    Ok(api::run(settings, store, listener, stopped(stop)).await?)
}

async fn start_worker(settings: Settings, store: Store) -> anyhow::Result<Worker<DockerEngine>> {
    let engine = DockerEngine::connect(&settings.worker.docker_host).await?;
    let library = Library::open(&settings.layouts)?;
    Ok(Worker::start(settings, store, engine, library).await?)
}

/// Turns true at the first signal.
fn stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be watched")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be watched")?;
    let (say, stop) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("Stopping");
        say.send_replace(true);
    });
    Ok(stop)
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that nobody can say stop any more, which is a stop too.
    drop(stop.wait_for(|stop| *stop).await);
}

/// The signal, or an API that ended by itself: half a service is none.
async fn stopped_or(stop: watch::Receiver<bool>, api_ended: CancellationToken) {
    tokio::select! {
        () = stopped(stop) => {}
        () = api_ended.cancelled() => {}
    }
}
