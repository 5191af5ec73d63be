//! The service as the compose file starts it, beside the same program started by hand: one request, and one build.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::MetadataExt,
    path::Path,
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
            "KIISRV_HOST_DIR={}\nKIISRV_PORT={}\nDOCKER_GID={}\n",
            directory.path().join("host").display(),
            address.port(),
            fs::metadata(SOCKET)?.gid(),
        );
        fs::write(directory.path().join("env"), settings)?;
        let composed = Self { address, directory };
        if !compose(composed.directory.path(), &["up", "-d", "--no-build"]) {
            let missing = "docker compose does not start the service, or is not there".to_owned();
            return Err(CannotBeHere(missing).into());
        }
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
}

impl Drop for Composed {
    fn drop(&mut self) {
        compose(self.directory.path(), &["down", "-v", "-t", "15"]);
    }
}

/// Whether the compose file does this, as a part of the docker command or as the program of old.
fn compose(directory: &Path, arguments: &[&str]) -> bool {
    let file = format!("{ROOT}/compose.prod.yaml");
    let settings = directory.join("env").display().to_string();
    let all = ["-p", PROJECT, "-f", &file, "--env-file", &settings];
    let all = [&all, arguments].concat();
    if docker(&["compose", "version"]).is_some() {
        return docker(&[&["compose"], &all[..]].concat()).is_some();
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "as people type it, and no build of ours"
    )]
    let done = Command::new("docker-compose").args(all).output();
    done.is_ok_and(|done| done.status.success())
}
