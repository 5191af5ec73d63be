//! The cheap look, which is taken often: containers and build directories against claims, and dead sockets.
//!
//! What is there is listed first and looked up then: whatever was made in between for a new claim is not in the list,
//! and what is in the list was claimed before it was made. The other way round, rows are listed before containers.

use std::collections::BTreeSet;

use shared::store::{self, Store, inspect, jobs, wake};

use super::{Ground, LookError, Mismatch, names_in};
use crate::{
    blocking::blocking,
    chore,
    container::{ContainerRuntime, Ours, label},
    prepared,
};

/// What does not match among containers, running builds, their directories and the sockets of processes.
///
/// # Errors
/// When engine, table or directories cannot be read.
pub async fn look_at_builds<R: ContainerRuntime>(
    ground: &Ground<'_, R>,
) -> Result<Vec<Mismatch>, LookError> {
    let mut found = Vec::new();
    if let Some((engine, engine_id)) = ground.engine {
        let running = inspect::running_on(ground.store, engine_id).await?;
        let containers = engine.list_ours().await?;
        let there: BTreeSet<_> = containers
            .iter()
            .map(|container| container.id.as_str())
            .collect();
        let gone = running
            .into_iter()
            .filter(|row| !there.contains(row.container.as_str()));
        found.extend(gone.map(|row| Mismatch::ContainerGone {
            build: row.build,
            container: row.container,
            lease_over: row.lease_over,
        }));
        let mut in_use = BTreeSet::new();
        for container in containers {
            let mismatch = match container.labels.get(label::PREPARED).cloned() {
                Some(name)
                    if is_ready_for_a_build(ground, engine_id, &container, &name).await? =>
                {
                    in_use.insert(name);
                    None
                }
                _ => of_no_claim(ground.store, container).await?,
            };
            found.extend(mismatch);
        }
        // Without a look at the containers nobody knows who still writes to the directories.
        found.extend(stale_directories(ground, &in_use).await?);
    }
    let wake_directory = ground.store.wake_directory().to_owned();
    let dead = blocking(move || wake::dead_sockets(&wake_directory)).await??;
    found.extend(dead.into_iter().map(|name| Mismatch::DeadSocket { name }));
    Ok(found)
}

/// One that was started ahead of its build is wanted while its worker knows of it, and while a build runs in it.
async fn is_ready_for_a_build<R>(
    ground: &Ground<'_, R>,
    engine_id: &str,
    container: &Ours,
    name: &str,
) -> store::Result<bool> {
    let worker = container.labels.get(label::WORKER);
    // In this order: a worker forgets the name when the build's row names the container.
    Ok(worker.is_some_and(|worker| is_known(ground, worker, name))
        || jobs::runs_in(ground.store, &container.id, engine_id).await?)
}

/// Whether a worker has use for what bears this name. Of another one than this that can be told while it lives.
fn is_known<R>(ground: &Ground<'_, R>, worker: &str, name: &str) -> bool {
    let known = ground.prepared.and_then(|pool| pool.knows(worker, name));
    known.unwrap_or_else(|| {
        !wake::is_gone(ground.store.wake_directory(), wake::Role::Worker, worker)
    })
}

/// A build's container is wanted while its claim is; a chore's until its time is over, whoever made it. Another
/// service's is none of our business.
async fn of_no_claim(store: &Store, container: Ours) -> store::Result<Option<Mismatch>> {
    let label = |name: &str| container.labels.get(name).map(String::as_str);
    if label(label::SERVICE) != Some(&store.service_id()) {
        return Ok(None);
    }
    let build = label(label::BUILD).and_then(|id| id.parse().ok());
    let epoch = label(label::EPOCH).and_then(|epoch| epoch.parse().ok());
    let wanted = match (label(label::ROLE), build, epoch) {
        (Some(label::ROLE_BUILD), Some(build), Some(epoch)) => {
            jobs::is_wanted(store, build, epoch).await?
        }
        (Some(label::ROLE_PREPARED), ..) => false,
        _ => !chore::is_over(label(label::UNTIL)),
    };
    if wanted {
        return Ok(None);
    }
    let named = |name: &str| container.labels.get(name).cloned();
    Ok(Some(match named(label::PREPARED) {
        Some(name) => Mismatch::Prepared {
            id: container.id,
            name,
        },
        None => Mismatch::Container {
            build: named(label::BUILD),
            id: container.id,
        },
    }))
}

async fn stale_directories<R>(
    ground: &Ground<'_, R>,
    in_use: &BTreeSet<String>,
) -> Result<Vec<Mismatch>, LookError> {
    let mut stale = Vec::new();
    let mut names = BTreeSet::new();
    for place in ground.build_places.clone() {
        names.extend(blocking(move || names_in(&place)).await??);
    }
    let service = ground.store.service_id();
    for name in names {
        let claim = name
            .strip_prefix(&service)
            .and_then(|rest| rest.strip_prefix('-')?.rsplit_once('-'))
            .and_then(|(build, epoch)| Some((build.parse().ok()?, epoch.parse().ok()?)));
        let is_stale = match claim {
            Some((build, epoch)) => !jobs::is_wanted(ground.store, build, epoch).await?,
            None => match prepared::maker_of(&name, &service) {
                Some(worker) => !in_use.contains(&name) && !is_known(ground, worker, &name),
                None => chore::is_forgotten(&name),
            },
        };
        if is_stale {
            stale.push(Mismatch::Directory { name });
        }
    }
    Ok(stale)
}
