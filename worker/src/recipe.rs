//! From a build to its container: pure, so that all a container will be given can be printed first.

use std::collections::BTreeMap;

use shared::{kll::Generated, settings::WorkerSettings, store::jobs::Claimed};

use crate::{
    container::{ContainerSpec, HostMount, Limits, Scratch, label},
    inputs::{INPUT, OUTPUT},
    log,
    mounts::BuildDirs,
};

/// The container for a build. Which of the two profiles it runs in is the image's protocol: the kit's
/// images run strict, the predecessor's run in the legacy one.
#[must_use]
pub fn recipe_for(
    claimed: &Claimed,
    generated: &Generated,
    dirs: &BuildDirs,
    user: &str,
    settings: &WorkerSettings,
) -> ContainerSpec {
    let mut spec = ContainerSpec {
        name: format!("kiisrv-build-{}-{}", claimed.held.id, claimed.held.epoch),
        labels: labels(claimed),
        ..strict(&claimed.image, user, dirs, settings)
    };
    if claimed.protocol < 2 {
        loosen_for_the_predecessors_images(&mut spec, generated, settings);
    }
    spec
}

/// A container for a build that is not known yet, with directories of this name: in all that restricts it, it is a
/// build's.
#[must_use]
pub fn prepared(
    image: &str,
    (worker, name): (&str, &str),
    dirs: &BuildDirs,
    user: &str,
    settings: &WorkerSettings,
) -> ContainerSpec {
    let labels = [
        (label::ROLE, label::ROLE_PREPARED),
        (label::PREPARED, name),
        (label::WORKER, worker),
    ];
    ContainerSpec {
        name: format!("kiisrv-{name}"),
        labels: labels
            .map(|(label, value)| (label.to_owned(), value.to_owned()))
            .into(),
        ..strict(image, user, dirs, settings)
    }
}

/// A container with every restriction and nothing to do yet.
#[must_use]
pub fn strict(
    image: &str,
    user: &str,
    dirs: &BuildDirs,
    settings: &WorkerSettings,
) -> ContainerSpec {
    ContainerSpec {
        name: String::new(),
        image: image.to_owned(),
        user: Some(user.to_owned()),
        entrypoint: None,
        command: Vec::new(),
        environment: Vec::new(),
        labels: BTreeMap::new(),
        mounts: vec![
            HostMount {
                source: dirs.host_config.clone(),
                target: "/mnt/config".to_owned(),
                read_only: true,
            },
            HostMount {
                source: dirs.host_builds.clone(),
                target: "/mnt/builds".to_owned(),
                read_only: false,
            },
        ],
        scratch: vec![scratch("/tmp", settings)],
        read_only_root: true,
        capabilities: Vec::new(),
        limits: Limits {
            memory: settings.build_memory,
            cpus: settings.build_cpus,
            pids: settings.build_pids,
            file_bytes: settings.build_output,
            // Above our own cap, so that ours is the one that cuts and says so.
            log_bytes: log::engine_keeps(settings.log_cap),
        },
    }
}

/// The predecessor's call: arguments and environment, root in its container, a tree that it may write
/// to, inputs that it may move away. Everything else stays as it is.
fn loosen_for_the_predecessors_images(
    spec: &mut ContainerSpec,
    generated: &Generated,
    settings: &WorkerSettings,
) {
    spec.user = Some("0:0".to_owned());
    spec.read_only_root = false;
    for mount in &mut spec.mounts {
        mount.read_only = false;
    }
    spec.scratch.push(scratch("/mnt/ccache", settings));
    spec.command = vec![
        generated.keyboard.build_script().to_owned(),
        INPUT.to_owned(),
        OUTPUT.to_owned(),
    ];
    spec.environment = vec![
        (
            "DefaultMapOverride".to_owned(),
            generated.default_map.clone(),
        ),
        (
            "PartialMapsExpandedOverride".to_owned(),
            generated.partial_maps.clone(),
        ),
        ("Layout".to_owned(), generated.variant.clone()),
        ("CCACHE_DIR".to_owned(), "/mnt/ccache".to_owned()),
    ];
    if generated.keyboard.is_split() {
        spec.environment
            .push(("SPLIT_KEYBOARD".to_owned(), "1".to_owned()));
    }
}

fn labels(claimed: &Claimed) -> BTreeMap<String, String> {
    BTreeMap::from([
        (label::ROLE.to_owned(), label::ROLE_BUILD.to_owned()),
        (label::BUILD.to_owned(), claimed.held.id.to_string()),
        (label::EPOCH.to_owned(), claimed.held.epoch.to_string()),
        (label::WORKER.to_owned(), claimed.held.worker.clone()),
    ])
}

fn scratch(target: &str, settings: &WorkerSettings) -> Scratch {
    // A firmware tree's build has a few hundred files.
    const INODES: u32 = 16_384;
    Scratch {
        target: target.to_owned(),
        bytes: settings.build_scratch,
        inodes: INODES,
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        channel::Dialect,
        job::{BuildRequest, Fingerprint, JobId, Plan},
        layout::Library,
        settings::Settings,
        store::jobs::Held,
    };

    use super::*;

    fn build(layout: &str, protocol: u8) -> ContainerSpec {
        let library = Library::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../layouts")).unwrap();
        let body = format!("{{\"config\": {}}}", library.get(layout).unwrap().text);
        let request = BuildRequest::parse(body.as_bytes()).unwrap();
        let plan = Plan::of(&request, "sha256:i", Dialect::Latest, &library).unwrap();
        let claimed = Claimed {
            held: Held {
                id: JobId::new(),
                worker: "w".to_owned(),
                epoch: 2,
            },
            fingerprint: Fingerprint::parse(&"0".repeat(64)).unwrap(),
            keyboard: plan.generated.board.clone(),
            layout: plan.generated.layout.clone(),
            controller: "057".to_owned(),
            image: "sha256:i".to_owned(),
            protocol,
            dialect: Dialect::Latest,
            attempts: 0,
            cold: false,
            compares: None,
            config: String::new(),
        };
        let settings = Settings::from_lookup(|_| None).unwrap().worker;
        recipe_for(&claimed, &plan.generated, &dirs(), "1000:1000", &settings)
    }

    fn dirs() -> BuildDirs {
        BuildDirs {
            config: "c/x".into(),
            builds: "b/x".into(),
            host_config: "/h/c/x".into(),
            host_builds: "/h/b/x".into(),
        }
    }

    #[test]
    fn a_strict_build_may_read_its_inputs_write_its_outputs_and_nothing_else() {
        let spec = build("KType-Standard.json", 2);
        assert_eq!(spec.user.as_deref(), Some("1000:1000"));
        assert!(spec.read_only_root && spec.capabilities.is_empty());
        assert!(spec.command.is_empty() && spec.environment.is_empty());
        let writable: Vec<_> = spec
            .mounts
            .iter()
            .filter(|mount| !mount.read_only)
            .collect();
        assert_eq!(writable.len(), 1);
        assert_eq!(writable[0].source, std::path::Path::new("/h/b/x"));
        assert_eq!(spec.labels[label::EPOCH], "2");
    }

    #[test]
    fn a_container_that_is_ready_ahead_differs_from_a_builds_in_its_name_and_labels_only() {
        let build = build("KType-Standard.json", 2);
        let settings = Settings::from_lookup(|_| None).unwrap().worker;
        let ready = prepared(&build.image, ("w", "n"), &dirs(), "1000:1000", &settings);
        assert_ne!((&ready.name, &ready.labels), (&build.name, &build.labels));
        let renamed = ContainerSpec {
            name: build.name.clone(),
            labels: build.labels.clone(),
            ..ready
        };
        assert_eq!(renamed, build);
    }

    #[test]
    fn an_image_of_the_predecessor_is_called_as_it_expects() {
        let spec = build("MDErgo1-Default.json", 1);
        assert_eq!(spec.user.as_deref(), Some("0:0"));
        assert_eq!(spec.command, ["ergodox.bash", INPUT, OUTPUT]);
        assert!(
            spec.environment
                .contains(&("SPLIT_KEYBOARD".to_owned(), "1".to_owned()))
        );
        assert!(
            spec.scratch
                .iter()
                .any(|scratch| scratch.target == "/mnt/ccache")
        );
        assert!(
            spec.capabilities.is_empty(),
            "no capability comes back for old images"
        );
    }
}
