//! People who want firmware: they submit, wait, ask again when a connection breaks, and write down what
//! they were promised.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use harness::{program::pause, quick_controller::first_line};
use serde_json::{Value, json};

use crate::{
    plan::{Client, Request},
    stage::MARK,
};

/// Before a client asks again.
const AGAIN: Duration = Duration::from_millis(200);

/// How long one answer may take; an API that is killed breaks it off at once.
const LONGEST_ANSWER: Duration = Duration::from_secs(90);

/// What somebody was told.
#[derive(Clone, Debug)]
pub(crate) struct Promise {
    /// Which request.
    pub(crate) number: usize,
    /// The build's id, or the hash that an old client got.
    pub(crate) build: String,
    /// The status of the answer.
    pub(crate) answer: u16,
    /// How it ended, as far as this client was told.
    pub(crate) end: Option<String>,
}

/// All clients, and what they wrote down.
pub(crate) struct Clients {
    requests: Vec<Request>,
    url: String,
    agent: ureq::Agent,
    next: AtomicUsize,
    ended: AtomicUsize,
    broken: AtomicUsize,
    gives_up: AtomicBool,
    promises: Mutex<Vec<Promise>>,
    complaints: Mutex<Vec<String>>,
}

/// An answer, or why there was none.
type Answer = Result<(u16, Vec<u8>), ureq::Error>;

impl Clients {
    pub(crate) fn new(requests: Vec<Request>, url: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(LONGEST_ANSWER))
            .build();
        Self {
            requests,
            url: url.to_owned(),
            agent: agent.into(),
            next: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            broken: AtomicUsize::new(0),
            gives_up: AtomicBool::new(false),
            promises: Mutex::default(),
            complaints: Mutex::default(),
        }
    }

    /// One person: takes the next request until there is none.
    pub(crate) fn work(&self) {
        while let Some(request) = self.requests.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            match request.by {
                Client::Native => self.build_natively(request),
                Client::Predecessor => self.build_as_of_old(request),
            }
            self.ended.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Requests that are over.
    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }

    /// Answers that did not come, or said "later".
    pub(crate) fn broken(&self) -> usize {
        self.broken.load(Ordering::Relaxed)
    }

    /// Lets everybody go home.
    pub(crate) fn give_up(&self) {
        self.gives_up.store(true, Ordering::Relaxed);
    }

    pub(crate) fn promises(&self) -> Vec<Promise> {
        lock(&self.promises).clone()
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        lock(&self.complaints).clone()
    }

    fn build_natively(&self, request: &Request) {
        let body = body(request);
        let submitted = self.until_answered(&[200, 202], || self.post("/v1/builds", &body));
        let Some((answer, body)) = submitted else {
            return;
        };
        let build = json_of(&body)["id"].as_str().unwrap_or_default().to_owned();
        let promise = Promise {
            number: request.order.number,
            build: build.clone(),
            answer,
            end: None,
        };
        let at = {
            let mut promises = lock(&self.promises);
            promises.push(promise);
            promises.len() - 1
        };
        let Some(end) = self.wait_for_end(&build) else {
            return;
        };
        if end == "succeeded" {
            self.fetch(request, &format!("/v1/builds/{build}/artifact"));
        }
        lock(&self.promises)[at].end = Some(end);
    }

    fn wait_for_end(&self, build: &str) -> Option<String> {
        let path = format!("/v1/builds/{build}?wait=10");
        loop {
            let (status, body) = self.until_answered(&[200, 404], || self.get(&path))?;
            if status == 404 {
                self.complain(format!("nobody knows the build {build} any more"));
                return None;
            }
            let build = json_of(&body);
            match build["status"].as_str() {
                Some("queued" | "running") if self.gives_up.load(Ordering::Relaxed) => return None,
                Some("queued" | "running") => {}
                Some("failed") => return build["reason"].as_str().map(str::to_owned),
                ended => return ended.map(str::to_owned),
            }
        }
    }

    /// The predecessor's client: one long request. Where it breaks, it asks anew and joins its build.
    fn build_as_of_old(&self, request: &Request) {
        let body = body(request);
        let ended = self.until_answered(&[200], || self.post("/download.php", &body));
        let Some((answer, body)) = ended else {
            return;
        };
        let body = json_of(&body);
        let file = body["filename"].as_str().unwrap_or_default();
        let end = if body["success"] == true {
            "succeeded"
        } else {
            "build_failed"
        };
        if end == "succeeded" {
            self.fetch(request, file.trim_start_matches('.'));
        }
        let name = file.trim_end_matches(".zip").trim_end_matches("_error");
        lock(&self.promises).push(Promise {
            number: request.order.number,
            build: name.rsplit('-').next().unwrap_or_default().to_owned(),
            answer,
            end: Some(end.to_owned()),
        });
    }

    /// A person who gets somebody else's firmware bricks a keyboard.
    fn fetch(&self, request: &Request, path: &str) {
        let number = request.order.number;
        let Some((status, body)) = self.until_answered(&[200, 404], || self.get(path)) else {
            return;
        };
        if status == 404 || !body.starts_with(first_line(number, MARK).as_bytes()) {
            self.complain(format!(
                "request {number} did not get its own zip at {path}: status {status}"
            ));
        }
    }

    /// Asks until it is answered with one of these.
    fn until_answered(&self, fine: &[u16], ask: impl Fn() -> Answer) -> Option<(u16, Vec<u8>)> {
        loop {
            match ask() {
                Ok((status, body)) if fine.contains(&status) => return Some((status, body)),
                Ok((status, body)) if (400..500).contains(&status) && status != 429 => {
                    let body = String::from_utf8_lossy(&body);
                    self.complain(format!("refused with {status}: {body}"));
                    return None;
                }
                // Nobody answered, or said that it cannot be just now: neither is a promise.
                _ => {
                    self.broken.fetch_add(1, Ordering::Relaxed);
                }
            }
            if self.gives_up.load(Ordering::Relaxed) {
                return None;
            }
            pause(AGAIN);
        }
    }

    fn post(&self, path: &str, body: &str) -> Answer {
        let asked = self.agent.post(format!("{}{path}", self.url));
        read(asked.content_type("application/json").send(body)?)
    }

    fn get(&self, path: &str) -> Answer {
        read(self.agent.get(format!("{}{path}", self.url)).call()?)
    }

    fn complain(&self, words: String) {
        lock(&self.complaints).push(words);
    }
}

fn read(mut answer: ureq::http::Response<ureq::Body>) -> Answer {
    let body = answer.body_mut().read_to_vec()?;
    Ok((answer.status().as_u16(), body))
}

fn body(request: &Request) -> String {
    json!({ "config": request.order.layout(), "env": "latest" }).to_string()
}

fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
