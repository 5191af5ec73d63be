//! What should be: the rows, the clients' turns and the counters, in plain Rust. It knows nothing of SQL.

/// What clients are answered: turns, limits, tokens.
mod clients;
/// One build, and what it goes through.
mod row;
/// What workers are answered.
mod workers;

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    job::Status,
    store::jobs::{Cancelled, Left},
};

pub(crate) use row::{Lease, Pause, Row};

use super::steps::{MANY_LOSSES, MANY_TROUBLES, Step};

/// All that there is, and what the last step is to be answered with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// Whether this is a story of workers that are lost.
    pub is_bad_day: bool,
    pub rows: Vec<Row>,
    pub claims: Vec<Claim>,
    pub seen: Vec<Seen>,
    /// The build that each token is for.
    pub tokens: Vec<usize>,
    /// The turn that was claimed last.
    pub turn: i64,
    /// The last turn at which each client was served.
    pub served: BTreeMap<u8, i64>,
    /// Where `latest` stands.
    pub controller: usize,
    pub counted: Counted,
    pub answer: Answer,
}

/// A claim, from then on for ever: what a worker believes to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub build: usize,
    pub worker: u8,
    pub epoch: u32,
}

/// An orphan, as a worker saw it at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub by: u8,
    pub build: usize,
    /// Who held it last; nobody where it was handed over.
    pub holder: Option<u8>,
    pub epoch: u32,
    /// The claim that made its container.
    pub container: u32,
}

/// The statistics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub asked: u64,
    pub builds: BTreeSet<(u8, usize)>,
    pub clients: BTreeSet<u8>,
    pub layouts: BTreeMap<u8, u64>,
    pub controllers: BTreeMap<usize, u64>,
}

/// What whoever took a step hears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Answer {
    #[default]
    Nothing,
    Asked {
        build: usize,
        /// The state of the build that was there already.
        joined: Option<Status>,
        has_token: bool,
    },
    TooManyOfClient,
    TooManyInAll,
    Left(Left),
    Cancelled(Cancelled),
    Claimed(Option<usize>),
    /// Whether it was this worker's.
    Held(bool),
    Looked {
        is_held: bool,
        is_wanted: bool,
    },
    Orphans(Vec<Seen>),
    Adopted {
        container: u32,
        attempts: u32,
    },
    SetAside,
    Gone,
    /// The builds that wait again, and those that were set aside.
    Rescued(Vec<usize>, Vec<usize>),
    /// So many rows.
    Changed(usize),
    Moved(bool),
}

impl Model {
    /// The builds of which this is so.
    pub(crate) fn which(&self, is_so: fn(&Row) -> bool) -> Vec<usize> {
        let rows = self.rows.iter().enumerate();
        rows.filter(|(_, row)| is_so(row))
            .map(|(build, _)| build)
            .collect()
    }

    pub(crate) fn apply(&mut self, step: &Step) {
        self.answer = match *step {
            Step::Ask {
                client,
                layout,
                how,
            } => self.ask(client, layout, how),
            Step::Leave { token, build } => Answer::Left(self.leave(token, build)),
            Step::Cancel { build } => Answer::Cancelled(self.rows[build].cancel()),
            Step::Claim { worker } => Answer::Claimed(self.claim(worker)),
            Step::ByClaim { claim, act } => self.by_claim(self.claims[claim], act),
            Step::EndLeasesOf { worker } => self.end_leases_of(worker),
            Step::LookForOrphans { worker } => self.look_for_orphans(worker),
            Step::Adopt { orphan } => self.adopt(self.seen[orphan]),
            Step::TakeBack { orphan } => self.take_back(self.seen[orphan]),
            Step::Rescue { .. } => self.rescue(),
            Step::MakeDueBuildsWait { .. } => self.make_due_builds_wait(),
            Step::Move { controller } => {
                let moved = self.controller != controller;
                self.controller = controller;
                Answer::Moved(moved)
            }
            Step::LeaseEnds { build } => self.set(build, |row| row.lease = Lease::JustOver),
            Step::NobodyComes { build } => self.set(build, |row| row.lease = Lease::LongOver),
            Step::HadBadTimes { build } => self.set(build, |row| {
                (row.troubles, row.losses) = (MANY_TROUBLES, MANY_LOSSES);
            }),
            Step::PauseEnds { build } => {
                self.set(build, |row| row.pause = Some(Pause { is_over: true }))
            }
            Step::AnswerAges { build } => self.set(build, |row| row.answer_is_old = true),
            Step::Prefer { build, priority } => self.set(build, |row| row.priority = priority),
        };
    }

    fn set(&mut self, build: usize, change: impl FnOnce(&mut Row)) -> Answer {
        change(&mut self.rows[build]);
        Answer::Nothing
    }
}
