//! A problem as a page: what happened, in a sentence, and what to do next.

use askama::Template;
use warp::{
    http::{HeaderMap, StatusCode, header},
    reply::{Reply, Response},
};

use super::{OwnOrigin, page};
use crate::error::{Answer, Problem};

/// Where programs ask: their errors stay what they are, whoever looks.
const OF_PROGRAMS: [&str; 10] = [
    "v1",
    "tmp",
    "layouts",
    "download.php",
    "versions",
    "stats",
    "healthz",
    "readyz",
    "metrics",
    "openapi.json",
];

#[derive(Template)]
#[template(path = "refusal.html")]
struct Refusal {
    title: String,
    lines: Vec<String>,
    advice: &'static str,
}

/// What a page's handler answers, with its problem as a page.
pub(crate) fn shown(answer: Answer) -> Response {
    answer.unwrap_or_else(|problem| {
        let status = problem.status();
        let refusal = Refusal {
            title: title(status),
            lines: sentences(&problem),
            advice: advice(status),
        };
        match page(&refusal) {
            Ok(page) => problem.heading(page),
            Err(broken) => broken.into_response(),
        }
    })
}

/// The page in the place of a refusal, where a browser asked for one and the path is no program's.
pub(crate) fn in_place_of(refused: Response, path: &str, request: &HeaderMap) -> Response {
    let status = refused.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_page = refused.extensions().get::<OwnOrigin>().is_some();
    let first = path.split('/').nth(1).unwrap_or_default();
    let accepts = request.get(header::ACCEPT);
    let looks = accepts.is_some_and(|kinds| kinds.as_bytes().starts_with(b"text/html"));
    if !is_error || is_page || !looks || OF_PROGRAMS.contains(&first) {
        return refused;
    }
    let detail = match status {
        StatusCode::METHOD_NOT_ALLOWED => "This address is for sending something, not for a look.",
        _ => "There is nothing at this address.",
    };
    shown(Err(Problem::new(status, detail)))
}

fn title(status: StatusCode) -> String {
    let title = match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => "Not here",
        StatusCode::TOO_MANY_REQUESTS => "Too much at once",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "Not yours",
        status if status.is_server_error() => "Not now",
        _ => "This does not work",
    };
    title.to_owned()
}

/// What a problem says, as sentences: programs are told phrases.
pub(super) fn sentences(problem: &Problem) -> Vec<String> {
    let sentence = |line: &str| {
        let mut letters = line.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        let end = if line.ends_with(['.', ':', '!', '?']) {
            ""
        } else {
            "."
        };
        format!("{}{}{end}", first.unwrap_or_default(), letters.as_str())
    };
    problem.detail().lines().map(sentence).collect()
}

/// What to do next.
pub(crate) fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => {
            "Perhaps the address was cut short when it was copied, or what was here is kept no longer."
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            "Nothing is wrong with what you sent. Wait a little and try again."
        }
        StatusCode::INSUFFICIENT_STORAGE | StatusCode::INTERNAL_SERVER_ERROR => {
            "This is a fault of the service and not yours. Try again later; whoever runs it can see what happened."
        }
        _ => "",
    }
}
