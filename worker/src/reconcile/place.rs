//! The mark by which a directory of zips or logs is known as this table's.
//!
//! A volume that is not mounted, a setting that names another directory, a table that was made anew beside old files:
//! in each of them no file fits any row, and to mend that would remove everything. So only what bears the mark is
//! compared.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use shared::{job::JobId, store::inspect};
use uuid::Uuid;

use super::{Ground, LookError, files::why_lost, names_in};
use crate::blocking::blocking;

/// The mark's name. It holds the name of the table, see [`shared::store::Store::service_id`].
const MARK: &str = ".service";

/// Marks the directories of zips and logs as this table's where nothing speaks against it.
///
/// # Errors
/// When a directory cannot be read or written.
pub async fn mark_places<R>(ground: &Ground<'_, R>) -> Result<(), LookError> {
    for place in [&ground.settings.artifacts, &ground.settings.logs] {
        if read(place).await?.is_none() && could_be_ours(ground, place).await? {
            let (place, service) = (place.clone(), ground.store.service_id());
            blocking(move || write(&place, &service)).await??;
        }
    }
    Ok(())
}

/// Why this directory's files are not compared with rows; `None` where they are.
pub(super) async fn why_not_ours<R>(
    ground: &Ground<'_, R>,
    place: &Path,
) -> Result<Option<String>, LookError> {
    let why = match read(place).await? {
        Some(service) if service == ground.store.service_id() => return Ok(None),
        Some(_) => "it belongs to another table",
        None if could_be_ours(ground, place).await? => return Ok(None),
        None => "it bears no mark of this table, and what lies in it does not fit",
    };
    Ok(Some(why.to_owned()))
}

/// An unmarked directory is taken for ours if the table's newest zip is where it should be, and the directory holds
/// something of a build that the table knows, or of none at all.
async fn could_be_ours<R>(ground: &Ground<'_, R>, place: &Path) -> Result<bool, LookError> {
    if let Some(zip) = inspect::newest_zip(ground.store).await? {
        let path = ground.settings.artifacts.join(&zip.file);
        let lost = blocking(move || why_lost(&path, zip.bytes)).await??;
        if lost.is_some() {
            return Ok(false);
        }
    }
    let builds = builds(place).await?;
    if builds.is_empty() {
        return Ok(true);
    }
    Ok(!inspect::whereabouts(ground.store, builds).await?.is_empty())
}

/// The builds that have a directory in this place. What bears another name is nothing of ours.
pub(super) async fn builds(place: &Path) -> Result<Vec<JobId>, LookError> {
    let place = place.to_owned();
    let names = blocking(move || names_in(&place)).await??.into_iter();
    Ok(names
        .filter_map(|name| {
            name.parse()
                .ok()
                .filter(|id: &JobId| id.to_string() == name)
        })
        .collect())
}

async fn read(place: &Path) -> Result<Option<String>, LookError> {
    let path: PathBuf = place.join(MARK);
    match blocking(move || fs::read_to_string(path)).await? {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Written aside and renamed, so that nobody reads the half of it.
fn write(place: &Path, service: &str) -> io::Result<()> {
    let aside = place.join(format!("{MARK}.{}", Uuid::now_v7().simple()));
    let mut file = File::create(&aside)?;
    writeln!(file, "{service}")?;
    file.sync_all()?;
    fs::rename(aside, place.join(MARK))
}
