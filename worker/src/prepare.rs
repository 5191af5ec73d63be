//! What a container is given, made before it exists; and for one that another worker started, what is needed
//! to go on with it.

use std::io;

use shared::{
    job::{BuildRequest, Plan},
    kll::Generated,
};

use crate::{
    execute::{End, Run},
    inputs::{files, write_inputs},
    log::LogFile,
};

/// Makes what the container will be given, and the log.
pub(crate) fn prepare<R>(run: &Run<R>, log_cap: u64) -> Result<(Generated, LogFile), Box<End>> {
    let mut log = start_log(run, log_cap)?;
    let plan = plan(run).and_then(|plan| {
        if plan.is_of(&run.claimed.fingerprint) {
            return Ok(plan);
        }
        Err("this worker would build something else than was asked for: it is of another release than the \
             API, or has other layouts"
            .to_owned())
    });
    let generated = match plan {
        Ok(plan) => plan.generated,
        Err(words) => {
            log.say(&words);
            // The API planned this build with the same text, so that it is not the layout's fault.
            return Err(Box::new(End::Broken(words)));
        }
    };
    Ok((generated, log))
}

/// Writes what the container will be given into directories of its own.
pub(crate) fn write_inputs_of<R>(run: &Run<R>, generated: &Generated) -> io::Result<()> {
    let (claimed, owner) = (&run.claimed, run.context.owner);
    let inputs = files(generated, &claimed.config, claimed.cold);
    write_inputs(&run.dirs, &inputs, owner, claimed.protocol)
}

/// What the container was given is there; its log is read again from its first byte.
pub(crate) fn prepare_to_go_on<R>(
    run: &Run<R>,
    log_cap: u64,
) -> Result<(Generated, LogFile), Box<End>> {
    let plan = plan(run).map_err(|words| Box::new(End::Broken(words)))?;
    Ok((plan.generated, start_log(run, log_cap)?))
}

fn start_log<R>(run: &Run<R>, log_cap: u64) -> Result<LogFile, Box<End>> {
    LogFile::create(&run.log, log_cap)
        .map_err(|error| Box::new(End::Broken(format!("the log could not be made: {error}"))))
}

/// The API made sure that this works; it can only fail where its layouts are others than ours.
fn plan<R>(run: &Run<R>) -> Result<Plan, String> {
    let claimed = &run.claimed;
    let config = serde_json::from_str(&claimed.config)
        .map_err(|error| format!("the layout is no JSON: {error}"))?;
    let request = BuildRequest {
        config,
        version: String::new(),
    };
    Plan::of(
        &request,
        &claimed.image,
        claimed.dialect,
        &run.context.library,
    )
    .map_err(|faults| {
        let lines: Vec<_> = faults
            .iter()
            .map(|fault| format!("{}: {}", fault.pointer, fault.message))
            .collect();
        format!("the layout cannot be built here: {}", lines.join("; "))
    })
}
