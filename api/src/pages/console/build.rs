//! One build as a page: what became of it, its log, its containers, and what it was made of.

use askama::Template;
use shared::{
    diagnose::Diagnostic,
    job::{JobId, by_hand},
    store::jobs::{self, Attempt, Build, Event, Summary},
};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use warp::http::StatusCode;

use super::{
    Visit,
    act::Said,
    private, session,
    session::Session,
    sign_in,
    words::{ago, beginning, bytes, moment, now, short, span},
};
use crate::{
    error::{Answer, Problem},
    feed::log_of,
    files::open_below,
    handlers::{
        attempts::{InputFile, files_of, inputs_of},
        builds,
    },
    state::State,
};

/// Of a log its end is shown: that is where it says what went wrong.
const LOG_SHOWN: u64 = 32 * 1024;

/// Of an input so much; the zip has all of it.
const INPUT_SHOWN: usize = 64 * 1024;

#[derive(Template)]
#[template(path = "console/build.html")]
struct Page<'a> {
    who: &'a str,
    said: Option<&'static str>,
    live: Live<'a>,
    inputs: Vec<Input>,
    /// Why there are none.
    no_inputs: Option<String>,
}

#[derive(Template)]
#[template(path = "console/build_live.html")]
struct Fragment<'a> {
    live: Live<'a>,
}

/// What changes while one looks on.
struct Live<'a> {
    csrf: &'a str,
    id: JobId,
    title: String,
    status: &'static str,
    action: &'static str,
    facts: Vec<(&'static str, String)>,
    client: &'a str,
    client_short: &'a str,
    diagnostics: &'a [Diagnostic],
    events: Vec<(String, &'static str, &'a Event)>,
    made: Vec<Made<'a>>,
    log: &'a str,
    log_is_cut: bool,
    has_zip: bool,
}

/// A container.
struct Made<'a> {
    attempt: &'a Attempt,
    at: String,
    short: &'a str,
    command: Option<String>,
    spec: String,
}

struct Input {
    path: String,
    text: String,
    is_cut: bool,
}

/// All that the table and the disk have of a build.
struct Known {
    build: Build,
    summary: Summary,
    attempts: Vec<Attempt>,
    history: Vec<Event>,
    diagnostics: Vec<Diagnostic>,
    log: String,
    log_is_cut: bool,
}

/// The page, or the way to it.
pub(crate) async fn build(state: State, id: String, visit: Visit, query: String) -> Answer {
    let Some(session) = session(&state, &visit)? else {
        return sign_in::in_place_of(&format!("/queue/builds/{id}"), None);
    };
    let known = Known::of(&state, &id).await?;
    let (inputs, no_inputs) = match files_of(&state, &known.build).await {
        Ok(files) => (files.into_iter().map(Input::of).collect(), None),
        Err(gone) if gone.status() == StatusCode::GONE => {
            (Vec::new(), Some(gone.detail().to_owned()))
        }
        Err(other) => return Err(other),
    };
    let page = Page {
        who: &session.who,
        said: Said::of_query(&query),
        live: known.shown(&session),
        inputs,
        no_inputs,
    };
    private(&page)
}

/// The part that changes, for whoever looks on.
pub(crate) async fn live(state: State, id: String, visit: Visit) -> Answer {
    let Some(session) = session(&state, &visit)? else {
        return Err(Problem::unauthorized("Your session has ended."));
    };
    let known = Known::of(&state, &id).await?;
    let live = known.shown(&session);
    private(&Fragment { live })
}

/// What the build reads, as a zip.
pub(crate) async fn inputs(state: State, id: String, visit: Visit) -> Answer {
    if session(&state, &visit)?.is_none() {
        return sign_in::in_place_of(&format!("/queue/builds/{id}"), None);
    }
    inputs_of(&state, &id)
        .await
        .map(super::super::for_own_origin)
}

impl Known {
    async fn of(state: &State, id: &str) -> Result<Self, Problem> {
        let (store, id) = (&state.store, builds::parse_id(id)?);
        let build = builds::find(state, id).await?;
        let summary = jobs::summary(store, id).await?;
        let (log, log_is_cut) = end_of_log(state, &build).await?;
        Ok(Self {
            summary: summary.ok_or_else(builds::no_such_build)?,
            attempts: jobs::attempts(store, id).await?,
            history: jobs::history(store, id).await?,
            diagnostics: jobs::diagnostics(store, id).await?,
            build,
            log,
            log_is_cut,
        })
    }

    fn shown<'a>(&'a self, session: &'a Session) -> Live<'a> {
        let (build, now) = (&self.build, now());
        let events = self.history.iter();
        Live {
            csrf: &session.csrf,
            id: build.id,
            title: format!("{}-{}", build.keyboard, build.layout),
            status: build.status.as_str(),
            action: if build.status.is_final() {
                "retry"
            } else {
                "cancel"
            },
            facts: facts(build, &self.summary, now),
            client: &self.summary.client,
            client_short: beginning(&self.summary.client),
            diagnostics: &self.diagnostics,
            events: events
                .map(|event| (ago(now, event.at), happened(event), event))
                .collect(),
            made: self
                .attempts
                .iter()
                .map(|made| Made::of(made, now))
                .collect(),
            log: &self.log,
            log_is_cut: self.log_is_cut,
            has_zip: build.artifact.is_some(),
        }
    }
}

/// What is known of a build, each thing with its name; what is not known is left out.
fn facts(build: &Build, summary: &Summary, now: i64) -> Vec<(&'static str, String)> {
    let at = |time: i64| format!("{} UTC, {}", moment(time, "%F %T"), ago(now, time));
    let started = build.started_at;
    let took = started.map(|start| span(build.finished_at.unwrap_or(now) - start));
    let waited = started.map(|start| span(start - build.created_at));
    let all = [
        (
            "Why",
            build.reason.map(|why| why.as_str().replace('_', " ")),
        ),
        ("In words", build.detail.clone()),
        ("Compares", build.compares.map(|warm| warm.to_string())),
        (
            "In doubt by",
            build.doubted_by.map(|comparison| comparison.to_string()),
        ),
        ("Version", Some(build.version.clone())),
        ("Controller", Some(build.controller.clone())),
        ("Worker", summary.worker.clone()),
        ("Asked for", Some(at(build.created_at))),
        ("Waited", waited),
        ("Started", started.map(at)),
        ("Ended", build.finished_at.map(at)),
        ("Took", took),
        ("Containers", Some(build.attempts.to_string())),
        ("Zip", build.artifact.as_ref().map(|zip| bytes(zip.bytes))),
        (
            "SHA-256",
            build.artifact.as_ref().map(|zip| zip.sha256.clone()),
        ),
    ];
    let known = all.into_iter();
    known
        .filter_map(|(name, fact)| Some((name, fact?)))
        .collect()
}

const fn happened(event: &Event) -> &'static str {
    use jobs::What;
    match event.what {
        What::HandedOver => "Its worker left, and its container ran on",
        What::Adopted => "Another worker took its container on",
        What::GivenBack => "Its worker left before there was a container",
        What::Trouble => "Something of ours broke under it",
        What::Lost => "Its worker was gone without a word",
        What::SetAside => "It is tried no more",
    }
}

impl<'a> Made<'a> {
    fn of(attempt: &'a Attempt, now: i64) -> Self {
        let spec = attempt.spec.as_ref();
        Self {
            at: ago(now, attempt.at),
            short: attempt.container.get(..12).unwrap_or(&attempt.container),
            command: spec.map(by_hand::command),
            spec: spec
                .and_then(|spec| serde_json::to_string_pretty(spec).ok())
                .unwrap_or_default(),
            attempt,
        }
    }

    fn worker(&self) -> &str {
        short(&self.attempt.worker)
    }
}

impl Input {
    fn of((path, mut text): InputFile) -> Self {
        let end = text.floor_char_boundary(INPUT_SHOWN);
        let is_cut = end < text.len();
        text.truncate(end);
        Self { path, text, is_cut }
    }
}

/// The end of a build's log, and whether there is more before it. Nothing where there is none, or none any more.
async fn end_of_log(state: &State, build: &Build) -> Result<(String, bool), Problem> {
    let broken = |error: std::io::Error| Problem::broken(format!("reading a log: {error}"));
    let opened = open_below(&state.settings.logs, &log_of(build)).await;
    let Some((mut file, length)) = opened.map_err(broken)? else {
        return Ok((String::new(), false));
    };
    let start = length.saturating_sub(LOG_SHOWN);
    let from = std::io::SeekFrom::Start(start);
    file.seek(from).await.map_err(broken)?;
    let mut end = Vec::new();
    let mut file = file.take(LOG_SHOWN);
    file.read_to_end(&mut end).await.map_err(broken)?;
    let text = String::from_utf8_lossy(&end).into_owned();
    // It begins with a whole line.
    let whole = match text.split_once('\n') {
        Some((_, rest)) if start > 0 => rest.to_owned(),
        _ => text,
    };
    Ok((whole, start > 0))
}
