//! Connections: how many, how slow they may be, and their end when the process stops.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use shared::{settings::Settings, store::Store};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};

use crate::{
    client::Peer,
    routes::routes,
    state::{StartError, State},
};

/// A pause after the system refused a connection for want of something, such as open files.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Served at once; further ones wait to be accepted.
    pub(crate) connections: usize,
    /// For the head of a request, and for the next request of a connection that is kept.
    pub(crate) head: Duration,
    /// For a client that does not take what was sent.
    pub(crate) unread: Duration,
    /// For what is under way when the process stops.
    pub(crate) grace: Duration,
}

impl Limits {
    fn of(settings: &Settings) -> Self {
        Self {
            connections: settings.max_connections,
            head: Duration::from_secs(10),
            unread: Duration::from_secs(60),
            grace: settings.stop_grace,
        }
    }
}

/// Serves the API on this listener until `shutdown` ends, and then what is under way, as long as the settings allow.
///
/// # Errors
/// When the layouts cannot be read, or workers not be heard.
pub async fn run(
    settings: Settings,
    store: Store,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), StartError> {
    let limits = Limits::of(&settings);
    let state = State::open(settings, store)?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "The API listens on http://{address}");
    }
    serve(state, listener, limits, shutdown).await;
    Ok(())
}

/// Serves a state's routes.
pub(crate) async fn serve(
    state: State,
    listener: TcpListener,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) {
    let service = TowerToHyperService::new(warp::service(routes(&state)));
    let slots = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, peer, slot) = tokio::select! {
            accepted = accept(&listener, &slots) => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "A connection was not accepted");
                    tokio::time::sleep(AFTER_REFUSAL).await;
                    continue;
                }
            },
            () = &mut shutdown => break,
        };
        prepare(&stream, limits.unread);
        let service = service.clone();
        let with_peer = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            service.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .serve_connection(TokioIo::new(stream), with_peer);
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            let _slot = slot;
            // A client that left or was too slow is not our failure.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "A connection ended early");
            }
        });
        forget_ended(&mut connections);
    }
    drop(listener);
    state.stop();
    if tokio::time::timeout(limits.grace, graceful.shutdown())
        .await
        .is_err()
    {
        forget_ended(&mut connections);
        tracing::warn!(left = connections.len(), "Connections were cut by the stop");
    }
    connections.shutdown().await;
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slot))
}

/// Sets the socket up. One that cannot be is served nevertheless.
fn prepare(stream: &TcpStream, unread: Duration) {
    let millis = u32::try_from(unread.as_millis()).unwrap_or(u32::MAX);
    let done = stream.set_nodelay(true).and_then(|()| {
        // The kernel cuts whoever does not read: hyper has no time limit for that.
        Ok(rustix::net::sockopt::set_tcp_user_timeout(stream, millis)?)
    });
    if let Err(error) = done {
        tracing::debug!(%error, "A socket could not be set up");
    }
}

/// Takes ended connections off the list.
fn forget_ended(connections: &mut JoinSet<()>) {
    while let Some(ended) = connections.try_join_next() {
        if let Err(error) = ended {
            tracing::error!(%error, "A request's handler panicked");
        }
    }
}
