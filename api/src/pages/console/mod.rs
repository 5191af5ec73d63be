//! The operators' pages, below `/queue`: what the queue does, each build, and the forms that change them.
//!
//! - `session`: who is signed in, and which forms are theirs; `sign_in`: how one begins and ends.
//! - `look`: one look at the table for all who watch. `queue`, `plots` and `build` show it.
//! - `act`: what forms do. The verbs are those of the operators' routes in `handlers`.

pub(crate) mod act;
pub(crate) mod build;
pub(crate) mod look;
mod plot;
pub(crate) mod plots;
pub(crate) mod queue;
mod session;
pub(crate) mod sign_in;
mod words;

use askama::Template;
use shared::settings::OperatorToken;
use warp::http::{HeaderMap, StatusCode};

use self::session::Session;
use super::page;
use crate::{
    client::Asker,
    error::{Answer, Problem},
    handlers::builds::not_stored,
    state::State,
};

/// A request for one of these pages.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    /// From whom, for wrong tokens are counted.
    pub(crate) asker: Asker,
    /// With the cookie, and where it is from.
    pub(crate) headers: HeaderMap,
    /// Whether the cookie may be bound to TLS.
    pub(crate) over_tls: bool,
}

/// The operators' token.
fn token(state: &State) -> Result<&OperatorToken, Problem> {
    state.settings.operator.as_ref().ok_or_else(|| {
        Problem::new(
            StatusCode::FORBIDDEN,
            "This service has no operators: set KIISRV_OPERATOR_TOKEN where the API runs, and start it again.",
        )
    })
}

/// Who is signed in, if somebody is.
fn session(state: &State, visit: &Visit) -> Result<Option<Session>, Problem> {
    Ok(Session::in_request(token(state)?, &visit.headers))
}

/// A page that holds a session's secrets, and stays in no cache.
fn private(template: &impl Template) -> Answer {
    page(template).map(not_stored)
}
