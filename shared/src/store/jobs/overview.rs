//! Many builds at a glance: how many there are, and those that an operator looks for. No look goes through more than
//! [`MOST`] rows of a kind, however many the table has.

use rusqlite::{Connection, Row, params};

use super::{
    super::{Result, Store, now},
    show::{id_from, other_build, status_from},
};
use crate::job::{JobId, Reason, Status};

/// Rows of a kind that are gone through for one answer. What lies further back is found by going on from there.
pub const MOST: usize = 20_000;

/// Ended builds are counted when they were asked for within this time: a day, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// A build as a line of a list. Times are milliseconds since 1970, UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: JobId,
    /// Where it is.
    pub status: Status,
    /// Its place among those that wait; none for one that waits for a later time, and for a comparison.
    pub position: Option<u64>,
    /// Why it ended without firmware.
    pub reason: Option<Reason>,
    /// The board's name.
    pub keyboard: String,
    /// The layout's name.
    pub layout: String,
    /// The channel or version, as asked.
    pub version: String,
    /// The controller's name.
    pub controller: String,
    /// Who asked first: a keyed hash.
    pub client: String,
    /// The worker that holds it.
    pub worker: Option<String>,
    /// Containers started for it.
    pub attempts: u32,
    /// The build that this one is held against, where it is a comparison and nobody asked for it.
    pub compares: Option<JobId>,
    /// The comparison by which its firmware may be wrong.
    pub doubted_by: Option<JobId>,
    /// When it was asked for.
    pub created_at: i64,
    /// When a worker took it.
    pub started_at: Option<i64>,
    /// When it ended.
    pub finished_at: Option<i64>,
}

/// Which builds are wanted. Everything that is left out fits.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In this status.
    pub status: Option<Status>,
    /// Of this keyboard, in whatever case.
    pub keyboard: Option<String>,
    /// Asked for first by this client: a keyed hash, see [`Store::client`].
    pub client: Option<String>,
    /// With this text at an end of the id, of the client or of the worker, or anywhere in `keyboard-layout`, version or
    /// controller.
    pub text: Option<String>,
    /// Ended ones that were asked for before this one.
    pub before: Option<JobId>,
    /// So many of each kind.
    pub limit: usize,
}

/// The queue at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// How many builds are in each status, comparisons apart. Ended ones count when they were asked for since [`Overview::since`].
    pub counts: Vec<(Status, u64)>,
    /// A day ago.
    pub since: i64,
    /// When the build that has waited longest was asked for.
    pub oldest_waiting: Option<i64>,
    /// Since when no worker takes a build.
    pub paused_at: Option<i64>,
    /// In the order in which they will be taken.
    pub waiting: Vec<Summary>,
    /// Newest first.
    pub running: Vec<Summary>,
    /// Those that have ended, newest first.
    pub recent: Vec<Summary>,
    /// Where to go on for further ended ones; none where there are no more.
    pub next: Option<JobId>,
}

/// Looks at the queue.
///
/// # Errors
/// When the table cannot be read.
pub async fn overview(store: &Store, filter: Filter) -> Result<Overview> {
    store.read(move |table| look(table, &filter)).await
}

/// One build as a line, without its place.
///
/// # Errors
/// When the table cannot be read.
pub async fn summary(store: &Store, id: JobId) -> Result<Option<Summary>> {
    store
        .read(move |table| {
            table
                .prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1"))?
                .query_and_then([id.to_string()], summary_from)?
                .next()
                .transpose()
        })
        .await
}

const COLUMNS: &str =
    "id, status, reason, keyboard, layout, version, controller, client, lease_owner, attempts,
                       created_at, started_at, finished_at, compares, doubted_by";

fn look(table: &Connection, filter: &Filter) -> Result<Overview> {
    // One moment for all of it, so that no build is in two lists or in none.
    let table = &table.unchecked_transaction()?;
    let since = now() - DAY;
    let mut found = Overview {
        counts: counts(table, since)?,
        since,
        ..Overview::default()
    };
    (found.oldest_waiting, found.paused_at) = table
        .prepare_cached(
            "SELECT (SELECT min(created_at) FROM jobs WHERE status = 'queued' AND compares IS NULL), paused_at FROM service",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let wanted = |status: Status| filter.status.is_none_or(|wanted| wanted == status);
    if wanted(Status::Queued) {
        found.waiting = waiting(table, filter)?;
    }
    if wanted(Status::Running) {
        found.running = running(table, filter)?;
    }
    if filter.status.is_none_or(Status::is_final) {
        (found.recent, found.next) = ended(table, filter)?;
    }
    Ok(found)
}

fn counts(table: &Connection, since: i64) -> Result<Vec<(Status, u64)>> {
    // Ids begin with the time, so that a range of them is a range of time, and needs no index of its own.
    let first = format!("{:012x}", since.max(0));
    let first = format!("{}-{}", &first[..8], &first[8..]);
    let ended = table
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE status = 'succeeded'), count(*) FILTER (WHERE status = 'failed'),
                    count(*) FILTER (WHERE status = 'cancelled')
             FROM jobs WHERE id >= ?1 AND finished_at IS NOT NULL AND compares IS NULL",
        )?
        .query_row([first], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?;
    let open: [u64; 2] = table
        .prepare_cached(
            "SELECT waiting, (SELECT count(*) FROM jobs WHERE status = 'running' AND compares IS NULL) FROM service",
        )?
        .query_row([], |row| Ok([row.get(0)?, row.get(1)?]))?;
    let all = [
        Status::Queued,
        Status::Running,
        Status::Succeeded,
        Status::Failed,
        Status::Cancelled,
    ];
    Ok(all.into_iter().zip(open.into_iter().chain(ended)).collect())
}

fn waiting(table: &Connection, filter: &Filter) -> Result<Vec<Summary>> {
    let next = format!(
        "SELECT {COLUMNS} FROM jobs WHERE status = 'queued' AND due_at IS NULL ORDER BY priority, turn, id LIMIT ?1"
    );
    let mut builds = Vec::new();
    for (build, position) in table
        .prepare_cached(&next)?
        .query_and_then([MOST], summary_from)?
        .zip(1..)
    {
        let build = build?;
        if filter.fits(&build) {
            builds.push(Summary {
                position: build.compares.is_none().then_some(position),
                ..build
            });
        }
        if builds.len() == filter.limit {
            return Ok(builds);
        }
    }
    let later =
        format!("SELECT {COLUMNS} FROM jobs WHERE due_at IS NOT NULL ORDER BY due_at LIMIT ?1");
    let later = chosen(table, &later, filter)?;
    builds.extend(later);
    builds.truncate(filter.limit);
    Ok(builds)
}

fn running(table: &Connection, filter: &Filter) -> Result<Vec<Summary>> {
    let running = format!(
        "SELECT {COLUMNS} FROM jobs WHERE status = 'running' ORDER BY started_at DESC LIMIT ?1"
    );
    chosen(table, &running, filter)
}

fn chosen(table: &Connection, sql: &str, filter: &Filter) -> Result<Vec<Summary>> {
    table
        .prepare_cached(sql)?
        .query_and_then([MOST], summary_from)?
        .filter(|build| build.as_ref().map_or(true, |build| filter.fits(build)))
        .take(filter.limit)
        .collect()
}

/// Ended builds, and where to go on.
fn ended(table: &Connection, filter: &Filter) -> Result<(Vec<Summary>, Option<JobId>)> {
    let newest = format!(
        "SELECT {COLUMNS} FROM jobs WHERE id < ?1 AND finished_at IS NOT NULL ORDER BY id DESC LIMIT ?2"
    );
    // No id begins with a letter behind f.
    let before = filter
        .before
        .map_or_else(|| "g".to_owned(), |id| id.to_string());
    let mut statement = table.prepare_cached(&newest)?;
    let mut builds = Vec::new();
    let mut seen = 0;
    let mut last = None;
    for build in statement.query_and_then(params![before, MOST], summary_from)? {
        let build = build?;
        seen += 1;
        last = Some(build.id);
        if filter.fits(&build) {
            builds.push(build);
        }
        if builds.len() == filter.limit {
            return Ok((builds, last));
        }
    }
    Ok((builds, last.filter(|_| seen == MOST)))
}

impl Filter {
    fn fits(&self, build: &Summary) -> bool {
        let (keyboard, client) = (self.keyboard.as_deref(), self.client.as_deref());
        self.status.is_none_or(|status| status == build.status)
            && client.is_none_or(|client| client == build.client)
            && keyboard.is_none_or(|name| name.eq_ignore_ascii_case(&build.keyboard))
            && self.text.as_deref().is_none_or(|text| has(build, text))
    }
}

fn has(build: &Summary, text: &str) -> bool {
    let text = text.to_lowercase();
    let at_an_end = |name: &str| name.starts_with(&text) || name.ends_with(&text);
    let somewhere = |name: &str| name.to_lowercase().contains(&text);
    at_an_end(&build.id.to_string())
        || at_an_end(&build.client)
        || build.worker.as_deref().is_some_and(at_an_end)
        || somewhere(&format!("{}-{}", build.keyboard, build.layout))
        || somewhere(&build.version)
        || somewhere(&build.controller)
}

fn summary_from(row: &Row<'_>) -> Result<Summary> {
    let reason: Option<String> = row.get("reason")?;
    Ok(Summary {
        id: id_from(&row.get::<_, String>("id")?)?,
        status: status_from(row.get("status")?)?,
        position: None,
        // One that this program does not know was written by a newer one, and is no reason to show nothing.
        reason: reason.and_then(|word| Reason::from_word(&word)),
        keyboard: row.get("keyboard")?,
        layout: row.get("layout")?,
        version: row.get("version")?,
        controller: row.get("controller")?,
        client: row.get("client")?,
        worker: row.get("lease_owner")?,
        attempts: row.get("attempts")?,
        compares: other_build(row, "compares")?,
        doubted_by: other_build(row, "doubted_by")?,
        created_at: row.get("created_at")?,
        started_at: row.get("started_at")?,
        finished_at: row.get("finished_at")?,
    })
}
