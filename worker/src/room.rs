//! Whether the disks have room for another build: what a build writes between two looks at its output
//! must still fit.

use shared::disk;

use crate::{blocking::blocking, context::Context};

/// In which words there is too little room; `None` where there is enough.
pub(crate) async fn lacking<R>(context: &Context<R>) -> Option<String> {
    let settings = &context.settings;
    let places = [
        context.mapping.config.clone(),
        context.mapping.builds.clone(),
        settings.artifacts.clone(),
        settings.logs.clone(),
    ];
    let reserve = settings.disk_reserve;
    // A place that cannot be looked at is found by what is written to it.
    blocking(move || disk::lacking(&places, reserve))
        .await
        .ok()?
        .ok()?
}
