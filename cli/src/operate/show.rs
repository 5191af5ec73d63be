//! `kiisrv show` and `kiisrv stats`: one build, and the statistics of all.

use std::io::Write;

use serde_json::Value;

use crate::what_now;

use super::{
    Common, Verdict,
    service::{Service, is_refusal, json_of},
    words::{ago, cell, text, took},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub(super) common: Common,
    /// The build's id; an operator may give its beginning or end alone
    id: String,
}

#[derive(Debug, clap::Args)]
pub struct Stats {
    #[command(flatten)]
    pub(super) common: Common,
}

/// What is shown of a build, by the names of its members.
const LINES: &[&str] = &[
    "id",
    "status",
    "position",
    "eta_seconds",
    "keyboard",
    "layout",
    "version",
    "controller",
    "attempts",
    "created_at",
    "started_at",
    "finished_at",
    "reason",
    "detail",
    "compares",
    "doubt",
];

/// One build, and what may be done with it.
pub(super) fn show(
    service: &Service,
    wish: &Arguments,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    let id = service.build(&wish.id)?;
    let build = service.get(&format!("/v1/builds/{id}"), &[])?;
    if wish.common.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&build)?)?;
        return Ok(Verdict::Good);
    }
    for name in LINES.iter().filter(|name| !build[**name].is_null()) {
        let more = match *name {
            "created_at" => format!("  ({} ago)", ago(&build, name)),
            "finished_at" => format!("  (took {})", took(&build, "started_at", name)),
            _ => String::new(),
        };
        writeln!(
            out,
            "{:<13}{}{more}",
            name.replace('_', " "),
            cell(&build, name)
        )?;
    }
    if let Some(zip) = build.get("artifact").filter(|zip| !zip.is_null()) {
        let (url, bytes) = (text(zip, "url"), cell(zip, "bytes"));
        writeln!(out, "{:<13}{url}  ({bytes} bytes)", "zip")?;
        writeln!(out, "{:<13}{}", "sha256", text(zip, "sha256"))?;
    }
    for line in what_now::in_full(&build) {
        writeln!(out, "{line}")?;
    }
    if service.has_token() {
        carried_out(service, &id, out)?;
    }
    writeln!(out, "\n{}", next_step(&build, &id))?;
    Ok(Verdict::Good)
}

/// How it was carried out, which only operators are told: what happened to it, and how to run it again by hand.
fn carried_out(service: &Service, id: &str, out: &mut dyn Write) -> anyhow::Result<()> {
    let told = match service.get(&format!("/v1/builds/{id}/attempts"), &[]) {
        // A token of another service, or an older service: the build itself was shown.
        Err(error) if is_refusal(&error) => return Ok(()),
        told => told?,
    };
    let list = |name: &str| told[name].as_array().cloned().unwrap_or_default();
    for made in list("attempts") {
        let (container, worker) = (cell(&made, "container"), cell(&made, "worker"));
        let container = container.get(..12).unwrap_or(&container);
        writeln!(
            out,
            "{:<13}{container} by {worker}, {} ago",
            "container",
            ago(&made, "made_at")
        )?;
    }
    for event in list("history") {
        let (what, worker) = (cell(&event, "what"), cell(&event, "worker"));
        let (ago, detail) = (ago(&event, "at"), cell(&event, "detail"));
        writeln!(
            out,
            "{:<13}{worker}, {ago} ago: {detail}",
            what.replace('_', " ")
        )?;
    }
    if let Some(made) = list("attempts").last() {
        writeln!(
            out,
            "\nonce more by hand, with its inputs in ./config:\n{}",
            cell(made, "command")
        )?;
    }
    Ok(())
}

fn next_step(build: &Value, id: &str) -> String {
    match text(build, "status") {
        "queued" => format!("to end it: kiisrv cancel {id}"),
        "running" => format!("to look on: kiisrv log -f {id}; to end it: kiisrv cancel {id}"),
        "succeeded" => format!("its log: kiisrv log {id}"),
        _ => format!("its log: kiisrv log {id}; once more: kiisrv retry {id}"),
    }
}

/// The statistics, as the predecessor's clients know them or as JSON.
pub(super) fn stats(
    service: &Service,
    wish: &Stats,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    if wish.common.json {
        let answer = service.ask("/stats", &[], &[("accept", "application/json")])?;
        let stats = json_of(answer)?;
        writeln!(out, "{}", serde_json::to_string_pretty(&stats)?)?;
        return Ok(Verdict::Good);
    }
    let mut answer = service.ask("/stats", &[], &[("accept", "text/plain")])?;
    if !answer.status().is_success() {
        json_of(answer)?;
        return Ok(Verdict::Bad);
    }
    let stats = answer.body_mut().read_to_string()?;
    writeln!(out, "{}", stats.trim_end())?;
    Ok(Verdict::Good)
}
