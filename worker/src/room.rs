//! Whether the disks have room for another build: what a build writes between two looks at its output
//! must still fit.

use std::path::Path;

use crate::{blocking::blocking, run::Context};

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
    // A network's disk may keep one waiting.
    blocking(move || places.iter().find_map(|place| too_full(place, reserve)))
        .await
        .ok()?
}

fn too_full(place: &Path, reserve: u64) -> Option<String> {
    // A place that cannot be looked at is found by what is written to it.
    let free = free_bytes(place).ok()?;
    (free < reserve).then(|| {
        format!(
            "the disk of {} has {} MiB left, and {} are kept in reserve (KIISRV_DISK_RESERVE_MB)",
            place.display(),
            free >> 20,
            reserve >> 20
        )
    })
}

fn free_bytes(place: &Path) -> rustix::io::Result<u64> {
    let disk = rustix::fs::statvfs(place)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
