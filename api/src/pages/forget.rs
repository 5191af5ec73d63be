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
    handlers::{builds::parse_id, forget::said},
    state::State,
};

#[derive(Template)]
#[template(path = "forgotten.html")]
struct Page;

/// `POST /builds/{id}/forget`
pub(crate) async fn forget(state: State, id: String, request: HeaderMap) -> Answer {
    let id = parse_id(&id)?;
    let held = held(&request);
    let mut own: Option<LeaveToken> = None;
    for (_, token) in &held {
        let token = LeaveToken::presented(token);
        // It has ended, so that leaving says only that nobody is kept from erasing it by this token.
        let is_of_it = jobs::show(&state.store, id)
            .await?
            .is_some_and(|build| build.status.is_final())
            && jobs::leave(&state.store, id, &token).await? == Left::Yes;
        if is_of_it {
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
    give_up(page(&Page)?, held, id, &request)
}
