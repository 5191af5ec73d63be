//! Our paths as the host knows them: a sibling container's mounts are paths of the host.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use shared::{settings::WorkerSettings, store::jobs::Held};

use crate::container::{ContainerError, ContainerRuntime, ReportedMount};

/// Where inputs and outputs are, here and on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// `tmp_config` as this process sees it.
    pub config: PathBuf,
    /// `tmp_builds` as this process sees it.
    pub builds: PathBuf,
    /// `tmp_config` on the host.
    pub host_config: PathBuf,
    /// `tmp_builds` on the host.
    pub host_builds: PathBuf,
}

/// The two directories of one build, here and on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildDirs {
    /// Its inputs as this process sees them.
    pub config: PathBuf,
    /// Its outputs as this process sees them.
    pub builds: PathBuf,
    /// Its inputs on the host.
    pub host_config: PathBuf,
    /// Its outputs on the host.
    pub host_builds: PathBuf,
}

impl Mapping {
    /// Finds the host's names: from `HOST_TMP_CONFIG` and `HOST_TMP_BUILDS`; where they are absent, from
    /// this container's mounts as the engine reports them; outside of a container they are our own.
    ///
    /// # Errors
    /// When the directories cannot be made, or the engine does not answer.
    pub async fn find<R: ContainerRuntime>(
        settings: &WorkerSettings,
        runtime: &R,
    ) -> Result<Self, ContainerError> {
        let config = made(&settings.tmp_config, "KIISRV_TMP_CONFIG")?;
        let builds = made(&settings.tmp_builds, "KIISRV_TMP_BUILDS")?;
        let reported = match own_container() {
            Some(id) => runtime.mounts_of(&id).await?.unwrap_or_default(),
            None => Vec::new(),
        };
        let host = |set: &Option<PathBuf>, path: &Path| {
            set.clone().unwrap_or_else(|| on_host(path, &reported))
        };
        Ok(Self {
            host_config: host(&settings.host_tmp_config, &config),
            host_builds: host(&settings.host_tmp_builds, &builds),
            config,
            builds,
        })
    }

    /// The directories of one claim of a build: never those of another claim, nor of another service
    /// that uses the same place.
    #[must_use]
    pub fn dirs_of(&self, service: &str, held: &Held) -> BuildDirs {
        self.dirs(&format!("{service}-{}-{}", held.id, held.epoch))
    }

    /// Directories of this name.
    #[must_use]
    pub fn dirs(&self, name: &str) -> BuildDirs {
        BuildDirs {
            config: self.config.join(name),
            builds: self.builds.join(name),
            host_config: self.host_config.join(name),
            host_builds: self.host_builds.join(name),
        }
    }
}

fn made(path: &Path, variable: &str) -> Result<PathBuf, ContainerError> {
    let failed = |error: io::Error| {
        ContainerError::Unreachable(format!(
            "the directory {} ({variable}) cannot be used: {error}",
            path.display()
        ))
    };
    // Nobody else's, as what old images are given may be written by everybody who comes by.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed)?;
    if fs::metadata(path).map_err(failed)?.uid() == rustix::process::geteuid().as_raw() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    path.canonicalize().map_err(failed)
}

/// A path of this process through the mount that it lies in.
fn on_host(path: &Path, reported: &[ReportedMount]) -> PathBuf {
    reported
        .iter()
        .filter_map(|mount| Some((mount, path.strip_prefix(&mount.target).ok()?)))
        .max_by_key(|(mount, _)| mount.target.components().count())
        .map_or_else(
            || path.to_owned(),
            // Joining an empty rest would add a slash at the end.
            |(mount, rest)| {
                if rest.as_os_str().is_empty() {
                    mount.source.clone()
                } else {
                    mount.source.join(rest)
                }
            },
        )
}

/// The id of the container that this process is in.
fn own_container() -> Option<String> {
    container_in(&fs::read_to_string("/proc/self/mountinfo").ok()?)
}

/// The engine mounts these three files from a directory that bears the container's id. Other mounts
/// bear ids too, but on a host those of any container.
fn container_in(mountinfo: &str) -> Option<String> {
    mountinfo.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(3);
        let (root, mount_point) = (fields.next()?, fields.next()?);
        if !matches!(
            mount_point,
            "/etc/hostname" | "/etc/hosts" | "/etc/resolv.conf"
        ) {
            return None;
        }
        let id = root
            .split('/')
            .find(|part| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        Some(id.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_containers_id_is_found_and_on_a_host_nobody_elses() {
        let id = "4f".repeat(32);
        let inside = format!(
            "1 2 0:1 /var/lib/docker/containers/{id}/hostname /etc/hostname rw - ext4 /dev/sda rw"
        );
        assert_eq!(container_in(&inside), Some(id.clone()));
        let host =
            format!("1 2 0:1 / /var/lib/docker/containers/{id}/mounts/shm rw - tmpfs shm rw");
        assert_eq!(container_in(&host), None);
    }

    #[test]
    fn the_innermost_mount_gives_the_hosts_path() {
        let mount = |source: &str, target: &str| ReportedMount {
            source: source.into(),
            target: target.into(),
        };
        let reported = [
            mount("/srv", "/data"),
            mount("/disk/builds", "/data/tmp_builds"),
        ];
        assert_eq!(
            on_host(Path::new("/data/tmp_builds"), &reported),
            Path::new("/disk/builds")
        );
        assert_eq!(
            on_host(Path::new("/data/tmp_config"), &reported),
            Path::new("/srv/tmp_config")
        );
        assert_eq!(
            on_host(Path::new("/home/me"), &reported),
            Path::new("/home/me")
        );
    }
}
