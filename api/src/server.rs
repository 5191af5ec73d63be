//! Connections: how many, how slow they may be, and their end when the process stops.

use std::{convert::Infallible, pin::pin, time::Duration};

use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use shared::{settings::Settings, store::Store};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinSet,
};
use warp::{Reply, reply::Response};

use crate::{
    client::Peer,
    door::{Door, Entry, TELLING, Visit},
    error::Problem,
    linger,
    routes::{for_every_origin, routes},
    state::{StartError, State},
};

/// A pause after the system refused a connection for want of something, such as open files.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Served at once; further ones wait to be accepted.
    pub(crate) connections: usize,
    /// Of one client; further ones are refused.
    pub(crate) connections_of_client: usize,
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
            connections_of_client: settings.admission.connections,
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
    let proxies = &state.settings.trusted_proxies;
    let door = Door::new(limits.connections, limits.connections_of_client, proxies);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let Visit {
            stream,
            peer,
            entry,
        } = tokio::select! {
            visit = next_visit(&door, &listener) => visit,
            () = &mut shutdown => break,
        };
        prepare(&stream, limits.unread);
        let (stream, returned) = linger::lend(stream);
        match entry {
            Entry::In(pass) => {
                let service = service.clone();
                let with_peer = service_fn(move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(Peer(peer));
                    service.call(request)
                });
                let connection = http(limits).serve_connection(TokioIo::new(stream), with_peer);
                let connection = graceful.watch(connection);
                let pass = (pass, state.traffic.connected());
                connections.spawn(see_to_its_end(connection, returned, pass));
            }
            Entry::TooMany(pass) => {
                state.traffic.refused();
                let refuse = service_fn(|_| async { Ok::<_, Infallible>(too_many_connections()) });
                let connection = http(limits)
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), refuse);
                let told = see_to_its_end(connection, returned, pass);
                connections.spawn(async { drop(tokio::time::timeout(TELLING, told).await) });
            }
            Entry::Flood => state.traffic.refused(),
        }
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

async fn next_visit(door: &Door, listener: &TcpListener) -> Visit {
    loop {
        match door.next(listener).await {
            Ok(visit) => return visit,
            Err(error) => {
                tracing::warn!(%error, "A connection was not accepted");
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
        }
    }
}

fn http(limits: Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head);
    http
}

/// Serves a connection, which counts at the door until it is closed.
async fn see_to_its_end<E: std::fmt::Display, P>(
    connection: impl Future<Output = Result<(), E>>,
    returned: oneshot::Receiver<TcpStream>,
    _pass: P,
) {
    match connection.await {
        Ok(()) => linger::linger(returned).await,
        // A client that left or was too slow is not our failure.
        Err(error) => tracing::debug!(%error, "A connection ended early"),
    }
}

fn too_many_connections() -> Response {
    let problem = Problem::too_many("too many connections are open from your address already");
    for_every_origin(problem.into_response())
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
