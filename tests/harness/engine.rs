//! The real engine for tests, and small images that misbehave on purpose.

use std::{
    io::Write,
    process::{Command, Stdio},
};

/// Whether tests of the real engine run. Without one they are passed over with a word, and fail where
/// `CI=true` says that somebody relies on them. `KIISRV_TEST_ENGINE=0` leaves them out on purpose.
#[must_use]
pub fn is_wanted() -> bool {
    is_wanted_with(|| {
        let there = docker(&["image", "inspect", REFERENCE]).is_some();
        (!there).then(|| format!("no engine with {REFERENCE}: run `make controller` first"))
    })
}

/// The same for tests that need something else, by what of it is missing.
pub fn is_wanted_with(missing: impl FnOnce() -> Option<String>) -> bool {
    let variable = |name: &str| {
        #[expect(
            clippy::disallowed_methods,
            reason = "what a test run shall do is said from outside"
        )]
        std::env::var(name).unwrap_or_default()
    };
    if variable("KIISRV_TEST_ENGINE") == "0" {
        eprintln!("SKIPPED: KIISRV_TEST_ENGINE=0 leaves out the tests of the real engine");
        return false;
    }
    let Some(advice) = missing() else {
        return true;
    };
    assert!(variable("CI") != "true", "{advice}");
    eprintln!("SKIPPED: {advice}");
    false
}

/// The controller that real builds run in.
pub const REFERENCE: &str = "kiisrv-controller-057:latest";

/// Runs the engine's command line; `None` where it fails. The product does not use it, but it is an
/// independent witness of what the product does.
#[must_use]
pub fn docker(arguments: &[&str]) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "an independent witness, see above"
    )]
    let output = Command::new("docker").args(arguments).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Containers of ours that carry this label, running or not.
#[must_use]
pub fn containers_with(label: &str) -> Vec<String> {
    let listed = docker(&[
        "ps",
        "-aq",
        "--no-trunc",
        "--filter",
        &format!("label={label}"),
    ]);
    listed
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Removes what a service left on the engine.
pub fn remove_containers_of(service: &str) {
    for container in containers_with(&format!("kiisrv.service={service}")) {
        let _ = docker(&["rm", "-f", &container]);
    }
}

/// A controller image that a test made. It goes with this value.
pub struct TestImage {
    /// The controller's name.
    pub name: String,
}

impl TestImage {
    /// Makes `kiisrv-controller-<name>` that runs a shell script as its entrypoint.
    #[must_use]
    pub fn running(name: &str, script: &str) -> Self {
        let entrypoint = serde_json::json!(["/bin/bash", "-c", script]);
        Self::made(
            name,
            &format!("LABEL kiisrv.waits=0\nENTRYPOINT {entrypoint}\n"),
        )
    }

    /// The same for a script that is begun ahead of its build: it waits for the job first.
    #[must_use]
    pub fn waiting(name: &str, script: &str) -> Self {
        let script = format!(
            "(while cat /mnt/config/go; do :; done) >/dev/null 2>&1 & \
             until [ -f /mnt/config/job ]; do sleep 0.02; done; {script}"
        );
        let entrypoint = serde_json::json!(["/bin/bash", "-c", script]);
        Self::made(name, &format!("ENTRYPOINT {entrypoint}\n"))
    }

    /// Makes `kiisrv-controller-<name>` with the kit's own entrypoint, whose K-Type script is this one.
    #[must_use]
    pub fn compiling(name: &str, script: &str) -> Self {
        let write = serde_json::json!([
            "/bin/bash",
            "-c",
            "printf '#!/bin/bash\\n%s\\n' \"$1\" > /controller/Keyboards/k-type.bash",
            "bash",
            script
        ]);
        Self::made(name, &format!("RUN {write}\n"))
    }

    fn made(name: &str, lines: &str) -> Self {
        Self::of_dockerfile(
            name,
            &format!(
                "FROM {REFERENCE}\nLABEL kiisrv.protocol=2 kiisrv.waits=1 kiisrv.warm=\"\"\n{lines}"
            ),
        )
    }

    /// Makes `kiisrv-controller-<name>` by these lines.
    ///
    /// # Panics
    /// When the engine cannot make it.
    #[must_use]
    pub fn of_dockerfile(name: &str, dockerfile: &str) -> Self {
        // Layers of its own: another run of the tests beside this one may remove those that it made.
        let own = format!("LABEL kiisrv.test={}\n", uuid::Uuid::now_v7());
        let first_line = dockerfile.trim_start().find('\n').map_or(0, |at| at + 1);
        let (from, rest) = dockerfile.trim_start().split_at(first_line);
        Self::built(name, "-", &[from, &own, rest].concat())
    }

    /// Makes `kiisrv-controller-<name>` of a directory with a Dockerfile.
    ///
    /// # Panics
    /// When the engine cannot make it.
    #[must_use]
    pub fn of_directory(name: &str, directory: &str) -> Self {
        Self::built(name, directory, "")
    }

    fn built(name: &str, from: &str, input: &str) -> Self {
        let tag = format!("kiisrv-controller-{name}");
        #[expect(
            clippy::disallowed_methods,
            reason = "an image is made from outside, as its user would"
        )]
        let mut build = Command::new("docker")
            .env("DOCKER_BUILDKIT", "0")
            // None of them needs a network, and then the engine need not have one.
            .args(["build", "-q", "--network", "none", "-t", &tag, from])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker is there");
        let mut stdin = build.stdin.take().expect("piped");
        stdin.write_all(input.as_bytes()).expect("docker reads");
        drop(stdin);
        assert!(
            build.wait().expect("docker ends").success(),
            "the image {name} could not be made"
        );
        Self {
            name: name.to_owned(),
        }
    }
}

impl Drop for TestImage {
    fn drop(&mut self) {
        let _ = docker(&["rmi", "-f", &format!("kiisrv-controller-{}", self.name)]);
    }
}
