//! The statistics, as the predecessor's text or as JSON.

use std::{collections::BTreeMap, fmt::Write};

use serde::Serialize;
use shared::store::statistics::{Statistics, statistics};
use utoipa::ToSchema;
use warp::{
    Reply,
    http::{HeaderMap, header},
};

use super::builds::not_stored;
use crate::{error::Answer, state::State};

/// What is counted, since the service was set up.
#[derive(Serialize, ToSchema)]
#[schema(as = Statistics)]
pub(crate) struct View {
    /// Requests that were accepted.
    builds: u64,
    /// Different builds among them.
    unique_builds: u64,
    /// Different clients.
    users: u64,
    /// Layers of all requests together.
    layers: u64,
    /// Milliseconds that all runs took together.
    build_ms: u64,
    /// Requests by operating system.
    os: BTreeMap<String, u64>,
    /// Requests by platform.
    platforms: BTreeMap<String, u64>,
    /// Requests by keyboard and layout.
    keyboards: BTreeMap<String, u64>,
    /// Requests by controller.
    versions: BTreeMap<String, u64>,
}

impl From<Statistics> for View {
    fn from(all: Statistics) -> Self {
        Self {
            builds: all.builds,
            unique_builds: all.unique_builds,
            users: all.users,
            layers: all.layers,
            build_ms: all.build_ms,
            os: all.os,
            platforms: all.platforms,
            keyboards: all.keyboards,
            versions: all.versions,
        }
    }
}

/// The statistics; JSON where `Accept` names it.
pub(crate) async fn stats(state: State, request: HeaderMap) -> Answer {
    let statistics = statistics(&state.store).await?;
    let wants_json = request
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|kinds| kinds.to_str().ok())
        .any(|kinds| kinds.contains("application/json"));
    let response = if wants_json {
        warp::reply::json(&View::from(statistics)).into_response()
    } else {
        text(&statistics).into_response()
    };
    Ok(not_stored(response))
}

/// The predecessor's labels to the letter: somebody may read them by program.
fn text(all: &Statistics) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_text(&mut text, all);
    text
}

fn write_text(text: &mut String, all: &Statistics) -> std::fmt::Result {
    let seconds = ratio(all.build_ms, all.unique_builds) / 1000.0;
    writeln!(
        text,
        "Builds: {} ({} unique)",
        all.builds, all.unique_builds
    )?;
    writeln!(
        text,
        "Cache ratio: {:.1}",
        ratio(all.builds, all.unique_builds)
    )?;
    writeln!(text, "Avg time: {seconds:.3} s\n")?;
    writeln!(text, "Users: {} unique", all.users)?;
    writeln!(
        text,
        "Avg builds per user: {:.1}",
        ratio(all.builds, all.users)
    )?;
    let layers = ratio(all.layers, all.builds);
    writeln!(text, "Average number of layers: {layers}\n")?;
    writeln!(text, "OS Counts: {:#?}", all.os)?;
    writeln!(text, "Platform Counts: {:#?}", all.platforms)?;
    writeln!(text, "Keyboard Counts: {:#?}", all.keyboards)?;
    writeln!(text, "Version Counts: {:#?}\n", all.versions)
}

/// Zero where nothing was counted yet.
fn ratio(part: u64, whole: u64) -> f32 {
    match whole {
        0 => 0.0,
        _ => (part as f64 / whole as f64) as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_the_labels_that_people_know() {
        let all = Statistics {
            builds: 7,
            unique_builds: 2,
            users: 3,
            layers: 14,
            build_ms: 5000,
            os: [("Linux".to_owned(), 7)].into(),
            ..Statistics::default()
        };
        let expected = "Builds: 7 (2 unique)\nCache ratio: 3.5\nAvg time: 2.500 s\n\nUsers: 3 unique\n\
             Avg builds per user: 2.3\nAverage number of layers: 2\n\nOS Counts: {\n    \"Linux\": 7,\n}\n\
             Platform Counts: {}\nKeyboard Counts: {}\nVersion Counts: {}\n\n";
        assert_eq!(text(&all), expected);
    }

    #[test]
    fn nothing_counted_is_no_division_by_it() {
        assert!(text(&Statistics::default()).contains("Cache ratio: 0.0\nAvg time: 0.000 s"));
    }
}
