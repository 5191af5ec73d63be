//! What operators look at: the queue, and the workers.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::{
    job::{JobId, Reason, Status},
    store::{
        Store,
        jobs::{self, Filter, Overview, Summary},
        requests::client_name,
        workers::{self, Seen},
    },
};
use utoipa::ToSchema;
use warp::{Reply, http::HeaderMap};

use super::builds::{not_stored, time};
use crate::{
    client::Asker,
    error::{Answer, Problem},
    openapi::{ReasonWord, StatusWord},
    operator::operator,
    query::whole_number,
    state::State,
};

/// Builds of each kind where nothing is said about it, and at most.
const USUAL: usize = 50;
const MOST: usize = 500;

/// The queue.
#[derive(Serialize, ToSchema)]
#[schema(as = Queue)]
pub(crate) struct View {
    paused: bool,
    #[schema(format = DateTime)]
    paused_at: Option<String>,
    /// Comparisons are not counted. Ended builds count when they were asked for since `since`.
    counts: BTreeMap<&'static str, u64>,
    #[schema(format = DateTime)]
    since: Option<String>,
    #[schema(format = DateTime)]
    oldest_waiting_at: Option<String>,
    waiting: Vec<Line>,
    running: Vec<Line>,
    /// Those that have ended, the newest first.
    recent: Vec<Line>,
    /// What `before` has to be for further ended builds.
    #[schema(value_type = Option<String>, format = "uuid")]
    next: Option<JobId>,
}

/// A build, as operators see it.
#[derive(Serialize, ToSchema)]
#[schema(as = QueuedBuild)]
struct Line {
    #[schema(value_type = String, format = "uuid")]
    id: JobId,
    #[schema(value_type = StatusWord)]
    status: Status,
    position: Option<u64>,
    #[schema(value_type = Option<ReasonWord>)]
    reason: Option<Reason>,
    keyboard: String,
    layout: String,
    version: String,
    controller: String,
    /// A keyed hash of who asked for it first.
    client: String,
    /// The worker that has it.
    worker: Option<String>,
    attempts: u32,
    /// The build that this one is held against. Then it is a comparison, which nobody asked for.
    #[schema(value_type = Option<String>, format = "uuid")]
    compares: Option<JobId>,
    /// The comparison by which its firmware may be wrong.
    #[schema(value_type = Option<String>, format = "uuid")]
    doubted_by: Option<JobId>,
    #[schema(format = DateTime)]
    created_at: Option<String>,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
}

/// Shows the queue: how many builds there are, and those that are looked for.
pub(crate) async fn queue(state: State, asker: Asker, headers: HeaderMap, query: String) -> Answer {
    operator(&state, &asker, &headers)?;
    let found = jobs::overview(&state.store, filter(&state.store, &query)?).await?;
    Ok(not_stored(
        warp::reply::json(&View::from(found)).into_response(),
    ))
}

/// What a query asks for. An address stands for its client, as a stored one does: both are hashed with the store's key.
pub(crate) fn filter(store: &Store, query: &str) -> Result<Filter, Problem> {
    let mut filter = Filter {
        limit: USUAL,
        ..Filter::default()
    };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            _ if value.is_empty() => {}
            "status" => {
                filter.status = Some(Status::from_word(&value).ok_or_else(|| {
                    Problem::bad_request(
                        "`status` is one of queued, running, succeeded, failed, cancelled",
                    )
                })?);
            }
            "keyboard" => filter.keyboard = Some(value.into_owned()),
            "client" => filter.client = Some(value.into_owned()),
            "q" => match value.trim().parse() {
                Ok(address) => filter.client = Some(store.client(&client_name(address))),
                Err(_) => filter.text = Some(value.trim().to_owned()),
            },
            "limit" => {
                let limit = whole_number(&value).filter(|limit| *limit > 0);
                let limit =
                    limit.ok_or_else(|| Problem::bad_request("`limit` is a number from 1"))?;
                filter.limit = usize::try_from(limit).map_or(MOST, |limit| limit.min(MOST));
            }
            "before" => {
                let id = value.parse();
                filter.before =
                    Some(id.map_err(|_| Problem::bad_request("`before` is the id of a build"))?);
            }
            _ => {}
        }
    }
    Ok(filter)
}

impl From<Overview> for View {
    fn from(found: Overview) -> Self {
        let lines = |builds: Vec<Summary>| builds.into_iter().map(Line::from).collect();
        Self {
            paused: found.paused_at.is_some(),
            paused_at: found.paused_at.and_then(time),
            counts: found
                .counts
                .iter()
                .map(|(status, count)| (status.as_str(), *count))
                .collect(),
            since: time(found.since),
            oldest_waiting_at: found.oldest_waiting.and_then(time),
            waiting: lines(found.waiting),
            running: lines(found.running),
            recent: lines(found.recent),
            next: found.next,
        }
    }
}

impl From<Summary> for Line {
    fn from(build: Summary) -> Self {
        Self {
            id: build.id,
            status: build.status,
            position: build.position,
            reason: build.reason,
            keyboard: build.keyboard,
            layout: build.layout,
            version: build.version,
            controller: build.controller,
            client: build.client,
            worker: build.worker,
            attempts: build.attempts,
            compares: build.compares,
            doubted_by: build.doubted_by,
            created_at: time(build.created_at),
            started_at: build.started_at.and_then(time),
            finished_at: build.finished_at.and_then(time),
        }
    }
}

/// All workers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Workers {
    workers: Vec<WorkerView>,
}

/// A worker.
#[derive(Serialize, ToSchema)]
#[schema(as = Worker)]
struct WorkerView {
    id: String,
    /// The machine that it runs on.
    host: String,
    /// The engine that its containers run in.
    engine: String,
    /// How many builds it runs at once.
    slots: usize,
    /// How many it runs now.
    busy: u64,
    /// The controllers that its engine has.
    controllers: Vec<String>,
    /// `builds`, `draining`, `stopping`, `trouble` or `silent`: the first of these, from behind, that it is.
    state: &'static str,
    draining: bool,
    stopping: bool,
    /// What keeps it from building.
    trouble: Option<String>,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    #[schema(format = DateTime)]
    seen_at: Option<String>,
}

/// Shows the workers.
pub(crate) async fn workers(state: State, asker: Asker, headers: HeaderMap) -> Answer {
    operator(&state, &asker, &headers)?;
    let workers = workers::all(&state.store).await?;
    let workers = workers.into_iter().map(WorkerView::from).collect();
    Ok(not_stored(
        warp::reply::json(&Workers { workers }).into_response(),
    ))
}

/// What a worker does, in a word.
pub(crate) const fn state_of(seen: &Seen) -> &'static str {
    match seen {
        Seen { silent: true, .. } => "silent",
        Seen {
            trouble: Some(_), ..
        } => "trouble",
        Seen { stopping: true, .. } => "stopping",
        Seen { draining: true, .. } => "draining",
        _ => "builds",
    }
}

impl From<Seen> for WorkerView {
    fn from(seen: Seen) -> Self {
        let state = state_of(&seen);
        Self {
            id: seen.worker.id,
            host: seen.worker.host,
            engine: seen.worker.engine_id,
            slots: seen.worker.slots,
            busy: seen.busy,
            controllers: seen.controllers,
            state,
            draining: seen.draining,
            stopping: seen.stopping,
            trouble: seen.trouble,
            started_at: time(seen.started_at),
            seen_at: time(seen.seen_at),
        }
    }
}
