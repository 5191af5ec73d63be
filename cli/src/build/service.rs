//! What is asked of the service for a build.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use ureq::{Agent, Body, http::Response};

use super::text;

/// Seconds that one question is held open while a build waits or runs.
const WAIT: u32 = 30;

/// Lines of a failed build's log that are shown.
const LOG_END: usize = 40;

/// Whoever presses Ctrl-C does not wait for a service that does not answer.
const LEAVING: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(super) struct Service {
    agent: Agent,
    url: String,
}

/// What became of a layout.
pub(super) enum Submitted {
    /// A build.
    Yes(Value),
    /// Nothing, for these reasons.
    Refused(String),
}

impl Service {
    pub(super) fn at(url: &str) -> Self {
        // A refusal has a body that says why, so that it is no error here.
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        Self {
            agent,
            url: url.trim_end_matches('/').to_owned(),
        }
    }

    pub(super) fn submit(&self, config: &Value, version: &str) -> anyhow::Result<Submitted> {
        let request = json!({ "config": config, "env": version });
        let answer = self
            .agent
            .post(format!("{}/v1/builds", self.url))
            .send_json(&request)
            .with_context(|| {
                format!("no service answers at {}; is it running? (--url)", self.url)
            })?;
        let accepted = answer.status().is_success();
        let body = json_of(answer)?;
        if accepted {
            return Ok(Submitted::Yes(body));
        }
        let mut why = vec![format!("refused: {}", text(&body, "/detail"))];
        let faults = body.pointer("/errors").and_then(Value::as_array);
        for fault in faults.into_iter().flatten() {
            let (pointer, detail) = (text(fault, "/pointer"), text(fault, "/detail"));
            why.push(format!("  {pointer}: {detail}"));
        }
        Ok(Submitted::Refused(why.join("\n")))
    }

    /// Follows a build to its end and tells each step.
    pub(super) fn wait(&self, mut build: Value, tell: impl Fn(&str)) -> anyhow::Result<Value> {
        let id = text(&build, "/id").to_owned();
        loop {
            let status = text(&build, "/status").to_owned();
            match status.as_str() {
                "queued" => tell(&format!(
                    "queued, at place {}",
                    build.get("position").unwrap_or(&Value::Null)
                )),
                "running" => tell("running"),
                _ => return Ok(build),
            }
            let url = format!("{}/v1/builds/{id}?wait={WAIT}&status={status}", self.url);
            let answer = self
                .agent
                .get(url)
                .call()
                .context("the service stopped answering")?;
            if !answer.status().is_success() {
                bail!("the service says: {}", text(&json_of(answer)?, "/detail"));
            }
            build = json_of(answer)?;
        }
    }

    /// Says that a build is wanted no more. Others who asked for the same one still get it. Gives back the build, or
    /// nothing where the service did not hear.
    pub(super) fn leave(&self, id: &str, token: &str) -> Option<Value> {
        self.agent
            .delete(format!("{}/v1/builds/{id}", self.url))
            .config()
            .timeout_global(Some(LEAVING))
            .build()
            .header("authorization", format!("Bearer {token}"))
            .call()
            .ok()
            .filter(|answer| answer.status().is_success())
            .and_then(|answer| json_of(answer).ok())
    }

    pub(super) fn log_end(&self, path: &str) -> anyhow::Result<String> {
        let log = self
            .agent
            .get(self.absolute(path))
            .call()?
            .body_mut()
            .read_to_string()?;
        let lines: Vec<_> = log.lines().collect();
        Ok(lines[lines.len().saturating_sub(LOG_END)..].join("\n"))
    }

    /// A zip, with the name that the service gives it.
    pub(super) fn zip(&self, path: &str) -> anyhow::Result<(PathBuf, Vec<u8>)> {
        let mut answer = self.agent.get(self.absolute(path)).call()?;
        if !answer.status().is_success() {
            bail!("the zip cannot be had: {}", answer.status());
        }
        let name = named_by_service(&answer);
        let body = answer.body_mut().with_config().limit(u64::MAX);
        Ok((name, body.read_to_vec()?))
    }

    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            format!("{}{path}", self.url)
        } else {
            path.to_owned()
        }
    }
}

/// The name in `Content-Disposition`, never with a directory in it.
fn named_by_service(answer: &Response<Body>) -> PathBuf {
    let disposition = answer
        .headers()
        .get("content-disposition")
        .and_then(|value| value.to_str().ok());
    disposition
        .and_then(|value| value.split("filename=\"").nth(1)?.split('"').next())
        .and_then(|name| Path::new(name).file_name())
        .map_or_else(|| PathBuf::from("firmware.zip"), PathBuf::from)
}

fn json_of(mut answer: Response<Body>) -> anyhow::Result<Value> {
    answer
        .body_mut()
        .read_json()
        .context("the service's answer is not JSON; is it kiisrv?")
}
