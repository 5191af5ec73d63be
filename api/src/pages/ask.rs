//! Asking for a build by the page's form: the same way in as for programs, and then to the build's own page.

use bytes::Bytes;
use shared::store::jobs::Hold;
use warp::{
    Reply,
    http::{HeaderMap, HeaderValue, StatusCode, header},
};

use super::{form, form::Form, home, leave};
use crate::{
    body::Incoming,
    client::Asker,
    error::{Answer, Problem},
    state::State,
    submit::{UnknownVersion, submit},
};

/// `POST /builds`
pub(crate) async fn ask(
    state: State,
    asker: Asker,
    request: HeaderMap,
    over_tls: bool,
    incoming: Incoming,
) -> Answer {
    let form = Form::read(&state, &request, incoming).await?;
    let layout = match form.layout_text(&state).await {
        Ok(layout) => layout,
        Err(problem) => return home::again(&state, &form, Bytes::new(), Some(&problem)).await,
    };
    match asked(&state, asker, layout.clone(), &form.version, over_tls).await {
        Ok(response) => Ok(response),
        Err(problem) => home::again(&state, &form, layout, Some(&problem)).await,
    }
}

async fn asked(
    state: &State,
    asker: Asker,
    layout: Bytes,
    version: &str,
    over_tls: bool,
) -> Answer {
    let submitted = submit(
        state,
        asker,
        form::as_request(layout, version),
        UnknownVersion::IsRefused,
        Hold::UntilItLeaves,
    )
    .await?;
    let id = submitted.enqueued.id();
    let mut response = to(&format!("/builds/{id}"))?;
    if let Some(token) = &submitted.token {
        let cookie = leave::cookie(id, token.as_str(), over_tls);
        let cookie = HeaderValue::from_str(&cookie).map_err(Problem::broken)?;
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Leads to another page, by a `GET`.
pub(super) fn to(path: &str) -> Answer {
    let mut response = super::for_own_origin(StatusCode::SEE_OTHER.into_response());
    let path = HeaderValue::from_str(path).map_err(Problem::broken)?;
    response.headers_mut().insert(header::LOCATION, path);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
