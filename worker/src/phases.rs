//! The moments of a build's container that are measured: its start goes into the row at once, so that whoever takes the
//! build on knows it, and its end with the build's own.

use std::time::Duration;

use shared::store::jobs;
use tracing::debug;

use crate::{
    container::{ContainerError, ContainerRuntime},
    execute::Run,
};

/// Starts a run's container and writes that down.
pub(crate) async fn start<R: ContainerRuntime>(
    run: &Run<R>,
    container: &str,
) -> Result<(), ContainerError> {
    let (context, held) = (&run.context, &run.claimed.held);
    context.runtime.start(container).await?;
    // A figure is worth no build: where the table does not take it, one is counted less.
    if let Err(error) = jobs::container_started(&context.store, held).await {
        debug!(job.id = %held.id, %error, "A container's start could not be written down");
    }
    Ok(())
}

/// How long ago a run's container ended.
pub(crate) fn ended_ago<R>(run: &Run<R>) -> Option<Duration> {
    run.container_ended.get().map(tokio::time::Instant::elapsed)
}
