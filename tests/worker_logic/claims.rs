//! Builds that go from worker to worker.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use harness::scripted::exit;
use shared::{job::Status, store::jobs};
use tokio::sync::Notify;

use crate::rig::{FIRMWARE, ONE_HALF, Rig, TWO_HALVES};

#[tokio::test]
async fn a_container_that_was_killed_from_outside_is_the_machines_trouble() {
    let rig = Rig::new().await;
    rig.engine.builds(|_| async { exit(137) });
    let build = rig.run(ONE_HALF).await;
    assert_eq!((build.status, build.attempts), (Status::Queued, 1));
    let worker = rig.worker().await;
    let next = worker.run_next_job().await.unwrap();
    assert_eq!(
        next,
        worker::slots::Step::NothingWaiting,
        "its pause is due"
    );
    rig.nothing_is_left(&[]);
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_changes_nothing_and_takes_its_zip_back() {
    let rig = Rig::new().await;
    let store = rig.store.clone();
    rig.engine.builds(move |inside| {
        let store = store.clone();
        async move {
            Rig::lose(&store, &inside).await;
            inside.leave_zip("firmware.zip", FIRMWARE);
            exit(0)
        }
    });
    let build = rig.run(ONE_HALF).await;
    assert_eq!((build.status, build.epoch), (Status::Running, 2));
    assert_eq!(build.artifact, None);
    rig.nothing_is_left(&[]);
}

#[tokio::test]
async fn a_worker_that_hears_of_its_lost_lease_removes_its_container_without_waiting_for_its_end() {
    let rig = Rig::new().await;
    let store = rig.store.clone();
    rig.engine.builds(move |inside| {
        let store = store.clone();
        async move {
            Rig::lose(&store, &inside).await;
            std::future::pending().await
        }
    });
    let build = rig.run(ONE_HALF).await;
    assert_eq!((build.status, build.epoch), (Status::Running, 2));
    let without_end = ["create", "start", "follow_log", "remove"];
    assert_eq!(rig.engine.verbs("build"), without_end);
    rig.nothing_is_left(&[]);
}

#[tokio::test]
async fn a_job_that_is_lost_before_its_container_starts_never_starts_it() {
    let rig = Rig::new().await;
    let store = rig.store.clone();
    rig.engine.before("create", move |spec| {
        let store = store.clone();
        async move {
            let held = jobs::Held {
                id: spec.labels["kiisrv.build"].parse().unwrap(),
                worker: spec.labels["kiisrv.worker"].clone(),
                epoch: 1,
            };
            jobs::give_back(&store, &held, jobs::Pause::None, "")
                .await
                .unwrap();
        }
    });
    let build = rig.run(ONE_HALF).await;
    assert_eq!((build.status, build.attempts), (Status::Queued, 0));
    assert_eq!(rig.engine.verbs("build"), ["create", "remove"]);
    rig.nothing_is_left(&[]);
}

#[tokio::test]
async fn the_zip_of_an_earlier_claim_goes_when_a_later_one_is_the_answer() {
    let rig = Rig::new().await;
    let worker = rig.worker().await;
    let id = rig.ask(ONE_HALF).await.id();
    let orphan = rig.settings.artifacts.join(id.to_string());
    std::fs::create_dir_all(&orphan).unwrap();
    for name in ["0.zip", ".0.zip"] {
        std::fs::write(orphan.join(name), "from a worker that died").unwrap();
    }
    rig.engine.builds(|inside| async move {
        inside.leave_zip("firmware.zip", FIRMWARE);
        exit(0)
    });
    worker.run_next_job().await.unwrap();
    let build = rig.show(id).await;
    assert_eq!(build.status, Status::Succeeded);
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn a_worker_that_leaves_while_a_container_is_being_made_leaves_none_behind() {
    let rig = Rig::new().await;
    let worker = rig.worker().await;
    let id = rig.ask(ONE_HALF).await.id();
    let (asked, left) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (at_create, may_go_on) = (Arc::clone(&asked), Arc::clone(&left));
    rig.engine.before("create", move |_| {
        let (at_create, may_go_on) = (Arc::clone(&at_create), Arc::clone(&may_go_on));
        async move {
            at_create.notify_one();
            may_go_on.notified().await;
        }
    });
    let leaving = worker.context().leaving.clone();
    let engine_goes_on = async {
        leaving.cancelled().await;
        left.notify_one();
    };
    tokio::join!(worker.run_until_stopped(asked.notified()), engine_goes_on);
    let build = rig.show(id).await;
    assert_eq!((build.status, build.attempts), (Status::Queued, 0));
    assert_eq!(rig.engine.verbs("build"), ["create", "remove"]);
    rig.nothing_is_left(&[]);
}

#[tokio::test]
async fn a_slot_that_panicked_goes_on_with_the_next_build() {
    let rig = Rig::new().await;
    let worker = rig.worker().await;
    let first = rig.ask(ONE_HALF).await.id();
    let second = rig.ask(TWO_HALVES).await.id();
    // The first removal is after the row was written, where nothing of the build's own catches it.
    let removals = AtomicU32::new(0);
    rig.engine.before("remove", move |_| {
        let is_first = removals.fetch_add(1, Ordering::Relaxed) == 0;
        async move { assert!(!is_first, "on purpose") }
    });
    let ended = async {
        while !rig.show(second).await.status.is_final() {
            tokio::task::yield_now().await;
        }
    };
    worker.run_until_stopped(ended).await;
    assert!(rig.show(first).await.status.is_final());
}
