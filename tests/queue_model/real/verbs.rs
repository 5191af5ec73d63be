//! Each step as the verb of the store that it stands for, and the answer in the model's words. The clock is ours: leases
//! and pauses end when a step says so, and never by themselves, however slow the machine is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use harness::store::{a_build, failed, fingerprint, firmware};
use shared::{
    job::{ContainerSpec, Outcome, Reason},
    store::{
        Store,
        channels::{Move, Moved, move_to},
        jobs::{
            self, Admitted, Adoption, Enqueued, Held, Hold, LeaveToken, LettingGo, NewBuild, Pause,
            Recorded, Rescued,
        },
        versions,
    },
};

use super::{
    super::{
        model::{Answer, Seen},
        steps::{Act, CONTROLLERS, How, LIMITS, MANY_LOSSES, MANY_TROUBLES, Step, engine_of},
    },
    Table,
};

/// Longer than any test.
const LEASE: Duration = Duration::from_hours(1);

/// So late that no pause ends by itself while a test runs.
const NOT_YET: i64 = i64::MAX / 2;

/// A build in trouble stays away at least for so long.
const SHORTEST_PAUSE: Duration = Duration::from_secs(2);

impl Table {
    pub(super) fn take(&mut self, step: &Step) -> Answer {
        match *step {
            Step::Ask {
                client,
                layout,
                how,
            } => self.ask(client, layout, how),
            Step::Leave { token, build } => {
                let leave = jobs::leave(self.api(), self.ids[build], &self.tokens[token]);
                Answer::Left(self.runtime.block_on(leave).unwrap())
            }
            Step::Cancel { build } => {
                let cancel = jobs::cancel(self.api(), self.ids[build]);
                Answer::Cancelled(self.runtime.block_on(cancel).unwrap())
            }
            Step::Claim { worker } => self.claim(worker),
            Step::ByClaim { claim, act } => self.by_claim(&self.claims[claim].clone(), act),
            Step::EndLeasesOf { worker } => {
                let worker = worker.to_string();
                let end = jobs::end_leases_of(self.api(), &worker);
                Answer::Changed(self.runtime.block_on(end).unwrap())
            }
            Step::LookForOrphans { worker } => self.look_for_orphans(worker),
            Step::Adopt { orphan } => self.adopt(orphan),
            Step::TakeBack { orphan } => {
                let (worker, orphan) = &self.seen[orphan];
                let rescue = jobs::rescue(self.handle(*worker), orphan);
                let rescued = self.runtime.block_on(rescue).unwrap();
                self.rescued(rescued.into_iter().collect())
            }
            Step::Rescue { worker } => self.rescue(worker),
            Step::MakeDueBuildsWait { worker } => {
                let make = jobs::make_due_builds_wait(self.handle(worker));
                Answer::Changed(self.runtime.block_on(make).unwrap())
            }
            Step::LeaseEnds { build } => self.set(build, &format!("lease_until = {}", now())),
            Step::NobodyComes { build } => self.set(build, "lease_until = 1"),
            Step::HadBadTimes { build } => {
                let counts = format!("troubles = {MANY_TROUBLES}, losses = {MANY_LOSSES}");
                self.set(build, &counts)
            }
            Step::PauseEnds { build } => self.set(build, "due_at = 1"),
            Step::AnswerAges { build } => self.set(build, "kept_until = 1"),
            Step::Prefer { build, priority } => self.set(build, &format!("priority = {priority}")),
            Step::Move { controller } => self.move_to(controller),
        }
    }

    fn handle(&self, worker: u8) -> &Store {
        &self.handles[usize::from(worker)]
    }

    fn set(&self, build: usize, change: &str) -> Answer {
        let change = format!("UPDATE jobs SET {change} WHERE id = '{}'", self.ids[build]);
        self.by_hand.run(&change).unwrap();
        Answer::Nothing
    }

    fn ask(&mut self, client: u8, layout: u8, how: How) -> Answer {
        let store = self.api().clone();
        let build = self.build_of(client, layout);
        let hold = match how {
            How::AsOperator => {
                let enqueue = jobs::enqueue(&store, build);
                let enqueued = self.runtime.block_on(enqueue).unwrap();
                return self.asked(enqueued, None);
            }
            How::ForGood => Hold::ForGood,
            How::UntilItLeaves => Hold::UntilItLeaves,
        };
        let admit = jobs::admit(&store, build, LIMITS, hold);
        match self.runtime.block_on(admit).unwrap() {
            Admitted::Yes { enqueued, token } => self.asked(enqueued, token),
            Admitted::TooManyOfClient { .. } => Answer::TooManyOfClient,
            Admitted::TooManyInAll { .. } => Answer::TooManyInAll,
        }
    }

    /// A layout with the controller that `latest` stands for.
    fn build_of(&self, client: u8, layout: u8) -> NewBuild {
        let latest = versions::version(self.api(), "latest");
        let latest = self.runtime.block_on(latest).unwrap().unwrap();
        let controller = latest.controller.unwrap();
        let what = format!("{layout} by {}", controller.image);
        let build = a_build(&format!("KType-{layout}")).by(&client.to_string());
        let build = build.with(|build| {
            build.fingerprint = fingerprint(&what);
            build.image = controller.image;
            build.controller = controller.name;
        });
        build.into()
    }

    fn asked(&mut self, enqueued: Enqueued, token: Option<LeaveToken>) -> Answer {
        let has_token = token.is_some();
        self.tokens.extend(token);
        let (build, joined) = match enqueued {
            Enqueued::New(id) => {
                self.ids.push(id);
                (self.ids.len() - 1, None)
            }
            Enqueued::Joined(id, status) => (self.number(id), Some(status)),
        };
        Answer::Asked {
            build,
            joined,
            has_token,
        }
    }

    fn claim(&mut self, worker: u8) -> Answer {
        let name = worker.to_string();
        let claim = jobs::claim_next(self.handle(worker), &name, LEASE);
        let claimed = self.runtime.block_on(claim).unwrap();
        Answer::Claimed(claimed.map(|claimed| {
            let build = self.number(claimed.held.id);
            self.claims.push(claimed.held);
            build
        }))
    }

    fn by_claim(&self, held: &Held, act: Act) -> Answer {
        let worker: u8 = held.worker.parse().unwrap();
        let store = self.handle(worker);
        let run = &self.runtime;
        let trouble = "the engine is in trouble";
        Answer::Held(match act {
            Act::Renew => run.block_on(jobs::renew(store, held, LEASE)).unwrap(),
            Act::Look => return self.look(held),
            Act::Start => {
                let container = format!("container {}", held.epoch);
                let engine = engine_of(worker);
                let spec = ContainerSpec::default();
                let started = jobs::container_created(store, held, (&container, engine), &spec);
                run.block_on(started).unwrap()
            }
            Act::FinishBuilt => self.finish(store, held, firmware()),
            Act::FinishFailedCompile => self.finish(store, held, failed(Reason::BuildFailed)),
            Act::FinishOverALimit => self.finish(store, held, failed(Reason::OutOfMemory)),
            Act::GiveBackAtOnce | Act::GiveBackForLater => {
                let pause = match act {
                    Act::GiveBackAtOnce => Pause::None,
                    _ => Pause::Growing,
                };
                let before = now();
                let given = jobs::give_back(store, held, pause, trouble);
                run.block_on(given).unwrap();
                self.hold_pauses(held, before);
                return Answer::Nothing;
            }
            Act::HandOver => {
                let hand_over = jobs::hand_over(store, held, LettingGo::Leaving);
                run.block_on(hand_over).unwrap()
            }
            Act::HandOverInTrouble => {
                let before = now();
                let why = LettingGo::Trouble(trouble.to_owned());
                let handed_over = run.block_on(jobs::hand_over(store, held, why)).unwrap();
                self.hold_pauses(held, before);
                handed_over
            }
        })
    }

    fn look(&self, held: &Held) -> Answer {
        let is_held = jobs::is_held(self.api(), held);
        let is_wanted = jobs::is_wanted(self.api(), held.id, held.epoch);
        Answer::Looked {
            is_held: self.runtime.block_on(is_held).unwrap(),
            is_wanted: self.runtime.block_on(is_wanted).unwrap(),
        }
    }

    fn finish(&self, store: &Store, held: &Held, outcome: Outcome) -> bool {
        let finish = jobs::finish(store, held, outcome);
        self.runtime.block_on(finish).unwrap() == Recorded::Yes
    }

    /// A pause that has begun ends when a step says so.
    fn hold_pauses(&self, held: &Held, before: u128) {
        let (id, after) = (held.id, before + SHORTEST_PAUSE.as_millis());
        let hold = format!(
            "UPDATE jobs SET due_at = {NOT_YET} WHERE id = '{id}' AND due_at >= {after};
             UPDATE jobs SET lease_until = {NOT_YET}
             WHERE id = '{id}' AND lease_owner = '' AND lease_until >= {after}"
        );
        self.by_hand.run(&hold).unwrap();
    }

    fn look_for_orphans(&mut self, worker: u8) -> Answer {
        let look = jobs::orphans(self.handle(worker), engine_of(worker));
        let orphans = self.runtime.block_on(look).unwrap();
        let as_model = orphans.iter().map(|orphan| Seen {
            by: worker,
            build: self.number(orphan.held.id),
            holder: orphan.held.worker.parse().ok(),
            epoch: orphan.held.epoch,
            container: orphan.container_epoch,
        });
        let answer = Answer::Orphans(as_model.collect());
        let seen = orphans.into_iter().map(|orphan| (worker, orphan));
        self.seen.extend(seen);
        answer
    }

    fn adopt(&mut self, orphan: usize) -> Answer {
        let (worker, orphan) = &self.seen[orphan];
        let name = worker.to_string();
        let adopt = jobs::adopt(self.handle(*worker), orphan, &name, LEASE);
        match self.runtime.block_on(adopt).unwrap() {
            Adoption::Ours(adopted) => {
                self.claims.push(adopted.claimed.held);
                Answer::Adopted {
                    container: adopted.container_epoch,
                    attempts: adopted.claimed.attempts,
                }
            }
            Adoption::SetAside => Answer::SetAside,
            Adoption::Gone => Answer::Gone,
        }
    }

    fn rescue(&self, worker: u8) -> Answer {
        // What ended in this story has ended just now.
        let now = now();
        let just_now = format!(
            "UPDATE jobs SET lease_until = {now} WHERE lease_until > 1 AND lease_until <= {now}"
        );
        self.by_hand.run(&just_now).unwrap();
        let rescue = jobs::rescue_expired(self.handle(worker));
        self.rescued(self.runtime.block_on(rescue).unwrap())
    }

    fn rescued(&self, rescued: Vec<Rescued>) -> Answer {
        let (mut waiting, mut set_aside) = (Vec::new(), Vec::new());
        for one in rescued {
            match one {
                Rescued::Waiting(id) => waiting.push(self.number(id)),
                Rescued::SetAside(id) => set_aside.push(self.number(id)),
            }
        }
        waiting.sort_unstable();
        set_aside.sort_unstable();
        Answer::Rescued(waiting, set_aside)
    }

    fn move_to(&self, controller: usize) -> Answer {
        let wish = Move {
            name: "latest".to_owned(),
            controller: CONTROLLERS[controller].to_owned(),
            channel: None,
            tried: None,
        };
        let moved = self.runtime.block_on(move_to(self.api(), wish, "somebody"));
        Answer::Moved(matches!(moved.unwrap(), Moved::Done { .. }))
    }
}

/// Milliseconds since 1970, as all of the table's times.
fn now() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis()
}
