//! The routes as their clients see them, over a real table. The test plays the worker.

mod admission;
mod artifacts;
mod attempts;
mod building_by_page;
mod builds;
mod catalogue;
mod comparing;
mod connections;
mod console;
mod console_pages;
mod docs;
mod event_stream;
mod events;
mod flash;
mod forget;
mod health;
mod hostile;
mod metrics;
mod openapi;
mod operator;
mod pages;
mod pictures;
mod predecessor;

use std::{path::Path, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};
use shared::{
    channel::Dialect,
    job::{Artifact, Outcome, Reason},
    settings::Settings,
    store::{
        Store,
        jobs::{self, Claimed},
        versions::{self, Controller},
        workers::{self, Worker},
    },
};
use tempfile::TempDir;
use warp::{Filter, http::Response, path::FullPath, test::RequestBuilder};

use crate::{State, routes};

const LAYOUTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../layouts");

/// What the test's zips hold.
const ZIP: &str = "0123456789";

/// A service with a table and files of its own.
struct Service {
    state: State,
    _directory: TempDir,
}

impl Service {
    /// A service that a worker with one controller stands behind.
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with further variables set.
    async fn start_with(variables: &[(&str, &str)]) -> Self {
        let service = Self::start_without_worker(variables).await;
        let store = &service.state.store;
        versions::controllers_seen(store, "engine", vec![controller()])
            .await
            .unwrap();
        workers::sign_of_life(store, &worker(), None).await.unwrap();
        service
    }

    async fn start_without_worker(variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().to_str().unwrap();
        let own = [
            ("KIISRV_DATA", data),
            ("KIISRV_LAYOUTS", LAYOUTS),
            ("KIISRV_DISK_RESERVE_MB", "0"),
        ];
        let settings = Settings::from_lookup(|name| {
            let mut all = variables.iter().chain(&own);
            all.find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
        .unwrap();
        let store = Store::open(&settings.data).await.unwrap();
        Self {
            state: State::open(settings, store).unwrap(),
            _directory: directory,
        }
    }

    async fn ask(&self, request: RequestBuilder) -> Response<Bytes> {
        let answered = warp::method()
            .and(warp::path::full())
            .and(routes(&self.state))
            .map(|method, path: FullPath, answer| openapi::remember(method, path.as_str(), answer));
        let answer = request.reply(&answered).await;
        openapi::assert_described(&answer);
        answer
    }

    async fn get(&self, path: &str) -> Response<Bytes> {
        self.ask(warp::test::request().path(path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Response<Bytes> {
        let request = warp::test::request().method("POST").path(path).json(body);
        self.ask(request).await
    }

    /// Asks for a build and gives back its id.
    async fn submit(&self, body: &Value) -> String {
        let answer = self.post("/v1/builds", body).await;
        assert_eq!(answer.status(), 202, "{answer:?}");
        json_of(&answer)["id"].as_str().unwrap().to_owned()
    }

    /// Waits for a build to be there and takes it.
    async fn claim(&self) -> Claimed {
        let take = async {
            loop {
                let lease = Duration::from_secs(60);
                let claimed = jobs::claim_next(&self.state.store, "worker", lease).await;
                if let Some(claimed) = claimed.unwrap() {
                    return claimed;
                }
                tokio::task::yield_now().await;
            }
        };
        let patience = Duration::from_secs(20);
        tokio::time::timeout(patience, take)
            .await
            .expect("a build is waiting")
    }

    /// Waits for a build to be there, takes it and ends it with this outcome.
    async fn work(&self, outcome: impl FnOnce(Artifact) -> Outcome) {
        let claimed = self.claim().await;
        self.end(&claimed, outcome).await;
    }

    async fn end(&self, claimed: &Claimed, outcome: impl FnOnce(Artifact) -> Outcome) {
        let file = format!("{}/{}.zip", claimed.held.id, claimed.held.epoch);
        write(&self.state.settings.artifacts.join(&file), ZIP);
        let artifact = Artifact {
            file,
            bytes: ZIP.len() as u64,
            sha256: "ab".repeat(32),
            files: Vec::new(),
        };
        jobs::finish(&self.state.store, &claimed.held, outcome(artifact))
            .await
            .unwrap();
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// What a failed build leaves.
fn failed(reason: Reason) -> impl FnOnce(Artifact) -> Outcome {
    move |artifact| Outcome::Failed {
        reason,
        detail: "it did not go well".to_owned(),
        artifact: Some(artifact),
        diagnostics: Vec::new(),
    }
}

fn worker() -> Worker {
    Worker {
        id: "worker".to_owned(),
        host: "host".to_owned(),
        engine_id: "engine".to_owned(),
        slots: 1,
    }
}

fn controller() -> Controller {
    Controller {
        name: "057".to_owned(),
        image: "sha256:1234".to_owned(),
        protocol: 1,
        dialect: Dialect::Latest,
        channel: Some("stable".to_owned()),
        version: Some("v0.5.7".to_owned()),
        revision: Some("0f".repeat(20)),
        created: Some("2019-09-15T03:21:12Z".to_owned()),
        commits: Some(1222),
        source: Some("https://example.org/controller.git".to_owned()),
        keyboards: None,
    }
}

/// A request for one of the layouts that we come with.
fn request_for(layout: &str) -> Value {
    let path = format!("{LAYOUTS}/{layout}.json");
    let config: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    json!({ "config": config, "env": "latest" })
}

fn json_of(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap()
}

/// The named header as text.
fn header<'a>(answer: &'a Response<Bytes>, name: &str) -> &'a str {
    answer
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// That an answer is a problem as everybody, also the old clients, may rely on.
fn assert_problem(answer: &Response<Bytes>, status: u16) -> Value {
    assert_eq!(answer.status(), status, "{answer:?}");
    assert_eq!(header(answer, "content-type"), "application/problem+json");
    assert_eq!(header(answer, "access-control-allow-origin"), "*");
    let problem = json_of(answer);
    assert_eq!(problem["status"], status);
    assert!(problem["title"].is_string() && problem["type"].is_string());
    assert!(!problem["error"].as_str().unwrap().is_empty());
    assert_eq!(problem["error"], problem["detail"]);
    problem
}
