//! Containers, rows and files compared, both ways: each thing that does not match is a [`Mismatch`].
//!
//! The looks change nothing; [`mend`] mends one. What is under way is neither found nor touched: a claim that is over
//! stays so, and files are held against their row once more before they go. What somebody else mends meanwhile is
//! mended.

mod builds;
mod files;
mod mismatch;
mod place;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use shared::{
    job::JobId,
    settings::Settings,
    store::{Store, StoreError, jobs, retention},
};

pub use builds::look_at_builds;
pub use files::look_at_files;
pub use mismatch::Mismatch;
pub use place::mark_places;

use crate::{
    blocking::blocking,
    container::{ContainerError, ContainerRuntime},
    context::Context,
    prepared::Pool,
    tree::remove_tree,
};

/// What is compared.
pub struct Ground<'a, R> {
    /// The rows.
    pub store: &'a Store,
    /// Where zips and logs are.
    pub settings: &'a Settings,
    /// Where builds have their directories, as this process sees them.
    pub build_places: [PathBuf; 2],
    /// The containers that a worker has ready, where it is a worker that looks.
    pub prepared: Option<&'a Pool>,
    /// The engine and its id. Without one, containers and the directories that they may use are not compared.
    pub engine: Option<(&'a R, &'a str)>,
}

impl<'a, R> Ground<'a, R> {
    /// A worker's.
    #[must_use]
    pub fn of(context: &'a Context<R>) -> Self {
        Self {
            store: &context.store,
            settings: &context.settings,
            build_places: [
                context.mapping.config.clone(),
                context.mapping.builds.clone(),
            ],
            prepared: Some(&context.prepared),
            engine: Some((&context.runtime, &context.me.engine_id)),
        }
    }
}

/// Why a look was not possible.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] ContainerError),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Our own directories.
    #[error("a directory could not be read: {0}")]
    Io(#[from] io::Error),
}

/// What became of a mismatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mended {
    /// It is gone.
    Yes,
    /// It is not ours to mend, or not yet.
    NotNow,
}

/// Mends all of these, containers before directories: while a container is there, it may write to its directories,
/// and they are left alone.
pub async fn mend_all<R: ContainerRuntime>(
    ground: &Ground<'_, R>,
    mut found: Vec<Mismatch>,
) -> Vec<(Mismatch, Result<Mended, LookError>)> {
    found.sort();
    let mut staying = BTreeSet::new();
    let mut mended = Vec::new();
    for mismatch in found {
        let result = match &mismatch {
            Mismatch::Directory { name }
                if staying.iter().any(|build: &String| name.contains(build)) =>
            {
                Ok(Mended::NotNow)
            }
            other => mend(ground, other).await,
        };
        if let (
            Mismatch::Container {
                build: Some(name), ..
            }
            | Mismatch::Prepared { name, .. },
            Err(_),
        ) = (&mismatch, &result)
        {
            staying.insert(name.clone());
        }
        mended.push((mismatch, result));
    }
    mended
}

/// Mends one. What somebody else has mended meanwhile is fine.
///
/// # Errors
/// When it is still there.
pub async fn mend<R: ContainerRuntime>(
    ground: &Ground<'_, R>,
    mismatch: &Mismatch,
) -> Result<Mended, LookError> {
    let settings = ground.settings;
    match mismatch {
        Mismatch::Container { id, .. } | Mismatch::Prepared { id, .. } => match ground.engine {
            Some((engine, _)) => engine.remove(id).await?,
            None => return Ok(Mended::NotNow),
        },
        Mismatch::ContainerGone {
            build,
            container,
            lease_over: true,
        } => return take_back(ground, *build, container).await,
        Mismatch::Directory { name } => {
            let both: Vec<_> = ground
                .build_places
                .iter()
                .map(|place| place.join(name))
                .collect();
            blocking(move || both.iter().try_for_each(|path| remove_tree(path))).await??;
        }
        Mismatch::UnnamedZip { path } => {
            if files::is_unnamed(ground.store, path).await? {
                let path = settings.artifacts.join(path);
                blocking(move || remove(&path)).await??;
            }
        }
        Mismatch::ZipLost { build, file, .. } => {
            if retention::drop_answer(ground.store, *build, file).await? {
                let path = settings.artifacts.join(build.to_string());
                blocking(move || remove(&path)).await??;
            }
        }
        Mismatch::StrayLog { build } => {
            if files::is_stray(ground.store, *build).await? {
                let path = settings.logs.join(build.to_string());
                blocking(move || remove(&path)).await??;
            }
        }
        Mismatch::DeadSocket { name } => {
            let path = ground.store.wake_directory().join(name);
            blocking(move || remove(&path)).await??;
        }
        Mismatch::ContainerGone { .. }
        | Mismatch::NobodyBuilds { .. }
        | Mismatch::NotOurPlace { .. } => return Ok(Mended::NotNow),
    }
    Ok(Mended::Yes)
}

/// Lets a build wait again whose holder is silent and whose container is gone from this engine.
async fn take_back<R>(
    ground: &Ground<'_, R>,
    build: JobId,
    container: &str,
) -> Result<Mended, LookError> {
    let Some((_, engine_id)) = ground.engine else {
        return Ok(Mended::NotNow);
    };
    for orphan in jobs::orphans(ground.store, engine_id).await? {
        if orphan.held.id == build && orphan.container == container {
            jobs::rescue(ground.store, &orphan).await?;
        }
    }
    Ok(Mended::Yes)
}

/// Removes what is there, whatever it is; nothing is fine.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => remove_tree(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The names in a directory; one that is not there holds none.
fn names_in(directory: &Path) -> io::Result<BTreeSet<String>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        other => other?,
    };
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}
