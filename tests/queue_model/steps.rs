//! What can happen, and which of it can happen now: a verb of the store is one variant here, one arm in the model and
//! one in the real thing.

use shared::{
    job::Status,
    store::jobs::{Limits, MAX_LOSSES, MAX_TROUBLES},
};

use super::model::{Lease, Model, Row};

/// Few of each, so that they meet.
pub(crate) const LAYOUTS: u8 = 3;
pub(crate) const CLIENTS: u8 = 3;
pub(crate) const WORKERS: u8 = 3;
pub(crate) const CONTROLLERS: [&str; 2] = ["057", "058"];

/// So low that they are met.
pub(crate) const LIMITS: Limits = Limits {
    per_client: 2,
    in_all: 4,
};

/// The engine that a worker's containers are on: the last worker is on another host than the first two.
pub(crate) fn engine_of(worker: u8) -> &'static str {
    if worker + 1 == WORKERS {
        "another engine"
    } else {
        "engine"
    }
}

/// One thing that happens. Builds, claims, tokens and sightings of orphans are named by their number, from 0, in the
/// order in which they came.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A client asks for a layout.
    Ask { client: u8, layout: u8, how: How },
    /// Somebody shows a token to leave a build; mostly it is a token of that build.
    Leave { token: usize, build: usize },
    /// An operator ends a build for all.
    Cancel { build: usize },
    /// A worker takes the next build.
    Claim { worker: u8 },
    /// The holder by this claim, or somebody who was it once, does something.
    ByClaim { claim: usize, act: Act },
    /// The lease of a running build ends without a word from its holder, or the pause of one that was let go of.
    LeaseEnds { build: usize },
    /// And for a long time no worker comes to look for it.
    NobodyComes { build: usize },
    /// A worker's process is found to be gone.
    EndLeasesOf { worker: u8 },
    /// A worker looks for running builds on its engine that nobody holds.
    LookForOrphans { worker: u8 },
    /// Whoever saw that orphan takes it on. Much may have happened since.
    Adopt { orphan: usize },
    /// Whoever saw that orphan takes the build back, as its container is gone. Much may have happened since.
    TakeBack { orphan: usize },
    /// Any worker takes back what nobody holds.
    Rescue { worker: u8 },
    /// A build has been through so much that of each kind one more is allowed: no story is long enough to tell it all.
    HadBadTimes { build: usize },
    /// The pause of a build that was given back is over.
    PauseEnds { build: usize },
    /// Any worker lets builds wait whose pause is over.
    MakeDueBuildsWait { worker: u8 },
    /// A kept failure's day is over.
    AnswerAges { build: usize },
    /// An operator lets a build go before others, or after them.
    Prefer { build: usize, priority: i64 },
    /// An operator moves `latest`.
    Move { controller: usize },
}

/// How a build is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Without limits, and held for good.
    AsOperator,
    /// Within limits, and held for good.
    ForGood,
    /// Within limits, with a token to leave it.
    UntilItLeaves,
}

/// What a worker does with a build that it holds, or believes to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Renew,
    /// Asks whether it is still its own, and whether anybody needs its container.
    Look,
    /// Writes down its container.
    Start,
    FinishBuilt,
    FinishFailedCompile,
    FinishOverALimit,
    /// It leaves.
    GiveBackAtOnce,
    /// Its engine is in trouble.
    GiveBackForLater,
    /// It leaves, and the container runs on.
    HandOver,
    /// Its engine does not say what became of the container.
    HandOverInTrouble,
}

/// The counts after [`Step::HadBadTimes`]: after the next one it is tried again, after the one that follows it is not.
pub(crate) const MANY_TROUBLES: u32 = MAX_TROUBLES - 2;
pub(crate) const MANY_LOSSES: u32 = MAX_LOSSES - 2;

impl Step {
    /// Whether this can happen now.
    pub(crate) fn is_possible(&self, model: &Model) -> bool {
        let is = |build: usize, can: fn(&Row) -> bool| model.rows.get(build).is_some_and(can);
        match *self {
            Self::ByClaim { claim, .. } => claim < model.claims.len(),
            Self::Adopt { orphan } | Self::TakeBack { orphan } => orphan < model.seen.len(),
            Self::Leave { token, build } => token < model.tokens.len() && is(build, |_| true),
            Self::Cancel { build } => is(build, |_| true),
            Self::LeaseEnds { build } => is(build, lease_can_end),
            Self::NobodyComes { build } => is(build, can_stay_alone),
            Self::HadBadTimes { build } => is(build, can_have_had_bad_times),
            Self::PauseEnds { build } => is(build, pause_can_end),
            Self::AnswerAges { build } => is(build, answer_can_age),
            Self::Prefer { build, .. } => is(build, waits),
            Self::Ask { .. }
            | Self::Claim { .. }
            | Self::EndLeasesOf { .. }
            | Self::LookForOrphans { .. }
            | Self::Rescue { .. }
            | Self::MakeDueBuildsWait { .. }
            | Self::Move { .. } => true,
        }
    }
}

pub(crate) fn waits(row: &Row) -> bool {
    row.status == Status::Queued
}

pub(crate) fn lease_can_end(row: &Row) -> bool {
    row.status == Status::Running && row.lease == Lease::Lasts
}

pub(crate) fn can_stay_alone(row: &Row) -> bool {
    row.status == Status::Running && row.lease == Lease::JustOver
}

pub(crate) fn can_have_had_bad_times(row: &Row) -> bool {
    !row.status.is_final() && row.troubles < MANY_TROUBLES && row.losses < MANY_LOSSES
}

pub(crate) fn pause_can_end(row: &Row) -> bool {
    row.pause.is_some_and(|pause| !pause.is_over)
}

pub(crate) fn answer_can_age(row: &Row) -> bool {
    row.kept && row.status == Status::Failed && !row.answer_is_old
}
