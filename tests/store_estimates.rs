//! When a waiting build will have ended: by what builds of its kind took, by those before it, and by the slots there are.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::time::Duration;

use harness::store::{OwnStore, a_build, failed, firmware};
use shared::{
    job::{JobId, Outcome, Reason},
    store::{
        jobs::{Held, claim_next, finish},
        queue_order::{self, Place},
        workers::{self, Worker, sign_of_life},
    },
};

const LEASE: Duration = Duration::from_hours(1);

#[tokio::test]
async fn the_estimate_is_of_the_builds_own_kind_and_of_those_before_it() {
    let own = OwnStore::new().await;
    for (name, seconds) in [("KType", 10), ("KType", 30), ("MDErgo1", 60)] {
        measured(&own, name, firmware(), seconds).await;
    }
    measured(&own, "KType", failed(Reason::BuildFailed), 1).await;
    worker_with(&own, "first", 2).await;
    let first = ask(&own, "KType-1").await;
    let second = ask(&own, "MDErgo1-2").await;
    let third = ask(&own, "KType-3").await;
    let fourth = ask(&own, "KType-4").await;
    assert_eq!(place(&own, first).await, at(1, 20));
    assert_eq!(place(&own, second).await, at(2, 60));
    assert_eq!(place(&own, third).await, at(3, 40), "after the first");
    assert_eq!(place(&own, fourth).await, at(4, 60), "after the third");

    // With twice the slots none waits for another.
    worker_with(&own, "second", 2).await;
    assert_eq!(place(&own, fourth).await, at(4, 20));
    // A worker that leaves takes nothing new.
    workers::stopping(&own.store, "first").await.unwrap();
    assert_eq!(place(&own, fourth).await, at(4, 60));
}

#[tokio::test]
async fn another_controller_has_durations_of_its_own() {
    let own = OwnStore::new().await;
    measured(&own, "KType", firmware(), 20).await;
    let by_050 = |name: &str| a_build(name).with(|build| build.controller = "050".to_owned());
    let slow = by_050("KType-Slow").enqueue(&own.store).await.id();
    assert_eq!(place(&own, slow).await, at(1, 20), "its keyboard is known");
    let held = claim(&own).await;
    end(&own, &held, firmware(), 90).await;
    let next = by_050("KType-Next").enqueue(&own.store).await.id();
    assert_eq!(place(&own, next).await, at(1, 90));
}

#[tokio::test]
async fn a_running_build_counts_with_what_is_left_of_it() {
    let own = OwnStore::new().await;
    measured(&own, "KType", firmware(), 100).await;
    ask(&own, "KType-Running").await;
    let running = claim(&own).await;
    let waiting = ask(&own, "KType-Waiting").await;
    started(&own, &running, 60);
    let eta = place(&own, waiting).await.eta_seconds;
    assert!((120..=140).contains(&eta), "40 are left: {eta}");

    // One that takes longer than others may end at any moment.
    started(&own, &running, 1000);
    assert_eq!(place(&own, waiting).await, at(1, 101));
}

#[tokio::test]
async fn one_that_came_after_the_look_stands_behind_all() {
    let own = OwnStore::new().await;
    measured(&own, "KType", firmware(), 20).await;
    let first = ask(&own, "KType-1").await;
    let look = own.another_handle().await;
    assert_eq!(queue_order::place(&look, first).await.unwrap(), at(1, 20));
    let later = ask(&own, "KType-2").await;
    assert_eq!(queue_order::place(&look, later).await.unwrap(), at(2, 40));
}

#[tokio::test]
async fn a_look_at_durations_does_not_grow_with_the_table() {
    let own = OwnStore::new().await;
    let plan = own.by_hand().plan_of(
        "SELECT keyboard, controller, max(finished_at - started_at, 0) FROM jobs
         WHERE status = 'succeeded' AND compares IS NULL ORDER BY id DESC LIMIT 500",
    );
    assert_eq!(plan, "SCAN jobs USING INDEX jobs_succeeded", "newest first");
}

/// The place as a process sees it that has not looked before.
async fn place(own: &OwnStore, id: JobId) -> Place {
    let store = own.another_handle().await;
    queue_order::place(&store, id).await.unwrap()
}

fn at(position: u64, eta_seconds: u64) -> Place {
    Place {
        position,
        eta_seconds,
    }
}

async fn ask(own: &OwnStore, name: &str) -> JobId {
    a_build(name).enqueue(&own.store).await.id()
}

async fn claim(own: &OwnStore) -> Held {
    let claimed = claim_next(&own.store, "a worker", LEASE).await.unwrap();
    claimed.unwrap().held
}

/// A build that ended so, after this long.
async fn measured(own: &OwnStore, keyboard: &str, outcome: Outcome, seconds: u32) {
    ask(own, &format!("{keyboard}-{seconds}s")).await;
    let held = claim(own).await;
    end(own, &held, outcome, seconds).await;
}

async fn end(own: &OwnStore, held: &Held, outcome: Outcome, seconds: u32) {
    finish(&own.store, held, outcome).await.unwrap();
    let sql = format!(
        "UPDATE jobs SET started_at = finished_at - {seconds} * 1000 WHERE id = '{}'",
        held.id
    );
    own.by_hand().run(&sql).unwrap();
}

/// Lets a running build have started this long ago.
fn started(own: &OwnStore, held: &Held, seconds_ago: u32) {
    let sql = format!(
        "UPDATE jobs SET started_at = (unixepoch() - {seconds_ago}) * 1000 WHERE id = '{}'",
        held.id
    );
    own.by_hand().run(&sql).unwrap();
}

async fn worker_with(own: &OwnStore, id: &str, slots: usize) {
    let worker = Worker {
        id: id.to_owned(),
        host: "host".to_owned(),
        engine_id: "engine".to_owned(),
        slots,
    };
    sign_of_life(&own.store, &worker, None).await.unwrap();
}
