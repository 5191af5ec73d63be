//! How a build was carried out, for operators: its containers and what each was given, the command that runs one again,
//! and the inputs that it reads.

use std::io::{Cursor, Write};

use serde::Serialize;
use shared::{
    job::{BuildRequest, ContainerSpec, JobId, Plan, by_hand, inputs},
    store::jobs::{self, Attempt, Build, Event},
};
use utoipa::ToSchema;
use warp::{
    Reply,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    reply::Response,
};
use zip::{DateTime, ZipWriter, write::SimpleFileOptions};

use super::builds::{self, not_stored, time};
use crate::{
    client::Asker,
    error::{Answer, Problem},
    operator::operator,
    state::State,
    submit::aside_in_turn,
};

/// Its path below `config`, and what is in it.
pub(crate) type InputFile = (String, String);

/// How a build was carried out.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempts)]
pub(crate) struct View {
    #[schema(value_type = String, format = "uuid")]
    id: JobId,
    /// In their order.
    attempts: Vec<AttemptView>,
    /// What else happened to it, in its order.
    history: Vec<EventView>,
    inputs_url: String,
}

/// A container of a build.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
struct AttemptView {
    /// The claim that made it.
    epoch: u32,
    #[schema(format = DateTime)]
    made_at: Option<String>,
    worker: String,
    engine: String,
    container: String,
    /// What it was given.
    #[schema(value_type = Option<Object>)]
    spec: Option<ContainerSpec>,
    /// How a person runs it again.
    command: Option<String>,
}

/// What else happened to a build.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryEvent)]
struct EventView {
    #[schema(format = DateTime)]
    at: Option<String>,
    what: &'static str,
    epoch: u32,
    worker: String,
    detail: Option<String>,
}

/// Shows how a build was carried out.
pub(crate) async fn attempts(state: State, id: String, asker: Asker, headers: HeaderMap) -> Answer {
    operator(&state, &asker, &headers)?;
    let id = builds::find(&state, builds::parse_id(&id)?).await?.id;
    let made = jobs::attempts(&state.store, id).await?;
    let history = jobs::history(&state.store, id).await?;
    let view = View {
        id,
        attempts: made.into_iter().map(AttemptView::from).collect(),
        history: history.into_iter().map(EventView::from).collect(),
        inputs_url: format!("{}/inputs", builds::url(id)),
    };
    Ok(not_stored(warp::reply::json(&view).into_response()))
}

impl From<Attempt> for AttemptView {
    fn from(made: Attempt) -> Self {
        Self {
            epoch: made.epoch,
            made_at: time(made.at),
            worker: made.worker,
            engine: made.engine,
            container: made.container,
            command: made.spec.as_ref().map(by_hand::command),
            spec: made.spec,
        }
    }
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            at: time(event.at),
            what: event.what.as_str(),
            epoch: event.epoch,
            worker: event.worker,
            detail: event.detail,
        }
    }
}

/// Gives out the files that a build reads, as a zip of what is to be in `config` beside the command.
pub(crate) async fn inputs(state: State, id: String, asker: Asker, headers: HeaderMap) -> Answer {
    operator(&state, &asker, &headers)?;
    inputs_of(&state, &id).await
}

/// The same for whoever has shown to be an operator.
pub(crate) async fn inputs_of(state: &State, id: &str) -> Answer {
    let build = builds::find(state, builds::parse_id(id)?).await?;
    let files = files_of(state, &build).await?;
    let zip = aside_in_turn(state, || zip_of(files).map_err(Problem::broken)).await?;
    let mut response = not_stored(Response::new(zip.into()));
    let name = format!("attachment; filename=\"{}-inputs.zip\"", build.id);
    for (header, value) in [
        (header::CONTENT_TYPE, "application/zip"),
        (header::CONTENT_DISPOSITION, name.as_str()),
    ] {
        let value = HeaderValue::from_str(value).map_err(Problem::broken)?;
        response.headers_mut().insert(header, value);
    }
    Ok(response)
}

/// The files that a build reads, made anew.
///
/// # Errors
/// 410 where its layout is kept no longer, or others would be made of it today.
pub(crate) async fn files_of(state: &State, build: &Build) -> Result<Vec<InputFile>, Problem> {
    let Some(made_of) = jobs::made_of(&state.store, build.id).await? else {
        return Err(gone("this build's layout is kept no longer"));
    };
    let (library, fingerprint, cold) =
        (state.library.clone(), build.fingerprint.clone(), build.cold);
    aside_in_turn(state, move || {
        // A stored layout is JSON, as the table sees to it.
        let request = BuildRequest {
            config: serde_json::from_str(&made_of.config).map_err(Problem::broken)?,
            version: String::new(),
        };
        let plan = Plan::of(&request, &made_of.image, made_of.dialect, &library);
        let plan = plan.ok().filter(|plan| plan.is_of(&fingerprint));
        let plan = plan.ok_or_else(|| {
            gone("other inputs would be made of this build's layout today, as this release or its layouts are others")
        })?;
        Ok(inputs::files(
            &plan.generated,
            &made_of.config,
            cold,
        ))
    })
    .await
}

fn gone(detail: &str) -> Problem {
    Problem::new(StatusCode::GONE, detail)
}

fn zip_of(files: Vec<InputFile>) -> zip::result::ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    // The same inputs are the same bytes.
    let options = SimpleFileOptions::default().last_modified_time(DateTime::default());
    for (path, text) in files {
        zip.start_file(path, options.unix_permissions(0o644))?;
        zip.write_all(text.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}
