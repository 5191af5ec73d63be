//! `kiisrv workers`: what they do, and what is in their way.

use std::io::Write;

use serde_json::Value;

use super::{
    Common, Verdict,
    service::Service,
    words::{ago, cell, short},
};
use crate::table::table;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub(super) common: Common,
}

pub(super) fn workers(
    service: &Service,
    wish: &Arguments,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    let answer = service.get("/v1/workers", &[])?;
    if wish.common.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&answer)?)?;
        return Ok(Verdict::Good);
    }
    let workers = answer["workers"].as_array().map_or(&[][..], Vec::as_slice);
    if workers.is_empty() {
        writeln!(out, "no worker is known: `kiisrv worker` starts one")?;
        return Ok(Verdict::Good);
    }
    let head = [
        "ID",
        "HOST",
        "STATE",
        "BUSY",
        "SLOTS",
        "CONTROLLERS",
        "SEEN",
        "TROUBLE",
    ];
    table(&head, workers.iter().map(row), out)?;
    Ok(Verdict::Good)
}

fn row(worker: &Value) -> Vec<String> {
    let controllers: Vec<_> = worker["controllers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    vec![
        short(worker, "id"),
        cell(worker, "host"),
        cell(worker, "state"),
        cell(worker, "busy"),
        cell(worker, "slots"),
        if controllers.is_empty() {
            "-".to_owned()
        } else {
            controllers.join(",")
        },
        format!("{} ago", ago(worker, "seen_at")),
        cell(worker, "trouble"),
    ]
}
