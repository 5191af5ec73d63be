//! The queue as a page: counts, workers, and what waits, runs and has ended lately.

use askama::Template;
use shared::{
    job::Status,
    keyboard::Keyboard,
    store::{
        jobs::{Filter, Summary},
        workers::Seen,
    },
};

use super::{
    Visit,
    act::Said,
    look::{self, Look, SHOWN},
    plots::{self, Plots},
    private, session,
    session::Session,
    sign_in,
    words::{ago, beginning, now, short, span},
};
use crate::{
    error::{Answer, Problem},
    handlers::queue::{filter, state_of},
    state::State,
};

#[derive(Template)]
#[template(path = "console/queue.html")]
struct Page<'a> {
    who: &'a str,
    said: Option<&'static str>,
    search: Search,
    live: Live<'a>,
    plots: Plots,
}

#[derive(Template)]
#[template(path = "console/live.html")]
struct Fragment<'a> {
    live: Live<'a>,
}

/// What changes while one looks on.
struct Live<'a> {
    csrf: &'a str,
    /// How many builds are in each status, with the status as it is told.
    counts: Vec<(u64, &'static str)>,
    oldest: Option<String>,
    paused: Option<String>,
    workers: Vec<WorkerRow<'a>>,
    lists: Vec<List<'a>>,
    /// Where further ended builds are.
    more: Option<String>,
}

struct WorkerRow<'a> {
    id: &'a str,
    host: &'a str,
    state: &'static str,
    trouble: &'a str,
    busy: u64,
    slots: usize,
    controllers: String,
    seen: String,
    draining: bool,
}

struct List<'a> {
    name: &'static str,
    title: &'static str,
    empty: &'static str,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    id: String,
    short: String,
    build: &'a Summary,
    place: String,
    client: &'a str,
    asked: String,
    took: String,
    /// Why it ended so, or who has it.
    note: String,
    action: &'static str,
}

/// What is looked for, as the form shows it again.
struct Search {
    text: String,
    keyboard: String,
    status: String,
    client: String,
    keyboards: Vec<&'static str>,
    statuses: [Status; 5],
    /// The same as a query; empty where nothing is looked for.
    query: String,
}

/// The page, or the way to it.
pub(crate) async fn queue(state: State, visit: Visit, query: String) -> Answer {
    let Some(session) = session(&state, &visit)? else {
        return sign_in::in_place_of("/queue", None);
    };
    let search = Search::of(&query);
    let (look, plots) = (find(&state, &query).await?, plots::plots(&state).await?);
    let page = Page {
        who: &session.who,
        said: Said::of_query(&query),
        live: Live::of(&look, &session, &search),
        search,
        plots,
    };
    private(&page)
}

/// The part that changes, for whoever looks on.
pub(crate) async fn live(state: State, visit: Visit, query: String) -> Answer {
    let Some(session) = session(&state, &visit)? else {
        return Err(Problem::unauthorized("Your session has ended."));
    };
    let look = find(&state, &query).await?;
    let live = Live::of(&look, &session, &Search::of(&query));
    private(&Fragment { live })
}

/// All who look for nothing in particular share one look.
async fn find(state: &State, query: &str) -> Result<Found, Problem> {
    let wish = Filter {
        limit: SHOWN,
        ..filter(&state.store, query)?
    };
    let is_everything = wish.status.is_none()
        && wish.keyboard.is_none()
        && (wish.client.is_none() && wish.text.is_none() && wish.before.is_none());
    Ok(if is_everything {
        Found::Shared(look::queue(state).await?)
    } else {
        Found::Own(Box::new(look::found(state, wish).await?))
    })
}

/// What was found.
enum Found {
    Shared(std::sync::Arc<Look>),
    Own(Box<Look>),
}

impl std::ops::Deref for Found {
    type Target = Look;

    fn deref(&self) -> &Look {
        match self {
            Self::Shared(look) => look,
            Self::Own(look) => look,
        }
    }
}

impl<'a> Live<'a> {
    fn of(look: &'a Look, session: &'a Session, search: &Search) -> Self {
        let (now, overview) = (now(), &look.overview);
        let list = |name, title, empty, builds: &'a [Summary]| List {
            name,
            title,
            empty,
            rows: builds.iter().map(|build| Row::of(build, now)).collect(),
        };
        Self {
            csrf: &session.csrf,
            counts: overview
                .counts
                .iter()
                .map(|(status, count)| (*count, told(*status)))
                .collect(),
            oldest: overview.oldest_waiting.map(|at| span(now - at)),
            paused: overview.paused_at.map(|at| ago(now, at)),
            workers: look
                .workers
                .iter()
                .map(|seen| WorkerRow::of(seen, now))
                .collect(),
            lists: vec![
                list("waiting", "Waiting", "Nothing waits.", &overview.waiting),
                list("running", "Running", "Nothing runs.", &overview.running),
                list("recent", "Ended", "Nothing has ended.", &overview.recent),
            ],
            more: overview.next.map(|id| search.before(&id.to_string())),
        }
    }
}

/// A status of many builds.
const fn told(status: Status) -> &'static str {
    match status {
        Status::Queued => "waiting",
        Status::Running => "running",
        Status::Succeeded => "succeeded in the last day",
        Status::Failed => "failed in the last day",
        Status::Cancelled => "cancelled in the last day",
    }
}

impl<'a> WorkerRow<'a> {
    fn of(seen: &'a Seen, now: i64) -> Self {
        Self {
            id: &seen.worker.id,
            host: &seen.worker.host,
            state: state_of(seen),
            trouble: seen.trouble.as_deref().unwrap_or_default(),
            busy: seen.busy,
            slots: seen.worker.slots,
            controllers: seen.controllers.join(", "),
            seen: ago(now, seen.seen_at),
            draining: seen.draining,
        }
    }
}

impl<'a> Row<'a> {
    fn of(build: &'a Summary, now: i64) -> Self {
        let id = build.id.to_string();
        let place = match (build.status, build.position) {
            (Status::Queued, None) if build.compares.is_some() => "behind all".to_owned(),
            (Status::Queued, Some(position)) => format!("place {position}"),
            (Status::Queued, None) => "after a pause".to_owned(),
            _ => String::new(),
        };
        let end = build.finished_at.unwrap_or(now);
        Self {
            short: short(&id).to_owned(),
            id,
            place,
            client: beginning(&build.client),
            asked: ago(now, build.created_at),
            took: build
                .started_at
                .map_or_else(String::new, |start| span(end - start)),
            note: note(build),
            action: if build.status.is_final() {
                "retry"
            } else {
                "cancel"
            },
            build,
        }
    }
}

fn note(build: &Summary) -> String {
    let worker = build.worker.as_deref().map(short);
    let compares = build.compares.map(|warm| {
        let warm = warm.to_string();
        format!("compares {}", short(&warm))
    });
    let why = build.reason.map(|why| why.as_str().replace('_', " "));
    let doubt = build.doubted_by.map(|_| "doubtful".to_owned());
    let at = worker.map(|worker| format!("on {worker}"));
    let all = [why, doubt, compares, at].into_iter().flatten();
    all.collect::<Vec<_>>().join(", ")
}

impl Search {
    fn of(query: &str) -> Self {
        let field = |wanted: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            let found = pairs.find(|(name, _)| name == wanted);
            found.map_or_else(String::new, |(_, value)| value.into_owned())
        };
        let mut search = Self {
            text: field("q"),
            keyboard: field("keyboard"),
            status: field("status"),
            client: field("client"),
            keyboards: Keyboard::all()
                .iter()
                .flat_map(|keyboard| keyboard.names().iter().copied())
                .collect(),
            statuses: [
                Status::Queued,
                Status::Running,
                Status::Succeeded,
                Status::Failed,
                Status::Cancelled,
            ],
            query: String::new(),
        };
        search.query = search.with("before", &field("before"));
        search
    }

    /// The same search with one thing more, as a query.
    fn with(&self, name: &str, value: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("q", self.text.as_str()),
            ("keyboard", &self.keyboard),
            ("status", &self.status),
            ("client", &self.client),
            (name, value),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }

    /// The page of what ended before that.
    fn before(&self, id: &str) -> String {
        format!("/queue?{}", self.with("before", id))
    }
}
