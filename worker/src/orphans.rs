//! Running builds that nobody holds: their worker left, or died. Where the container is still there, this
//! worker takes it on; where it is gone, the build waits again.

use std::collections::HashMap;

use shared::store::{
    self,
    jobs::{self, Adopted, Adoption, Orphan},
    wake,
};
use tracing::{info, warn};

use crate::{
    container::{ContainerRuntime, Ours, State, label},
    context::Context,
    lease::LEASE,
    mounts::BuildDirs,
};

/// A build that this worker took on.
pub(crate) struct TakenOn {
    pub(crate) adopted: Adopted,
    /// How far its container was.
    pub(crate) state: State,
    /// The name that its directories had first, where its container was ready before the build came.
    pub(crate) ready: Option<String>,
}

/// Takes on what can be taken on.
///
/// # Errors
/// When the table cannot be reached.
pub(crate) async fn adopt<R: ContainerRuntime>(
    context: &Context<R>,
) -> store::Result<Vec<TakenOn>> {
    if end_leases_of_the_dead(context).await? {
        take_back_expired(context).await?;
    }
    let orphans = jobs::orphans(&context.store, &context.me.engine_id).await?;
    if orphans.is_empty() {
        return Ok(Vec::new());
    }
    // An engine that does not answer keeps them for later.
    let containers: HashMap<String, Ours> = match context.runtime.list_ours().await {
        Ok(containers) => containers
            .into_iter()
            .map(|container| (container.id.clone(), container))
            .collect(),
        Err(error) => {
            warn!(%error, "The engine's containers could not be listed");
            return Ok(Vec::new());
        }
    };
    let mut adopted = Vec::new();
    for orphan in orphans {
        match containers.get(&orphan.container) {
            Some(container) => adopted.extend(take_on(context, &orphan, container).await?),
            None => rescue(context, &orphan).await?,
        }
    }
    Ok(adopted)
}

/// Takes back what has no container to be taken on with, also from workers that are silent for longer than
/// their lease.
///
/// # Errors
/// When the table cannot be reached.
pub(crate) async fn take_back_expired<R>(context: &Context<R>) -> store::Result<()> {
    for rescued in jobs::rescue_expired(&context.store).await? {
        warn!(job.id = %rescued.id(), ?rescued, "A build was taken back from a worker that gave no sign of life");
        context.leftovers.notify_one();
    }
    Ok(())
}

/// Nobody has to wait for the lease of a process that is known to be gone. Tells whether there was one.
async fn end_leases_of_the_dead<R>(context: &Context<R>) -> store::Result<bool> {
    let store = &context.store;
    let mut found = false;
    for worker in jobs::holders(store).await? {
        let is_dead = worker != context.me.id
            && wake::is_gone(store.wake_directory(), wake::Role::Worker, &worker);
        if is_dead && jobs::end_leases_of(store, &worker).await? > 0 {
            warn!(
                worker.id = worker,
                "A worker is gone, its builds are taken over"
            );
            found = true;
        }
    }
    Ok(found)
}

async fn take_on<R: ContainerRuntime>(
    context: &Context<R>,
    orphan: &Orphan,
    container: &Ours,
) -> store::Result<Option<TakenOn>> {
    let id = orphan.held.id;
    let made_by = jobs::Held {
        epoch: orphan.container_epoch,
        ..orphan.held.clone()
    };
    let dirs = context
        .mapping
        .dirs_of(&context.store.service_id(), &made_by);
    let ready = container.labels.get(label::PREPARED).cloned();
    // Its worker may have died before it gave them the build's name.
    let first = ready.as_ref().map(|name| context.mapping.dirs(name));
    let is_there = |dirs: &BuildDirs| dirs.builds.is_dir();
    if !(is_there(&dirs) || first.as_ref().is_some_and(is_there)) {
        // Its worker had other directories than this one has; one that has them may take it on.
        return Ok(None);
    }
    match jobs::adopt(&context.store, orphan, &context.me.id, LEASE).await? {
        Adoption::Ours(adopted) => {
            info!(job.id = %id, container = orphan.container, "Took a running build on");
            Ok(Some(TakenOn {
                adopted: *adopted,
                state: container.state,
                ready,
            }))
        }
        Adoption::SetAside => {
            context.leftovers.notify_one();
            warn!(job.id = %id, "A build took too many workers down and is set aside");
            Ok(None)
        }
        Adoption::Gone => Ok(None),
    }
}

async fn rescue<R>(context: &Context<R>, orphan: &Orphan) -> store::Result<()> {
    let rescued = jobs::rescue(&context.store, orphan).await?;
    if let Some(rescued) = rescued {
        warn!(job.id = %rescued.id(), ?rescued, "A build was taken back, as its worker and its container are gone");
    }
    Ok(())
}
