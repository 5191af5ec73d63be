//! A container's description in the engine's own terms.

use std::collections::HashMap;

use bollard::{
    Docker,
    errors::Error,
    models::{
        ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, ResourcesUlimits,
    },
    query_parameters::CreateContainerOptions,
};

use crate::container::ContainerSpec;

/// The option of a tmpfs that bounds its files. Podman does not know it, and bounds them by memory alone.
const INODES: &str = "nr_inodes";

/// Makes a container and gives its id.
pub(super) async fn create(docker: &Docker, spec: &ContainerSpec) -> Result<String, Error> {
    let options = Some(CreateContainerOptions {
        name: Some(spec.name.clone()),
        ..Default::default()
    });
    let body = body_from(spec);
    let created = match docker.create_container(options.clone(), body.clone()).await {
        Err(error) if error.to_string().contains(INODES) => {
            docker
                .create_container(options, with_any_number_of_files(body))
                .await?
        }
        other => other?,
    };
    Ok(created.id)
}

fn with_any_number_of_files(mut body: ContainerCreateBody) -> ContainerCreateBody {
    let host = body.host_config.as_mut();
    let tmpfs = host.and_then(|host| host.tmpfs.as_mut());
    for options in tmpfs.into_iter().flat_map(HashMap::values_mut) {
        if let Some(at) = options.find(&format!(",{INODES}=")) {
            options.truncate(at);
        }
    }
    body
}

fn body_from(spec: &ContainerSpec) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        user: spec.user.clone(),
        entrypoint: spec.entrypoint.clone(),
        cmd: Some(spec.command.clone()),
        env: Some(
            spec.environment
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
        ),
        labels: Some(spec.labels.clone().into_iter().collect()),
        network_disabled: Some(true),
        host_config: Some(host_config_from(spec)),
        ..Default::default()
    }
}

fn host_config_from(spec: &ContainerSpec) -> HostConfig {
    let limits = &spec.limits;
    HostConfig {
        network_mode: Some("none".to_owned()),
        readonly_rootfs: Some(spec.read_only_root),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(spec.capabilities.clone()),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        memory: Some(signed(limits.memory)),
        // The sum of memory and swap: equal to the memory, so that there is no swap.
        memory_swap: Some(signed(limits.memory)),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a number of processors is small"
        )]
        nano_cpus: Some((limits.cpus * 1e9) as i64),
        pids_limit: Some(i64::from(limits.pids)),
        ulimits: Some(
            limits
                .of_a_process()
                .into_iter()
                .map(|(name, most)| ulimit(name, most))
                .collect(),
        ),
        mounts: Some(
            spec.mounts
                .iter()
                .map(|mount| Mount {
                    typ: Some(MountType::BIND),
                    source: Some(mount.source.display().to_string()),
                    target: Some(mount.target.clone()),
                    read_only: Some(mount.read_only),
                    ..Default::default()
                })
                .collect(),
        ),
        tmpfs: Some(
            spec.scratch
                .iter()
                .map(|scratch| (scratch.target.clone(), scratch.options()))
                .collect(),
        ),
        // Never auto-remove: a log must be readable again from its first byte after a worker died.
        auto_remove: Some(false),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), limits.log_bytes.to_string()),
                ("max-file".to_owned(), "1".to_owned()),
            ])),
        }),
        ..Default::default()
    }
}

fn ulimit(name: &str, value: u64) -> ResourcesUlimits {
    ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(signed(value)),
        hard: Some(signed(value)),
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::Scratch;

    #[test]
    fn for_an_engine_that_cannot_bound_files_all_other_bounds_of_a_scratch_stay() {
        let scratch = Scratch {
            target: "/tmp".to_owned(),
            bytes: 1000,
            inodes: 10,
        };
        let options = scratch.options();
        let body = ContainerCreateBody {
            host_config: Some(HostConfig {
                tmpfs: Some(HashMap::from([("/tmp".to_owned(), options)])),
                ..Default::default()
            }),
            ..Default::default()
        };
        let tmpfs = with_any_number_of_files(body).host_config.unwrap().tmpfs;
        assert_eq!(
            tmpfs.unwrap()["/tmp"],
            "rw,noexec,nosuid,nodev,mode=1777,size=1000"
        );
    }
}
