//! A build's page: where it is, its log, what came of it. What is shown is what the row says at this moment; the
//! script then brings in what changes, and without it the page comes again by itself.

use askama::Template;
use jiff::Timestamp;
use shared::{
    flash::Flash,
    job::{Reason, Status},
    store::{
        jobs::{self, Build},
        queue_order,
    },
};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use warp::http::HeaderMap;

use super::{
    keyboard::{self as picture, Keyboard, Trouble},
    leave, page, words,
};
use crate::{
    error::{Answer, Problem},
    feed::log_of,
    files,
    handlers::{
        artifacts,
        builds::{doubt, find, flash_of, not_stored, parse_id},
    },
    state::State,
};

/// As much of a log's end stands in the page; all of it is behind a link.
const LOG_SHOWN: u64 = 48 * 1024;

#[derive(Template)]
#[template(path = "build.html")]
struct Page<'a> {
    build: &'a Build,
    status: &'static str,
    heading: &'static str,
    place: String,
    steps: [Step; 3],
    ending: &'static str,
    detail: &'a str,
    doubt: &'static str,
    zip: Option<Zip>,
    flash: Option<Flash>,
    may_leave: bool,
    may_forget: bool,
    has_left: bool,
    may_change: bool,
    log: String,
    log_is_cut: bool,
    keyboard: Keyboard,
}

impl Page<'_> {
    fn is_final(&self) -> bool {
        self.build.status.is_final()
    }
}

/// One of the things that happen to a build.
struct Step {
    name: &'static str,
    /// `done`, `now`, `later`.
    state: &'static str,
    about: String,
}

/// What can be had.
struct Zip {
    name: String,
    size: String,
    sha256: String,
    is_firmware: bool,
}

/// `GET /builds/{id}`
pub(crate) async fn build(state: State, id: String, request: HeaderMap, query: String) -> Answer {
    let id = parse_id(&id)?;
    let build = find(&state, id).await?;
    let (log, log_is_cut) = end_of_log(&state, &build).await?;
    let place = match build.status {
        Status::Queued => words::place(queue_order::place(&state.store, id).await?),
        _ => String::new(),
    };
    let keyboard = keyboard(&state, &build).await?;
    let is_final = build.status.is_final();
    let shown = Page {
        status: build.status.as_str(),
        heading: words::heading(&build),
        place,
        steps: steps(&build),
        ending: build.reason.map(words::ending).unwrap_or_default(),
        detail: build.detail.as_deref().unwrap_or_default(),
        doubt: doubt(&build).unwrap_or_default(),
        zip: zip(&build),
        flash: flash_of(&build),
        may_leave: !is_final && leave::may_leave(&request),
        may_forget: is_final && leave::may_leave(&request),
        has_left: !is_final && query.split('&').any(|part| part == "left"),
        may_change: !keyboard.name.is_empty(),
        log,
        log_is_cut,
        keyboard,
        build: &build,
    };
    Ok(not_stored(page(&shown)?))
}

/// The layout with what the compiler complains of; nothing where it is kept no longer.
async fn keyboard(state: &State, build: &Build) -> Result<Keyboard, Problem> {
    let faults: Vec<Trouble> = match build.reason {
        Some(Reason::BuildFailed) => {
            let found = jobs::diagnostics(&state.store, build.id).await?;
            found.into_iter().map(Trouble::from).collect()
        }
        _ => Vec::new(),
    };
    let layout = jobs::wish(&state.store, build.id).await?;
    let layout = layout.map(|wish| wish.config.into()).unwrap_or_default();
    picture::draw(state, layout, faults).await
}

fn steps(build: &Build) -> [Step; 3] {
    let ended = build.finished_at;
    let waited = build.started_at.or(ended);
    let state = |is_done: bool, is_now: bool| match (is_done, is_now) {
        (true, _) => "done",
        (false, true) => "now",
        (false, false) => "later",
    };
    let took = |from: Option<i64>, to: Option<i64>| match (from, to) {
        (Some(from), Some(to)) => words::between(from, to),
        _ => String::new(),
    };
    let has_begun = build.started_at.is_some();
    [
        Step {
            name: "Asked for",
            state: "done",
            about: moment(build.created_at),
        },
        Step {
            name: "Waiting",
            state: state(has_begun || ended.is_some(), true),
            about: took(Some(build.created_at), waited),
        },
        Step {
            name: "Building",
            state: state(has_begun && ended.is_some(), has_begun && ended.is_none()),
            about: took(build.started_at, ended),
        },
    ]
}

fn moment(millis: i64) -> String {
    let time = Timestamp::from_millisecond(millis);
    time.map(|time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
        .unwrap_or_default()
}

fn zip(build: &Build) -> Option<Zip> {
    let artifact = build.artifact.as_ref()?;
    Some(Zip {
        name: artifacts::zip_name(build),
        size: words::size(artifact.bytes),
        sha256: artifact.sha256.clone(),
        is_firmware: build.status == Status::Succeeded,
    })
}

/// The last of what the build said, and whether something came before it. A log that is not there is empty.
async fn end_of_log(state: &State, build: &Build) -> Result<(String, bool), Problem> {
    let path = log_of(build);
    let broken = |error| Problem::broken(format!("reading {}: {error}", path.display()));
    let opened = files::open_below(&state.settings.logs, &path).await;
    let Some((mut file, length)) = opened.map_err(broken)? else {
        return Ok((String::new(), false));
    };
    let from = length.saturating_sub(LOG_SHOWN);
    file.seek(std::io::SeekFrom::Start(from))
        .await
        .map_err(broken)?;
    let mut bytes = Vec::new();
    // It may grow meanwhile.
    let mut end = file.take(LOG_SHOWN);
    end.read_to_end(&mut bytes).await.map_err(broken)?;
    let text = String::from_utf8_lossy(&bytes);
    // A line that was cut says nothing.
    let whole = match text.split_once('\n') {
        Some((_, rest)) if from > 0 => rest,
        _ => &text,
    };
    Ok((readable(whole), from > 0))
}

/// Without what would change how the rest is read. The script does the same to what comes later.
fn readable(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_shown = |&c: &char| matches!(c, '\n' | '\t') || !c.is_control() && !turns(c);
    text.chars().filter(is_shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_lines_and_no_controls() {
        assert_eq!(readable("a\tb\r\n\u{1b}[1m\u{202e}c\u{7f}\0"), "a\tb\n[1mc");
    }
}
