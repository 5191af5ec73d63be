//! What is: each step done to a real table through several handles, and the table compared with the model after it.

/// Each step's verb of the store.
mod verbs;

use std::collections::BTreeMap;

use harness::store::{ByHand, OwnStore};
use proptest_state_machine::StateMachineTest;
use shared::{
    channel::Dialect,
    job::{JobId, Status},
    store::{
        Store,
        jobs::{Held, LeaveToken, Orphan},
        statistics::statistics,
        versions::{self, Controller},
    },
};
use tokio::runtime::Runtime;

use super::{
    model::{Answer, Lease, Model, Pause},
    steps::{Act, CONTROLLERS, Step, WORKERS},
};

/// The rows in the order of their ids, as the model writes them down.
const ROWS: &str = "SELECT controller || ' ' || layout || ' ' || status || ' ' || coalesce(reason, '-')
        || ' client ' || client
        || ' worker ''' || coalesce(lease_owner, '-') || ''' epoch ' || lease_epoch
        || ' lease ' || CASE WHEN lease_until > 1000 * unixepoch('subsec') THEN 'lasts'
                             WHEN lease_until IS NULL THEN '-' ELSE 'over' END
        || ' ' || coalesce(container_id || ' by ' || container_epoch || ' on ' || engine_id, '-')
        || ' attempts ' || attempts || ' losses ' || losses || ' troubles ' || troubles
        || ' priority ' || priority || ' turn ' || turn || ' paused ' || (due_at IS NOT NULL)
        || ' kept ' || kept || ' zip ' || (artifact_file IS NOT NULL)
        || ' wanted by ' || (SELECT count(*) FROM participants WHERE job_id = jobs.id AND left_at IS NULL)
        || ' [' || coalesce((SELECT group_concat(what || ' ' || epoch || ' ''' || worker || '''', ', ' ORDER BY id)
                             FROM history WHERE job_id = jobs.id), '') || ']'
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
    tokens: Vec<LeaveToken>,
    /// Each as a worker saw it once, and which worker.
    seen: Vec<(u8, Orphan)>,
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
            tokens: Vec::new(),
            seen: Vec::new(),
        }
    }

    fn apply(mut table: Self, model: &Model, step: Step) -> Self {
        let answer = table.take(&step);
        assert_eq!(answer, model.answer, "the answer to {step:?}");
        table
    }

    fn check_invariants(table: &Self, model: &Model) {
        let rows = table.by_hand.ask(ROWS);
        assert_eq!(rows.len(), model.rows.len(), "the number of rows");
        for (build, (found, expected)) in rows.iter().zip(&model.rows).enumerate() {
            assert_eq!(*found, expected.as_text(), "build {build}");
        }
        let waiting = model.which(|row| row.status == Status::Queued).len();
        let service = "SELECT turn || ' with ' || waiting || ' waiting' FROM service";
        let expected = format!("{} with {waiting} waiting", model.turn);
        assert_eq!(table.by_hand.ask(service), [expected]);
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
    fn api(&self) -> &Store {
        &self.handles[usize::from(WORKERS)]
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
            row.lease = Lease::LongOver;
            row.pause = row.pause.map(|_| Pause { is_over: true });
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
