//! Whether the disk has room for more work, asked at most once a second.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use shared::{
    disk,
    settings::Settings,
    store::{Store, workers},
};
use tokio::sync::Mutex;
use warp::http::StatusCode;

use crate::error::Problem;

/// A disk does not fill within a second by more than the reserve.
const FRESH: Duration = Duration::from_secs(1);

/// Knows whether there is room where the table and the zips are, and where the workers build.
pub(crate) struct Room {
    store: Store,
    places: Vec<PathBuf>,
    reserve: u64,
    known: Mutex<Option<(Instant, Option<String>)>>,
}

impl Room {
    /// The room that these settings speak of.
    pub(crate) fn of(settings: &Settings, store: Store) -> Self {
        Self {
            store,
            places: vec![
                settings.data.clone(),
                settings.artifacts.clone(),
                settings.logs.clone(),
            ],
            reserve: settings.disk_reserve,
            known: Mutex::default(),
        }
    }

    /// Whether there is room, or in which words there is none.
    pub(crate) async fn check(&self) -> Result<(), String> {
        let mut known = self.known.lock().await;
        if known
            .as_ref()
            .is_none_or(|(looked, _)| looked.elapsed() >= FRESH)
        {
            *known = Some((Instant::now(), self.look().await));
        }
        known
            .as_ref()
            .and_then(|(_, lacking)| lacking.clone())
            .map_or(Ok(()), Err)
    }

    async fn look(&self) -> Option<String> {
        let (places, reserve) = (self.places.clone(), self.reserve);
        let here = tokio::task::spawn_blocking(move || disk::lacking(&places, reserve))
            .await
            .map_err(std::io::Error::other)
            .flatten()
            .unwrap_or_else(|error| Some(format!("the free room cannot be found out: {error}")));
        match here {
            None => self.lacking_to_workers().await,
            here => here,
        }
    }

    /// Where no worker can build, as there is no room left to one of them. Other trouble does not keep builds
    /// from waiting for its end.
    async fn lacking_to_workers(&self) -> Option<String> {
        let ability = workers::ability(&self.store).await.ok()?;
        ability
            .trouble
            .filter(|trouble| ability.workers == 0 && trouble.starts_with(disk::NO_ROOM))
    }

    /// Refuses new work where there is no room.
    pub(crate) async fn refuse_when_full(&self) -> Result<(), Problem> {
        self.check().await.map_err(|why| {
            Problem::new(
                StatusCode::INSUFFICIENT_STORAGE,
                format!("no new builds are taken: {why}"),
            )
        })
    }
}
