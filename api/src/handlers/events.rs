//! `GET /v1/builds/{id}/events`: a build as it goes, as server-sent events. `docs/events.md` says what they are.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use warp::{
    Reply,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    reply::Response,
    sse,
};

use super::builds;
use crate::{client::Asker, error::Answer, log_reader::Mark, state::State, watcher::Watcher};

/// Between two signs of life where nothing happens. Proxies give up after a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Tells of a build until it has ended.
pub(crate) async fn events(
    state: State,
    id: String,
    asker: Asker,
    method: Method,
    request: HeaderMap,
) -> Answer {
    let seen = state.feeds.watch(&state, builds::parse_id(&id)?).await?;
    let known = Known::from_headers(&request);
    let build = Arc::clone(&seen.borrow().build);
    if known.is_all && build.status.is_final() && known.mark.epoch == build.epoch {
        // A browser asks again after every end, until it is told this.
        return Ok(builds::not_stored(StatusCode::NO_CONTENT.into_response()));
    }
    if method == Method::HEAD {
        return Ok(as_events(Response::default()));
    }
    let held = builds::hold(&state, &asker)?;
    let watcher = Watcher::new(state, seen, known.mark, held);
    let alive = sse::keep_alive().interval(KEEP_ALIVE);
    Ok(as_events(
        sse::reply(alive.stream(watcher.events())).into_response(),
    ))
}

fn as_events(response: Response) -> Response {
    let mut response = builds::not_stored(response);
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/event-stream");
    headers.insert(header::CONTENT_TYPE, kind);
    // A proxy that gathers answers, as nginx does, passes these on at once.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    headers.insert(unbuffered, HeaderValue::from_static("no"));
    response
}

/// What a client has already, by `Last-Event-ID`: `<epoch>-<offset>`, and `-end` after the last event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// As much of the log.
    pub(crate) mark: Mark,
    /// Everything: the build has ended.
    pub(crate) is_all: bool,
}

impl Known {
    /// What is no id of ours is none, so that its sender gets everything.
    pub(crate) fn from_headers(request: &HeaderMap) -> Self {
        let id = request.get("last-event-id");
        id.and_then(|id| id.to_str().ok()?.parse().ok())
            .unwrap_or_default()
    }
}

impl FromStr for Known {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let (mark, is_all) = match text.strip_suffix("-end") {
            Some(mark) => (mark, true),
            None => (text, false),
        };
        let (epoch, offset) = mark.split_once('-').ok_or(NoId)?;
        let mark = Mark {
            epoch: epoch.parse().map_err(|_| NoId)?,
            offset: offset.parse().map_err(|_| NoId)?,
        };
        Ok(Self { mark, is_all })
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.is_all { "-end" } else { "" };
        write!(f, "{}-{}{end}", self.mark.epoch, self.mark.offset)
    }
}

/// It is no id of ours.
#[derive(Debug)]
pub(crate) struct NoId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_what_is_known() {
        for id in ["1-0", "3-4096", "4294967295-18446744073709551615-end"] {
            assert_eq!(id.parse::<Known>().unwrap().to_string(), id);
        }
        for no_id in ["", "-end", "1", "1-", "-1-2", "1-2-3", "1-x", "1-2-END"] {
            assert!(no_id.parse::<Known>().is_err(), "{no_id}");
        }
    }
}
