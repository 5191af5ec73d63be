//! What came of the attempts: a table for people, a file for programs.

use std::{fs, path::Path};

use serde_json::json;

/// One attempt.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    /// Why it was not contained.
    pub(crate) trouble: Option<String>,
    pub(crate) reason: String,
    pub(crate) seconds: f64,
    /// The build of somebody else beside it; `None` where that failed.
    pub(crate) neighbour_seconds: Option<f64>,
}

pub(crate) fn print(lines: &[Line], baseline: f64) {
    println!(
        "{:<32} {:<10} {:<19} {:>7}  NEIGHBOUR",
        "ATTEMPT", "CONTAINED", "REASON", "SECONDS"
    );
    for line in lines {
        println!(
            "{:<32} {:<10} {:<19} {:>7.1}  {}",
            line.name,
            if line.trouble.is_none() { "yes" } else { "NO" },
            line.reason,
            line.seconds,
            line.neighbour_seconds
                .map_or_else(|| "FAILED".to_owned(), |seconds| format!("{seconds:.1}")),
        );
    }
    println!("{baseline:.1} s is what a neighbour's build takes with nobody beside it");
}

pub(crate) fn write(lines: &[Line], baseline: f64) {
    let attempts: Vec<_> = lines
        .iter()
        .map(|line| {
            json!({
                "name": line.name,
                "contained": line.trouble.is_none(),
                "trouble": line.trouble,
                "reason": line.reason,
                "seconds": line.seconds,
                "neighbour_seconds": line.neighbour_seconds,
            })
        })
        .collect();
    let report = json!({ "baseline_seconds": baseline, "attempts": attempts });
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/redteam");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("report.json"), format!("{report:#}\n")).unwrap();
}
