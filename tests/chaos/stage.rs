//! The service under trial: an API, workers, an engine of its own, and directories that go with them.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use harness::{private_engine::PrivateEngine, program::pause, quick_controller, service::LAYOUTS};
use tempfile::TempDir;

use crate::{
    actor::{Actor, Death},
    plan::{Kill, Kind},
};

/// What the image writes into all that it makes.
pub(crate) const MARK: &str = "chaos";

/// How many workers there are, with two slots each.
const WORKERS: usize = 3;

/// All of it.
pub(crate) struct Stage {
    pub(crate) api: Actor,
    pub(crate) workers: Vec<Actor>,
    pub(crate) engine: PrivateEngine,
    engine_away_until: Option<Instant>,
    pub(crate) url: String,
    pub(crate) deaths: Vec<Death>,
    directory: TempDir,
}

impl Stage {
    /// Sets it up and waits until it can build. What its processes say goes into `said` and stays there.
    pub(crate) fn set_up(said: &Path) -> Self {
        let directory = tempfile::Builder::new().prefix("kiisrv-chaos-").tempdir();
        let directory = directory.expect("a directory");
        let engine = PrivateEngine::start();
        quick_controller::import(&engine, MARK);
        let port = a_free_port();
        // An earlier campaign's are not this one's.
        drop(fs::remove_dir_all(said));
        fs::create_dir_all(said).expect("a directory");
        let variables = variables(directory.path(), port, &engine.address());
        let actor =
            |name: &str, command| Actor::new(name, command, variables.clone(), said.to_owned());
        let mut stage = Self {
            api: actor("api", "api"),
            workers: (1..=WORKERS)
                .map(|number| actor(&format!("worker-{number}"), "worker"))
                .collect(),
            engine,
            engine_away_until: None,
            url: format!("http://127.0.0.1:{port}"),
            deaths: Vec::new(),
            directory,
        };
        stage.tend_until("it is ready", |stage| {
            ureq::get(format!("{}/readyz", stage.url)).call().is_ok()
        });
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts what has been away for its time, and notices who ended by itself.
    pub(crate) fn tend(&mut self) {
        if self
            .engine_away_until
            .is_some_and(|until| until <= Instant::now())
        {
            self.engine_away_until = None;
            self.engine.start_again();
        }
        for actor in self.workers.iter_mut().chain([&mut self.api]) {
            self.deaths.extend(actor.tend());
        }
    }

    /// Tends until something is so.
    pub(crate) fn tend_until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_mins(2);
        while !is_so(self) {
            assert!(Instant::now() < deadline, "not yet: {what}");
            self.tend();
            pause(Duration::from_millis(50));
        }
    }

    /// Does what a kill says and tells whom it met; `None` where there is no victim just now.
    pub(crate) fn strike(&mut self, kill: &Kill) -> Option<String> {
        match kill.kind {
            Kind::WorkerKilled | Kind::WorkerStopped => {
                let mut running: Vec<_> =
                    self.workers.iter_mut().filter(|one| one.runs()).collect();
                let victim = kill.pick.checked_rem(running.len())?;
                let worker = &mut running[victim];
                if kill.kind == Kind::WorkerKilled {
                    worker.kill(kill.away);
                } else {
                    worker.stop(kill.away);
                }
                Some(worker.name.clone())
            }
            Kind::ApiKilled => {
                if !self.api.runs() {
                    return None;
                }
                self.api.kill(kill.away);
                Some(self.api.name.clone())
            }
            Kind::ContainerKilled => {
                let running = ["ps", "-q", "--filter", "label=kiisrv.role=build"];
                let running = self.engine.docker(&running)?;
                let running: Vec<_> = running.lines().collect();
                let victim = running[kill.pick.checked_rem(running.len())?];
                // One that ends in this moment is no victim.
                self.engine.docker(&["kill", victim])
            }
            Kind::EngineStopped | Kind::EngineKilled => {
                if !self.engine.is_running() {
                    return None;
                }
                if kill.kind == Kind::EngineKilled {
                    self.engine.kill();
                } else {
                    self.engine.stop();
                }
                self.engine_away_until = Some(Instant::now() + kill.away);
                Some("the engine".to_owned())
            }
        }
    }

    /// Ends all processes in an orderly way.
    pub(crate) fn wind_up(&mut self) {
        let never = Duration::from_hours(24);
        for actor in self.workers.iter_mut().chain([&mut self.api]) {
            actor.stop(never);
        }
        self.tend_until("all have gone", |stage| {
            stage.api.is_away() && stage.workers.iter().all(Actor::is_away)
        });
    }
}

fn variables(directory: &Path, port: u16, engine: &str) -> Vec<(String, String)> {
    let within = |name: &str| directory.join(name).display().to_string();
    [
        ("KIISRV_HOST", "127.0.0.1".to_owned()),
        ("KIISRV_PORT", port.to_string()),
        ("KIISRV_DATA", within("data")),
        ("KIISRV_TMP_CONFIG", within("tmp_config")),
        ("KIISRV_TMP_BUILDS", within("tmp_builds")),
        ("KIISRV_LAYOUTS", LAYOUTS.to_owned()),
        ("KIISRV_SLOTS", "2".to_owned()),
        // The quick image has not the tools with which a worker tries an engine's limits.
        ("KIISRV_ACCEPT_MISSING", "all".to_owned()),
        ("DOCKER_HOST", engine.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// The API keeps its address over its restarts.
fn a_free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
