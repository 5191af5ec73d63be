//! Whether this host's engine enforces what it is told: a container with exactly a build's flags tries it
//! before the first user does.
//!
//! An engine may take a limit and not keep it: without root, with an old kernel, with another runtime. The
//! result is kept for each engine, kernel, image and set of flags, so that a restart does not pay again.

use std::{fs, io, time::Instant};

use sha2::{Digest, Sha256};
use shared::store::{self_tests, versions::Controller};
use tracing::{info, warn};
use uuid::Uuid;

use crate::{
    blocking::blocking,
    chore,
    container::{ContainerError, ContainerRuntime, ContainerSpec},
    context::Context,
    mounts::BuildDirs,
    recipe,
    tree::remove_tree,
};

const SCRIPT: &str = include_str!("self_test.sh");

/// The limits that are tried, by the names under which an operator may accept that one is missing.
pub const LIMITS: [&str; 15] = [
    "read_only_root",
    "read_only_inputs",
    "user",
    "capabilities",
    "new_privileges",
    "system_calls",
    "network",
    "no_execution",
    "scratch",
    "scratch_files",
    "file_size",
    "processors",
    "memory",
    "processes",
    "kernel_settings",
];

/// Tells in words which limits this engine does not enforce and nobody has accepted; `None` where all is well.
///
/// # Errors
/// When the engine does not answer, or does not run the test.
pub(crate) async fn trouble<R: ContainerRuntime>(
    context: &Context<R>,
    controller: &Controller,
) -> Result<Option<String>, ContainerError> {
    let accepted = &context.settings.worker.accept_missing;
    if accepted.iter().any(|name| name == "all") {
        return Ok(None);
    }
    let missing = match context.self_tested(&controller.image) {
        Some(known) => known,
        None => {
            let missing = missing(context, controller).await?;
            context.set_self_tested(&controller.image, &missing);
            missing
        }
    };
    let refused: Vec<_> = missing
        .iter()
        .filter(|name| !accepted.contains(name))
        .map(String::as_str)
        .collect();
    if refused.is_empty() {
        return Ok(None);
    }
    let names = refused.join(",");
    Ok(Some(format!(
        "this engine does not enforce {names} for a build; mend that, or accept it with KIISRV_ACCEPT_MISSING={names}"
    )))
}

async fn missing<R: ContainerRuntime>(
    context: &Context<R>,
    controller: &Controller,
) -> Result<Vec<String>, ContainerError> {
    let about = context.runtime.about().await?;
    let dirs = context
        .mapping
        .dirs(&format!("{}{}", chore::PROOF_DIRECTORY, Uuid::now_v7()));
    let spec = recipe::strict(
        &controller.image,
        &context.owner.user(),
        &dirs,
        &context.settings.worker,
    );
    let key = key_of(&about, &spec);
    match self_tests::missing(&context.store, &key).await {
        Ok(Some(known)) => return Ok(known),
        Ok(None) => {}
        Err(error) => warn!(%error, "An earlier self-test could not be looked up"),
    }
    let started = Instant::now();
    let missing = run(context, &dirs, spec).await?;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    info!(
        duration_ms,
        engine = about,
        missing = missing.join(","),
        "Tried what this engine enforces"
    );
    if let Err(error) = self_tests::record(&context.store, &key, &about, &missing).await {
        warn!(%error, "A self-test could not be written down");
    }
    Ok(missing)
}

/// Everything that the result depends on. The directories are new each time and do not count.
fn key_of(about: &str, spec: &ContainerSpec) -> String {
    let flags = ContainerSpec {
        mounts: Vec::new(),
        ..spec.clone()
    };
    hex::encode(Sha256::digest(format!("{about}\n{flags:?}\n{SCRIPT}")))
}

async fn run<R: ContainerRuntime>(
    context: &Context<R>,
    dirs: &BuildDirs,
    spec: ContainerSpec,
) -> Result<Vec<String>, ContainerError> {
    let failed = |error: io::Error| {
        ContainerError::Unreachable(format!(
            "the self-test's directories cannot be used: {error}"
        ))
    };
    let (made, owner) = (dirs.clone(), context.owner);
    let make = move || {
        fs::create_dir_all(&made.config)?;
        fs::create_dir_all(&made.builds)?;
        owner.take(&made.builds)
    };
    blocking(make).await.and_then(|made| made).map_err(failed)?;
    let script = script_for(&spec);
    let ended = chore::run(context, "self-test", &script, spec).await;
    let left = dirs.clone();
    let look = move || {
        let held = fs::read_to_string(left.builds.join("held")).unwrap_or_default();
        drop((remove_tree(&left.config), remove_tree(&left.builds)));
        held
    };
    let held = blocking(look).await.map_err(failed)?;
    let exit = ended?;
    // An engine that ends the whole container for its memory keeps that limit, and the last one unseen.
    let killed = exit.out_of_memory.then_some(["memory", "processes"]);
    let held: Vec<_> = held.lines().chain(killed.into_iter().flatten()).collect();
    let missing = LIMITS.iter().filter(|limit| !held.contains(limit));
    Ok(missing.map(|&limit| limit.to_owned()).collect())
}

fn script_for(spec: &ContainerSpec) -> String {
    const MIB: u64 = 1024 * 1024;
    let scratch = spec.scratch.first();
    let limits = &spec.limits;
    [
        ("@user@", spec.user.clone().unwrap_or_default()),
        (
            "@scratch_over@",
            (scratch.map_or(0, |scratch| scratch.bytes) / MIB + 1).to_string(),
        ),
        (
            "@inodes@",
            scratch.map_or(0, |scratch| scratch.inodes).to_string(),
        ),
        ("@file_bytes@", limits.file_bytes.to_string()),
        ("@memory_over@", (limits.memory + 64 * MIB).to_string()),
        ("@pids@", limits.pids.to_string()),
    ]
    .iter()
    .fold(SCRIPT.to_owned(), |script, (place, value)| {
        script.replace(place, value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_tries_every_limit_that_can_be_named() {
        for limit in LIMITS {
            assert!(SCRIPT.contains(&format!("held {limit}")), "{limit}");
        }
        assert_eq!(SCRIPT.matches("held ").count(), LIMITS.len());
    }
}
