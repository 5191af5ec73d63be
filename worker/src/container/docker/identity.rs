//! Which engine this is: what says whose containers those in the table are.

use bollard::{Docker, errors::Error};

/// The engine's own id. Podman has none and gives another one in each answer: there it is the host's
/// name with the directory of its storage.
pub(super) async fn of(docker: &Docker) -> Result<String, Error> {
    let (first, second) = (docker.info().await?, docker.info().await?);
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
