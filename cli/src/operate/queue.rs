//! `kiisrv queue`: what waits, runs and has ended lately.

use std::io::Write;

use serde_json::Value;

use super::{
    Common, Verdict,
    service::Service,
    words::{ago, cell, short, took},
};
use crate::table::table;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub(super) common: Common,
    /// Only builds in this status
    #[arg(long, value_parser = ["queued", "running", "succeeded", "failed", "cancelled"])]
    status: Option<String>,
    /// Only builds of this keyboard
    #[arg(long)]
    keyboard: Option<String>,
    /// Only builds with this in their id, layout, version, controller, client or worker
    #[arg(short = 'q', long = "search")]
    text: Option<String>,
    /// How many builds of each kind at most
    #[arg(long, default_value_t = 20)]
    limit: u16,
    /// Only ended builds that were asked for before the one with this id
    #[arg(long)]
    before: Option<String>,
}

pub(super) fn queue(
    service: &Service,
    wish: &Arguments,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    let limit = wish.limit.to_string();
    let given = |value: &'_ Option<String>| value.clone().unwrap_or_default();
    let (status, keyboard, text, before) = (
        given(&wish.status),
        given(&wish.keyboard),
        given(&wish.text),
        given(&wish.before),
    );
    let query = [
        ("status", status.as_str()),
        ("keyboard", &keyboard),
        ("q", &text),
        ("before", &before),
        ("limit", &limit),
    ];
    let queue = service.get("/v1/queue", &query)?;
    if wish.common.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&queue)?)?;
    } else {
        for_people(&queue, out)?;
    }
    Ok(Verdict::Good)
}

fn for_people(queue: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let count = |status: &str| cell(&queue["counts"], status);
    write!(out, "{} waiting", count("queued"))?;
    if !queue["oldest_waiting_at"].is_null() {
        write!(out, " (the oldest for {})", ago(queue, "oldest_waiting_at"))?;
    }
    writeln!(
        out,
        ", {} running; asked for in the last day: {} succeeded, {} failed, {} cancelled",
        count("running"),
        count("succeeded"),
        count("failed"),
        count("cancelled")
    )?;
    if queue["paused"] == true {
        let since = ago(queue, "paused_at");
        writeln!(out, "PAUSED for {since}; `kiisrv resume` lets it go on")?;
    }
    let builds: Vec<_> = ["waiting", "running", "recent"]
        .iter()
        .flat_map(|kind| queue[*kind].as_array().into_iter().flatten())
        .collect();
    if builds.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let head = [
        "ID", "STATUS", "PLACE", "KEYBOARD", "LAYOUT", "VERSION", "ASKED", "TOOK", "WORKER", "WHY",
    ];
    table(&head, builds.into_iter().map(row), out)?;
    if let Some(next) = queue["next"].as_str() {
        writeln!(out, "older ones: --before {next}")?;
    }
    Ok(())
}

fn row(build: &Value) -> Vec<String> {
    vec![
        short(build, "id"),
        cell(build, "status"),
        cell(build, "position"),
        cell(build, "keyboard"),
        cell(build, "layout"),
        cell(build, "version"),
        format!("{} ago", ago(build, "created_at")),
        took(build, "started_at", "finished_at"),
        short(build, "worker"),
        why(build),
    ]
}

/// Why it ended so, what it is there for, and what is to be said against it.
fn why(build: &Value) -> String {
    let compares = build["compares"].as_str().map(|_| {
        let warm = short(build, "compares");
        format!("compares {warm}")
    });
    let doubt = build["doubted_by"].as_str().map(|_| "doubtful".to_owned());
    let said = [build["reason"].as_str().map(str::to_owned), doubt, compares];
    let said: Vec<_> = said.into_iter().flatten().collect();
    if said.is_empty() {
        return cell(build, "reason");
    }
    said.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_comparison_says_with_what_and_a_doubtful_build_that_it_is_one() {
        let id = "01a20a07-e57b-73c6-a833-e35d82e42f3c";
        for (build, said) in [
            (json!({ "compares": id }), "compares e35d82e42f3c"),
            (json!({ "doubted_by": id }), "doubtful"),
            (
                json!({ "reason": "build_failed", "compares": id }),
                "build_failed, compares e35d82e42f3c",
            ),
            (json!({ "reason": "timed_out" }), "timed_out"),
            (json!({ "reason": null, "compares": null }), "-"),
        ] {
            assert_eq!(why(&build), said, "{build}");
        }
    }
}
