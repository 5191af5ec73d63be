//! The whole look, which is taken seldom: every zip and log against its row, every row that names a zip against the
//! file, in small pieces with pauses between them.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use shared::{
    job::JobId,
    store::{
        self, Store,
        inspect::{self, NamedZip, Whereabouts},
    },
};

use super::{Ground, LookError, Mismatch, names_in, place};
use crate::blocking::blocking;

/// Builds that are looked up at once.
const PIECE: u32 = 100;

/// Between two pieces, so that a hundred thousand files keep nobody waiting.
const PAUSE: Duration = Duration::from_millis(10);

/// A controller may be away for a while, as its image is made anew.
const IN_VAIN: Duration = Duration::from_hours(1);

/// What does not match among zips, logs and rows.
///
/// # Errors
/// When table or directories cannot be read.
pub async fn look_at_files<R>(ground: &Ground<'_, R>) -> Result<Vec<Mismatch>, LookError> {
    let mut found = Vec::new();
    let (artifacts, logs) = (&ground.settings.artifacts, &ground.settings.logs);
    for (place, is_zips) in [(artifacts, true), (logs, false)] {
        match place::why_not_ours(ground, place).await? {
            Some(why) => found.push(Mismatch::NotOurPlace {
                place: place.clone(),
                why,
            }),
            None if is_zips => {
                found.extend(unnamed_zips(ground).await?);
                found.extend(lost_zips(ground).await?);
            }
            None => found.extend(stray_logs(ground).await?),
        }
    }
    let in_vain = inspect::waiting_in_vain(ground.store, IN_VAIN).await?;
    found.extend(
        in_vain
            .into_iter()
            .map(|(controller, waiting)| Mismatch::NobodyBuilds {
                controller,
                waiting,
            }),
    );
    Ok(found)
}

/// What lies among the zips of builds that have ended. While a build has not, a claim may be about to publish.
async fn unnamed_zips<R>(ground: &Ground<'_, R>) -> Result<Vec<Mismatch>, LookError> {
    let artifacts = ground.settings.artifacts.clone();
    let mut unnamed = Vec::new();
    let mut with_zip = Vec::new();
    for (build, row) in builds_in(ground, &artifacts).await? {
        match row {
            Some(row) if !row.status.is_final() => {}
            Some(Whereabouts {
                zip: Some(named), ..
            }) => with_zip.push((build, named)),
            _ => unnamed.push(PathBuf::from(build.to_string())),
        }
    }
    unnamed.extend(blocking(move || beside(&artifacts, with_zip)).await??);
    let found = unnamed.into_iter();
    Ok(found.map(|path| Mismatch::UnnamedZip { path }).collect())
}

/// What lies beside the zips that rows name.
fn beside(artifacts: &Path, with_zip: Vec<(JobId, String)>) -> io::Result<Vec<PathBuf>> {
    let mut unnamed = Vec::new();
    for (build, named) in with_zip {
        let directory = PathBuf::from(build.to_string());
        let files = names_in(&artifacts.join(&directory))?;
        let paths = files.into_iter().map(|file| directory.join(file));
        unnamed.extend(paths.filter(|path| *path != Path::new(&named)));
    }
    Ok(unnamed)
}

/// Whether no row names what lies there now, either.
pub(super) async fn is_unnamed(store: &Store, path: &Path) -> store::Result<bool> {
    let above = path.iter().next().and_then(|name| name.to_str());
    let Some(build) = above.and_then(|name| name.parse::<JobId>().ok()) else {
        return Ok(false);
    };
    let row = inspect::whereabouts(store, vec![build]).await?;
    Ok(row.get(&build).is_none_or(|row| {
        let named = row.zip.as_ref();
        // A build's own directory goes only where its row names nothing in it.
        row.status.is_final() && named.is_none_or(|named| !Path::new(named).starts_with(path))
    }))
}

/// Whether no row keeps the logs of this build now, either.
pub(super) async fn is_stray(store: &Store, build: JobId) -> store::Result<bool> {
    let row = inspect::whereabouts(store, vec![build]).await?;
    Ok(row.get(&build).is_none_or(|row| row.log_gone))
}

async fn stray_logs<R>(ground: &Ground<'_, R>) -> Result<Vec<Mismatch>, LookError> {
    let builds = builds_in(ground, &ground.settings.logs).await?.into_iter();
    let stray = builds.filter(|(_, row)| row.as_ref().is_none_or(|row| row.log_gone));
    Ok(stray
        .map(|(build, _)| Mismatch::StrayLog { build })
        .collect())
}

/// Every build that has a directory in this place, with what its row says, if it has one.
async fn builds_in<R>(
    ground: &Ground<'_, R>,
    place: &Path,
) -> Result<Vec<(JobId, Option<Whereabouts>)>, LookError> {
    let mut found = Vec::new();
    for piece in place::builds(place).await?.chunks(PIECE as usize) {
        let mut rows = inspect::whereabouts(ground.store, piece.to_vec()).await?;
        found.extend(piece.iter().map(|build| (*build, rows.remove(build))));
        tokio::time::sleep(PAUSE).await;
    }
    Ok(found)
}

async fn lost_zips<R>(ground: &Ground<'_, R>) -> Result<Vec<Mismatch>, LookError> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let named = inspect::named_zips(ground.store, after, PIECE).await?;
        let Some(last) = named.last() else {
            return Ok(found);
        };
        after = Some(last.build);
        let artifacts = ground.settings.artifacts.clone();
        let lost = blocking(move || lost_of(&artifacts, named)).await??;
        for (zip, why) in lost {
            // One that went in good order between the two looks is not lost.
            let row = inspect::whereabouts(ground.store, vec![zip.build]).await?;
            if row
                .get(&zip.build)
                .is_some_and(|row| row.zip.as_ref() == Some(&zip.file))
            {
                let (build, file) = (zip.build, zip.file);
                found.push(Mismatch::ZipLost { build, file, why });
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn lost_of(artifacts: &Path, named: Vec<NamedZip>) -> io::Result<Vec<(NamedZip, String)>> {
    let mut lost = Vec::new();
    for zip in named {
        if let Some(why) = why_lost(&artifacts.join(&zip.file), zip.bytes)? {
            lost.push((zip, why));
        }
    }
    Ok(lost)
}

/// What is the matter with a zip; `None` where nothing is. A disk that does not answer says nothing about it.
pub(super) fn why_lost(path: &Path, bytes: u64) -> io::Result<Option<String>> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => Ok(Some("which is no file".to_owned())),
        Ok(found) if found.len() != bytes => Ok(Some(format!(
            "which has {} bytes and not {bytes}",
            found.len()
        ))),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Some("which is not there".to_owned()))
        }
        Err(error) => Err(error),
    }
}
