//! Everything that is measured, for Prometheus: the table's figures, which all API processes tell alike, and those of
//! this process. Labels come from closed lists; nothing that a client wrote is among them.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use shared::{
    disk,
    store::measures::{self, Measures, Queue, Workers},
};
use tokio::sync::Mutex;
use tracing::warn;
use warp::{
    Reply,
    http::{HeaderValue, header},
    reply::Response,
};

use super::{builds::not_stored, health};
use crate::{
    error::{Answer, Problem},
    exposition::{CONTENT_TYPE, Exposition, Label},
    state::State,
};

/// However many ask, the table is looked at once in this time.
const FRESH: Duration = Duration::from_secs(1);

/// Told from the beginning, also while none has ended so: what appears with its first case is no increase to Prometheus.
const OUTCOMES: [&str; 13] = [
    "succeeded",
    "build_failed",
    "timed_out",
    "out_of_memory",
    "too_many_processes",
    "scratch_full",
    "file_too_large",
    "output_too_large",
    "log_too_large",
    "no_artifact",
    "worker_lost",
    "controller_missing",
    "cancelled",
];
const COMPARISONS: [&str; 3] = ["same", "different", "not_compared"];
const HAPPENINGS: [&str; 8] = [
    "attempt",
    "prepared",
    "handed_over",
    "adopted",
    "given_back",
    "trouble",
    "lost",
    "set_aside",
];

/// What was told last, and when.
#[derive(Default)]
pub(crate) struct Metrics(Mutex<Option<(Instant, String)>>);

/// Tells them to whom they are for.
pub(crate) async fn metrics(state: State, asker: Option<IpAddr>) -> Answer {
    if !state.settings.metrics.includes(asker) {
        return Err(Problem::not_found("there is nothing here"));
    }
    let mut response = fresh(&state).await?.into_response();
    let kind = HeaderValue::from_static(CONTENT_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    let response: Response = not_stored(response);
    Ok(response)
}

async fn fresh(state: &State) -> Result<String, Problem> {
    // Whoever asks at the same time waits here for the same look.
    let mut known = state.metrics.0.lock().await;
    if let Some((looked, text)) = &*known
        && looked.elapsed() < FRESH
    {
        return Ok(text.clone());
    }
    let text = text(state).await.map_err(Problem::broken)?;
    *known = Some((Instant::now(), text.clone()));
    Ok(text)
}

async fn text(state: &State) -> prometheus::Result<String> {
    let mut all = Exposition::default();
    let version = vec![("version", env!("CARGO_PKG_VERSION"))];
    all.gauges(
        "kiisrv_build_info",
        "The program's version.",
        [(version, 1.0)],
    );
    let checks = health::checks(state).await;
    let checks = checks
        .iter()
        .map(|(check, ok)| (vec![("check", *check)], number(*ok)));
    all.gauges(
        "kiisrv_ready",
        "1 where nothing is in the way of builds.",
        checks,
    );
    let measured = measures::measures(&state.store).await;
    all.gauge(
        "kiisrv_table_readable",
        "1 where the figures of the table could be read.",
        number(measured.is_ok()),
    );
    match measured {
        Ok(measured) => tell_all(&mut all, &measured),
        Err(error) => warn!(%error, "The table's figures could not be read for the metrics"),
    }
    tell_room(&mut all, state).await;
    let held = state.waiters.held() as f64;
    all.gauge(
        "kiisrv_held_requests",
        "Requests that wait for a change.",
        held,
    );
    all.families(state.traffic.families());
    all.text()
}

fn tell_all(all: &mut Exposition, measured: &Measures) {
    tell_queue(all, &measured.queue);
    tell_workers(all, measured);
    tell_builds(all, measured);
    let phases = measured.durations.iter().map(|(of, histogram)| {
        let labels = vec![
            ("phase", of.phase.as_str()),
            ("keyboard", &of.keyboard),
            ("version", &of.version),
        ];
        (labels, histogram.buckets.clone(), histogram.ms)
    });
    all.histograms(
        "kiisrv_phase_seconds",
        "How long the phases of builds took.",
        phases,
    );
}

fn tell_queue(all: &mut Exposition, queue: &Queue) {
    let states = [
        ("waiting", queue.waiting),
        ("paused", queue.paused),
        ("running", queue.running),
        ("orphaned", queue.orphaned),
    ];
    let states = states.map(|(state, builds)| (vec![("state", state)], builds as f64));
    all.gauges("kiisrv_queue_builds", "Builds that have not ended.", states);
    all.gauge(
        "kiisrv_queue_oldest_seconds",
        "How long ago the oldest was asked for that does not run, 0 where there is none.",
        queue.oldest_waiting.unwrap_or_default().as_secs_f64(),
    );
}

fn tell_workers(all: &mut Exposition, measured: &Measures) {
    let Workers {
        ready,
        in_trouble,
        stopping,
        slots,
    } = measured.workers;
    let states = [
        ("ready", ready),
        ("in_trouble", in_trouble),
        ("stopping", stopping),
    ];
    let states = states.map(|(state, workers)| (vec![("state", state)], workers as f64));
    all.gauges("kiisrv_workers", "Workers that were seen lately.", states);
    all.gauge("kiisrv_slots", "Builds that can run at once.", slots as f64);
    all.gauge(
        "kiisrv_slots_busy",
        "Builds that run.",
        measured.queue.running as f64,
    );
    all.gauge(
        "kiisrv_controllers",
        "Controllers that are there and not disabled.",
        measured.controllers as f64,
    );
}

fn tell_builds(all: &mut Exposition, measured: &Measures) {
    all.counters(
        "kiisrv_requests_total",
        "Requests for builds that were accepted.",
        [(Vec::new(), measured.requests)],
    );
    let mut outcomes: BTreeMap<&str, u64> = OUTCOMES.map(|outcome| (outcome, 0)).into();
    for (ending, builds) in &measured.endings {
        *outcomes.entry(&ending.outcome).or_default() += builds;
    }
    let outcomes = outcomes
        .into_iter()
        .map(|(outcome, builds)| (vec![("outcome", outcome)], builds));
    all.counters("kiisrv_builds_total", "Builds that have ended.", outcomes);
    let endings = measured.endings.iter().map(|(ending, builds)| {
        let labels = vec![
            ("keyboard", ending.keyboard.as_str()),
            ("version", &ending.version),
            ("outcome", &ending.outcome),
        ];
        (labels, *builds)
    });
    all.counters(
        "kiisrv_builds_by_keyboard_total",
        "Builds that have ended, by what was built.",
        endings,
    );
    let happenings = HAPPENINGS.map(|what| {
        let times = measured.happenings.get(what).copied();
        (vec![("what", what)], times.unwrap_or_default())
    });
    let comparisons = COMPARISONS.map(|result| {
        let times = measured.comparisons.get(result).copied();
        (vec![("result", result)], times.unwrap_or_default())
    });
    all.counters(
        "kiisrv_comparisons_total",
        "Warm builds that were built again cold, by what came of it.",
        comparisons,
    );
    all.gauge(
        "kiisrv_cold_keyboards",
        "Keyboards of the controllers that are there that do not start warm any more, as a cold build came out different.",
        measured.cold_keyboards as f64,
    );
    all.counters(
        "kiisrv_build_events_total",
        "Containers that builds got (attempt), those of them that were ready (prepared), and what went another than the \
         straight way.",
        happenings,
    );
}

/// Looks at files and disks, which may keep one waiting.
async fn tell_room(all: &mut Exposition, state: &State) {
    let for_work = state.clone();
    let looked = tokio::task::spawn_blocking(move || {
        let settings = &for_work.settings;
        let places = [
            ("table", &settings.data),
            ("artifacts", &settings.artifacts),
            ("logs", &settings.logs),
        ];
        let free = places.map(|(place, path)| (place, disk::free_bytes(path).ok()));
        (measures::sizes(&for_work.store), free)
    });
    let Ok((sizes, free)) = looked.await else {
        return;
    };
    if let Ok((table, log)) = sizes {
        all.gauge("kiisrv_table_bytes", "The table's file.", table as f64);
        all.gauge(
            "kiisrv_wal_bytes",
            "The table's write-ahead log.",
            log as f64,
        );
    }
    let free = free.iter().filter_map(|(place, free)| {
        let labels: Vec<Label<'_>> = vec![("place", place)];
        free.map(|free| (labels, free as f64))
    });
    all.gauges(
        "kiisrv_disk_free_bytes",
        "Free room on the disk of a place.",
        free,
    );
    all.gauge(
        "kiisrv_disk_reserve_bytes",
        "Free room below which no new builds are taken.",
        state.settings.disk_reserve as f64,
    );
}

fn number(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}
