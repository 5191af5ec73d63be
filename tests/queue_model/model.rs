//! What should be: the rows, the clients' turns and the counters, in plain Rust. It knows nothing of SQL.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    job::{Reason, Status},
    store::jobs::{MAX_CLAIMS, MAX_STARTS},
};

use super::steps::{Act, CONTROLLERS, Step};

/// Whether a build has had its chances: the one place that knows how many there are.
fn is_worn_out(row: &Row) -> bool {
    row.attempts >= MAX_STARTS || row.epoch >= MAX_CLAIMS
}

/// All that there is, and what the last step is to be answered with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// Whether this is a story of workers that are lost.
    pub(crate) is_bad_day: bool,
    pub rows: Vec<Row>,
    pub claims: Vec<Claim>,
    /// The turn that was claimed last.
    pub turn: i64,
    /// Where `latest` stands.
    pub controller: usize,
    pub counted: Counted,
    pub answer: Answer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// What is built: a layout with a controller.
    pub what: (u8, usize),
    pub client: u8,
    pub status: Status,
    pub reason: Option<Reason>,
    pub priority: i64,
    pub turn: i64,
    pub worker: Option<u8>,
    pub epoch: u32,
    pub attempts: u32,
    pub has_container: bool,
    pub lease_is_over: bool,
    pub pause: Option<Pause>,
    pub kept: bool,
    pub answer_is_old: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    pub is_over: bool,
}

/// A claim, from then on for ever: what a worker believes to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub build: usize,
    pub worker: u8,
    pub epoch: u32,
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
    New(usize),
    Joined(usize, Status),
    Claimed(Option<usize>),
    /// Whether it was this worker's.
    Held(bool),
    /// The builds that wait again, and those that were set aside.
    Rescued(Vec<usize>, Vec<usize>),
    MadeToWait(usize),
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
            Step::Ask { client, layout } => self.ask(client, layout),
            Step::Claim { worker } => Answer::Claimed(self.claim(worker)),
            Step::ByClaim { claim, act } => self.by_claim(self.claims[claim], act),
            Step::Rescue { .. } => self.rescue(),
            Step::MakeDueBuildsWait { .. } => self.make_due_builds_wait(),
            Step::LeaseEnds { build } => {
                self.rows[build].lease_is_over = true;
                Answer::Nothing
            }
            Step::PauseEnds { build } => {
                self.rows[build].pause = Some(Pause { is_over: true });
                Answer::Nothing
            }
            Step::AnswerAges { build } => {
                self.rows[build].answer_is_old = true;
                Answer::Nothing
            }
            Step::Prefer { build, priority } => {
                self.rows[build].priority = priority;
                Answer::Nothing
            }
            Step::Move { controller } => {
                let moved = self.controller != controller;
                self.controller = controller;
                Answer::Moved(moved)
            }
        };
    }

    fn ask(&mut self, client: u8, layout: u8) -> Answer {
        let what = (layout, self.controller);
        self.count(client, what);
        let waiting = self.rows.iter().filter(|row| row.status == Status::Queued);
        let own_last = waiting
            .filter(|row| row.client == client)
            .map(|row| row.turn)
            .max();
        let turn = self.turn.max(own_last.map_or(0, |last| last + 1));
        for row in self
            .rows
            .iter_mut()
            .filter(|row| row.what == what && row.answer_is_old)
        {
            row.kept = false;
        }
        let known = self
            .rows
            .iter()
            .position(|row| row.what == what && row.answers());
        if let Some(build) = known {
            let row = &mut self.rows[build];
            if row.status == Status::Queued {
                row.turn = row.turn.min(turn);
            }
            return Answer::Joined(build, row.status);
        }
        self.rows.push(Row::new(what, client, turn));
        Answer::New(self.rows.len() - 1)
    }

    fn count(&mut self, client: u8, what: (u8, usize)) {
        let counted = &mut self.counted;
        counted.asked += 1;
        counted.builds.insert(what);
        counted.clients.insert(client);
        *counted.layouts.entry(what.0).or_default() += 1;
        *counted.controllers.entry(what.1).or_default() += 1;
    }

    fn claim(&mut self, worker: u8) -> Option<usize> {
        let waiting = self.rows.iter().enumerate();
        let waiting =
            waiting.filter(|(_, row)| row.status == Status::Queued && row.pause.is_none());
        let (build, _) = waiting.min_by_key(|(build, row)| (row.priority, row.turn, *build))?;
        let row = &mut self.rows[build];
        row.status = Status::Running;
        row.worker = Some(worker);
        row.epoch += 1;
        row.has_container = false;
        row.lease_is_over = false;
        let epoch = row.epoch;
        self.turn = self.turn.max(row.turn);
        self.claims.push(Claim {
            build,
            worker,
            epoch,
        });
        Some(build)
    }

    fn by_claim(&mut self, claim: Claim, act: Act) -> Answer {
        let row = &mut self.rows[claim.build];
        let holds = row.status == Status::Running
            && row.worker == Some(claim.worker)
            && row.epoch == claim.epoch;
        if holds {
            row.act(act);
        }
        match act {
            // Nobody is told whether this changed anything.
            Act::GiveBackAtOnce | Act::GiveBackForLater => Answer::Nothing,
            _ => Answer::Held(holds),
        }
    }

    fn rescue(&mut self) -> Answer {
        let (mut waiting, mut set_aside) = (Vec::new(), Vec::new());
        for (build, row) in self.rows.iter_mut().enumerate() {
            if row.status != Status::Running || !row.lease_is_over {
                continue;
            }
            if is_worn_out(row) {
                row.end(Status::Failed, Some(Reason::WorkerLost));
                set_aside.push(build);
            } else {
                row.wait_again();
                waiting.push(build);
            }
        }
        Answer::Rescued(waiting, set_aside)
    }

    fn make_due_builds_wait(&mut self) -> Answer {
        let due = self
            .rows
            .iter_mut()
            .filter(|row| row.pause.is_some_and(|pause| pause.is_over));
        Answer::MadeToWait(due.map(|row| row.pause = None).count())
    }
}

impl Row {
    fn new(what: (u8, usize), client: u8, turn: i64) -> Self {
        Self {
            what,
            client,
            status: Status::Queued,
            reason: None,
            priority: 100,
            turn,
            worker: None,
            epoch: 0,
            attempts: 0,
            has_container: false,
            lease_is_over: false,
            pause: None,
            kept: false,
            answer_is_old: false,
        }
    }

    /// Whether a request for the same joins this one.
    fn answers(&self) -> bool {
        self.kept || !self.status.is_final()
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Renew => self.lease_is_over = false,
            Act::Start => {
                self.has_container = true;
                self.attempts += 1;
            }
            Act::FinishBuilt => self.end(Status::Succeeded, None),
            Act::FinishFailedCompile => self.end(Status::Failed, Some(Reason::BuildFailed)),
            Act::FinishOverALimit => self.end(Status::Failed, Some(Reason::OutOfMemory)),
            Act::GiveBackAtOnce => {
                self.attempts -= u32::from(self.has_container);
                self.has_container = false;
                self.wait_again();
            }
            Act::GiveBackForLater if is_worn_out(self) => {
                self.end(Status::Failed, Some(Reason::WorkerLost));
            }
            Act::GiveBackForLater => {
                self.wait_again();
                self.pause = Some(Pause { is_over: false });
            }
        }
    }

    fn wait_again(&mut self) {
        self.status = Status::Queued;
        self.worker = None;
    }

    fn end(&mut self, status: Status, reason: Option<Reason>) {
        self.status = status;
        self.reason = reason;
        self.worker = None;
        self.kept = reason.is_none_or(Reason::is_the_layouts_own);
    }

    /// The row as [`super::real`] reads it from the table.
    pub(crate) fn as_text(&self) -> String {
        let reason = self.reason.map_or("-", Reason::as_str);
        let worker = self
            .worker
            .map_or("-".to_owned(), |worker| worker.to_string());
        let (paused, has_zip) = (
            self.pause.is_some(),
            self.status.is_final() && self.reason != Some(Reason::WorkerLost),
        );
        format!(
            "{} {} {} {reason} worker {worker} epoch {} attempts {} priority {} turn {} paused {} kept {} zip {}",
            CONTROLLERS[self.what.1],
            self.what.0,
            self.status,
            self.epoch,
            self.attempts,
            self.priority,
            self.turn,
            u8::from(paused),
            u8::from(self.kept),
            u8::from(has_zip),
        )
    }
}
