//! Which engine this is: what says whose containers those in the table are.

use bollard::{Docker, models::SystemInfo};

use super::step;
use crate::container::ContainerError;

/// The engine's own id. Podman has none and gives another one in each answer: there it is the host's
/// name with the directory of its storage.
pub(super) async fn of(docker: &Docker) -> Result<String, ContainerError> {
    let (first, second) = (info(docker).await?, info(docker).await?);
    if first.id == second.id {
        return Ok(first.id.unwrap_or_default());
    }
    let (host, root) = (first.name, first.docker_root_dir);
    Ok(format!(
        "{}:{}",
        host.unwrap_or_default(),
        root.unwrap_or_default()
    ))
}

/// What its limits depend on, in one line.
pub(super) async fn about(docker: &Docker) -> Result<String, ContainerError> {
    let (id, info) = (of(docker).await?, info(docker).await?);
    let cgroups = info.cgroup_version.map(|version| version.to_string());
    let parts = [
        Some(id),
        info.server_version,
        info.kernel_version,
        info.default_runtime,
        cgroups.map(|version| format!("cgroups {version}")),
        info.security_options.map(|options| options.join(" ")),
    ];
    Ok(parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

async fn info(docker: &Docker) -> Result<SystemInfo, ContainerError> {
    let info = docker.info().await;
    info.map_err(|error| step("say who it is", &error))
}
