//! One build, from the request to the last byte of the zip.

use std::time::Instant;

use anyhow::Context;
use bytes::Bytes;
use serde_json::Value;

use crate::http::{client::Client, submits::BUILDS};

/// A build that went well.
pub(crate) struct Journey {
    /// From the request to the last byte of the zip, in milliseconds.
    pub(crate) took: f64,
    /// What the API says of it.
    pub(crate) build: Value,
}

/// Asks for a build, waits for it and downloads its zip, over one connection.
pub(crate) async fn post_to_zip(client: &mut Client, body: Bytes) -> anyhow::Result<Journey> {
    let began = Instant::now();
    let mut build = client.post(BUILDS, body).await?.json()?;
    while let Some(status @ ("queued" | "running")) = build["status"].as_str() {
        let id = build["id"].as_str().context("an id")?;
        let path = format!("{BUILDS}/{id}?wait=60&status={status}");
        build = client.get(&path).await?.json()?;
    }
    anyhow::ensure!(build["status"] == "succeeded", "{build}");
    let artifact = &build["artifact"];
    let url = artifact["url"].as_str().context("an artifact")?;
    let zip = client.get(url).await?.body;
    let took = began.elapsed().as_secs_f64() * 1000.0;
    anyhow::ensure!(artifact["bytes"] == zip.len(), "the zip is not whole");
    Ok(Journey { took, build })
}
