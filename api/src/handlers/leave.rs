//! Leaving a build: whoever asked for it says that it is wanted no more.

use headers::{Authorization, HeaderMapExt, authorization::Bearer};
use shared::store::jobs::{self, LeaveToken, Left};
use warp::http::{HeaderMap, StatusCode};

use super::builds;
use crate::{
    error::{Answer, Problem},
    state::State,
};

/// Lets a submitter leave, and shows the build as it is then: the last to leave has cancelled it. It may also have
/// ended just before, which is no fault of whoever leaves.
pub(crate) async fn leave_build(state: State, id: String, headers: HeaderMap) -> Answer {
    let id = builds::parse_id(&id)?;
    let token = bearer(&headers).ok_or_else(|| {
        Problem::unauthorized("to leave a build, show its `leave_token`: Authorization: Bearer …")
    })?;
    match jobs::leave(&state.store, id, &token).await? {
        Left::AndCancelled => {
            tracing::info!(job.id = %id, "Cancelled, as all who asked for it have left");
        }
        Left::Yes => {}
        Left::UnknownToken => {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "this is no `leave_token` of this build",
            ));
        }
        Left::NoSuchBuild => return Err(builds::no_such_build()),
    }
    builds::shown(&state, &builds::find(&state, id).await?, None).await
}

/// The token of `Authorization: Bearer …`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<LeaveToken> {
    let authorization = headers.typed_get::<Authorization<Bearer>>()?;
    Some(LeaveToken::presented(authorization.token()))
}
