//! The command by which a person runs a build's container again: everything that the worker gave it, with directories
//! of that person's own.

use std::iter;

use super::container::{ContainerSpec, HostMount};

/// The command for a shell, one option a line. It is run where `config` and `builds` are, the directories that the
/// build reads and writes.
///
/// Labels and the name are left out: a worker would take the container for a leftover of its own and remove it.
#[must_use]
pub fn command(spec: &ContainerSpec) -> String {
    let mut lines = vec!["docker run --rm".to_owned()];
    lines.extend(options(spec));
    let call = iter::once(&spec.image).chain(arguments(spec));
    lines.push(call.map(|word| quoted(word)).collect::<Vec<_>>().join(" "));
    lines.join(" \\\n  ")
}

fn options(spec: &ContainerSpec) -> Vec<String> {
    let limits = &spec.limits;
    let mut options =
        vec!["--network none --cap-drop ALL --security-opt no-new-privileges".to_owned()];
    let named = |name: &str, value: &str| format!("{name} {}", quoted(value));
    options.extend(spec.capabilities.iter().map(|one| named("--cap-add", one)));
    options.extend(spec.user.iter().map(|user| named("--user", user)));
    options.extend(spec.read_only_root.then(|| "--read-only".to_owned()));
    options.push(format!(
        "--memory {0} --memory-swap {0} --cpus {1} --pids-limit {2}",
        limits.memory, limits.cpus, limits.pids
    ));
    let of_a_process = limits.of_a_process();
    let ulimits = of_a_process.map(|(name, most)| format!("--ulimit {name}={most}"));
    options.push(ulimits.join(" "));
    let scratch = spec.scratch.iter();
    options
        .extend(scratch.map(|one| named("--tmpfs", &format!("{}:{}", one.target, one.options()))));
    options.extend(spec.mounts.iter().map(mount));
    let environment = spec.environment.iter();
    options.extend(environment.map(|(name, value)| named("--env", &format!("{name}={value}"))));
    // The words behind the first go in front of the command's, as an option takes one alone.
    let entrypoint = spec.entrypoint.as_ref().and_then(|words| words.first());
    options.extend(entrypoint.map(|word| named("--entrypoint", word)));
    options
}

fn arguments(spec: &ContainerSpec) -> impl Iterator<Item = &String> {
    let entrypoint = spec.entrypoint.iter().flatten().skip(1);
    entrypoint.chain(&spec.command)
}

/// The worker's directory is gone after the build, so that one of the same name beside the person stands for it.
fn mount(mount: &HostMount) -> String {
    let own = mount.target.rsplit('/').next().unwrap_or_default();
    let read_only = if mount.read_only { ",readonly" } else { "" };
    format!(
        "--mount type=bind,source=\"$PWD\"/{},target={}{read_only}",
        quoted(own),
        quoted(&mount.target)
    )
}

/// A word as a shell reads it: as it is, whatever is in it. Text from a layout is among these.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::container::{Limits, Scratch};

    fn spec() -> ContainerSpec {
        ContainerSpec {
            name: "kiisrv-build".to_owned(),
            image: "sha256:1f".to_owned(),
            user: Some("1000:1000".to_owned()),
            environment: vec![("Map".to_owned(), "a 'b'; $(touch x)\nc".to_owned())],
            labels: [("kiisrv.build".to_owned(), "x".to_owned())].into(),
            mounts: vec![HostMount {
                source: "/host/of the worker/7".into(),
                target: "/mnt/config".to_owned(),
                read_only: true,
            }],
            scratch: vec![Scratch {
                target: "/tmp".to_owned(),
                bytes: 4096,
                inodes: 16,
            }],
            read_only_root: true,
            limits: Limits {
                memory: 1 << 20,
                cpus: 1.5,
                pids: 9,
                file_bytes: 77,
                log_bytes: 1,
            },
            ..ContainerSpec::default()
        }
    }

    #[test]
    fn the_command_has_every_restriction_and_neither_name_nor_label() {
        let found = command(&spec());
        let expected = r#"docker run --rm \
  --network none --cap-drop ALL --security-opt no-new-privileges \
  --user 1000:1000 \
  --read-only \
  --memory 1048576 --memory-swap 1048576 --cpus 1.5 --pids-limit 9 \
  --ulimit fsize=77 --ulimit core=0 --ulimit nofile=1024 \
  --tmpfs /tmp:rw,noexec,nosuid,nodev,mode=1777,size=4096,nr_inodes=16 \
  --mount type=bind,source="$PWD"/config,target=/mnt/config,readonly \
  --env 'Map=a '\''b'\''; $(touch x)
c' \
  sha256:1f"#;
        assert_eq!(found, expected);
    }

    #[test]
    fn an_entrypoint_of_several_words_stands_before_the_arguments() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let found = command(&ContainerSpec {
            entrypoint: Some(words(&["/bin/sh", "-c"])),
            command: words(&["echo a", ""]),
            ..spec()
        });
        assert!(found.contains("--entrypoint /bin/sh \\\n"), "{found}");
        assert!(found.ends_with("sha256:1f -c 'echo a' ''"), "{found}");
    }

    #[test]
    fn what_the_table_keeps_is_the_same_container() {
        let kept = spec().to_json();
        assert_eq!(ContainerSpec::from_json(&kept), Some(spec()));
        assert_eq!(ContainerSpec::from_json("null"), None);
    }
}
