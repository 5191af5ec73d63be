//! Whether this host's part of the service is alive, told by the exit status.

use std::{
    net::{IpAddr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::ValueEnum;
use shared::{
    settings::Settings,
    store::{Store, workers},
};

/// What is looked at.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Part {
    /// The API of this host answers.
    Api,
    /// A worker of this host has given a sign of life.
    Worker,
}

pub(crate) fn run(settings: &Settings, part: Part) -> anyhow::Result<ExitCode> {
    match part {
        Part::Api => ask_api(settings.listen)?,
        Part::Worker => look_for_worker(settings)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn ask_api(listen: SocketAddr) -> anyhow::Result<()> {
    // Who listens everywhere is asked here.
    let host = if listen.ip().is_unspecified() {
        IpAddr::from([127, 0, 0, 1])
    } else {
        listen.ip()
    };
    let address = SocketAddr::new(host, listen.port());
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(3)))
        .build()
        .into();
    let url = format!("http://{address}/healthz");
    agent
        .get(&url)
        .call()
        .with_context(|| format!("{url} does not answer"))?;
    Ok(())
}

fn look_for_worker(settings: &Settings) -> anyhow::Result<()> {
    let host = worker::run::host_name();
    let seen = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let store = Store::open(&settings.data).await?;
            workers::seen_lately_on(&store, &host).await
        })?;
    if !seen {
        bail!("no worker on {host} has given a sign of life lately");
    }
    Ok(())
}
