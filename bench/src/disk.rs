//! What one sync of this disk costs: no durable commit is quicker.

use std::{
    fs::File,
    io::{Seek, Write},
    path::Path,
    time::Instant,
};

use crate::measure::{median, quantile};

/// The cost of writing 4 KiB and syncing them.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Sync {
    /// The one in the middle, in milliseconds.
    pub(crate) p50_ms: f64,
    /// One in a hundred takes longer.
    pub(crate) p99_ms: f64,
}

/// Measures it in this directory.
pub(crate) fn sync(directory: &Path) -> anyhow::Result<Sync> {
    const TIMES: usize = 500;
    let mut file = File::create(directory.join("sync"))?;
    file.write_all(&vec![0; 4096 * 64])?;
    file.sync_all()?;
    let mut took = Vec::with_capacity(TIMES);
    for round in 0..TIMES {
        let began = Instant::now();
        file.seek(std::io::SeekFrom::Start((round % 64) as u64 * 4096))?;
        file.write_all(&[1; 4096])?;
        file.sync_data()?;
        took.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(Sync {
        p50_ms: median(&took),
        p99_ms: quantile(&took, 0.99),
    })
}
