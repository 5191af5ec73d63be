//! How much is measured, and where.

use std::{path::PathBuf, time::Duration};

use tempfile::TempDir;

/// One run of all benchmarks.
pub(crate) struct Bench {
    /// A few minutes instead of twenty.
    pub(crate) quick: bool,
    /// Where tables are made: on the disk that is measured.
    pub(crate) scratch: PathBuf,
    /// What one sync of that disk costs, in milliseconds.
    pub(crate) sync: f64,
}

impl Bench {
    /// An empty directory. It goes with the value.
    pub(crate) fn fresh(&self) -> anyhow::Result<TempDir> {
        Ok(TempDir::new_in(&self.scratch)?)
    }

    /// Goes on if there is time for what is not measured in a quick run.
    pub(crate) fn takes_its_time(&self) -> anyhow::Result<()> {
        if self.quick {
            return Err(CannotBeHere("left out of a quick run".to_owned()).into());
        }
        Ok(())
    }

    /// How often each thing is measured.
    pub(crate) const fn rounds(&self) -> usize {
        if self.quick { 3 } else { 7 }
    }

    /// How often a thing is measured that takes long.
    pub(crate) const fn few_rounds(&self) -> usize {
        if self.quick { 1 } else { 3 }
    }

    /// As many, or a tenth.
    pub(crate) const fn size(&self, whole: usize) -> usize {
        if self.quick { whole / 10 } else { whole }
    }

    /// As many as a slow disk commits one after the other in a second, so that it is not measured for an hour; and with a
    /// quick one no more than take a few seconds, as the rest of a commit takes longer than the disk there.
    pub(crate) fn commits(&self) -> usize {
        let (milliseconds, most) = if self.quick {
            (400.0, 1_000)
        } else {
            (1_000.0, 3_000)
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few thousand"
        )]
        let commits = (milliseconds / self.sync) as usize;
        commits.clamp(64, most)
    }

    /// How long a load lasts in each round.
    pub(crate) const fn load(&self) -> Duration {
        Duration::from_millis(if self.quick { 300 } else { 1_500 })
    }
}

/// Why something cannot be measured on this machine. It is no failure.
#[derive(Debug)]
pub(crate) struct CannotBeHere(pub(crate) String);

impl std::fmt::Display for CannotBeHere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CannotBeHere {}
