//! That the host's paths are right, proven by a real container before the first user meets them.

use std::{fs, io};

use shared::{settings::WorkerSettings, store::versions::Controller};
use uuid::Uuid;

use crate::{
    container::{ContainerError, ContainerRuntime, ContainerSpec, label},
    inputs::Owner,
    mounts::{BuildDirs, Mapping},
    recipe,
};

/// Runs a container that copies a mark from its inputs to its outputs, with all the flags that a build
/// has.
///
/// # Errors
/// Names the variable that is wrong.
pub async fn prove<R: ContainerRuntime>(
    runtime: &R,
    controller: &Controller,
    mapping: &Mapping,
    owner: Owner,
    settings: &WorkerSettings,
) -> Result<(), ContainerError> {
    let mark = Uuid::now_v7().to_string();
    let dirs = mapping.dirs(&format!("proof-{mark}"));
    let made = make(&dirs, &mark, owner);
    let proven = match made {
        Ok(()) => run(runtime, spec(controller, &dirs, owner, settings))
            .await
            .and_then(|()| look(&dirs, &mark)),
        Err(error) => Err(ContainerError::Unreachable(format!(
            "the tmp directories cannot be written: {error}"
        ))),
    };
    drop((
        fs::remove_dir_all(&dirs.config),
        fs::remove_dir_all(&dirs.builds),
    ));
    proven
}

fn make(dirs: &BuildDirs, mark: &str, owner: Owner) -> io::Result<()> {
    fs::create_dir_all(&dirs.config)?;
    fs::create_dir_all(&dirs.builds)?;
    fs::write(dirs.config.join("mark"), mark)?;
    owner.take(&dirs.builds)
}

fn spec(
    controller: &Controller,
    dirs: &BuildDirs,
    owner: Owner,
    settings: &WorkerSettings,
) -> ContainerSpec {
    let script = "cat /mnt/config/mark > /mnt/builds/mark";
    ContainerSpec {
        name: format!("kiisrv-proof-{}", Uuid::now_v7()),
        entrypoint: Some(["/bin/sh", "-c", script].map(str::to_owned).to_vec()),
        labels: [(label::ROLE.to_owned(), "proof".to_owned())].into(),
        ..recipe::strict(&controller.image, &owner.user(), dirs, settings)
    }
}

async fn run<R: ContainerRuntime>(runtime: &R, spec: ContainerSpec) -> Result<(), ContainerError> {
    let [config, builds] = [0, 1].map(|index| spec.mounts[index].source.display().to_string());
    let container = runtime.create(&spec).await.map_err(|error| {
        // The engine names the path that it does not have.
        let text = error.to_string();
        for (path, variable) in [(&config, "HOST_TMP_CONFIG"), (&builds, "HOST_TMP_BUILDS")] {
            if text.contains(path.as_str()) {
                return wrong(variable, &format!("the host has no {path}"));
            }
        }
        error
    })?;
    let ended = async {
        runtime.start(&container).await?;
        runtime.wait(&container).await
    }
    .await;
    runtime.remove(&container).await?;
    match ended?.code {
        0 => Ok(()),
        _ => Err(wrong(
            "HOST_TMP_CONFIG",
            &format!("{config} on the host is not the directory that is written here"),
        )),
    }
}

fn look(dirs: &BuildDirs, mark: &str) -> Result<(), ContainerError> {
    if fs::read_to_string(dirs.builds.join("mark")).is_ok_and(|found| found == mark) {
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
