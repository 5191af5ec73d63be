//! A service that answers somewhere, asked with the operator's token where there is one.

use std::{fmt, time::Duration};

use anyhow::{Context, anyhow, bail};
use serde_json::Value;
use shared::{job::JobId, settings::OperatorToken};
use ureq::{Agent, Body, RequestBuilder, http::Response, typestate::WithBody};

use super::words::text;

/// No answer is held open for longer than half of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Letters of an id that say which build is meant. Fewer fit several by chance.
const SHORTEST: usize = 4;

pub(super) struct Service {
    agent: Agent,
    url: String,
    token: Option<String>,
}

/// What a service refuses.
#[derive(Debug)]
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl Service {
    pub(super) fn at(url: &str, token: Option<&OperatorToken>) -> Self {
        // A refusal has a body that says why, so that it is no error here.
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        Self {
            agent,
            url: url.trim_end_matches('/').to_owned(),
            token: token.map(|token| token.as_str().to_owned()),
        }
    }

    /// Whether it is asked in an operator's name.
    pub(super) const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Looks at something.
    pub(super) fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        json_of(self.ask(path, query, &[])?)
    }

    /// Looks at something, with headers of one's own.
    pub(super) fn ask(
        &self,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Response<Body>> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.query_pairs(query.iter().copied());
        request.call().with_context(|| self.silent())
    }

    /// Changes something, in this name.
    pub(super) fn post(&self, path: &str, by: &str) -> anyhow::Result<Value> {
        let request = self.change(path, by);
        json_of(request.send_empty().with_context(|| self.silent())?)
    }

    /// Changes what a body says, in this name.
    pub(super) fn send(&self, path: &str, by: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.change(path, by);
        json_of(request.send_json(body).with_context(|| self.silent())?)
    }

    fn change(&self, path: &str, by: &str) -> RequestBuilder<WithBody> {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.header("x-kiisrv-by", by)
    }

    fn silent(&self) -> String {
        format!(
            "no service answers at {}; is it running? (--url or KIISRV_URL says where)",
            self.url
        )
    }

    /// The build that a whole id, its beginning or its end means.
    pub(super) fn build(&self, id: &str) -> anyhow::Result<String> {
        if let Ok(id) = id.parse::<JobId>() {
            return Ok(id.to_string());
        }
        let id = id.trim_start_matches('…').to_lowercase();
        if id.len() < SHORTEST {
            bail!(
                "{id:?} says too little of an id; give {SHORTEST} letters of its beginning or end, or more"
            );
        }
        let queue = self.get("/v1/queue", &[("q", &id), ("limit", "500")])?;
        let found: Vec<_> = ["waiting", "running", "recent"]
            .iter()
            .flat_map(|kind| queue[*kind].as_array().into_iter().flatten())
            .map(|build| text(build, "id"))
            .filter(|found| found.starts_with(&id) || found.ends_with(&id))
            .collect();
        one_of(&found, &id, "build", "kiisrv queue")
    }

    /// The worker that an id, its beginning or end, or its host means.
    pub(super) fn worker(&self, name: &str) -> anyhow::Result<String> {
        let answer = self.get("/v1/workers", &[])?;
        let workers = answer["workers"].as_array().into_iter().flatten();
        let name = name.trim_start_matches('…');
        let found: Vec<_> = workers
            .filter(|worker| {
                let id = text(worker, "id");
                let is_long = name.len() >= SHORTEST;
                (is_long && (id.starts_with(name) || id.ends_with(name)))
                    || text(worker, "host") == name
            })
            .map(|worker| text(worker, "id"))
            .collect();
        one_of(&found, name, "worker", "kiisrv workers")
    }
}

fn one_of(found: &[&str], name: &str, what: &str, list: &str) -> anyhow::Result<String> {
    match found {
        [one] => Ok((*one).to_owned()),
        [] => bail!("no {what} is known by {name:?}; `{list}` lists them"),
        several => bail!(
            "{name:?} means several {what}s, give more of the id: {}",
            several.join(", ")
        ),
    }
}

/// What a service answers, or why it does not do what it was asked.
pub(super) fn json_of(mut answer: Response<Body>) -> anyhow::Result<Value> {
    let status = answer.status();
    let body: Value = answer
        .body_mut()
        .with_config()
        .limit(u64::MAX)
        .read_json()
        .context("the service's answer is not JSON; is it kiisrv?")?;
    if status.is_success() {
        return Ok(body);
    }
    let why = text(&body, "detail");
    Err(anyhow!(Refused(match status.as_u16() {
        401 => "the service wants an operator's token: set KIISRV_OPERATOR_TOKEN, or KIISRV_OPERATOR_TOKEN_FILE"
            .to_owned(),
        404 if why.is_empty() => "there is no such thing".to_owned(),
        _ if why.is_empty() => format!("the service says {status}"),
        _ => why.to_owned(),
    })))
}

/// Whether the service answered, and did not want to.
pub(super) fn is_refusal(error: &anyhow::Error) -> bool {
    error.is::<Refused>()
}
