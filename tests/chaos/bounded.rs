//! The fault campaign in a short form: sixty builds, twenty kills of all kinds, and nothing is lost.

use std::{path::Path, process::Command};

use harness::{private_engine, program};

#[test]
fn nothing_that_was_accepted_is_lost_or_doubled_whatever_is_killed() {
    if !private_engine::is_wanted() {
        return;
    }
    let report = Path::new(program::path()).with_file_name("chaos-short/report.json");
    #[expect(
        clippy::disallowed_methods,
        reason = "the campaign is a program of its own, which a person can run at length"
    )]
    let campaign = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(["60", "20", "1"])
        .arg(&report)
        .output()
        .expect("the campaign runs");
    let said = String::from_utf8_lossy(&campaign.stdout);
    let errors = String::from_utf8_lossy(&campaign.stderr);
    assert!(campaign.status.success(), "{said}\n{errors}");
    let report = std::fs::read_to_string(report).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["accepted"], 60, "{said}");
    assert_eq!(report["kills"], 20, "{said}");
}
