//! Leaving a build by its page. The secret for it is in a cookie that no script can read and that goes to this build's
//! page alone, so that whoever else has the address cannot leave in somebody's place.

use headers::{Cookie, HeaderMapExt};
use shared::{
    job::JobId,
    store::jobs::{self, LeaveToken, Left},
};
use warp::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    reply::Response,
};

use super::ask::to;
use crate::{
    error::{Answer, Problem},
    handlers::builds::{no_such_build, parse_id},
    state::State,
};

/// How the cookies' names begin. Each asking has one of its own: who asks twice holds the build twice.
const PREFIX: &str = "leave-";

/// Who asks more often for the same build leaves it with these.
const MOST: usize = 16;

/// Nothing waits longer.
const KEPT: &str = "Max-Age=86400";

/// The cookie for a build, as it is set.
pub(super) fn cookie(id: JobId, token: &str, over_tls: bool) -> String {
    let own = token.get(..8).unwrap_or(token);
    format!("{PREFIX}{own}={token}; {KEPT}; {}", bounds(id, over_tls))
}

/// To this build's pages, by no script, and not with a form of another site's. A cookie that came in the clear could
/// not be kept from the clear.
fn bounds(id: JobId, over_tls: bool) -> String {
    let secure = if over_tls { "; Secure" } else { "" };
    format!("Path=/builds/{id}; HttpOnly; SameSite=Lax{secure}")
}

/// With what this browser may leave the build whose page it asks for.
pub(super) fn held(request: &HeaderMap) -> Vec<(String, String)> {
    let cookies = request.typed_get::<Cookie>();
    let all = cookies.iter().flat_map(Cookie::iter);
    all.filter(|(name, _)| name.starts_with(PREFIX))
        .take(MOST)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Whether this browser asked for the build whose page it looks at.
pub(super) fn may_leave(request: &HeaderMap) -> bool {
    !held(request).is_empty()
}

/// `POST /builds/{id}/leave`
pub(crate) async fn leave(state: State, id: String, request: HeaderMap, over_tls: bool) -> Answer {
    let id = parse_id(&id)?;
    let held = held(&request);
    let mut has_left = false;
    for (_, token) in &held {
        match jobs::leave(&state.store, id, &LeaveToken::presented(token)).await? {
            Left::AndCancelled => {
                tracing::info!(job.id = %id, "Cancelled, as all who asked for it have left");
                has_left = true;
            }
            Left::Yes => has_left = true,
            Left::UnknownToken => {}
            Left::NoSuchBuild => return Err(no_such_build()),
        }
    }
    if !has_left {
        return Err(only_who_asked("leave it"));
    }
    give_up(to(&format!("/builds/{id}?left"))?, held, id, over_tls)
}

/// Somebody else has this page too.
pub(super) fn only_who_asked(what: &str) -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        format!("Only the browser that asked for this build can {what}."),
    )
}

/// Takes back from the browser what it has used.
pub(super) fn give_up(
    mut response: Response,
    held: Vec<(String, String)>,
    id: JobId,
    over_tls: bool,
) -> Answer {
    for (name, _) in held {
        let gone = format!("{name}=; Max-Age=0; {}", bounds(id, over_tls));
        let gone = HeaderValue::from_str(&gone).map_err(Problem::broken)?;
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    Ok(response)
}
