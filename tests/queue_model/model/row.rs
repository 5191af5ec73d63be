//! One build's row: who holds it, what is counted, and each thing that can happen to it.

use std::collections::BTreeSet;

use shared::{
    job::{Reason, Status},
    store::jobs::{Cancelled, MAX_LOSSES, MAX_TROUBLES, What},
};

use super::{
    super::steps::{Act, CONTROLLERS, engine_of},
    Claim,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// What is built: a layout with a controller.
    pub what: (u8, usize),
    pub client: u8,
    pub status: Status,
    pub reason: Option<Reason>,
    pub priority: i64,
    pub turn: i64,
    /// Who holds it while it runs; nobody where it was handed over.
    pub worker: Option<u8>,
    pub epoch: u32,
    pub lease: Lease,
    pub container: Option<Container>,
    pub attempts: u32,
    pub losses: u32,
    pub troubles: u32,
    pub pause: Option<Pause>,
    pub kept: bool,
    pub answer_is_old: bool,
    pub is_held_for_good: bool,
    /// The clients that were told a token, whether or not they have left.
    pub has_told: BTreeSet<u8>,
    /// The tokens that nobody has left with.
    pub staying: BTreeSet<usize>,
    pub history: Vec<Event>,
}

/// How it stands with the lease of a build that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lease {
    Lasts,
    JustOver,
    /// So long that its engine is taken for gone.
    LongOver,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Container {
    /// The claim that made it.
    pub by: u32,
    pub engine: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    pub is_over: bool,
}

/// A line of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    what: What,
    epoch: u32,
    worker: Option<u8>,
}

impl Row {
    pub(super) fn new(what: (u8, usize), client: u8, turn: i64) -> Self {
        Self {
            what,
            client,
            status: Status::Queued,
            reason: None,
            priority: 100,
            turn,
            worker: None,
            epoch: 0,
            lease: Lease::Lasts,
            container: None,
            attempts: 0,
            losses: 0,
            troubles: 0,
            pause: None,
            kept: false,
            answer_is_old: false,
            is_held_for_good: false,
            has_told: BTreeSet::new(),
            staying: BTreeSet::new(),
            history: Vec::new(),
        }
    }

    /// Whether a request for the same joins this one.
    pub(super) fn answers(&self) -> bool {
        self.kept || !self.status.is_final()
    }

    pub(super) fn is_held_by(&self, claim: Claim) -> bool {
        self.status == Status::Running
            && self.worker == Some(claim.worker)
            && self.epoch == claim.epoch
    }

    /// Whether the container and the directories of this claim are needed.
    pub(super) fn is_wanted(&self, epoch: u32) -> bool {
        let made_by = self.container.map(|container| container.by);
        self.status == Status::Running && (self.epoch == epoch || made_by == Some(epoch))
    }

    pub(super) fn is_lost(&self) -> bool {
        self.status == Status::Running && self.lease != Lease::Lasts
    }

    /// How many hold on to it. Those who cannot leave count as one.
    pub(super) fn wanted_by(&self) -> usize {
        usize::from(self.is_held_for_good) + self.staying.len()
    }

    /// Whoever joins a waiting build with a better turn has it counted as its own.
    pub(super) fn takes_the_better_turn(&mut self, client: u8, turn: i64) {
        if self.status == Status::Queued && turn < self.turn {
            (self.client, self.turn) = (client, turn);
        }
    }

    pub(super) fn is_taken_by(&mut self, worker: u8) {
        self.worker = Some(worker);
        self.epoch += 1;
        self.lease = Lease::Lasts;
    }

    /// What its holder does. `false`: it could not be done, or the build is tried no more.
    pub(super) fn act(&mut self, act: Act) -> bool {
        match act {
            Act::Renew => self.lease = Lease::Lasts,
            Act::Look => {}
            Act::Start => {
                // One claim is one start, however many containers it takes.
                let is_first = self
                    .container
                    .as_ref()
                    .is_none_or(|one| one.by != self.epoch);
                self.attempts += u32::from(is_first);
                self.container = self.worker.map(|worker| Container {
                    by: self.epoch,
                    engine: engine_of(worker),
                });
            }
            Act::FinishBuilt => self.end(Status::Succeeded, None),
            Act::FinishFailedCompile => self.end(Status::Failed, Some(Reason::BuildFailed)),
            Act::FinishOverALimit => self.end(Status::Failed, Some(Reason::OutOfMemory)),
            Act::GiveBackAtOnce => {
                self.note(What::GivenBack);
                self.wait_again();
            }
            Act::GiveBackForLater => {
                if self.is_in_trouble() {
                    self.wait_again();
                    self.pause = Some(Pause { is_over: false });
                }
            }
            // There is nothing to go on with.
            Act::HandOver | Act::HandOverInTrouble if self.container.is_none() => return false,
            Act::HandOver => {
                self.note(What::HandedOver);
                self.worker = None;
                self.lease = Lease::JustOver;
            }
            Act::HandOverInTrouble => {
                if !self.is_in_trouble() {
                    return false;
                }
                self.worker = None;
                self.lease = Lease::Lasts;
            }
        }
        true
    }

    /// One more trouble. `false`: it was one too many.
    fn is_in_trouble(&mut self) -> bool {
        self.troubles += 1;
        self.note(What::Trouble);
        self.goes_on_if(self.troubles < MAX_TROUBLES)
    }

    /// Somebody goes on with its container. `false`: it has lost too many workers.
    pub(super) fn is_adopted_by(&mut self, worker: u8) -> bool {
        // One that left in good order is not lost.
        if self.worker.is_some() {
            self.losses += 1;
            self.note(What::Lost);
        }
        let goes_on = self.goes_on_if(self.losses < MAX_LOSSES);
        if goes_on {
            self.is_taken_by(worker);
            self.note(What::Adopted);
        }
        goes_on
    }

    /// Nobody goes on with its container, if there is one. `false`: it has lost too many workers.
    pub(super) fn is_taken_back(&mut self) -> bool {
        self.losses += u32::from(self.worker.is_some());
        self.note(What::Lost);
        let goes_on = self.goes_on_if(self.losses < MAX_LOSSES);
        if goes_on {
            self.wait_again();
        }
        goes_on
    }

    fn goes_on_if(&mut self, has_chances: bool) -> bool {
        if !has_chances {
            self.note(What::SetAside);
            self.end(Status::Failed, Some(Reason::WorkerLost));
        }
        has_chances
    }

    pub(super) fn cancel(&mut self) -> Cancelled {
        if self.status.is_final() {
            return Cancelled::HadEnded(self.status);
        }
        self.end(Status::Cancelled, Some(Reason::Cancelled));
        Cancelled::Yes
    }

    fn wait_again(&mut self) {
        self.status = Status::Queued;
        self.worker = None;
    }

    fn end(&mut self, status: Status, reason: Option<Reason>) {
        self.status = status;
        self.reason = reason;
        self.worker = None;
        self.pause = None;
        self.kept = reason.is_none_or(Reason::is_the_layouts_own);
    }

    fn note(&mut self, what: What) {
        self.history.push(Event {
            what,
            epoch: self.epoch,
            worker: self.worker,
        });
    }

    /// The row as [`super::super::real`] reads it from the table.
    pub(crate) fn as_text(&self) -> String {
        let named = |worker: Option<u8>| worker.map_or(String::new(), |worker| worker.to_string());
        let (worker, lease) = match (self.status, self.lease) {
            (Status::Running, Lease::Lasts) => (named(self.worker), "lasts"),
            (Status::Running, _) => (named(self.worker), "over"),
            _ => ("-".to_owned(), "-"),
        };
        let container = self.container.map_or("-".to_owned(), |made| {
            format!("container {0} by {0} on {1}", made.by, made.engine)
        });
        let has_no_zip = [Some(Reason::WorkerLost), Some(Reason::Cancelled)];
        let has_zip = self.status.is_final() && !has_no_zip.contains(&self.reason);
        let history = self.history.iter().map(|event| {
            let (what, worker) = (event.what.as_str(), named(event.worker));
            format!("{what} {} '{worker}'", event.epoch)
        });
        format!(
            "{} {} {} {} client {} worker '{worker}' epoch {} lease {lease} {container} attempts {} losses {} \
             troubles {} priority {} turn {} paused {} kept {} zip {} wanted by {} [{}]",
            CONTROLLERS[self.what.1],
            self.what.0,
            self.status,
            self.reason.map_or("-", Reason::as_str),
            self.client,
            self.epoch,
            self.attempts,
            self.losses,
            self.troubles,
            self.priority,
            self.turn,
            u8::from(self.pause.is_some()),
            u8::from(self.kept),
            u8::from(has_zip),
            self.wanted_by(),
            history.collect::<Vec<_>>().join(", "),
        )
    }
}
