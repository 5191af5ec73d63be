//! The container of a build without the service: by the engine's own command line, and by its verbs alone.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::Context;
use harness::{engine::docker, service::layout};
use shared::{
    channel::Dialect,
    job::{by_hand, container::ContainerSpec},
    kll,
    layout::Library,
    settings::Settings,
};
use tempfile::TempDir;
use worker::{
    DockerEngine,
    container::ContainerRuntime,
    inputs::{OUTPUT, Owner, files, write_inputs},
    mounts::BuildDirs,
    recipe,
};

use crate::run::Bench;

/// A container that is made as the service makes it: the same image, inputs, mounts, restrictions and limits.
pub(crate) struct ByHand {
    directory: TempDir,
    dirs: BuildDirs,
    spec: ContainerSpec,
    engine: String,
}

impl ByHand {
    /// For a controller of this name.
    pub(crate) fn of(bench: &Bench, controller: &str) -> anyhow::Result<Self> {
        let tag = format!("kiisrv-controller-{controller}:latest");
        let image = docker(&["image", "inspect", "-f", "{{.Id}}", &tag]).context("the image")?;
        let directory = bench.fresh()?;
        let path = directory.path().canonicalize()?;
        let dirs = BuildDirs {
            config: path.join("config"),
            builds: path.join("builds"),
            host_config: path.join("config"),
            host_builds: path.join("builds"),
        };
        let library = Library::open(harness::service::LAYOUTS)?;
        let text = layout("KType-Standard.json").to_string();
        let (_, generated) =
            kll::generate_from(&serde_json::from_str(&text)?, Dialect::Latest, &library)
                .map_err(|faults| anyhow::anyhow!("a layout of ours: {faults:?}"))?;
        let owner = Owner::of_this_process();
        write_inputs(&dirs, &files(&generated, &text, false), owner, 2)?;
        let settings = Settings::from_lookup(|_| None)?.worker;
        Ok(Self {
            spec: recipe::strict(&image, &owner.user(), &dirs, &settings),
            engine: settings.docker_host,
            directory,
            dirs,
        })
    }

    /// Milliseconds of `docker run --rm`, from the call to its return.
    pub(crate) fn docker_run(&self) -> anyhow::Result<f64> {
        // The command as people are given it: a shell reads it, which takes a millisecond.
        let command = format!("exec {}", by_hand::command(&self.spec));
        let began = Instant::now();
        #[expect(clippy::disallowed_methods, reason = "what stands beside")]
        let ended = Command::new("sh")
            .args(["-c", &command])
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        let took = began.elapsed().as_secs_f64() * 1000.0;
        anyhow::ensure!(ended.success(), "the container failed");
        self.take_zip()?;
        Ok(took)
    }

    /// Milliseconds of a container that is created, started and waited for through the engine's socket. It is removed
    /// after that, as the service does.
    pub(crate) async fn through_the_socket(&self) -> anyhow::Result<f64> {
        let engine = DockerEngine::connect(&self.engine).await?;
        let name = format!("kiisrv-bench-{}", uuid::Uuid::now_v7());
        let spec = ContainerSpec {
            name,
            ..self.spec.clone()
        };
        let began = Instant::now();
        let container = engine.create(&spec).await?;
        engine.start(&container).await?;
        let exit = engine.wait(&container).await?;
        let took = began.elapsed().as_secs_f64() * 1000.0;
        engine.remove(&container).await?;
        anyhow::ensure!(exit.code == 0, "the container failed");
        self.take_zip()?;
        Ok(took)
    }

    /// Makes sure that there is one, and that the next one is new.
    fn take_zip(&self) -> anyhow::Result<()> {
        let removed = std::fs::remove_file(self.dirs.builds.join(OUTPUT));
        removed.context("the container left no zip")
    }
}
