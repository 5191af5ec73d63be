//! Having a build erased by its page, with what this browser may leave it with.

use askama::Template;
use shared::store::{
    forgetting::{self, Forgotten},
    jobs::{self, LeaveToken, Left},
};
use warp::http::HeaderMap;

use super::{
    leave::{give_up, held, only_who_asked},
    page,
};
use crate::{
    error::Answer,
    handlers::{
        builds::{find, parse_id},
        forget::said,
    },
    state::State,
};

#[derive(Template)]
#[template(path = "forgotten.html")]
struct Page;

/// `POST /builds/{id}/forget`
pub(crate) async fn forget(state: State, id: String, request: HeaderMap, over_tls: bool) -> Answer {
    let id = parse_id(&id)?;
    let status = find(&state, id).await?.status;
    if !status.is_final() {
        said(Forgotten::NotEnded(status))?;
    }
    let held = held(&request);
    let mut own: Option<LeaveToken> = None;
    for (_, token) in &held {
        let token = LeaveToken::presented(token);
        // Who asked several times is nobody else: it has ended, so that leaving says no more than that this token does
        // not keep another from erasing it.
        if jobs::leave(&state.store, id, &token).await? == Left::Yes {
            own = Some(token);
        }
    }
    let Some(own) = own else {
        return Err(only_who_asked("have it erased"));
    };
    match forgetting::forget(&state.store, &state.library, id, &own).await? {
        Forgotten::UnknownToken => return Err(only_who_asked("have it erased")),
        other => said(other)?,
    }
    tracing::info!(job.id = %id, "Erased, as who asked for it wished");
    give_up(page(&Page)?, held, id, over_tls)
}
