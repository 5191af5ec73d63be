//! Whether the disk has room for more work: new work is refused before the disk is full, not after.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use shared::settings::Settings;
use tokio::sync::Mutex;
use warp::http::StatusCode;

use crate::error::Problem;

/// A disk does not fill within a second by more than the reserve.
const FRESH: Duration = Duration::from_secs(1);

/// Knows the free bytes where the table and the zips are.
pub(crate) struct Room {
    places: Vec<PathBuf>,
    reserve: u64,
    known: Mutex<Option<(Instant, u64)>>,
}

impl Room {
    /// The room that these settings speak of.
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            places: vec![settings.data.clone(), settings.artifacts.clone()],
            reserve: settings.disk_reserve,
            known: Mutex::default(),
        }
    }

    /// Whether there is room, or in which words there is none.
    pub(crate) async fn check(&self) -> Result<(), String> {
        let mut known = self.known.lock().await;
        let free = match *known {
            Some((looked, free)) if looked.elapsed() < FRESH => free,
            _ => {
                let free = free_bytes(self.places.clone())
                    .await
                    .map_err(|error| format!("the free room cannot be found out: {error}"))?;
                *known = Some((Instant::now(), free));
                free
            }
        };
        if free < self.reserve {
            return Err(format!(
                "there are {free} bytes left, and {} are kept in reserve",
                self.reserve
            ));
        }
        Ok(())
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

/// The free bytes of the fullest of these places.
async fn free_bytes(places: Vec<PathBuf>) -> io::Result<u64> {
    // A network's disk may keep one waiting.
    tokio::task::spawn_blocking(move || {
        let mut least = u64::MAX;
        for place in &places {
            least = least.min(free_below(place)?);
        }
        Ok(least)
    })
    .await?
}

/// A place that is not made yet is on its parent's disk.
fn free_below(place: &Path) -> io::Result<u64> {
    for place in place.ancestors() {
        let place = if place.as_os_str().is_empty() {
            Path::new(".")
        } else {
            place
        };
        match rustix::fs::statvfs(place) {
            Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
            Ok(disk) => return Ok(disk.f_bavail.saturating_mul(disk.f_frsize)),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}
