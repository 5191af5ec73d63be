//! `kiisrv forget`: erases what is kept of builds, or of one client.

use std::io::Write;

use anyhow::bail;
use serde_json::json;

use super::{
    By, Common, Verdict,
    service::{Service, is_refusal},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    by: By,
    /// The builds' ids, or the beginning or end of each; they must have ended
    #[arg(required_unless_present = "client")]
    ids: Vec<String>,
    /// All that is kept of whoever asked from this address, or of its /64 of IPv6
    #[arg(long, value_name = "ADDRESS", conflicts_with = "ids")]
    client: Option<String>,
}

pub(super) fn forget(
    service: &Service,
    wish: &Arguments,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    match &wish.client {
        Some(address) => client(service, wish, address, out),
        None => builds(service, wish, out),
    }
}

/// One after the other. One that cannot be erased does not keep the next from it.
fn builds(service: &Service, wish: &Arguments, out: &mut dyn Write) -> anyhow::Result<Verdict> {
    let by = wish.by.name();
    let mut verdict = Verdict::Good;
    for id in &wish.ids {
        let id = service.build(id)?;
        match service.send("/v1/forget", &by, &json!({ "build": id })) {
            Ok(answer) if wish.common.json => writeln!(out, "{answer}")?,
            Ok(_) => writeln!(
                out,
                "{id} is erased; a worker removes its files within a few minutes."
            )?,
            Err(error) if is_refusal(&error) && wish.ids.len() > 1 => {
                writeln!(out, "{id}: {error}")?;
                verdict = Verdict::Bad;
            }
            Err(error) => return Err(error.context(id)),
        }
    }
    Ok(verdict)
}

fn client(
    service: &Service,
    wish: &Arguments,
    address: &str,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    let body = json!({ "address": address });
    let answer = service.send("/v1/forget", &wish.by.name(), &body)?;
    if wish.common.json {
        writeln!(out, "{answer}")?;
        return Ok(Verdict::Good);
    }
    let number = |name: &str| answer[name].as_u64();
    let (Some(erased), Some(shared), Some(unfinished)) =
        (number("erased"), number("shared"), number("unfinished"))
    else {
        bail!("the service's answer is not understood: {answer}");
    };
    writeln!(
        out,
        "{erased} builds of this client are erased; a worker removes their files within a few minutes."
    )?;
    if shared > 0 {
        writeln!(
            out,
            "{shared} that others asked for too stay, and say no more that this client did."
        )?;
    }
    if unfinished > 0 {
        writeln!(
            out,
            "{unfinished} have not ended: cancel them or wait, and run this again."
        )?;
    }
    Ok(Verdict::Good)
}
