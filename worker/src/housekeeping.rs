//! What is done beside the jobs: signs of life, rescue of silent workers' jobs, the controllers that
//! the engine has, what an earlier run left behind, and what is kept no longer.

use std::{fs, io, time::Duration};

use shared::store::{jobs, versions, workers};
use tracing::{debug, info, warn};

use crate::{
    blocking::blocking,
    chore,
    container::{ContainerError, ContainerRuntime, ContainerSpec},
    context::Context,
    mounts::BuildDirs,
    orphans, proof, recipe,
    reconcile::{self, Ground, LookError, Mended, Mismatch},
    retention::retain,
    room, self_test,
    tree::remove_tree,
};

/// Between two signs of life, and between two looks at the controllers.
const BEAT: Duration = Duration::from_secs(5);

/// Between two comparisons of engine, table and directories.
const RECONCILE: Duration = Duration::from_secs(30);

/// Between two comparisons of all files with all rows.
const RECONCILE_FILES: Duration = Duration::from_hours(1);

/// Between two looks for what is kept no longer. Where nothing is due, one costs a look at each index.
const RETAIN: Duration = Duration::from_mins(1);

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
    let files = async {
        loop {
            reconcile_files(context).await;
            tokio::time::sleep(RECONCILE_FILES).await;
        }
    };
    let kept = async {
        loop {
            tokio::time::sleep(RETAIN).await;
            retain(context).await;
        }
    };
    tokio::join!(controllers, signs, leftovers, files, kept);
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
    let images = controllers.iter();
    context
        .prepared
        .set_there(images.map(|controller| controller.image.clone()));
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

/// Mends what does not match among containers, claims and directories.
pub async fn reconcile<R: ContainerRuntime>(context: &Context<R>) {
    let look = reconcile::look_at_builds(&Ground::of(context)).await;
    mend(context, look).await;
}

/// Mends what does not match among rows, zips and logs.
pub async fn reconcile_files<R: ContainerRuntime>(context: &Context<R>) {
    let ground = Ground::of(context);
    if let Err(error) = reconcile::mark_places(&ground).await {
        warn!(%error, "The directories of zips and logs could not be marked as ours");
    }
    let look = reconcile::look_at_files(&ground).await;
    mend(context, look).await;
}

async fn mend<R: ContainerRuntime>(context: &Context<R>, look: Result<Vec<Mismatch>, LookError>) {
    let found = match look {
        Ok(found) => found,
        Err(error) => return warn!(%error, "Leftovers could not be looked for"),
    };
    for (mismatch, result) in reconcile::mend_all(&Ground::of(context), found).await {
        let (kind, remedy) = (mismatch.kind(), mismatch.remedy());
        let result = match (&mismatch, result) {
            // What root left, a small root container removes.
            (Mismatch::Directory { name }, Err(LookError::Io(_))) => {
                let dirs = context.mapping.dirs(name);
                let removed = remove_dirs(context, &dirs, None).await;
                removed.map(|()| Mended::Yes).map_err(LookError::from)
            }
            (_, other) => other,
        };
        match result {
            Ok(Mended::Yes) => info!(kind, "Mended: {mismatch}; {remedy}"),
            // A worker that ends a build removes the container first and writes the row then.
            Ok(Mended::NotNow) if matches!(mismatch, Mismatch::ContainerGone { .. }) => {
                debug!(kind, "Found: {mismatch}");
            }
            Ok(Mended::NotNow) => warn!(kind, "Found: {mismatch}; to do: {remedy}"),
            Err(error) => warn!(kind, %error, "Not mended yet: {mismatch}"),
        }
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
