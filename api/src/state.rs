//! What all handlers share. Cloning it is cheap.

use std::{io, sync::Arc};

use shared::{
    layout::{Library, LibraryError},
    settings::Settings,
    store::{Store, jobs::Changes},
};
use tokio::sync::{Semaphore, watch};

use crate::{
    body::Bodies,
    feed::Feeds,
    handlers::{health::Health, layouts::Catalogue, metrics::Metrics},
    operator::Tries,
    pages::{choices::Choices, console::look::Console},
    per_client::PerClient,
    room::Room,
    traffic::Traffic,
};

/// What all handlers share.
#[derive(Clone)]
pub struct State {
    pub(crate) settings: Arc<Settings>,
    pub(crate) store: Store,
    /// Wakes those who wait for a build.
    pub(crate) changes: Changes,
    /// The layout files.
    pub(crate) library: Library,
    /// What is in them, as far as it is shown.
    pub(crate) catalogue: Arc<Catalogue>,
    /// What of them people choose from.
    pub(crate) choices: Arc<Choices>,
    /// Reads bodies within bounds.
    pub(crate) bodies: Bodies,
    /// Layouts that are turned into KLL at once: more than there are processors gain nothing, and each takes memory.
    pub(crate) planning: Arc<Semaphore>,
    /// Whether the disk has room.
    pub(crate) room: Arc<Room>,
    /// Requests that are held open.
    pub(crate) waiters: PerClient,
    /// Wrong tokens of operators that were shown lately.
    pub(crate) tries: Tries,
    /// Builds that somebody watches.
    pub(crate) feeds: Feeds,
    /// What `/readyz` said last.
    pub(crate) health: Arc<Health>,
    /// What `/metrics` said last.
    pub(crate) metrics: Arc<Metrics>,
    /// What operators were shown last.
    pub(crate) console: Arc<Console>,
    /// Counts what this process does.
    pub(crate) traffic: Traffic,
    stopping: Arc<watch::Sender<bool>>,
}

/// Why the API cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The layouts cannot be read.
    #[error("reading KIISRV_LAYOUTS failed")]
    Layouts(#[from] LibraryError),
    /// Wake-ups cannot be heard.
    #[error("listening for the workers beside the table failed")]
    Wake(#[source] io::Error),
}

impl State {
    /// Reads the layouts and starts to listen for changes of builds.
    ///
    /// # Errors
    /// When one of the two cannot be done.
    pub fn open(settings: Settings, store: Store) -> Result<Self, StartError> {
        let library = Library::open(&settings.layouts)?;
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            changes: Changes::listen(&store).map_err(StartError::Wake)?,
            catalogue: Arc::new(Catalogue::of(&library)),
            choices: Arc::new(Choices::of(&library)),
            library,
            bodies: Bodies::default(),
            planning: Arc::new(Semaphore::new(processors)),
            room: Arc::new(Room::of(&settings, store.clone())),
            waiters: PerClient::new(settings.admission.waiters),
            tries: Tries::default(),
            feeds: Feeds::default(),
            health: Arc::default(),
            metrics: Arc::default(),
            console: Arc::default(),
            traffic: Traffic::default(),
            stopping: Arc::new(watch::Sender::new(false)),
            settings: Arc::new(settings),
            store,
        })
    }

    /// Ends everything that is held open: long polls with what is known, held requests with a 503.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Whether the process is about to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Ends when the process is about to stop.
    pub(crate) async fn stopped(&self) {
        // The sender lives in this very state, so that there is always an answer.
        drop(self.stopping.subscribe().wait_for(|is_it| *is_it).await);
    }
}
