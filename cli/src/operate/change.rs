//! `kiisrv cancel`, `retry`, `pause`, `resume`, `drain`, `undrain`: the changes, each with the words that say what became
//! of it.

use std::io::Write;

use serde_json::Value;

use super::{
    By, Common, Verdict,
    service::{Service, is_refusal},
    words::text,
};

#[derive(Debug, clap::Args)]
pub struct Builds {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    by: By,
    /// The builds' ids, or the beginning or end of each
    #[arg(required = true)]
    ids: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub struct Queue {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    by: By,
}

#[derive(Debug, clap::Args)]
pub struct Worker {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    by: By,
    /// The worker's id, its beginning or end, or the host where it is alone
    worker: String,
}

pub(super) fn cancel(
    service: &Service,
    wish: &Builds,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    each(service, (wish, "cancel"), out, |build, _| {
        format!("{} is cancelled.", text(build, "id"))
    })
}

pub(super) fn retry(
    service: &Service,
    wish: &Builds,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    each(service, (wish, "retry"), out, |retried, old| {
        let (id, status) = (text(retried, "id"), text(retried, "status"));
        if retried["joined"] == true {
            format!("{old} is built by {id} already, which is {status}.")
        } else {
            format!("{old} is built again as {id}; to look on: kiisrv log -f {id}")
        }
    })
}

/// Changes one build after the other. One that cannot be changed does not keep the next from it.
fn each(
    service: &Service,
    (wish, verb): (&Builds, &str),
    out: &mut dyn Write,
    words: impl Fn(&Value, &str) -> String,
) -> anyhow::Result<Verdict> {
    let by = wish.by.name();
    let mut verdict = Verdict::Good;
    for id in &wish.ids {
        let id = service.build(id)?;
        let path = format!("/v1/builds/{id}/{verb}");
        match service.post(&path, &by) {
            Ok(answer) if wish.common.json => writeln!(out, "{answer}")?,
            Ok(answer) => writeln!(out, "{}", words(&answer, &id))?,
            Err(error) if is_refusal(&error) && wish.ids.len() > 1 => {
                writeln!(out, "{id}: {error}")?;
                verdict = Verdict::Bad;
            }
            Err(error) => return Err(error.context(id)),
        }
    }
    Ok(verdict)
}

pub(super) fn pause(
    service: &Service,
    wish: &Queue,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    let answer = service.post("/v1/queue/pause", &wish.by.name())?;
    let words = if answer["changed"] == true {
        "The queue is paused: what is asked for waits, what runs goes on. `kiisrv resume` lets workers take builds again."
    } else {
        "The queue is paused already."
    };
    say(&wish.common, &answer, words, out)
}

pub(super) fn resume(
    service: &Service,
    wish: &Queue,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    let answer = service.post("/v1/queue/resume", &wish.by.name())?;
    let words = if answer["changed"] == true {
        "The queue goes on."
    } else {
        "The queue is not paused."
    };
    say(&wish.common, &answer, words, out)
}

pub(super) fn drain(
    service: &Service,
    wish: &Worker,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    let id = service.worker(&wish.worker)?;
    let answer = service.post(&format!("/v1/workers/{id}/drain"), &wish.by.name())?;
    let words = if answer["changed"] == true {
        format!(
            "{id} takes no new build. It is idle when `kiisrv workers` shows 0 busy; `kiisrv undrain {id}` lets it take builds again."
        )
    } else {
        format!("{id} drains already.")
    };
    say(&wish.common, &answer, &words, out)
}

pub(super) fn undrain(
    service: &Service,
    wish: &Worker,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    let id = service.worker(&wish.worker)?;
    let answer = service.post(&format!("/v1/workers/{id}/undrain"), &wish.by.name())?;
    let words = if answer["changed"] == true {
        format!("{id} takes builds again.")
    } else {
        format!("{id} does not drain.")
    };
    say(&wish.common, &answer, &words, out)
}

fn say(
    common: &Common,
    answer: &Value,
    words: &str,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    if common.json {
        writeln!(out, "{answer}")?;
    } else {
        writeln!(out, "{words}")?;
    }
    Ok(Verdict::Good)
}
