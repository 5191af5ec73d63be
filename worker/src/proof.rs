//! That the host's paths are right, proven by a real container before the first user meets them.

use std::{fs, io};

use shared::store::versions::Controller;
use uuid::Uuid;

use crate::{
    chore,
    container::{ContainerError, ContainerRuntime},
    context::Context,
    inputs::Owner,
    mounts::BuildDirs,
    recipe,
    tree::remove_tree,
};

/// The statuses say which of the two directories was in the way.
const SCRIPT: &str =
    "mark=$(cat /mnt/config/mark) || exit 2; echo \"$mark\" > /mnt/builds/mark || exit 3";
const NO_INPUTS: i64 = 2;
const NO_OUTPUTS: i64 = 3;

/// Runs a container that copies a mark from its inputs to its outputs, with all the flags that a build
/// has.
///
/// # Errors
/// Names the variable that is wrong.
pub async fn prove<R: ContainerRuntime>(
    context: &Context<R>,
    controller: &Controller,
) -> Result<(), ContainerError> {
    let mark = Uuid::now_v7().to_string();
    let dirs = context
        .mapping
        .dirs(&format!("{}{mark}", chore::PROOF_DIRECTORY));
    let proven = match make(&dirs, &mark, context.owner) {
        Ok(()) => run(context, controller, &dirs)
            .await
            .and_then(|()| look(&dirs, &mark)),
        Err(error) => Err(ContainerError::Unreachable(format!(
            "the tmp directories cannot be written: {error}"
        ))),
    };
    drop((remove_tree(&dirs.config), remove_tree(&dirs.builds)));
    proven
}

fn make(dirs: &BuildDirs, mark: &str, owner: Owner) -> io::Result<()> {
    fs::create_dir_all(&dirs.config)?;
    fs::create_dir_all(&dirs.builds)?;
    fs::write(dirs.config.join("mark"), mark)?;
    owner.take(&dirs.builds)
}

async fn run<R: ContainerRuntime>(
    context: &Context<R>,
    controller: &Controller,
    dirs: &BuildDirs,
) -> Result<(), ContainerError> {
    let (user, settings) = (context.owner.user(), &context.settings.worker);
    let spec = recipe::strict(&controller.image, &user, dirs, settings);
    let [config, builds] =
        [&dirs.host_config, &dirs.host_builds].map(|path| path.display().to_string());
    let exit = chore::run(context, "proof", SCRIPT, spec)
        .await
        .map_err(|error| {
            // The engine names the path that it does not have.
            let text = error.to_string();
            for (path, variable) in [(&config, "HOST_TMP_CONFIG"), (&builds, "HOST_TMP_BUILDS")] {
                if text.contains(path.as_str()) {
                    return wrong(variable, &format!("the host has no {path}"));
                }
            }
            error
        })?;
    match exit.code {
        0 => Ok(()),
        NO_INPUTS => Err(wrong(
            "HOST_TMP_CONFIG",
            &format!("{config} on the host is not the directory that is written here"),
        )),
        NO_OUTPUTS => Err(wrong(
            "HOST_TMP_BUILDS",
            &format!("{builds} on the host cannot be written by user {user}"),
        )),
        code => Err(ContainerError::Unreachable(format!(
            "the image of controller {} cannot run a shell: it ended with status {code}",
            controller.name
        ))),
    }
}

fn look(dirs: &BuildDirs, mark: &str) -> Result<(), ContainerError> {
    if fs::read_to_string(dirs.builds.join("mark")).is_ok_and(|found| found.trim() == mark) {
        return Ok(());
    }
    let host = dirs.host_builds.display();
    Err(wrong(
        "HOST_TMP_BUILDS",
        &format!("{host} on the host is not the directory that is read here"),
    ))
}

fn wrong(variable: &str, why: &str) -> ContainerError {
    ContainerError::Unreachable(format!("{variable} is not right: {why}"))
}
