//! Having erased what is kept: of one build by who asked for it, of a build or of a client by operators.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use shared::{
    job::{JobId, Status},
    store::{
        forgetting::{self, Forgotten},
        requests::client_name,
    },
};
use utoipa::ToSchema;
use warp::{
    Reply,
    http::{HeaderMap, StatusCode},
};

use super::{
    builds::{self, not_stored},
    leave::bearer,
};
use crate::{
    body::Incoming,
    client::Asker,
    error::{Answer, Problem},
    operator::{Operator, operator},
    state::State,
};

/// Erases a build for who shows the token of its own answer, unless others have it too.
pub(crate) async fn forget_build(state: State, id: String, headers: HeaderMap) -> Answer {
    let id = builds::parse_id(&id)?;
    let token = bearer(&headers).ok_or_else(|| {
        Problem::unauthorized(
            "to have a build erased, show its `leave_token`: Authorization: Bearer …",
        )
    })?;
    let forgotten = forgetting::forget(&state.store, &state.library, id, &token).await?;
    said(forgotten)?;
    tracing::info!(job.id = %id, "Erased, as who asked for it wished");
    Ok(not_stored(
        warp::reply::json(&OfBuild::erased(id)).into_response(),
    ))
}

/// Why a build was not erased.
pub(crate) fn said(forgotten: Forgotten) -> Result<(), Problem> {
    let conflict = |why: &str| Problem::new(StatusCode::CONFLICT, why);
    match forgotten {
        Forgotten::Yes => Ok(()),
        Forgotten::NotEnded(Status::Queued | Status::Running) => Err(conflict(
            "this build has not ended: leave it first, or wait for its end",
        )),
        Forgotten::NotEnded(status) => Err(conflict(&format!("this build is {status}"))),
        Forgotten::OthersHaveIt => Err(conflict(
            "others asked for the same build, so that it stays until it is kept no longer; an operator can erase it",
        )),
        Forgotten::UnknownToken => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "this is no `leave_token` of this build",
        )),
        Forgotten::NoSuchBuild => Err(builds::no_such_build()),
    }
}

/// What an operator wants to be erased. It is in the body, as addresses in a path stand in the logs of proxies.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum What {
    /// One build.
    Build(String),
    /// All of one client.
    Address(String),
}

/// What was erased.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Erased {
    /// One build.
    Build(OfBuild),
    /// What was a client's.
    Client {
        /// Builds that are gone.
        erased: u64,
        /// Builds that others asked for too. They stay, and say no more that this client did.
        shared: u64,
        /// Builds that have not ended.
        unfinished: u64,
    },
}

/// A build that is gone.
#[derive(Serialize, ToSchema)]
#[schema(as = ForgottenBuild)]
pub(crate) struct OfBuild {
    #[schema(value_type = String, format = "uuid")]
    id: JobId,
    forgotten: bool,
}

impl OfBuild {
    const fn erased(id: JobId) -> Self {
        Self {
            id,
            forgotten: true,
        }
    }
}

/// Erases a build, or what is kept of a client.
pub(crate) async fn forget(
    state: State,
    asker: Asker,
    headers: HeaderMap,
    incoming: Incoming,
) -> Answer {
    let Operator(who) = operator(&state, &asker, &headers)?;
    let body = state.bodies.read(incoming).await?;
    let what: What = serde_json::from_slice(&body.bytes).map_err(|_| {
        Problem::bad_request("the body is {\"build\": \"<id>\"} or {\"address\": \"<address>\"}")
    })?;
    let answer = match what {
        What::Build(id) => {
            let id = builds::parse_id(&id)?;
            said(forgetting::forget_by(&state.store, &state.library, id, &who).await?)?;
            tracing::info!(job.id = %id, who, "Erased by an operator");
            Erased::Build(OfBuild::erased(id))
        }
        What::Address(address) => {
            let client = state.store.client(&client_name(parse(&address)?));
            let done =
                forgetting::forget_client(&state.store, &state.library, &client, &who).await?;
            let (erased, shared, unfinished) = (done.erased, done.shared, done.unfinished);
            tracing::info!(who, erased, shared, "A client was erased by an operator");
            Erased::Client {
                erased,
                shared,
                unfinished,
            }
        }
    };
    Ok(not_stored(warp::reply::json(&answer).into_response()))
}

/// An address, or a network as we name the clients of IPv6.
fn parse(address: &str) -> Result<IpAddr, Problem> {
    let address = address.trim();
    address
        .strip_suffix("/64")
        .unwrap_or(address)
        .parse()
        .map_err(|_| Problem::bad_request("`address` is an IP address"))
}
