//! What is done beside the jobs: signs of life, rescue of silent workers' jobs, the controllers that
//! the engine has, and what an earlier run left behind.

use std::{fs, io, path::Path, time::Duration};

use shared::store::{self, jobs, versions, workers};
use tracing::{info, warn};
use uuid::Uuid;

use crate::{
    container::{ContainerError, ContainerRuntime, ContainerSpec, Ours, label},
    mounts::BuildDirs,
    proof, recipe,
    run::Context,
};

/// Between two signs of life.
const BEAT: Duration = Duration::from_secs(5);

/// Beats between two comparisons of engine, table and directories.
const RECONCILE_BEATS: u32 = 6;

/// Does all of it until it is dropped.
pub async fn keep_house<R: ContainerRuntime>(context: &Context<R>) {
    for beat in 0_u32.. {
        if let Err(error) = refresh_controllers(context).await {
            context.set_trouble(Some(error.to_string()));
        }
        tell(context).await;
        if beat.is_multiple_of(RECONCILE_BEATS) {
            reconcile(context).await;
        }
        tokio::time::sleep(BEAT).await;
    }
}

/// Asks the engine which controllers it has and writes that down; the first one proves the mounts.
///
/// # Errors
/// When the engine does not answer or the host's paths are wrong.
pub async fn refresh_controllers<R: ContainerRuntime>(
    context: &Context<R>,
) -> Result<(), ContainerError> {
    let controllers = context.runtime.controllers().await?;
    if let Some(controller) = controllers.first()
        && !context.is_proven()
    {
        let settings = &context.settings.worker;
        proof::prove(
            &context.runtime,
            controller,
            &context.mapping,
            context.owner,
            settings,
        )
        .await?;
        context.proven();
    }
    let trouble = controllers
        .is_empty()
        .then(|| "the engine has no image named kiisrv-controller-*".to_owned());
    context.set_trouble(trouble);
    if let Err(error) =
        versions::controllers_seen(&context.store, &context.me.engine_id, controllers).await
    {
        warn!(%error, "The controllers could not be written down");
    }
    Ok(())
}

/// A sign of life, and the same for those who give none any more.
async fn tell<R>(context: &Context<R>) {
    let told = async {
        workers::sign_of_life(&context.store, &context.me, context.trouble()).await?;
        for rescued in jobs::rescue_expired(&context.store).await? {
            warn!(
                ?rescued,
                "A build was taken back from a worker that gave no sign of life"
            );
        }
        jobs::make_due_builds_wait(&context.store).await.map(drop)
    };
    if let Err(error) = told.await {
        warn!(%error, "The table could not be kept in order");
    }
}

/// Removes containers and directories of ours that no running build owns.
pub async fn reconcile<R: ContainerRuntime>(context: &Context<R>) {
    let containers = match context.runtime.list_ours().await {
        Ok(containers) => containers,
        Err(error) => return warn!(%error, "The engine's containers could not be listed"),
    };
    for container in containers {
        match is_wanted(context, &container).await {
            Ok(true) => {}
            Ok(false) => {
                info!(
                    container = container.id,
                    "Removing a container that no running build owns"
                );
                if let Err(error) = context.runtime.remove(&container.id).await {
                    warn!(container = container.id, %error, "A container could not be removed yet");
                }
            }
            Err(error) => warn!(%error, "A container's build could not be looked up"),
        }
    }
    for directory in [&context.mapping.config, &context.mapping.builds] {
        if let Err(error) = remove_stale(context, directory).await {
            warn!(%error, directory = %directory.display(), "Leftovers could not be removed yet");
        }
    }
}

/// A build's container is wanted while its claim holds the build; a chore's while its worker lives,
/// which is not looked up: chores are over in seconds and remove their own.
async fn is_wanted<R>(context: &Context<R>, container: &Ours) -> store::Result<bool> {
    let labels = &container.labels;
    let build = labels.get(label::BUILD).and_then(|id| id.parse().ok());
    let epoch = labels
        .get(label::EPOCH)
        .and_then(|epoch| epoch.parse::<u32>().ok());
    match (labels.get(label::ROLE).map(String::as_str), build, epoch) {
        (Some(label::ROLE_BUILD), Some(build), Some(epoch)) => {
            Ok(jobs::who_holds(&context.store, build).await? == Some(epoch))
        }
        _ => Ok(true),
    }
}

/// Removes the directories of claims that are over.
async fn remove_stale<R: ContainerRuntime>(
    context: &Context<R>,
    directory: &Path,
) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some((build, epoch)) = name.rsplit_once('-') else {
            continue;
        };
        let (Ok(build), Ok(epoch)) = (build.parse(), epoch.parse::<u32>()) else {
            continue;
        };
        let holder = jobs::who_holds(&context.store, build)
            .await
            .map_err(io::Error::other)?;
        if holder != Some(epoch) {
            let image = context.any_image().await.unwrap_or_default();
            remove_dirs(context, &context.mapping.dirs(&name), &image).await?;
        }
    }
    Ok(())
}

/// Removes a build's directories. What an old image left as root, and a worker that is not root may
/// not remove, is removed by a small root container of the same image.
///
/// # Errors
/// When something of them remains.
pub async fn remove_dirs<R: ContainerRuntime>(
    context: &Context<R>,
    dirs: &BuildDirs,
    image: &str,
) -> io::Result<()> {
    let removed = remove_both(dirs);
    match removed {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !image.is_empty() => {
            empty_as_root(context, dirs, image)
                .await
                .map_err(io::Error::other)?;
            remove_both(dirs)
        }
        other => other,
    }
}

fn remove_both(dirs: &BuildDirs) -> io::Result<()> {
    for directory in [&dirs.config, &dirs.builds] {
        match fs::remove_dir_all(directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

async fn empty_as_root<R: ContainerRuntime>(
    context: &Context<R>,
    dirs: &BuildDirs,
    image: &str,
) -> Result<(), ContainerError> {
    let strict = recipe::strict(image, "0:0", dirs, &context.settings.worker);
    let script = "find /mnt/config /mnt/builds -mindepth 1 -delete";
    let mut mounts = strict.mounts.clone();
    for (mount, here) in mounts.iter_mut().zip([&dirs.config, &dirs.builds]) {
        mount.read_only = false;
        // A mount's source must be there, and one of the two may be gone already.
        drop(fs::create_dir_all(here));
    }
    let spec = ContainerSpec {
        name: format!("kiisrv-cleaner-{}", Uuid::now_v7()),
        entrypoint: Some(["/bin/sh", "-c", script].map(str::to_owned).to_vec()),
        labels: [(label::ROLE.to_owned(), "cleaner".to_owned())].into(),
        capabilities: vec!["DAC_OVERRIDE".to_owned(), "FOWNER".to_owned()],
        mounts,
        ..strict
    };
    let container = context.runtime.create(&spec).await?;
    let ended = async {
        context.runtime.start(&container).await?;
        context.runtime.wait(&container).await
    }
    .await;
    context.runtime.remove(&container).await?;
    ended.map(drop)
}

/// Bytes that the files below a directory take. Links are not followed.
#[must_use]
pub fn bytes_below(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else {
        return 0;
    };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, meta)| {
            if meta.is_dir() {
                bytes_below(&path)
            } else {
                meta.len()
            }
        })
        .sum()
}
