//! Events as a client reads them, and a log as a worker writes it.

use std::{fs::OpenOptions, io::Write, path::PathBuf, time::Duration};

use http_body_util::BodyExt;
use serde_json::Value;
use shared::{job::Outcome, store::jobs::Claimed};
use warp::{reply::Response, test::RequestBuilder};

use super::{Service, request_for};
use crate::routes;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// An event as a client reads it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) data: Value,
}

impl Event {
    /// The fields of a block of lines; nothing where it is only a comment.
    fn parse(block: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut lines = block.lines().filter_map(|line| line.strip_prefix(name));
            let value = lines.next().unwrap_or_default().to_owned();
            assert_eq!(lines.next(), None, "a field twice: {block}");
            value
        };
        let data = field("data:");
        (!data.is_empty()).then(|| Self {
            name: field("event:"),
            id: field("id:"),
            data: serde_json::from_str(&data).unwrap(),
        })
    }
}

/// Events as they come.
pub(super) struct Events {
    response: Response,
    text: String,
}

impl Events {
    /// The next one, or nothing where the stream has ended.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = Event::parse(block);
                self.text = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            }
            let more = self.more().await?;
            self.text.push_str(&more);
        }
    }

    /// What comes next, as it stands.
    pub(super) async fn more(&mut self) -> Option<String> {
        let frame = tokio::time::timeout(PATIENCE, self.response.body_mut().frame());
        let data = frame.await.unwrap()?.unwrap().into_data().unwrap();
        Some(std::str::from_utf8(&data).unwrap().to_owned())
    }

    /// The next one of this name.
    pub(super) async fn next_of(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == name {
                return event;
            }
        }
    }

    /// Text of the log until this much has come.
    pub(super) async fn log_of(&mut self, bytes: usize) -> String {
        let mut log = String::new();
        while log.len() < bytes {
            log += self.next_of("log").await.data["text"].as_str().unwrap();
        }
        log
    }

    pub(super) async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

impl Service {
    pub(super) async fn watch(&self, id: &str) -> Events {
        self.watch_after(id, None).await
    }

    /// Watches as one that has everything up to an event already.
    pub(super) async fn watch_after(&self, id: &str, last: Option<&str>) -> Events {
        let mut request = ask_for(id);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.filter(&routes(&self.state)).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events {
            response,
            text: String::new(),
        }
    }

    pub(super) fn log_path(&self, claimed: &Claimed) -> PathBuf {
        let name = format!("{}/{}.log", claimed.held.id, claimed.held.epoch);
        self.state.settings.logs.join(name)
    }

    pub(super) fn log(&self, claimed: &Claimed, bytes: &[u8]) {
        let path = self.log_path(claimed);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut log = OpenOptions::new().create(true).append(true).open(path);
        log.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Waits until nobody is told anything any more.
    pub(super) async fn nobody_watches(&self) {
        let gone = async {
            while self.state.feeds.count() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.unwrap();
    }

    /// A build that has ended, with this log.
    pub(super) async fn ended_with(&self, log: &[u8]) -> String {
        let id = self.submit(&request_for("MD1-Standard")).await;
        let claimed = self.claim().await;
        self.log(&claimed, log);
        self.end(&claimed, Outcome::Built).await;
        id
    }
}

pub(super) fn path_of(id: &str) -> String {
    format!("/v1/builds/{id}/events")
}

pub(super) fn ask_for(id: &str) -> RequestBuilder {
    warp::test::request().path(&path_of(id))
}
