//! What became of the rows that an import read.

use std::collections::BTreeMap;

use super::row::Reason;

/// What became of the rows that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows that are now ours.
    pub taken: u64,
    /// Rows that are not, by reason.
    pub left_out: BTreeMap<&'static str, Rows>,
    /// What was amended in rows that were taken.
    pub amended: BTreeMap<&'static str, Rows>,
}

/// Rows of the source that have something in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// How many they are.
    pub count: u64,
    /// The `id` of the first of them.
    pub first: i64,
}

impl Rows {
    pub(super) fn one(id: i64) -> Self {
        Self {
            count: 1,
            first: id,
        }
    }
}

pub(super) fn note(all: &mut BTreeMap<Reason, Rows>, reason: Reason, rows: Rows) {
    all.entry(reason)
        .and_modify(|known| known.count += rows.count)
        .or_insert(rows);
}

impl Tally {
    /// Adds what became of later rows.
    pub fn add(&mut self, later: Self) {
        self.taken += later.taken;
        for (reason, rows) in later.left_out {
            note(&mut self.left_out, reason, rows);
        }
        for (reason, rows) in later.amended {
            note(&mut self.amended, reason, rows);
        }
    }

    /// Rows that were not taken, for whatever reason.
    #[must_use]
    pub fn rows_left_out(&self) -> u64 {
        self.left_out.values().map(|rows| rows.count).sum()
    }
}
