//! Who may connect: so many at once, and so many of one client.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use shared::{settings::Network, store::requests::client_name};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::{
    client::is_trusted,
    per_client::{PerClient, Place},
};

/// Connections that are told that they are too many, at once. Further ones are closed without a word, as answering a
/// flood is what a flood wants.
const TOLD: usize = 32;

/// Whoever is told so sends its request within this time.
pub(crate) const TELLING: Duration = Duration::from_secs(2);

/// Lets connections in.
pub(crate) struct Door {
    slots: Arc<Semaphore>,
    of_client: PerClient,
    told: Arc<Semaphore>,
    proxies: Vec<Network>,
}

/// A connection that has come.
pub(crate) struct Visit {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) entry: Entry,
}

/// What to do with it.
pub(crate) enum Entry {
    /// To be served.
    In(Pass),
    /// To be told that its client has too many.
    TooMany(Pass),
    /// To be closed.
    Flood,
}

/// That a connection counts, until this is dropped.
pub(crate) struct Pass {
    _slot: OwnedSemaphorePermit,
    _of_client: Option<Place>,
}

impl Door {
    /// A door for this many connections, and this many of one client. Trusted proxies are no clients.
    pub(crate) fn new(connections: usize, of_client: usize, proxies: &[Network]) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(connections)),
            of_client: PerClient::new(of_client),
            told: Arc::new(Semaphore::new(TOLD)),
            proxies: proxies.to_vec(),
        }
    }

    /// The next connection, as soon as there is room for one.
    pub(crate) async fn next(&self, listener: &TcpListener) -> io::Result<Visit> {
        let slot = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let (stream, peer) = listener.accept().await?;
        Ok(Visit {
            stream,
            peer,
            entry: self.entry(peer, slot),
        })
    }

    fn entry(&self, peer: SocketAddr, slot: OwnedSemaphorePermit) -> Entry {
        let pass = |slot, of_client| Pass {
            _slot: slot,
            _of_client: of_client,
        };
        if is_trusted(peer.ip(), &self.proxies) {
            return Entry::In(pass(slot, None));
        }
        if let Some(place) = self.of_client.take(&client_name(peer.ip())) {
            return Entry::In(pass(slot, Some(place)));
        }
        // Its slot is given back at once: those who are refused take none from those who are served.
        Arc::clone(&self.told)
            .try_acquire_owned()
            .map_or(Entry::Flood, |told| Entry::TooMany(pass(told, None)))
    }
}
