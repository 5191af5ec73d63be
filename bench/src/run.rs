//! How much is measured, and where.

use std::path::PathBuf;

use tempfile::TempDir;

/// One run of all benchmarks.
pub(crate) struct Bench {
    /// Two minutes instead of twenty.
    pub(crate) quick: bool,
    /// Where tables are made: on the disk that is measured.
    pub(crate) scratch: PathBuf,
}

impl Bench {
    /// An empty directory. It goes with the value.
    pub(crate) fn fresh(&self) -> anyhow::Result<TempDir> {
        Ok(TempDir::new_in(&self.scratch)?)
    }

    /// How often each thing is measured.
    pub(crate) const fn rounds(&self) -> usize {
        if self.quick { 3 } else { 7 }
    }

    /// As many, or a tenth.
    pub(crate) const fn size(&self, whole: usize) -> usize {
        if self.quick { whole / 10 } else { whole }
    }
}
