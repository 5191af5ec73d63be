//! The engine behind its socket, through bollard. Nothing above knows that library.
#![expect(
    clippy::disallowed_types,
    reason = "this is the one place that speaks to the engine"
)]

mod create;

use std::{collections::HashMap, io, os::unix::fs::MetadataExt, path::Path};

use bollard::{
    API_DEFAULT_VERSION, Docker,
    errors::Error,
    models::{ContainerSummaryStateEnum, ImageSummary},
    query_parameters::{
        CreateContainerOptions, InspectContainerOptions, KillContainerOptionsBuilder,
        ListContainersOptionsBuilder, ListImagesOptions, LogsOptionsBuilder,
        RemoveContainerOptionsBuilder, StartContainerOptions, WaitContainerOptions,
    },
};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use shared::{
    channel::Dialect,
    release::{self, Release},
    store::versions::{Controller, keyboards_from},
};

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
        let info = self
            .docker
            .info()
            .await
            .map_err(|error| step("say who it is", &error))?;
        Ok(info.id.unwrap_or_default())
    }

    async fn about(&self) -> Result<String, ContainerError> {
        let info = self
            .docker
            .info()
            .await
            .map_err(|error| step("say what it is", &error))?;
        let cgroups = info.cgroup_version.map(|version| version.to_string());
        let parts = [
            Some(info.id.unwrap_or_default()),
            info.server_version,
            info.kernel_version,
            info.default_runtime,
            cgroups.map(|version| format!("cgroups {version}")),
            info.security_options.map(|options| options.join(" ")),
        ];
        Ok(parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
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
                    .filter_map(|tag| controller_name(tag));
                names.map(move |name| controller_from(image, name))
            })
            .collect())
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
        let options = CreateContainerOptions {
            name: Some(spec.name.clone()),
            ..Default::default()
        };
        match self
            .docker
            .create_container(Some(options), create::body_from(spec))
            .await
        {
            Ok(created) => Ok(created.id),
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

/// The controller of this name that an image is. What it does not say of itself is taken from the known
/// release of that name, and only if it says nothing at all about its version. Its keyboards are taken
/// from the release that it says it is, as those made before there was a label for them say no more.
fn controller_from(image: &ImageSummary, name: &str) -> Controller {
    let label = |key: &str| {
        image
            .labels
            .get(key)
            .filter(|value| !value.is_empty())
            .cloned()
    };
    let version = label("org.opencontainers.image.version");
    let known = Release::of_controller(name).filter(|_| version.is_none());
    let release = version.as_deref().map_or(known, Release::of_version);
    let keyboards = label("kiisrv.keyboards").map(|list| keyboards_from(&list));
    let dialect = label("kiisrv.dialect").and_then(|word| Dialect::parse(&word));
    let commits = label("kiisrv.commits").and_then(|count| count.parse().ok());
    Controller {
        image: image.id.clone(),
        protocol: if label("kiisrv.protocol").as_deref() == Some("2") {
            2
        } else {
            1
        },
        dialect: dialect.unwrap_or_else(|| Dialect::of_controller(name)),
        channel: label("kiisrv.channel"),
        version: version.or_else(|| known.map(|known| known.version.to_owned())),
        revision: label("org.opencontainers.image.revision")
            .or_else(|| known.map(|known| known.hash.to_owned())),
        created: label("org.opencontainers.image.created")
            .or_else(|| known.map(|known| known.date.to_owned())),
        commits: commits.or_else(|| known.map(|known| known.commits)),
        source: label("org.opencontainers.image.source")
            .or_else(|| known.map(|_| release::SOURCE.to_owned())),
        keyboards: keyboards.or_else(|| {
            let known = release?.keyboards.iter();
            Some(known.map(|&name| name.to_owned()).collect())
        }),
        name: name.to_owned(),
    }
}

/// Docker and Podman use the same word for a container that was never started, and others beside it.
fn state_from(state: Option<ContainerSummaryStateEnum>) -> State {
    match state {
        Some(ContainerSummaryStateEnum::CREATED) => State::Created,
        _ => State::Started,
    }
}

fn controller_name(tag: &str) -> Option<&str> {
    let tag = tag.strip_prefix("localhost/").unwrap_or(tag);
    let name = tag
        .strip_prefix("kiisrv-controller-")?
        .strip_suffix(":latest")?;
    let plain = !name.is_empty()
        && name.len() <= 32
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then_some(name)
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

#[cfg(test)]
mod tests {
    use shared::keyboard::Keyboard;

    use super::*;

    fn image(labels: &[(&str, &str)]) -> ImageSummary {
        ImageSummary {
            repo_tags: vec!["kiisrv-controller-057:latest".to_owned()],
            labels: labels
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..Default::default()
        }
    }

    #[test]
    fn an_image_without_labels_is_the_known_release_of_its_name() {
        let controller = controller_from(&image(&[]), "057");
        assert_eq!((controller.protocol, controller.commits), (1, Some(1222)));
        assert_eq!(controller.version.as_deref(), Some("v0.5.7"));
        assert!(controller.builds(Keyboard::parse("Kira").unwrap()));
    }

    #[test]
    fn keyboards_are_those_of_the_label_else_of_the_release_else_all() {
        let kira_in = |labels: &[(&str, &str)]| {
            let controller = controller_from(&image(labels), "057");
            controller.builds(Keyboard::parse("Kira").unwrap())
        };
        let version = "org.opencontainers.image.version";
        assert!(!kira_in(&[(version, "v0.5.0")]));
        assert!(!kira_in(&[(version, "v9"), ("kiisrv.keyboards", "k-type")]));
        assert!(kira_in(&[
            (version, "v0.5.0"),
            ("kiisrv.keyboards", "k-type, kira")
        ]));
        assert!(kira_in(&[(version, "v9")]));
    }

    #[test]
    fn an_image_that_names_its_version_is_taken_by_its_own_words_only() {
        let labels = [
            ("org.opencontainers.image.version", "v9"),
            ("kiisrv.protocol", "2"),
        ];
        let controller = controller_from(&image(&labels), "057");
        assert_eq!((controller.protocol, controller.commits), (2, None));
        assert_eq!(controller.version.as_deref(), Some("v9"));
    }

    #[test]
    fn only_the_tag_latest_of_the_right_name_is_a_controller() {
        assert_eq!(controller_name("kiisrv-controller-057:latest"), Some("057"));
        assert_eq!(
            controller_name("localhost/kiisrv-controller-057:latest"),
            Some("057")
        );
        for tag in [
            "kiisrv-controller-057:old",
            "kiisrv-controller-:latest",
            "other/kiisrv-controller-057:latest",
            "kiisrv-controller-0/7:latest",
        ] {
            assert_eq!(controller_name(tag), None, "{tag}");
        }
    }
}
