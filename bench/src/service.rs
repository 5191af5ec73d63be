//! The service as its user runs it: the program, a release, in processes of its own.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use harness::{
    program::{self, Process},
    scripted,
    service::LAYOUTS,
};
use rustix::process::Signal;
use shared::store::{Store, versions};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    http::client::{self, Client},
    run::Bench,
};

/// Far longer than any start or end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The secret of its operators.
pub(crate) const TOKEN: &str = "a-secret-for-one-measurement";

/// More than any load has. One client makes all of it, which the limits of a client would not let it.
const NO_LIMIT: &str = "100000000";

/// A running service with directories of its own. It ends with this value.
pub(crate) struct Service {
    /// Where it answers.
    pub(crate) address: SocketAddr,
    /// The API's process.
    pub(crate) api: Process,
    /// The worker's process, where there is one.
    pub(crate) worker: Option<Process>,
    directory: TempDir,
}

impl Service {
    /// Starts the API alone, with a controller in its table that nobody has.
    pub(crate) fn start_api(bench: &Bench, more: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::start_api_in(bench.fresh()?, more)
    }

    /// The same, with what is in this directory already.
    pub(crate) fn start_api_in(directory: TempDir, more: &[(&str, &str)]) -> anyhow::Result<Self> {
        let data = data(directory.path());
        Runtime::new()?.block_on(async {
            let store = Store::open(&data).await?;
            versions::controllers_seen(&store, "no engine", vec![scripted::controller()]).await?;
            anyhow::Ok(())
        })?;
        Self::start(directory, more)
    }

    /// Starts API and worker on this machine's engine, and returns when they can build.
    pub(crate) fn start_both(bench: &Bench, more: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut service = Self::start(bench.fresh()?, more)?;
        let directory = service.directory.path();
        let variables = variables(directory, service.address, more);
        let log = directory.join("worker.log");
        service.worker = Some(Process::start("worker", &variables, &log));
        service.wait_for("/readyz")?;
        Ok(service)
    }

    fn start(directory: TempDir, more: &[(&str, &str)]) -> anyhow::Result<Self> {
        let address = a_free_port()?;
        let variables = variables(directory.path(), address, more);
        let api = Process::start("api", &variables, &directory.path().join("api.log"));
        let mut service = Self {
            address,
            api,
            worker: None,
            directory,
        };
        service.wait_for("/healthz")?;
        Ok(service)
    }

    /// Waits until a path answers well.
    fn wait_for(&mut self, path: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        let runtime = Runtime::new()?;
        while !runtime.block_on(client::answers(self.address, path)) {
            let ended = [Some(&mut self.api), self.worker.as_mut()];
            let ended = ended.into_iter().flatten().any(|one| one.ended().is_some());
            anyhow::ensure!(
                began.elapsed() < PATIENCE && !ended,
                "the service does not start:\n{}\n{}",
                self.api.log(),
                self.worker.as_ref().map(Process::log).unwrap_or_default()
            );
            program::pause(Duration::from_millis(2));
        }
        Ok(())
    }

    /// The directory of its table.
    pub(crate) fn data(&self) -> PathBuf {
        data(self.directory.path())
    }

    /// A connection to it.
    pub(crate) async fn connect(&self) -> anyhow::Result<Client> {
        Client::connect(self.address).await
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Told to end, a worker removes what it has started ahead; one that is killed may leave it.
        if let Some(mut worker) = self.worker.take()
            && worker.ended().is_none()
        {
            worker.signal(Signal::TERM);
            let began = Instant::now();
            while worker.ended().is_none() && began.elapsed() < PATIENCE {
                program::pause(Duration::from_millis(10));
            }
        }
        if let Ok(runtime) = Runtime::new()
            && let Ok(store) = runtime.block_on(Store::open(&self.data()))
        {
            harness::engine::remove_containers_of(&store.service_id());
        }
    }
}

/// Where the table is in a service's directory.
pub(crate) fn data(directory: &Path) -> PathBuf {
    directory.join("data")
}

/// An address that nobody listens at just now.
pub(crate) fn a_free_port() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}

/// The settings of a service whose directories are all in this one.
pub(crate) fn variables(
    directory: &Path,
    address: SocketAddr,
    more: &[(&str, &str)],
) -> Vec<(String, String)> {
    let within = |name: &str| directory.join(name).display().to_string();
    let own = [
        ("KIISRV_HOST", address.ip().to_string()),
        ("KIISRV_PORT", address.port().to_string()),
        ("KIISRV_DATA", within("data")),
        ("KIISRV_TMP_CONFIG", within("tmp_config")),
        ("KIISRV_TMP_BUILDS", within("tmp_builds")),
        ("KIISRV_LAYOUTS", LAYOUTS.to_owned()),
        ("KIISRV_OPERATOR_TOKEN", TOKEN.to_owned()),
    ];
    let lifted = [
        "KIISRV_MAX_CONNECTIONS",
        "KIISRV_MAX_CONNECTIONS_PER_CLIENT",
        "KIISRV_MAX_WAITERS_PER_CLIENT",
        "KIISRV_MAX_WAITING_PER_CLIENT",
        "KIISRV_MAX_WAITING",
    ];
    let lifted = lifted.map(|name| (name, NO_LIMIT.to_owned()));
    let more = more
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    own.into_iter()
        .chain(lifted)
        .chain(more)
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
