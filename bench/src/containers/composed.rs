//! The service as the compose file starts it, beside the same program started by hand: one request, and one build.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::MetadataExt,
    process::Command,
    time::{Duration, Instant},
};

use harness::{engine::docker, program::pause};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{
    engine_is_there,
    keyboards::{Asking, CONTROLLER, KEYBOARDS},
};
use crate::{
    http::client::{self, Client},
    measure::{in_turns, median},
    measured::{Measured, Unit},
    run::{Bench, CannotBeHere},
    service::{Service, a_free_port},
};

/// The compose file and what its paths start from.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Where the engine listens, by the compose file's default.
const SOCKET: &str = "/var/run/docker.sock";

/// Its containers' names begin with it.
const PROJECT: &str = "kiisrv-bench";

/// Far longer than containers take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// What people ask for who say nothing, in either service.
const VERSION: &str = "latest";

/// In each round.
const REQUESTS: usize = 1_000;

/// By which the compose file finds directories, port and engine.
const SETTINGS: [&str; 6] = [
    "KIISRV_HOST_DIR",
    "KIISRV_PORT",
    "KIISRV_ENGINE_SOCKET",
    "DOCKER_GID",
    "HOST_TMP_CONFIG",
    "HOST_TMP_BUILDS",
];

/// Takes it all away.
const DOWN: [&str; 4] = ["down", "-v", "-t", "15"];

const IS: &str = "the same program started by hand";

/// A request and a new keymap of K-Type, through both.
pub(crate) fn vs_program(bench: &Bench) -> anyhow::Result<Vec<Measured>> {
    bench.takes_its_time()?;
    engine_is_there()?;
    let composed = Composed::start(bench)?;
    let program = Service::start_both(bench, &[])?;
    let runtime = Runtime::new()?;
    let (inside, outside) = in_turns(
        bench.rounds(),
        || runtime.block_on(requests(composed.address)),
        || runtime.block_on(requests(program.address)),
    )?;
    let (_, layout) = KEYBOARDS[0];
    let mut within = Asking::at(composed.address, layout)?;
    let mut without = Asking::at(program.address, layout)?;
    let (built_inside, built_outside) = in_turns(
        bench.rounds(),
        || Ok(within.build(VERSION)?.0.took),
        || Ok(without.build(VERSION)?.0.took),
    )?;
    Ok(vec![
        Measured::alone("request_in_compose_vs_program", Unit::Milliseconds, inside)
            .beside(IS, outside),
        Measured::alone(
            "build_in_compose_vs_program",
            Unit::Milliseconds,
            built_inside,
        )
        .beside(IS, built_outside),
    ])
}

/// What a request for `/versions` takes, one after the other over one connection, in milliseconds: the one in the middle.
async fn requests(address: SocketAddr) -> anyhow::Result<f64> {
    let mut client = Client::connect(address).await?;
    let mut took = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let began = Instant::now();
        client.get("/versions").await?;
        took.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(median(&took))
}

/// The compose file's service, with one worker. It goes with this value, volumes and all.
struct Composed {
    address: SocketAddr,
    directory: TempDir,
}

impl Composed {
    fn start(bench: &Bench) -> anyhow::Result<Self> {
        for image in ["kiisrv-api", "kiisrv-worker"] {
            if docker(&["image", "inspect", image]).is_none() {
                let missing = format!("no image {image}: run `make images` first");
                return Err(CannotBeHere(missing).into());
            }
        }
        let controller = format!("kiisrv-controller-{CONTROLLER}");
        if docker(&["image", "inspect", &controller]).is_none() {
            let missing = format!("no {controller}: run `make controller` first");
            return Err(CannotBeHere(missing).into());
        }
        let directory = bench.fresh()?;
        let address = a_free_port()?;
        let settings = format!(
            "KIISRV_HOST_DIR={}\nKIISRV_PORT={address}\nDOCKER_GID={}\n",
            directory.path().join("host").display(),
            fs::metadata(SOCKET)?.gid(),
        );
        fs::write(directory.path().join("env"), settings)?;
        let composed = Self { address, directory };
        // What a run that was killed has left has answers to what will be asked.
        if !composed.compose(&DOWN) {
            return Err(CannotBeHere("docker compose is not there".to_owned()).into());
        }
        anyhow::ensure!(
            composed.compose(&["up", "-d", "--no-build"]),
            "docker compose does not start the service"
        );
        composed.wait_until_ready()?;
        Ok(composed)
    }

    fn wait_until_ready(&self) -> anyhow::Result<()> {
        let (began, runtime) = (Instant::now(), Runtime::new()?);
        while !runtime.block_on(client::answers(self.address, "/readyz")) {
            anyhow::ensure!(began.elapsed() < PATIENCE, "the service does not start");
            pause(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Whether the compose file does this, as a part of the docker command or as the program of old.
    fn compose(&self, arguments: &[&str]) -> bool {
        let new = docker(&["compose", "version"]).is_some();
        let words: &[&str] = if new {
            &["docker", "compose"]
        } else {
            &["docker-compose"]
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "as people type it, and no build of ours"
        )]
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .args(["-p", PROJECT, "-f"])
            .arg(format!("{ROOT}/compose.prod.yaml"))
            .arg("--env-file")
            .arg(self.directory.path().join("env"))
            .args(arguments);
        // What is set around it would win over the file.
        for name in SETTINGS {
            command.env_remove(name);
        }
        command.output().is_ok_and(|done| done.status.success())
    }
}

impl Drop for Composed {
    fn drop(&mut self) {
        self.compose(&DOWN);
    }
}
