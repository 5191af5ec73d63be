//! `kiisrv log`: what a build says, with `-f` as it says it.

use std::io::Write;

use anyhow::Context;
use ureq::{Body, http::Response};

use super::{
    Common, Verdict,
    service::{Service, json_of},
    words::text,
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub(super) common: Common,
    /// The build's id; an operator may give its beginning or end alone
    id: String,
    /// Go on until the build has ended; the exit status is 0 where it succeeded
    #[arg(short, long)]
    follow: bool,
}

/// The log, whole or as it grows. As JSON it is one text.
pub(super) fn log(
    service: &Service,
    wish: &Arguments,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    let id = service.build(&wish.id)?;
    let mut reader = Reader {
        service,
        path: format!("/v1/builds/{id}/log"),
        read: 0,
    };
    if wish.common.json {
        let log = String::from_utf8_lossy(&reader.more()?).into_owned();
        writeln!(out, "{}", serde_json::json!({ "id": id, "log": log }))?;
        return Ok(Verdict::Good);
    }
    if !wish.follow {
        out.write_all(&reader.more()?)?;
        return Ok(Verdict::Good);
    }
    let mut status = String::new();
    loop {
        // Before the look at the log: what is said before the end is read after it.
        let held = [("wait", "1"), ("status", status.as_str())];
        let query = if status.is_empty() { &[][..] } else { &held };
        let build = service.get(&format!("/v1/builds/{id}"), query)?;
        text(&build, "status").clone_into(&mut status);
        let has_ended = !matches!(status.as_str(), "queued" | "running");
        match reader.more() {
            Ok(bytes) => out.write_all(&bytes)?,
            // One that was cancelled while it waited has none.
            Err(_) if has_ended && reader.read == 0 => {}
            Err(error) => return Err(error),
        }
        out.flush()?;
        if has_ended {
            let reason = text(&build, "reason");
            let why = if reason.is_empty() || reason == status {
                String::new()
            } else {
                format!(": {reason}")
            };
            writeln!(out, "-- {status}{why}")?;
            return Ok(if status == "succeeded" {
                Verdict::Good
            } else {
                Verdict::Bad
            });
        }
    }
}

/// Reads a log on from where it was.
struct Reader<'a> {
    service: &'a Service,
    path: String,
    read: u64,
}

impl Reader<'_> {
    fn more(&mut self) -> anyhow::Result<Vec<u8>> {
        let range = format!("bytes={}-", self.read);
        let headers = [("range", range.as_str())];
        let headers = if self.read == 0 { &[][..] } else { &headers };
        let answer = self.service.ask(&self.path, &[], headers)?;
        match answer.status().as_u16() {
            206 => {
                let bytes = bytes_of(answer)?;
                self.read += bytes.len() as u64;
                Ok(bytes)
            }
            // Also where there is no part to be had: another run of the build has begun, with a log of its own.
            200 => {
                let bytes = bytes_of(answer)?;
                self.read = bytes.len() as u64;
                Ok(bytes)
            }
            416 => {
                if length(&answer).is_some_and(|length| length < self.read) {
                    self.read = 0;
                }
                Ok(Vec::new())
            }
            _ => json_of(answer).map(|_| Vec::new()),
        }
    }
}

fn bytes_of(mut answer: Response<Body>) -> anyhow::Result<Vec<u8>> {
    let body = answer.body_mut().with_config().limit(u64::MAX);
    body.read_to_vec().context("the log broke off")
}

/// The whole length, of `Content-Range: bytes */123`.
fn length(answer: &Response<Body>) -> Option<u64> {
    let range = answer.headers().get("content-range")?.to_str().ok()?;
    range.rsplit('/').next()?.parse().ok()
}
