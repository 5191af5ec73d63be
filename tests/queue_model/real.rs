//! What is: each step done to a real table through several handles, and the table compared with the model after it.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use harness::store::{ByHand, OwnStore, a_build, failed, fingerprint, firmware};
use proptest_state_machine::StateMachineTest;
use shared::{
    channel::Dialect,
    job::{JobId, Reason},
    store::{
        Store,
        channels::{Move, Moved, move_to},
        jobs::{
            Enqueued, Held, Pause, Recorded, Rescued, claim_next, container_created, finish,
            give_back, make_due_builds_wait, renew, rescue_expired,
        },
        requests::statistics,
        versions::{self, Controller},
    },
};
use tokio::runtime::Runtime;

use super::{
    model::{Answer, Model},
    steps::{Act, CONTROLLERS, Step, WORKERS},
};

/// Longer than any test: leases end by hand here.
const LEASE: Duration = Duration::from_hours(1);

/// So late that no pause ends by itself while a test runs, however slow the machine is.
const NOT_YET: i64 = i64::MAX / 2;

/// A build that was given back for later stays away at least for so long.
const SHORTEST_PAUSE: Duration = Duration::from_secs(2);

/// The rows in the order of their ids, as the model writes them down.
const ROWS: &str = "SELECT controller || ' ' || layout || ' ' || status || ' ' || coalesce(reason, '-')
        || ' worker ' || coalesce(lease_owner, '-') || ' epoch ' || lease_epoch || ' attempts ' || attempts
        || ' priority ' || priority || ' turn ' || turn || ' paused ' || (due_at IS NOT NULL)
        || ' kept ' || kept || ' zip ' || (artifact_file IS NOT NULL)
    FROM jobs ORDER BY id";

/// A table that several processes have open.
pub(crate) struct Table {
    runtime: Runtime,
    own: Option<OwnStore>,
    /// One for each worker, and the API's.
    handles: Vec<Store>,
    by_hand: ByHand,
    ids: Vec<JobId>,
    claims: Vec<Held>,
}

impl StateMachineTest for Table {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_: &Model) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (own, handles) = runtime.block_on(open());
        Self {
            by_hand: own.by_hand(),
            own: Some(own),
            runtime,
            handles,
            ids: Vec::new(),
            claims: Vec::new(),
        }
    }

    fn apply(mut table: Self, model: &Model, step: Step) -> Self {
        let answer = table.take(&step);
        assert_eq!(answer, model.answer, "the answer to {step:?}");
        table
    }

    fn check_invariants(table: &Self, model: &Model) {
        let expected: Vec<_> = model.rows.iter().map(super::model::Row::as_text).collect();
        assert_eq!(table.by_hand.ask(ROWS), expected);
        let turn = table.by_hand.ask("SELECT turn FROM service");
        assert_eq!(turn, [model.turn.to_string()]);
        table.nothing_stands_twice();
        table.has_counted(model);
    }

    fn teardown(mut table: Self, mut model: Model) {
        table.bring_to_an_end(&mut model);
    }
}

async fn open() -> (OwnStore, Vec<Store>) {
    let own = OwnStore::new().await;
    let mut handles = Vec::new();
    for _ in 0..WORKERS {
        handles.push(own.another_handle().await);
    }
    handles.push(own.store.clone());
    let controllers = CONTROLLERS.map(|name| Controller {
        name: name.to_owned(),
        image: format!("sha256:{name}"),
        protocol: 2,
        dialect: Dialect::Latest,
        channel: None,
        version: None,
        revision: None,
        created: None,
        commits: None,
        source: None,
        keyboards: None,
    });
    let seen = versions::controllers_seen(&own.store, "engine", controllers.to_vec());
    seen.await.unwrap();
    (own, handles)
}

impl Drop for Table {
    /// Connections are given back in the runtime that they are from.
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
        self.handles.clear();
        self.own = None;
    }
}

impl Table {
    fn take(&mut self, step: &Step) -> Answer {
        match *step {
            Step::Ask { client, layout } => self.ask(client, layout),
            Step::Claim { worker } => self.claim(worker),
            Step::ByClaim { claim, act } => self.by_claim(&self.claims[claim].clone(), act),
            Step::Rescue { worker } => self.rescue(worker),
            Step::MakeDueBuildsWait { worker } => {
                let handle = &self.handles[usize::from(worker)];
                Answer::MadeToWait(self.runtime.block_on(make_due_builds_wait(handle)).unwrap())
            }
            Step::LeaseEnds { build } => self.set(build, "lease_until = 1"),
            Step::PauseEnds { build } => self.set(build, "due_at = 1"),
            Step::AnswerAges { build } => self.set(build, "kept_until = 1"),
            Step::Prefer { build, priority } => self.set(build, &format!("priority = {priority}")),
            Step::Move { controller } => self.move_to(controller),
        }
    }

    fn api(&self) -> &Store {
        &self.handles[usize::from(WORKERS)]
    }

    fn ask(&mut self, client: u8, layout: u8) -> Answer {
        let enqueued = self.runtime.block_on(async {
            let store = self.api();
            let latest = versions::version(store, "latest").await.unwrap().unwrap();
            let controller = latest.controller.unwrap();
            let what = format!("{layout} by {}", controller.image);
            let build = a_build(&format!("KType-{layout}")).by(&client.to_string());
            let build = build.with(|build| {
                build.fingerprint = fingerprint(&what);
                build.image = controller.image;
                build.controller = controller.name;
            });
            build.enqueue(store).await
        });
        match enqueued {
            Enqueued::New(id) => {
                self.ids.push(id);
                Answer::New(self.ids.len() - 1)
            }
            Enqueued::Joined(id, status) => Answer::Joined(self.number(id), status),
        }
    }

    fn claim(&mut self, worker: u8) -> Answer {
        let handle = &self.handles[usize::from(worker)];
        let worker = worker.to_string();
        let claim = claim_next(handle, &worker, LEASE);
        let claimed = self.runtime.block_on(claim).unwrap();
        Answer::Claimed(claimed.map(|claimed| {
            let build = self.number(claimed.held.id);
            self.claims.push(claimed.held);
            build
        }))
    }

    fn by_claim(&self, held: &Held, act: Act) -> Answer {
        let worker: usize = held.worker.parse().unwrap();
        let store = &self.handles[worker];
        let end = |outcome| {
            let recorded = self.runtime.block_on(finish(store, held, outcome)).unwrap();
            Answer::Held(recorded == Recorded::Yes)
        };
        match act {
            Act::Renew => Answer::Held(self.runtime.block_on(renew(store, held, LEASE)).unwrap()),
            Act::Start => {
                let started = container_created(store, held, "a container", "engine");
                Answer::Held(self.runtime.block_on(started).unwrap())
            }
            Act::FinishBuilt => end(firmware()),
            Act::FinishFailedCompile => end(failed(Reason::BuildFailed)),
            Act::FinishOverALimit => end(failed(Reason::OutOfMemory)),
            Act::GiveBackAtOnce => {
                let given = give_back(store, held, Pause::None, "it leaves");
                self.runtime.block_on(given).unwrap();
                Answer::Nothing
            }
            Act::GiveBackForLater => self.give_back_for_later(store, held),
        }
    }

    fn give_back_for_later(&self, store: &Store, held: &Held) -> Answer {
        let before = now();
        let given = give_back(store, held, Pause::Growing, "the engine is in trouble");
        self.runtime.block_on(given).unwrap();
        // The clock is ours from here on: a pause that has begun ends when a step says so.
        let pause = format!(
            "UPDATE jobs SET due_at = {NOT_YET} WHERE id = '{}' AND due_at >= {}",
            held.id,
            before + SHORTEST_PAUSE.as_millis()
        );
        self.by_hand.run(&pause).unwrap();
        Answer::Nothing
    }

    fn rescue(&self, worker: u8) -> Answer {
        let handle = &self.handles[usize::from(worker)];
        let rescued = self.runtime.block_on(rescue_expired(handle)).unwrap();
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

    fn set(&self, build: usize, change: &str) -> Answer {
        let change = format!("UPDATE jobs SET {change} WHERE id = '{}'", self.ids[build]);
        self.by_hand.run(&change).unwrap();
        Answer::Nothing
    }

    fn number(&self, id: JobId) -> usize {
        let known = self.ids.iter().position(|known| *known == id);
        known.expect("a build that was asked for")
    }

    fn nothing_stands_twice(&self) {
        let twice = self.by_hand.ask(
            "SELECT fingerprint FROM jobs WHERE status IN ('queued', 'running') OR kept = 1
             GROUP BY fingerprint HAVING count(*) > 1",
        );
        assert!(twice.is_empty(), "{twice:?}");
        let without_inputs = self.by_hand.ask(
            "SELECT id FROM jobs WHERE id NOT IN (SELECT job_id FROM job_inputs) AND finished_at IS NULL",
        );
        assert!(without_inputs.is_empty(), "{without_inputs:?}");
    }

    fn has_counted(&self, model: &Model) {
        let found = self.runtime.block_on(statistics(self.api())).unwrap();
        let counted = &model.counted;
        assert_eq!(found.builds, counted.asked);
        assert_eq!(found.unique_builds, counted.builds.len() as u64);
        assert_eq!(found.users, counted.clients.len() as u64);
        assert_eq!(found.layers, 2 * counted.asked);
        let layouts = counted.layouts.iter();
        let layouts: BTreeMap<_, _> = layouts
            .map(|(layout, times)| (format!("KType-{layout}"), *times))
            .collect();
        assert_eq!(found.keyboards, layouts);
        let controllers = counted.controllers.iter();
        let controllers: BTreeMap<_, _> = controllers
            .map(|(controller, times)| (format!("controller-{}", CONTROLLERS[*controller]), *times))
            .collect();
        assert_eq!(found.versions, controllers);
        let requests = self.by_hand.ask("SELECT count(*) FROM requests");
        assert_eq!(requests, [counted.asked.to_string()]);
    }

    /// Whatever the story was, no build is stuck: with its leases and pauses over, each is taken and ends.
    fn bring_to_an_end(&mut self, model: &mut Model) {
        let over = "UPDATE jobs SET lease_until = 1 WHERE status = 'running'; UPDATE jobs SET due_at = 1 WHERE due_at > 1";
        self.by_hand.run(over).unwrap();
        for row in &mut model.rows {
            row.lease_is_over = true;
            row.pause = row.pause.map(|_| super::model::Pause { is_over: true });
        }
        self.step(model, &Step::Rescue { worker: 0 });
        self.step(model, &Step::MakeDueBuildsWait { worker: 1 });
        loop {
            self.step(model, &Step::Claim { worker: 2 });
            if model.answer == Answer::Claimed(None) {
                break;
            }
            let claim = self.claims.len() - 1;
            self.step(
                model,
                &Step::ByClaim {
                    claim,
                    act: Act::FinishBuilt,
                },
            );
        }
        let open = self
            .by_hand
            .ask("SELECT id FROM jobs WHERE finished_at IS NULL");
        assert!(open.is_empty(), "{open:?}");
        assert_eq!(self.by_hand.ask("PRAGMA integrity_check"), ["ok"]);
    }

    fn step(&mut self, model: &mut Model, step: &Step) {
        model.apply(step);
        assert_eq!(
            self.take(step),
            model.answer,
            "the answer to {step:?} at the end"
        );
        Self::check_invariants(self, model);
    }
}

/// Milliseconds since 1970, as all of the table's times.
fn now() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis()
}
