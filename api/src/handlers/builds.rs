//! Builds by their ids: asking for one, looking at it, waiting for it.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use shared::{
    diagnose::Diagnostic,
    flash::{Flash, flash},
    job::{FirmwareFile, JobId, Reason, Status},
    store::{
        jobs::{self, Build, Enqueued, Hold, LeaveToken},
        queue_order,
    },
};
use tokio::time::Instant;
use utoipa::ToSchema;
use warp::{
    Reply,
    http::{HeaderValue, StatusCode, header},
    reply::Response,
};

use crate::{
    body::Incoming,
    client::Asker,
    error::{Answer, Problem},
    openapi::{FirmwareFileForm, FlashForm, ReasonWord, StatusWord},
    per_client::Place,
    query::whole_number,
    state::State,
    submit::{UnknownVersion, submit},
};

/// The longest that an answer is held; proxies give up after a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Takes a build, new or known.
pub(crate) async fn submit_build(state: State, asker: Asker, incoming: Incoming) -> Answer {
    let submitted = submit(
        &state,
        asker,
        incoming,
        UnknownVersion::IsRefused,
        Hold::UntilItLeaves,
    )
    .await?;
    let status = match submitted.enqueued {
        Enqueued::New(_) => StatusCode::ACCEPTED,
        Enqueued::Joined(..) => StatusCode::OK,
    };
    let build = find(&state, submitted.enqueued.id()).await?;
    let mut response = shown(&state, &build, submitted.token.as_ref()).await?;
    *response.status_mut() = status;
    let location = HeaderValue::from_str(&url(build.id)).map_err(Problem::broken)?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Shows a build, as soon as its status differs where that is asked for.
pub(crate) async fn show_build(state: State, id: String, asker: Asker, query: String) -> Answer {
    let id = parse_id(&id)?;
    let Wait { time, status } = Wait::parse(&query)?;
    let mut build = find(&state, id).await?;
    let from = status.unwrap_or(build.status);
    if !time.is_zero() {
        let changed = |build: &Build| build.status.is_final() || build.status != from;
        if !changed(&build) {
            let _held = hold(&state, &asker)?;
            build = wait(&state, build, changed, time).await?;
        }
    }
    shown(&state, &build, None).await
}

/// A place among the requests that are held open.
pub(crate) fn hold(state: &State, asker: &Asker) -> Result<Place, Problem> {
    state.waiters.take(&asker.client).ok_or_else(|| {
        Problem::too_many("too many requests from your address wait for a build already")
    })
}

/// Waits until `enough` says so, for `time`, or until the service stops: then the build is given back as it is.
pub(crate) async fn wait(
    state: &State,
    build: Build,
    enough: impl Fn(&Build) -> bool + Send,
    time: Duration,
) -> Result<Build, Problem> {
    if enough(&build) {
        return Ok(build);
    }
    let deadline = Instant::now() + time;
    let found = tokio::select! {
        found = jobs::wait_until(&state.store, &state.changes, build.id, enough, deadline) => found?,
        () = state.stopped() => Some(build),
    };
    found.ok_or_else(no_such_build)
}

/// The build with this id, or the problem that there is none.
pub(crate) async fn find(state: &State, id: JobId) -> Result<Build, Problem> {
    jobs::show(&state.store, id)
        .await?
        .ok_or_else(no_such_build)
}

/// An id in a path. What is no id is the id of no build.
pub(crate) fn parse_id(id: &str) -> Result<JobId, Problem> {
    id.parse().map_err(|_| no_such_build())
}

pub(crate) fn no_such_build() -> Problem {
    Problem::not_found("there is no build with this id")
}

pub(crate) fn url(id: JobId) -> String {
    format!("/v1/builds/{id}")
}

/// How long to hold an answer, and for which status to differ.
struct Wait {
    time: Duration,
    status: Option<Status>,
}

impl Wait {
    fn parse(query: &str) -> Result<Self, Problem> {
        let mut wait = Self {
            time: Duration::ZERO,
            status: None,
        };
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "wait" => {
                    let seconds = whole_number(value).ok_or_else(|| {
                        Problem::bad_request("`wait` is a whole number of seconds")
                    })?;
                    wait.time = Duration::from_secs(seconds).min(LONGEST_WAIT);
                }
                "status" => {
                    let status = Status::from_word(value).ok_or_else(|| {
                        Problem::bad_request("`status` is the status that you know, such as queued")
                    })?;
                    wait.status = Some(status);
                }
                _ => {}
            }
        }
        Ok(wait)
    }
}

/// A build.
#[derive(Serialize, ToSchema)]
#[schema(as = Build)]
pub(crate) struct View {
    #[schema(value_type = String, format = "uuid")]
    id: JobId,
    #[schema(value_type = StatusWord)]
    status: Status,
    /// Its place in the queue while it waits, from 1.
    position: Option<u64>,
    /// When it will have ended, as far as can be said while it waits.
    eta_seconds: Option<u64>,
    keyboard: String,
    layout: String,
    /// The channel or version that was asked for.
    version: String,
    /// The controller that this stood for.
    controller: String,
    /// How often a container was started for it.
    attempts: u32,
    #[schema(format = DateTime)]
    created_at: Option<String>,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    #[schema(value_type = Option<ReasonWord>)]
    reason: Option<Reason>,
    /// The reason in a sentence.
    detail: Option<String>,
    /// Why its firmware may be wrong, for people, where that came out later.
    doubt: Option<&'static str>,
    /// The build that this one is held against. Then it is a comparison, which nobody asked for.
    #[schema(value_type = Option<String>, format = "uuid")]
    compares: Option<JobId>,
    /// What the compiler complains of, by key.
    diagnostics: Vec<DiagnosticView>,
    artifact: Option<ArtifactView>,
    /// What to do with the firmware, while it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<FlashForm>)]
    flash: Option<Flash>,
    log_url: String,
    /// With this one may leave the build. Told once, to the submitter, and to nobody who merely looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    leave_token: Option<String>,
}

/// The zip of a build.
#[derive(Serialize, ToSchema)]
#[schema(as = Artifact)]
struct ArtifactView {
    url: String,
    bytes: u64,
    /// Of the whole zip, in hexadecimal digits.
    sha256: String,
    /// What in it is for a keyboard.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<FirmwareFileForm>)]
    files: Vec<FirmwareFile>,
}

/// One thing that the compiler complains of.
#[derive(Serialize, ToSchema)]
#[schema(as = Diagnostic)]
struct DiagnosticView {
    /// The layer, where it is known.
    layer: Option<usize>,
    /// The line of that layer's KLL file.
    line: Option<usize>,
    /// The key, as the base layout names it.
    key: Option<String>,
    /// The place in the request, as a JSON pointer.
    pointer: Option<String>,
    /// What is wrong, for people.
    message: String,
    /// The compiler's own words.
    compiler: String,
}

impl From<Diagnostic> for DiagnosticView {
    fn from(found: Diagnostic) -> Self {
        let Diagnostic {
            layer,
            line,
            key,
            pointer,
            message,
            compiler,
        } = found;
        Self {
            layer,
            line,
            key,
            pointer,
            message,
            compiler,
        }
    }
}

pub(super) async fn shown(state: &State, build: &Build, token: Option<&LeaveToken>) -> Answer {
    let view = view(state, build, token).await?;
    Ok(not_stored(warp::reply::json(&view).into_response()))
}

/// A build as it is shown now.
pub(crate) async fn view(
    state: &State,
    build: &Build,
    token: Option<&LeaveToken>,
) -> Result<View, Problem> {
    let place = match build.status {
        Status::Queued => Some(queue_order::place(&state.store, build.id).await?),
        _ => None,
    };
    let diagnostics = match build.reason {
        Some(Reason::BuildFailed) => jobs::diagnostics(&state.store, build.id).await?,
        _ => Vec::new(),
    };
    let url = url(build.id);
    Ok(View {
        id: build.id,
        status: build.status,
        position: place.map(|place| place.position),
        eta_seconds: place.map(|place| place.eta_seconds),
        keyboard: build.keyboard.clone(),
        layout: build.layout.clone(),
        version: build.version.clone(),
        controller: build.controller.clone(),
        attempts: build.attempts,
        created_at: time(build.created_at),
        started_at: build.started_at.and_then(time),
        finished_at: build.finished_at.and_then(time),
        reason: build.reason,
        detail: build.detail.clone(),
        doubt: doubt(build),
        compares: build.compares,
        diagnostics: diagnostics.into_iter().map(DiagnosticView::from).collect(),
        artifact: build.artifact.as_ref().map(|artifact| ArtifactView {
            url: format!("{url}/artifact"),
            bytes: artifact.bytes,
            sha256: artifact.sha256.clone(),
            files: artifact.files.clone(),
        }),
        flash: flash_of(build),
        log_url: format!("{url}/log"),
        leave_token: token.map(|token| token.as_str().to_owned()),
    })
}

/// What is to be said of firmware that may be wrong.
pub(crate) fn doubt(build: &Build) -> Option<&'static str> {
    build.doubted_by.map(|_| {
        "This firmware was made with parts that its image had prepared. Another build of this keyboard came out different \
         without them. Ask for the build again: it is made without them now."
    })
}

/// What to do with a build's firmware, while it is there.
pub(crate) fn flash_of(build: &Build) -> Option<Flash> {
    let artifact = build.artifact.as_ref()?;
    (build.status == Status::Succeeded).then(|| flash(&build.keyboard, &artifact.files))
}

/// An answer that is out of date at once.
pub(crate) fn not_stored(mut response: Response) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    response
}

/// RFC 3339 in UTC, with milliseconds.
pub(crate) fn time(millis: i64) -> Option<String> {
    let time = Timestamp::from_millisecond(millis).ok()?;
    Some(format!("{time:.3}"))
}
