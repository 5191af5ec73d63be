//! What is done beside the jobs: signs of life, rescue of silent workers' jobs, the controllers that
//! the engine has, and what an earlier run left behind.

use std::{collections::BTreeSet, fs, io, path::PathBuf, time::Duration};

use shared::store::{self, jobs, versions, workers};
use tracing::{info, warn};

use crate::{
    blocking::blocking,
    chore,
    container::{ContainerError, ContainerRuntime, ContainerSpec, Ours, label},
    context::Context,
    mounts::BuildDirs,
    orphans, proof, recipe, room, self_test,
    tree::remove_tree,
};

/// Between two signs of life, and between two looks at the controllers.
const BEAT: Duration = Duration::from_secs(5);

/// Between two comparisons of engine, table and directories.
const RECONCILE: Duration = Duration::from_secs(30);

/// Does all of it until it is dropped. Each goes its own way: an engine that takes minutes to answer
/// shall not make a worker look dead.
pub async fn keep_house<R: ContainerRuntime>(context: &Context<R>) {
    let controllers = async {
        loop {
            if let Err(error) = refresh_controllers(context).await {
                context.set_trouble(Some(error.to_string()));
            }
            tokio::time::sleep(BEAT).await;
        }
    };
    let signs = async {
        loop {
            tell(context).await;
            tokio::time::sleep(BEAT).await;
        }
    };
    let leftovers = async {
        loop {
            reconcile(context).await;
            tokio::select! {
                () = tokio::time::sleep(RECONCILE) => {}
                () = context.leftovers.notified() => {}
            }
        }
    };
    tokio::join!(controllers, signs, leftovers);
}

/// Asks the engine which controllers it has and writes that down; the first one proves the mounts. Tells
/// from that, and from the room on the disk, whether anything can be built.
///
/// # Errors
/// When the engine does not answer or the host's paths are wrong.
pub async fn refresh_controllers<R: ContainerRuntime>(
    context: &Context<R>,
) -> Result<(), ContainerError> {
    let controllers = context.runtime.controllers().await?;
    // One of ours before one of the predecessor's, as the strict profile is what is promised.
    let first = controllers
        .iter()
        .max_by_key(|controller| controller.protocol);
    let trouble = match first {
        Some(controller) => {
            if !context.is_proven() {
                proof::prove(context, controller).await?;
                context.proven();
            }
            match self_test::trouble(context, controller).await? {
                None => room::lacking(context).await,
                trouble => trouble,
            }
        }
        None => Some("the engine has no image named kiisrv-controller-*".to_owned()),
    };
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
        orphans::take_back_expired(context).await?;
        jobs::make_due_builds_wait(&context.store).await.map(drop)
    };
    if let Err(error) = told.await {
        warn!(%error, "The table could not be kept in order");
    }
}

/// Removes containers and directories of ours that no running build owns.
///
/// What is there is listed first and looked up then: whatever was made in between for a new claim is
/// not in the list, and what is in the list was claimed before it was made.
pub async fn reconcile<R: ContainerRuntime>(context: &Context<R>) {
    let containers = match context.runtime.list_ours().await {
        Ok(containers) => containers,
        Err(error) => return warn!(%error, "The engine's containers could not be listed"),
    };
    // While a container is there, it may write to its directories: those are left alone.
    let mut staying = BTreeSet::new();
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
                    staying.extend(container.labels.get(label::BUILD).cloned());
                }
            }
            Err(error) => warn!(%error, "A container's build could not be looked up"),
        }
    }
    if let Err(error) = remove_stale(context, &staying).await {
        warn!(%error, "Leftovers could not be looked for");
    }
}

/// A build's container is wanted while its claim holds the build; a chore's until its time is over,
/// whoever made it. Another service's is none of our business.
async fn is_wanted<R>(context: &Context<R>, container: &Ours) -> store::Result<bool> {
    let label = |name: &str| container.labels.get(name).map(String::as_str);
    if label(label::SERVICE) != Some(&context.store.service_id()) {
        return Ok(true);
    }
    let build = label(label::BUILD).and_then(|id| id.parse().ok());
    let epoch = label(label::EPOCH).and_then(|epoch| epoch.parse::<u32>().ok());
    match (label(label::ROLE), build, epoch) {
        (Some(label::ROLE_BUILD), Some(build), Some(epoch)) => {
            Ok(jobs::is_wanted(&context.store, build, epoch).await?)
        }
        _ => Ok(!chore::is_over(label(label::UNTIL))),
    }
}

/// Removes the directories of claims that are over. One that cannot be removed keeps no other.
async fn remove_stale<R: ContainerRuntime>(
    context: &Context<R>,
    staying: &BTreeSet<String>,
) -> io::Result<()> {
    let above = [
        context.mapping.config.clone(),
        context.mapping.builds.clone(),
    ];
    for name in blocking(move || names_in(&above)).await?? {
        let stays = staying.iter().any(|build| name.contains(build));
        if stays || !is_stale(context, &name).await.map_err(io::Error::other)? {
            continue;
        }
        if let Err(error) = remove_dirs(context, &context.mapping.dirs(&name), None).await {
            warn!(%error, directory = name, "Leftovers could not be removed yet");
        }
    }
    Ok(())
}

fn names_in(directories: &[PathBuf]) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for directory in directories {
        for entry in fs::read_dir(directory)? {
            names.insert(entry?.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

async fn is_stale<R>(context: &Context<R>, name: &str) -> store::Result<bool> {
    let claim = name
        .strip_prefix(&context.store.service_id())
        .and_then(|rest| rest.strip_prefix('-')?.rsplit_once('-'))
        .and_then(|(build, epoch)| Some((build.parse().ok()?, epoch.parse::<u32>().ok()?)));
    match claim {
        Some((build, epoch)) => Ok(!jobs::is_wanted(&context.store, build, epoch).await?),
        None => Ok(chore::is_forgotten(name)),
    }
}

/// Removes a build's directories. What an old image left as root, and a worker that is not root may
/// not remove, is removed by a small root container of the same image, or of any that is there.
///
/// # Errors
/// When something of them remains.
pub async fn remove_dirs<R: ContainerRuntime>(
    context: &Context<R>,
    dirs: &BuildDirs,
    image: Option<&str>,
) -> io::Result<()> {
    match remove_both(dirs).await {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let image = match image {
                Some(image) => image.to_owned(),
                None => context.any_image().await.ok_or(error)?,
            };
            empty_as_root(context, dirs, &image)
                .await
                .map_err(io::Error::other)?;
            remove_both(dirs).await
        }
        other => other,
    }
}

async fn remove_both(dirs: &BuildDirs) -> io::Result<()> {
    let both = [dirs.config.clone(), dirs.builds.clone()];
    blocking(move || both.iter().try_for_each(|directory| remove_tree(directory))).await?
}

async fn empty_as_root<R: ContainerRuntime>(
    context: &Context<R>,
    dirs: &BuildDirs,
    image: &str,
) -> Result<(), ContainerError> {
    let mut spec = ContainerSpec {
        capabilities: vec!["DAC_OVERRIDE".to_owned(), "FOWNER".to_owned()],
        ..recipe::strict(image, "0:0", dirs, &context.settings.worker)
    };
    for (mount, here) in spec.mounts.iter_mut().zip([&dirs.config, &dirs.builds]) {
        mount.read_only = false;
        // A mount's source must be there, and one of the two may be gone already.
        drop(fs::create_dir_all(here));
    }
    let script = "find /mnt/config /mnt/builds -mindepth 1 -delete";
    chore::run(context, "cleaner", script, spec).await.map(drop)
}
