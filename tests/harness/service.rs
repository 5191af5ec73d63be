//! A whole service in this process: API on a free port, one worker on the real engine, and a client.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use shared::{
    layout::Library,
    settings::Settings,
    store::{Store, cold_keyboards::cold_keyboards},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime, sync::watch, task::JoinHandle};
use worker::{DockerEngine, Worker};

use crate::store::ByHand;

/// The layouts that the project comes with.
pub const LAYOUTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../layouts");

/// A running service with directories of its own. It stops with this value.
pub struct Service {
    runtime: Runtime,
    directory: TempDir,
    stop: watch::Sender<bool>,
    parts: Vec<JoinHandle<()>>,
    /// Whether a cold build may make another firmware than a warm one. Otherwise that is a fault, whatever the test is
    /// about.
    pub may_differ: bool,
    agent: ureq::Agent,
    /// Where it answers.
    pub url: String,
    /// What it was started with, for commands beside it.
    pub settings: Settings,
}

impl Service {
    /// Starts one with these settings, by the names of their variables.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_parts(variables, true)
    }

    /// Starts the API alone.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_api(variables: &[(&str, &str)]) -> Self {
        Self::start_parts(variables, false)
    }

    fn start_parts(variables: &[(&str, &str)], with_worker: bool) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let directory = TempDir::new().expect("a directory");
        let settings = settings_in(directory.path(), variables);
        let (stop, stopping) = watch::channel(false);
        let (url, parts) = runtime.block_on(start(settings.clone(), stopping, with_worker));
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .build()
            .into();
        Self {
            runtime,
            directory,
            stop,
            parts,
            may_differ: false,
            agent,
            url,
            settings,
        }
    }

    /// Its directory: `data`, `tmp_config`, `tmp_builds`.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// `GET`, with the status and the body.
    ///
    /// # Panics
    /// When nothing answers.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        Answer::from(
            self.agent
                .get(format!("{}{path}", self.url))
                .call()
                .expect("an answer"),
        )
    }

    /// `POST` of a text.
    ///
    /// # Panics
    /// When nothing answers.
    #[must_use]
    pub fn post(&self, path: &str, body: &str) -> Answer {
        let asked = self
            .agent
            .post(format!("{}{path}", self.url))
            .content_type("application/json");
        Answer::from(asked.send(body).expect("an answer"))
    }

    /// Lets a version's name stand for a controller, as an operator does with an SQLite client.
    ///
    /// # Panics
    /// When the table does not take it.
    pub fn stand_for(&self, version: &str, controller: &str) {
        ByHand::open(&self.path().join("data")).stand_for(version, controller);
    }

    /// Lets a version that is there stand for another controller.
    ///
    /// # Panics
    /// When the table does not take it.
    pub fn point(&self, version: &str, controller: &str) {
        #[expect(
            clippy::disallowed_types,
            reason = "an operator's SQLite client is part of the test"
        )]
        let table =
            rusqlite::Connection::open(self.path().join("data/kiisrv.db")).expect("a table");
        let sql = "UPDATE versions SET controller = ?2 WHERE name = ?1";
        assert_eq!(table.execute(sql, [version, controller]).expect("a row"), 1);
    }

    /// Does something at the service's table, as another process of the product does.
    ///
    /// # Panics
    /// When the table cannot be opened.
    pub fn at_the_table<T>(&self, work: impl AsyncFnOnce(Store) -> T) -> T {
        self.runtime.block_on(async {
            let store = Store::open(&self.settings.data).await.expect("the table");
            work(store).await
        })
    }

    /// Submits a layout and gives the build's id.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    pub fn submit(&self, config: &Value, version: &str) -> String {
        let answer = self.post(
            "/v1/builds",
            &json!({ "config": config, "env": version }).to_string(),
        );
        assert!(matches!(answer.status, 200 | 202), "{}", answer.text());
        answer.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Waits until nothing of a build is left but its row, zip and log. The worker cleans up after it
    /// has told how the build ended.
    ///
    /// # Panics
    /// When something stays.
    pub fn assert_nothing_is_left(&self, build: &Value) {
        let id = build["id"].as_str().expect("an id");
        for _ in 0..100 {
            if self.left_of(id).is_empty() {
                return;
            }
            // Nothing says from outside when a directory is gone.
            std::thread::park_timeout(Duration::from_millis(50));
        }
        panic!("left behind: {:?}", self.left_of(id));
    }

    fn left_of(&self, id: &str) -> Vec<String> {
        let mut left = crate::engine::containers_with(&format!("kiisrv.build={id}"));
        let worker = &self.settings.worker;
        for directory in [&worker.tmp_config, &worker.tmp_builds] {
            let entries = std::fs::read_dir(directory).expect("a directory");
            let paths = entries.map(|entry| entry.expect("an entry").path().display().to_string());
            left.extend(paths.filter(|path| path.contains(id)));
        }
        left
    }

    /// Submits a layout and waits until it has ended.
    ///
    /// # Panics
    /// When it is refused, or has not ended after a minute.
    #[must_use]
    pub fn build(&self, config: &Value, version: &str) -> Value {
        self.ended(&self.submit(config, version))
    }

    /// Waits until a build has ended.
    ///
    /// # Panics
    /// When it has not after a minute.
    #[must_use]
    pub fn ended(&self, id: &str) -> Value {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let build = self.get(&format!("/v1/builds/{id}?wait=10")).json();
            match build["status"].as_str() {
                Some("queued" | "running") if Instant::now() < deadline => {}
                Some("queued" | "running") | None => panic!("the build has not ended: {build}"),
                Some(_) => return build,
            }
        }
    }

    /// A build's zip.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn zip_of(&self, build: &Value) -> Zip {
        let answer = self.get(build["artifact"]["url"].as_str().expect("an artifact"));
        assert_eq!(answer.status, 200);
        Zip(answer.body)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for part in self.parts.drain(..) {
            drop(self.runtime.block_on(part));
        }
        // To its end within the runtime, which the table's connections need to go.
        let found = self.runtime.block_on(async {
            let store = Store::open(&self.settings.data).await.ok()?;
            // A worker that leaves hands its running builds over, and here nobody comes after it.
            crate::engine::remove_containers_of(&store.service_id());
            cold_keyboards(&store).await.ok()
        });
        let found = found.unwrap_or_default();
        assert!(
            found.is_empty() || self.may_differ || std::thread::panicking(),
            "a cold build made another firmware than a warm one: {found:?}"
        );
    }
}

/// The settings of a service whose directories are all in this one.
///
/// # Panics
/// When a variable's value cannot be used.
#[must_use]
pub fn settings_in(directory: &Path, variables: &[(&str, &str)]) -> Settings {
    let within = |name: &str| directory.join(name).display().to_string();
    Settings::from_lookup(|name| {
        let set = variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned());
        set.or_else(|| match name {
            "KIISRV_DATA" => Some(within("data")),
            "KIISRV_TMP_CONFIG" => Some(within("tmp_config")),
            "KIISRV_TMP_BUILDS" => Some(within("tmp_builds")),
            "KIISRV_LAYOUTS" => Some(LAYOUTS.to_owned()),
            // It has tests of its own, and would be paid for by each of the others.
            "KIISRV_ACCEPT_MISSING" => Some("all".to_owned()),
            // Every build of every test, as far as slots are idle.
            "KIISRV_COMPARE_PERCENT" => Some("100".to_owned()),
            _ => None,
        })
    })
    .expect("settings")
}

async fn start(
    settings: Settings,
    stopping: watch::Receiver<bool>,
    with_worker: bool,
) -> (String, Vec<JoinHandle<()>>) {
    let store = Store::open(&settings.data).await.expect("a table");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let mut parts = Vec::new();
    if with_worker {
        let engine = DockerEngine::connect(&settings.worker.docker_host)
            .await
            .expect("an engine");
        let library = Library::open(&settings.layouts).expect("layouts");
        let worker = Worker::start(settings.clone(), store.clone(), engine, library)
            .await
            .expect("a worker");
        parts.push(tokio::spawn(
            worker.run_until_stopped(stopped(stopping.clone())),
        ));
    }
    parts.push(tokio::spawn(async move {
        api::run(settings, store, listener, stopped(stopping))
            .await
            .expect("the API runs");
    }));
    (url, parts)
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: ureq::http::HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl From<ureq::http::Response<ureq::Body>> for Answer {
    fn from(mut answer: ureq::http::Response<ureq::Body>) -> Self {
        Self {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.body_mut().read_to_vec().expect("a body"),
        }
    }
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// A zip in memory.
pub struct Zip(pub Vec<u8>);

impl Zip {
    /// The names in it.
    ///
    /// # Panics
    /// When it is no zip.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let archive = zip::ZipArchive::new(std::io::Cursor::new(&self.0)).expect("a zip");
        archive.file_names().map(str::to_owned).collect()
    }

    /// One file of it.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn file(&self, name: &str) -> Vec<u8> {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&self.0)).expect("a zip");
        let mut file = archive
            .by_name(name)
            .unwrap_or_else(|_| panic!("no {name} in the zip"));
        let mut content = Vec::new();
        std::io::copy(&mut file, &mut content).expect("the file is whole");
        content
    }
}

/// A layout that the project comes with, by its file's name.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn layout(file: &str) -> Value {
    let library = Library::open(LAYOUTS).expect("layouts");
    serde_json::from_str(&library.get(file).expect("a layout").text).expect("JSON")
}
