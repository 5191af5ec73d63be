//! What operators change: a build's end or its second beginning, the whole queue, a worker.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use shared::{
    job::{JobId, Status},
    store::{
        control::{self, Switched},
        jobs::{self, Build, Cancelled, Enqueued},
    },
};
use utoipa::ToSchema;
use warp::{
    Reply,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    reply::Response,
};

use super::builds::{self, not_stored};
use crate::{
    client::Asker,
    error::{Answer, Problem},
    openapi::StatusWord,
    operator::{Operator, operator},
    state::State,
    submit::{UnknownVersion, plan},
};

/// Ends a build for all who asked for it, and shows it. One that was cancelled before is no fault.
pub(crate) async fn cancel(state: State, id: String, asker: Asker, headers: HeaderMap) -> Answer {
    let Operator(who) = operator(&state, &asker, &headers)?;
    let build = cancel_by(&state, &id, &who).await?;
    builds::shown(&state, &build, None).await
}

/// The same for whoever has shown to be an operator.
pub(crate) async fn cancel_by(state: &State, id: &str, who: &str) -> Result<Build, Problem> {
    let id = builds::parse_id(id)?;
    match jobs::cancel_by(&state.store, id, who).await? {
        Cancelled::Yes => tracing::info!(job.id = %id, who, "Cancelled by an operator"),
        Cancelled::HadEnded(Status::Cancelled) => {}
        Cancelled::HadEnded(status) => {
            return Err(conflict(format!(
                "this build has ended already; it is {status}"
            )));
        }
        Cancelled::NoSuchBuild => return Err(builds::no_such_build()),
    }
    builds::find(state, id).await
}

/// What became of the wish to build something again.
#[derive(Serialize, ToSchema)]
pub(crate) struct Retried {
    /// The build that is to be looked at now.
    #[schema(value_type = String, format = "uuid")]
    id: JobId,
    #[schema(value_type = StatusWord)]
    status: Status,
    /// Whether it is a build that was there already.
    joined: bool,
    /// The build that had ended.
    #[schema(value_type = String, format = "uuid")]
    retry_of: JobId,
}

/// How the queue is now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Paused {
    /// Whether workers take no builds.
    paused: bool,
    /// Whether it was another way before.
    changed: bool,
}

/// How a worker is now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Draining {
    id: String,
    /// Whether it takes no new builds.
    draining: bool,
    /// Whether it was another way before.
    changed: bool,
}

/// Builds again what has ended: the same layout for the same version, with the controller that this stands for now.
pub(crate) async fn retry(state: State, id: String, asker: Asker, headers: HeaderMap) -> Answer {
    let Operator(who) = operator(&state, &asker, &headers)?;
    let (enqueued, old) = retry_by(&state, &id, asker, &who).await?;
    let (joined, code, status) = match enqueued {
        Enqueued::New(_) => (false, StatusCode::ACCEPTED, Status::Queued),
        Enqueued::Joined(_, status) => (true, StatusCode::OK, status),
    };
    let retried = Retried {
        id: enqueued.id(),
        status,
        joined,
        retry_of: old,
    };
    let reply = warp::reply::with_status(warp::reply::json(&retried), code);
    let mut response = not_stored(reply.into_response());
    let location = builds::url(enqueued.id());
    let location = HeaderValue::from_str(&location).map_err(Problem::broken)?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// The same for whoever has shown to be an operator: the build that is there now, and the one that it stands for.
pub(crate) async fn retry_by(
    state: &State,
    id: &str,
    asker: Asker,
    who: &str,
) -> Result<(Enqueued, JobId), Problem> {
    let old = builds::find(state, builds::parse_id(id)?).await?;
    if !old.status.is_final() {
        return Err(conflict(format!(
            "this build has not ended; it is {}",
            old.status
        )));
    }
    let Some(wish) = jobs::wish(&state.store, old.id).await? else {
        return Err(Problem::new(
            StatusCode::GONE,
            "this build's layout is kept no longer, so that it has to be sent again",
        ));
    };
    state.room.refuse_when_full().await?;
    // A stored layout is JSON, as the table sees to it.
    let config: Value = serde_json::from_str(&wish.config).map_err(Problem::broken)?;
    let request = json!({ "config": config, "env": wish.version }).to_string();
    let body = Bytes::from(request);
    let build = plan(state, asker, body, UnknownVersion::IsRefused).await?;
    let enqueued = jobs::retry(&state.store, build, old.id, who).await?;
    let joined = matches!(enqueued, Enqueued::Joined(..));
    tracing::info!(job.id = %enqueued.id(), retry_of = %old.id, who, joined, "Retried by an operator");
    Ok((enqueued, old.id))
}

/// Lets no worker take a build.
pub(crate) async fn pause(state: State, asker: Asker, headers: HeaderMap) -> Answer {
    let Operator(who) = operator(&state, &asker, &headers)?;
    queue(true, switch_queue(&state, true, &who).await?)
}

/// Lets workers take builds again.
pub(crate) async fn resume(state: State, asker: Asker, headers: HeaderMap) -> Answer {
    let Operator(who) = operator(&state, &asker, &headers)?;
    queue(false, switch_queue(&state, false, &who).await?)
}

/// Pauses the queue or lets it go on, for whoever has shown to be an operator.
pub(crate) async fn switch_queue(
    state: &State,
    pause: bool,
    who: &str,
) -> Result<Switched, Problem> {
    let (switched, what) = if pause {
        let switched = control::pause(&state.store, who).await?;
        (switched, "The queue was paused")
    } else {
        let switched = control::resume(&state.store, who).await?;
        (switched, "The queue goes on")
    };
    tell(switched, what, who);
    Ok(switched)
}

fn queue(paused: bool, switched: Switched) -> Answer {
    let changed = switched == Switched::Done;
    Ok(said(&Paused { paused, changed }))
}

/// Lets a worker take no new build.
pub(crate) async fn drain(state: State, id: String, asker: Asker, headers: HeaderMap) -> Answer {
    let Operator(who) = operator(&state, &asker, &headers)?;
    let switched = switch_worker(&state, &id, true, &who).await?;
    Ok(worker(&id, true, switched))
}

/// Lets a worker take builds again.
pub(crate) async fn undrain(state: State, id: String, asker: Asker, headers: HeaderMap) -> Answer {
    let Operator(who) = operator(&state, &asker, &headers)?;
    let switched = switch_worker(&state, &id, false, &who).await?;
    Ok(worker(&id, false, switched))
}

/// Lets a worker drain or take builds again, for whoever has shown to be an operator.
pub(crate) async fn switch_worker(
    state: &State,
    id: &str,
    drain: bool,
    who: &str,
) -> Result<Switched, Problem> {
    let (switched, what) = if drain {
        let switched = control::drain(&state.store, id, who).await?;
        (switched, "A worker drains")
    } else {
        let switched = control::undrain(&state.store, id, who).await?;
        (switched, "A worker may take builds again")
    };
    if switched == Switched::NoSuchWorker {
        return Err(Problem::not_found(
            "there is no worker with this id; /v1/workers lists them",
        ));
    }
    tell(switched, what, who);
    Ok(switched)
}

fn worker(id: &str, draining: bool, switched: Switched) -> Response {
    said(&Draining {
        id: id.to_owned(),
        draining,
        changed: switched == Switched::Done,
    })
}

fn tell(switched: Switched, what: &str, who: &str) {
    if switched == Switched::Done {
        tracing::info!(who, "{what}");
    }
}

fn said(what: &impl Serialize) -> Response {
    not_stored(warp::reply::json(what).into_response())
}

fn conflict(detail: String) -> Problem {
    Problem::new(StatusCode::CONFLICT, detail)
}
