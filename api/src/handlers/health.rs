//! Alive, and able to build.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde::Serialize;
use shared::store::workers;
use tokio::sync::Mutex;
use utoipa::ToSchema;
use warp::{Reply, http::StatusCode, reply::Response};

use super::builds::not_stored;
use crate::state::State;

/// One of the checks writes to the table: that must not be as often as somebody asks.
const FRESH: Duration = Duration::from_secs(1);

/// A table that takes longer than this for one write cannot be built with.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was found last, and when.
#[derive(Default)]
pub(crate) struct Health(Mutex<Option<(Instant, Report)>>);

/// Whether we can build, and what is in the way.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Readiness)]
pub(crate) struct Report {
    /// `ready` or `not ready`.
    status: &'static str,
    /// `disk`, `table` and `workers`.
    checks: BTreeMap<&'static str, Check>,
}

/// One of the things that building needs.
#[derive(Clone, Serialize, ToSchema)]
struct Check {
    ok: bool,
    /// How it is, for people.
    detail: String,
}

/// That the process answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alive {
    /// `ok`.
    status: &'static str,
}

/// The process answers.
pub(crate) fn alive() -> Response {
    not_stored(warp::reply::json(&Alive { status: "ok" }).into_response())
}

/// Whether a build that is asked for now would be built.
pub(crate) async fn ready(state: State) -> Response {
    let report = report(&state).await;
    let status = if report.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let reply = warp::reply::with_status(warp::reply::json(&report), status);
    not_stored(reply.into_response())
}

/// What [`ready`] would say of each check.
pub(crate) async fn checks(state: &State) -> Vec<(&'static str, bool)> {
    let report = report(state).await;
    report
        .checks
        .iter()
        .map(|(name, check)| (*name, check.ok))
        .collect()
}

async fn report(state: &State) -> Report {
    // Whoever asks at the same time waits here for the same look.
    let mut known = state.health.0.lock().await;
    if let Some((looked, report)) = &*known
        && looked.elapsed() < FRESH
    {
        return report.clone();
    }
    let report = Report::of(state).await;
    *known = Some((Instant::now(), report.clone()));
    report
}

impl Report {
    async fn of(state: &State) -> Self {
        let (workers, disk, table) =
            tokio::join!(check_workers(state), state.room.check(), check_table(state));
        let checks = BTreeMap::from([
            ("disk", Check::from(disk.map(|()| "has room".to_owned()))),
            ("table", Check::from(table)),
            ("workers", Check::from(workers)),
        ]);
        let is_ready = checks.values().all(|check| check.ok);
        Self {
            status: if is_ready { "ready" } else { "not ready" },
            checks,
        }
    }

    fn is_ready(&self) -> bool {
        self.checks.values().all(|check| check.ok)
    }
}

impl From<Result<String, String>> for Check {
    fn from(found: Result<String, String>) -> Self {
        Self {
            ok: found.is_ok(),
            detail: found.unwrap_or_else(|why_not| why_not),
        }
    }
}

async fn check_workers(state: &State) -> Result<String, String> {
    let ability = workers::ability(&state.store)
        .await
        .map_err(|error| error.to_string())?;
    let (workers, controllers) = (ability.workers, ability.controllers);
    match (workers, controllers, ability.trouble) {
        (0, _, Some(trouble)) => Err(format!("no worker can build: {trouble}")),
        (0, _, None) => Err("no worker that takes builds has been seen lately".to_owned()),
        (_, 0, _) => Err("no worker has a controller image".to_owned()),
        _ => Ok(format!("workers: {workers}, controllers: {controllers}")),
    }
}

async fn check_table(state: &State) -> Result<String, String> {
    match tokio::time::timeout(PATIENCE, state.store.check_writable()).await {
        Ok(Ok(())) => Ok("can be written".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("a write took more than {} s", PATIENCE.as_secs())),
    }
}
