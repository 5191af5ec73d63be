//! A worker on the real engine, in a process of its own, that dies at a moment which the test chooses.
//!
//! `worker-process <directory> <moment>`; `never` for one that lives until it is told to stop. A moment of a container that
//! is ready before its build comes begins with `ready: `.
#![expect(clippy::unwrap_used, reason = "a test may stop")]
#![expect(clippy::print_stdout, reason = "its output is how a test follows it")]

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use harness::service::settings_in;
use shared::{
    layout::Library,
    store::{Store, versions::Controller},
};
use tokio::signal::unix::{SignalKind, signal};
use worker::{
    DockerEngine, Worker,
    container::{
        ContainerError, ContainerRuntime, ContainerSpec, Exit, Ours, ReportedMount, label,
    },
};

type Result<T> = std::result::Result<T, ContainerError>;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().unwrap();
    let engine = DyingEngine {
        engine: DockerEngine::connect("unix:///var/run/docker.sock")
            .await
            .unwrap(),
        moment: arguments.next().unwrap(),
        builds: Arc::default(),
    };
    let settings = settings_in(
        directory.as_ref(),
        &[("KIISRV_SLOTS", "4"), ("KIISRV_PREPARED", "1")],
    );
    let store = Store::open(&settings.data).await.unwrap();
    let library = Library::open(&settings.layouts).unwrap();
    let worker = Worker::start(settings, store, engine, library)
        .await
        .unwrap();
    let mut terminated = signal(SignalKind::terminate()).unwrap();
    println!("ready");
    worker
        .run_until_stopped(async move {
            terminated.recv().await;
        })
        .await;
}

/// The real engine. Before or after one of its verbs, for a build's container, the process is killed.
struct DyingEngine {
    engine: DockerEngine,
    moment: String,
    /// The containers for builds, and how their moments begin.
    builds: Arc<Mutex<HashMap<String, &'static str>>>,
}

impl DyingEngine {
    fn is_at(&self, moment: &str, container: &str) -> bool {
        let builds = self.builds.lock().unwrap();
        let before = builds.get(container);
        before.is_some_and(|before| self.moment == format!("{before}{moment}"))
    }

    fn reached(&self, moment: &str, container: &str) {
        if self.is_at(moment, container) {
            die();
        }
    }
}

/// As by `kill -9`: nothing is tidied up.
fn die() -> ! {
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
        .unwrap();
    unreachable!("nobody survives this signal");
}

impl ContainerRuntime for DyingEngine {
    async fn engine_id(&self) -> Result<String> {
        self.engine.engine_id().await
    }

    async fn about(&self) -> Result<String> {
        self.engine.about().await
    }

    async fn controllers(&self) -> Result<Vec<Controller>> {
        self.engine.controllers().await
    }

    async fn labels_of(&self, image: &str) -> Result<Option<BTreeMap<String, String>>> {
        self.engine.labels_of(image).await
    }

    async fn processes_in(&self, container: &str) -> Result<Option<u64>> {
        self.engine.processes_in(container).await
    }

    async fn mounts_of(&self, container: &str) -> Result<Option<Vec<ReportedMount>>> {
        self.engine.mounts_of(container).await
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<String> {
        let before = match spec.labels.get(label::ROLE).map(String::as_str) {
            Some(label::ROLE_BUILD) => "",
            Some(label::ROLE_PREPARED) => "ready: ",
            _ => return self.engine.create(spec).await,
        };
        if self.moment == format!("{before}before create") {
            die();
        }
        let container = self.engine.create(spec).await?;
        let mut builds = self.builds.lock().unwrap();
        builds.insert(container.clone(), before);
        drop(builds);
        self.reached("after create", &container);
        Ok(container)
    }

    async fn start(&self, container: &str) -> Result<()> {
        self.reached("before start", container);
        self.engine.start(container).await?;
        self.reached("after start", container);
        Ok(())
    }

    fn follow_log(&self, container: &str) -> BoxStream<'static, Result<Bytes>> {
        let dies = self.is_at("within the log", container);
        let log = self.engine.follow_log(container);
        log.inspect(move |_| {
            if dies {
                die()
            }
        })
        .boxed()
    }

    async fn wait(&self, container: &str) -> Result<Exit> {
        self.reached("before wait", container);
        let exit = self.engine.wait(container).await?;
        self.reached("after wait", container);
        Ok(exit)
    }

    async fn kill(&self, container: &str) -> Result<()> {
        self.engine.kill(container).await
    }

    async fn remove(&self, container: &str) -> Result<()> {
        self.reached("before remove", container);
        self.engine.remove(container).await?;
        self.reached("after remove", container);
        Ok(())
    }

    async fn list_ours(&self) -> Result<Vec<Ours>> {
        self.engine.list_ours().await
    }
}
