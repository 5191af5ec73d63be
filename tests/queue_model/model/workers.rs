//! What workers are answered: who holds what, and what becomes of the builds of those who are gone.

use shared::job::Status;

use super::{
    super::steps::{Act, engine_of},
    Answer, Claim, Lease, Model, Row, Seen,
    row::Container,
};

impl Model {
    pub(super) fn claim(&mut self, worker: u8) -> Option<usize> {
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

    pub(super) fn by_claim(&mut self, claim: Claim, act: Act) -> Answer {
        let row = &mut self.rows[claim.build];
        let is_held = row.is_held_by(claim);
        let was_done = is_held && row.act(act);
        match act {
            Act::Look => Answer::Looked {
                is_held,
                is_wanted: row.is_wanted(claim.epoch),
            },
            // Nobody is told whether this changed anything.
            Act::GiveBackAtOnce | Act::GiveBackForLater => Answer::Nothing,
            _ => Answer::Held(was_done),
        }
    }

    pub(super) fn end_leases_of(&mut self, worker: u8) -> Answer {
        let held = self.rows.iter_mut().filter(|row| {
            row.status == Status::Running && row.worker == Some(worker) && row.lease == Lease::Lasts
        });
        Answer::Changed(held.map(|row| row.lease = Lease::JustOver).count())
    }

    pub(super) fn look_for_orphans(&mut self, worker: u8) -> Answer {
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

    pub(super) fn adopt(&mut self, seen: Seen) -> Answer {
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

    pub(super) fn take_back(&mut self, seen: Seen) -> Answer {
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

    pub(super) fn rescue(&mut self) -> Answer {
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

    pub(super) fn make_due_builds_wait(&mut self) -> Answer {
        let due = self
            .rows
            .iter_mut()
            .filter(|row| row.pause.is_some_and(|pause| pause.is_over));
        Answer::Changed(due.map(|row| row.pause = None).count())
    }
}
