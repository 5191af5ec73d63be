//! What should be: the rows, the clients' turns and the counters, in plain Rust. It knows nothing of SQL.

/// One build, and what it goes through.
mod row;

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    job::Status,
    store::jobs::{Cancelled, Left},
};

pub(crate) use row::{Container, Lease, Pause, Row};

use super::steps::{Act, How, LIMITS, MANY_LOSSES, MANY_TROUBLES, Step, engine_of};

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

    fn ask(&mut self, client: u8, layout: u8, how: How) -> Answer {
        let what = (layout, self.controller);
        let turn = self.next_turn_of(client);
        let same = self.rows.iter_mut().filter(|row| row.what == what);
        for row in same.filter(|row| row.answer_is_old) {
            row.kept = false;
        }
        let answers = |row: &Row| row.what == what && row.answers();
        let known = self.rows.iter().position(answers);
        if known.is_none()
            && let Some(refused) = self.no_room(client, how)
        {
            return refused;
        }
        let joined = known.map(|build| self.rows[build].status);
        let build = known.unwrap_or_else(|| {
            self.rows.push(Row::new(what, client, turn));
            self.rows.len() - 1
        });
        let row = &mut self.rows[build];
        row.takes_the_better_turn(client, turn);
        let has_token = how == How::UntilItLeaves && !row.status.is_final();
        if has_token {
            row.staying.insert(self.tokens.len());
            self.tokens.push(build);
        } else if !row.status.is_final() {
            row.is_held_for_good = true;
        }
        self.count(client, what);
        Answer::Asked {
            build,
            joined,
            has_token,
        }
    }

    /// One after the client's last that waits or was served, and never one that has passed.
    fn next_turn_of(&self, client: u8) -> i64 {
        let own = self.rows.iter().filter(|row| row.client == client);
        let waiting = own.filter(|row| row.status == Status::Queued);
        let last = waiting.map(|row| row.turn).max();
        let last = last.max(self.served.get(&client).copied());
        self.turn.max(last.map_or(0, |last| last + 1))
    }

    fn no_room(&self, client: u8, how: How) -> Option<Answer> {
        let waiting = self.rows.iter().filter(|row| row.status == Status::Queued);
        let of_client = waiting.clone().filter(|row| row.client == client).count();
        if how == How::AsOperator {
            None
        } else if of_client >= LIMITS.per_client as usize {
            Some(Answer::TooManyOfClient)
        } else if waiting.count() >= LIMITS.in_all as usize {
            Some(Answer::TooManyInAll)
        } else {
            None
        }
    }

    fn count(&mut self, client: u8, what: (u8, usize)) {
        let counted = &mut self.counted;
        counted.asked += 1;
        counted.builds.insert(what);
        counted.clients.insert(client);
        *counted.layouts.entry(what.0).or_default() += 1;
        *counted.controllers.entry(what.1).or_default() += 1;
    }

    fn leave(&mut self, token: usize, build: usize) -> Left {
        if self.tokens[token] != build {
            return Left::UnknownToken;
        }
        let row = &mut self.rows[build];
        row.staying.remove(&token);
        if row.wanted_by() == 0 && row.cancel() == Cancelled::Yes {
            Left::AndCancelled
        } else {
            Left::Yes
        }
    }

    fn claim(&mut self, worker: u8) -> Option<usize> {
        let waiting = self.rows.iter().enumerate();
        let waiting =
            waiting.filter(|(_, row)| row.status == Status::Queued && row.pause.is_none());
        let (build, _) = waiting.min_by_key(|(build, row)| (row.priority, row.turn, *build))?;
        let row = &mut self.rows[build];
        row.status = Status::Running;
        row.container = None;
        row.is_taken_by(worker);
        let (epoch, turn) = (row.epoch, row.turn);
        let served = self.served.entry(row.client).or_insert(turn);
        *served = turn.max(*served);
        self.turn = self.turn.max(turn);
        self.claims.push(Claim {
            build,
            worker,
            epoch,
        });
        Some(build)
    }

    fn by_claim(&mut self, claim: Claim, act: Act) -> Answer {
        let row = &mut self.rows[claim.build];
        let is_held = row.is_held_by(claim);
        match act {
            Act::Look => Answer::Looked {
                is_held,
                is_wanted: row.is_wanted(claim.epoch),
            },
            Act::GiveBackAtOnce | Act::GiveBackForLater => {
                // Nobody is told whether this changed anything.
                let _changed = is_held && row.act(act);
                Answer::Nothing
            }
            _ => Answer::Held(is_held && row.act(act)),
        }
    }

    fn end_leases_of(&mut self, worker: u8) -> Answer {
        let held = self.rows.iter_mut().filter(|row| {
            row.status == Status::Running && row.worker == Some(worker) && row.lease == Lease::Lasts
        });
        Answer::Changed(held.map(|row| row.lease = Lease::JustOver).count())
    }

    fn look_for_orphans(&mut self, worker: u8) -> Answer {
        let rows = self.rows.iter().enumerate();
        let orphans = rows
            .filter(|(_, row)| row.is_lost())
            .filter_map(|(build, row)| {
                let on_this_engine = |made: &Container| made.engine == engine_of(worker);
                let made = row.container.filter(on_this_engine)?;
                Some(Seen {
                    by: worker,
                    build,
                    holder: row.worker,
                    epoch: row.epoch,
                    container: made.by,
                })
            });
        let orphans: Vec<_> = orphans.collect();
        self.seen.extend(&orphans);
        Answer::Orphans(orphans)
    }

    /// The orphan's row, if it is still as it was seen.
    fn as_seen(&mut self, seen: Seen) -> Option<&mut Row> {
        let row = &mut self.rows[seen.build];
        let is_same = row.epoch == seen.epoch && row.worker == seen.holder;
        (row.is_lost() && is_same).then_some(row)
    }

    fn adopt(&mut self, seen: Seen) -> Answer {
        let Some(row) = self.as_seen(seen) else {
            return Answer::Gone;
        };
        if !row.is_adopted_by(seen.by) {
            return Answer::SetAside;
        }
        let (attempts, epoch) = (row.attempts, row.epoch);
        self.claims.push(Claim {
            build: seen.build,
            worker: seen.by,
            epoch,
        });
        Answer::Adopted {
            container: seen.container,
            attempts,
        }
    }

    fn take_back(&mut self, seen: Seen) -> Answer {
        let (mut waiting, mut set_aside) = (Vec::new(), Vec::new());
        if let Some(row) = self.as_seen(seen) {
            let which = if row.is_taken_back() {
                &mut waiting
            } else {
                &mut set_aside
            };
            which.push(seen.build);
        }
        Answer::Rescued(waiting, set_aside)
    }

    fn rescue(&mut self) -> Answer {
        let (mut waiting, mut set_aside) = (Vec::new(), Vec::new());
        for (build, row) in self.rows.iter_mut().enumerate() {
            // One with a container waits a while for somebody who goes on with it.
            let is_due = row.container.is_none() || row.lease == Lease::LongOver;
            if row.is_lost() && is_due {
                let which = if row.is_taken_back() {
                    &mut waiting
                } else {
                    &mut set_aside
                };
                which.push(build);
            }
        }
        Answer::Rescued(waiting, set_aside)
    }

    fn make_due_builds_wait(&mut self) -> Answer {
        let due = self
            .rows
            .iter_mut()
            .filter(|row| row.pause.is_some_and(|pause| pause.is_over));
        Answer::Changed(due.map(|row| row.pause = None).count())
    }
}
