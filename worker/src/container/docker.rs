//! The engine behind its socket, through bollard. Nothing above knows that library.
#![expect(
    clippy::disallowed_types,
    reason = "this is the one place that speaks to the engine"
)]

mod controllers;
mod create;
mod identity;

use std::{
    collections::{BTreeMap, HashMap},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
};

use bollard::{
    API_DEFAULT_VERSION, Docker,
    errors::Error,
    models::ContainerSummaryStateEnum,
    query_parameters::{
        InspectContainerOptions, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
        ListImagesOptions, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
        StartContainerOptions, StatsOptionsBuilder, WaitContainerOptions,
    },
};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use shared::store::versions::Controller;

use super::{
    ContainerError, ContainerRuntime, ContainerSpec, Exit, Ours, ReportedMount, State, label,
};

/// Seconds that the engine may take to answer; following a log or waiting is not bounded by it.
const ANSWER_SECONDS: u64 = 60;

/// A Docker engine, or one that speaks like it.
#[derive(Clone, Debug)]
pub struct DockerEngine {
    docker: Docker,
}

impl DockerEngine {
    /// Prepares to speak to the engine at an address in the form of `DOCKER_HOST`, and makes sure that
    /// it answers.
    ///
    /// # Errors
    /// [`ContainerError::Unreachable`], with what can be done about it.
    pub async fn connect(address: &str) -> Result<Self, ContainerError> {
        let connected = match address.strip_prefix("unix://") {
            Some(path) => {
                may_open(Path::new(path))?;
                Docker::connect_with_unix(path, ANSWER_SECONDS, API_DEFAULT_VERSION)
            }
            None => Docker::connect_with_http(address, ANSWER_SECONDS, API_DEFAULT_VERSION),
        };
        let unreachable = |error: Error| {
            ContainerError::Unreachable(format!(
                "no container engine answers at {address} (DOCKER_HOST): {error}"
            ))
        };
        let docker = connected.map_err(unreachable)?;
        docker.ping().await.map_err(unreachable)?;
        Ok(Self { docker })
    }
}

/// Tells before the first request what a socket's owner has to do, in one line.
fn may_open(path: &Path) -> Result<(), ContainerError> {
    let Err(error) = std::os::unix::net::UnixStream::connect(path) else {
        return Ok(());
    };
    let path_text = path.display();
    let advice = if error.kind() == io::ErrorKind::PermissionDenied {
        let group = std::fs::metadata(path)
            .map_or_else(|_| "docker".to_owned(), |meta| meta.gid().to_string());
        let user = rustix::process::getuid().as_raw();
        format!(
            "the socket {path_text} may not be opened by user {user}: add that user to group {group} \
             (in a container: `group_add: [\"{group}\"]`)"
        )
    } else {
        format!(
            "no container engine listens at {path_text}: {error}; start Docker, or set DOCKER_HOST"
        )
    };
    Err(ContainerError::Unreachable(advice))
}

impl ContainerRuntime for DockerEngine {
    async fn engine_id(&self) -> Result<String, ContainerError> {
        identity::of(&self.docker).await
    }

    async fn about(&self) -> Result<String, ContainerError> {
        identity::about(&self.docker).await
    }

    async fn controllers(&self) -> Result<Vec<Controller>, ContainerError> {
        let images = self
            .docker
            .list_images(None::<ListImagesOptions>)
            .await
            .map_err(|error| step("list its images", &error))?;
        Ok(images
            .iter()
            .flat_map(|image| {
                // One image may be several controllers: people tag one for another.
                let names = image
                    .repo_tags
                    .iter()
                    .filter_map(|tag| controllers::controller_name(tag));
                names.map(move |name| controllers::controller_from(image, name))
            })
            .collect())
    }

    async fn labels_of(
        &self,
        image: &str,
    ) -> Result<Option<BTreeMap<String, String>>, ContainerError> {
        let inspected = match self.docker.inspect_image(image).await {
            Err(error) if status(&error) == Some(404) => return Ok(None),
            other => other.map_err(|error| step("inspect an image", &error))?,
        };
        let labels = inspected.config.and_then(|config| config.labels);
        Ok(Some(labels.unwrap_or_default().into_iter().collect()))
    }

    async fn mounts_of(
        &self,
        container: &str,
    ) -> Result<Option<Vec<ReportedMount>>, ContainerError> {
        let inspected = match self
            .docker
            .inspect_container(container, None::<InspectContainerOptions>)
            .await
        {
            Err(error) if status(&error) == Some(404) => return Ok(None),
            other => other.map_err(|error| step("inspect a container", &error))?,
        };
        let mounts = inspected.mounts.unwrap_or_default().into_iter();
        Ok(Some(
            mounts
                .filter_map(|mount| {
                    Some(ReportedMount {
                        source: mount.source?.into(),
                        target: mount.destination?.into(),
                    })
                })
                .collect(),
        ))
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<String, ContainerError> {
        match create::create(&self.docker, spec).await {
            Ok(id) => Ok(id),
            Err(error) if status(&error) == Some(404) => {
                Err(ContainerError::ImageMissing(spec.image.clone()))
            }
            Err(error) => Err(step("create a container", &error)),
        }
    }

    async fn start(&self, container: &str) -> Result<(), ContainerError> {
        self.docker
            .start_container(container, None::<StartContainerOptions>)
            .await
            .map_err(|error| step("start a container", &error))
    }

    fn follow_log(&self, container: &str) -> BoxStream<'static, Result<Bytes, ContainerError>> {
        let options = LogsOptionsBuilder::default()
            .follow(true)
            .stdout(true)
            .stderr(true)
            .build();
        self.docker
            .logs(container, Some(options))
            .map(|piece| {
                piece
                    .map(bollard::container::LogOutput::into_bytes)
                    .map_err(|error| step("follow a container's log", &error))
            })
            .boxed()
    }

    async fn processes_in(&self, container: &str) -> Result<Option<u64>, ContainerError> {
        let options = StatsOptionsBuilder::new()
            .stream(false)
            .one_shot(true)
            .build();
        let mut said = std::pin::pin!(self.docker.stats(container, Some(options)));
        let said = said
            .try_next()
            .await
            .map_err(|error| step("count a container's processes", &error))?;
        Ok(said.and_then(|said| said.pids_stats?.current))
    }

    async fn wait(&self, container: &str) -> Result<Exit, ContainerError> {
        let mut ends = self
            .docker
            .wait_container(container, None::<WaitContainerOptions>);
        let code = match ends.try_next().await {
            // bollard reports a non-zero exit as an error; for us it is an outcome.
            Err(Error::DockerContainerWaitError { code, .. }) => code,
            Ok(Some(end)) => end.status_code,
            Ok(None) => return Err(ended_early("wait for a container")),
            Err(error) => return Err(step("wait for a container", &error)),
        };
        // Whoever succeeded has no reason to be asked for.
        if code == 0 {
            return Ok(Exit {
                code,
                out_of_memory: false,
            });
        }
        let inspected = self
            .docker
            .inspect_container(container, None::<InspectContainerOptions>)
            .await
            .map_err(|error| step("inspect a container", &error))?;
        let out_of_memory = inspected
            .state
            .and_then(|state| state.oom_killed)
            .unwrap_or(false);
        Ok(Exit {
            code,
            out_of_memory,
        })
    }

    async fn kill(&self, container: &str) -> Result<(), ContainerError> {
        let options = KillContainerOptionsBuilder::default()
            .signal("SIGKILL")
            .build();
        match self.docker.kill_container(container, Some(options)).await {
            // 409: it does not run any more.
            Err(error) if matches!(status(&error), Some(404 | 409)) => Ok(()),
            other => other.map_err(|error| step("kill a container", &error)),
        }
    }

    async fn remove(&self, container: &str) -> Result<(), ContainerError> {
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        match self.docker.remove_container(container, Some(options)).await {
            // 409: its removal is under way already.
            Err(error) if matches!(status(&error), Some(404 | 409)) => Ok(()),
            other => other.map_err(|error| step("remove a container", &error)),
        }
    }

    async fn list_ours(&self) -> Result<Vec<Ours>, ContainerError> {
        let filters = HashMap::from([("label", vec![label::ROLE])]);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let listed = self
            .docker
            .list_containers(Some(options))
            .await
            .map_err(|error| step("list its containers", &error))?;
        Ok(listed
            .into_iter()
            .filter_map(|one| {
                Some(Ours {
                    id: one.id?,
                    state: state_from(one.state),
                    labels: one.labels.unwrap_or_default().into_iter().collect(),
                })
            })
            .collect())
    }
}

/// Docker and Podman use the same word for a container that was never started, and others beside it.
fn state_from(state: Option<ContainerSummaryStateEnum>) -> State {
    match state {
        Some(ContainerSummaryStateEnum::CREATED) => State::Created,
        _ => State::Started,
    }
}

fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

fn step(step: &'static str, error: &Error) -> ContainerError {
    ContainerError::Step {
        step,
        cause: error.to_string(),
    }
}

fn ended_early(step: &'static str) -> ContainerError {
    ContainerError::Step {
        step,
        cause: "it stopped answering".to_owned(),
    }
}
