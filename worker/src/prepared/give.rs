//! A build is given to a container that waits: its row first, then its directories, its inputs, and the bell.
//!
//! Whoever dies on this way leaves a row that names the container, so that the next worker goes on with the rest. Each
//! step may be done twice.

use std::{fs, io, path::Path, sync::Arc, time::Duration};

use shared::{kll::Generated, store::jobs};
use tracing::warn;

use super::{
    Ready,
    bell::{self, Rope, Rung},
    keep::remove,
};
use crate::{
    blocking::blocking,
    container::{ContainerError, ContainerRuntime},
    execute::{Leaving, Run},
    housekeeping::remove_dirs,
    inputs::{JOB, files, write_files},
    mounts::BuildDirs,
};

/// An engine knows at once that a container has ended. Who has heard nothing for this long has a container that lives.
const ALIVE: Duration = Duration::from_millis(100);

/// What became of it.
pub(crate) enum Given {
    /// The container builds.
    Goes,
    /// The job is somebody else's by now.
    Left(Leaving),
    /// The container had ended. It is gone, and the build may have another one.
    CameToNothing,
}

/// Gives a build to a container that is ready.
///
/// # Errors
/// When the table does not take it, or the container can be neither used nor removed.
pub(crate) async fn give<R: ContainerRuntime>(
    run: &Arc<Run<R>>,
    (ready, rope): (Ready, Rope),
    generated: &Arc<Generated>,
) -> Result<Given, ContainerError> {
    let (context, held) = (&run.context, &run.claimed.held);
    let names = (ready.container.as_str(), context.me.engine_id.as_str());
    match jobs::container_taken(&context.store, held, names, &ready.spec).await {
        Ok(true) => run.has_container(&ready.container),
        refused => {
            remove(context, &ready.name, Some(&ready.container)).await;
            return match refused {
                Err(error) => Err(ContainerError::Step {
                    step: "use a container",
                    cause: format!("it could not be written down: {error}"),
                }),
                Ok(_) => Ok(Given::Left(Leaving::LeaseLost)),
            };
        }
    }
    match pass_on(run, ready.name.as_str(), generated, Some(rope)).await {
        Ok(()) => Ok(Given::Goes),
        Err(error) => {
            warn!(job.id = %held.id, container = ready.container, %error, "A container that was ready could not be used, the build gets another");
            context.runtime.remove(&ready.container).await?;
            run.has_no_container();
            remove(context, &ready.name, None).await;
            // What it may have left is not the build's.
            remove_dirs(context, &run.dirs, None)
                .await
                .map_err(|error| failed(error.to_string()))?;
            Ok(Given::CameToNothing)
        }
    }
}

/// Does what is left to do of this for a build whose row names its container. Where that is everything, nothing is done.
///
/// # Errors
/// When that is not possible, or the container ended before it got its build.
pub(crate) async fn pass_on<R: ContainerRuntime>(
    run: &Arc<Run<R>>,
    name: &str,
    generated: &Arc<Generated>,
    rope: Option<Rope>,
) -> Result<(), ContainerError> {
    let context = &run.context;
    let (from, for_work) = (context.mapping.dirs(name), Arc::clone(run));
    let generated = Arc::clone(generated);
    let passed_on = blocking(move || {
        let (to, claimed) = (&for_work.dirs, &for_work.claimed);
        move_dirs(&from, to)?;
        let is_new = !to.config.join(JOB).try_exists()?;
        if is_new {
            write_files(to, &files(&generated, &claimed.config, claimed.cold))?;
        }
        Ok((is_new, bell::ring(&to.config, rope)?))
    });
    match passed_on.await.and_then(|passed_on| passed_on) {
        Ok((true, Rung::NotHeard)) if has_ended(run).await => {
            Err(failed("it has ended".to_owned()))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn failed(cause: String) -> ContainerError {
    ContainerError::Step {
        step: "go on with a container that was ready",
        cause,
    }
}

/// A mount is of a directory and not of its name: the container sees the same one.
fn move_dirs(from: &BuildDirs, to: &BuildDirs) -> io::Result<()> {
    let unless_moved = |from: &Path, to: &Path| {
        if to.try_exists()? {
            return Ok(());
        }
        fs::rename(from, to)
    };
    unless_moved(&from.config, &to.config)?;
    unless_moved(&from.builds, &to.builds)
}

async fn has_ended<R: ContainerRuntime>(run: &Run<R>) -> bool {
    let Some(container) = run.container() else {
        return true;
    };
    let end = run.context.runtime.wait(&container);
    tokio::time::timeout(ALIVE, end).await.is_ok()
}
