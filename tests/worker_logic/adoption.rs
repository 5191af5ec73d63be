//! A container outlives the worker that started it: the next one takes it on.

use std::{sync::Arc, time::Duration};

use harness::scripted::{Inside, exit, refusal};
use shared::{
    job::{ContainerSpec, JobId, Reason, Status},
    store::{
        jobs::{self, Held, What},
        wake,
    },
};
use tokio::sync::Notify;
use worker::container::label;

use crate::rig::{FIRMWARE, ONE_HALF, Rig, failed_for};

/// A build that says a line, runs until it is told to end, says another and leaves firmware.
struct Slow {
    runs: Arc<Notify>,
    end: Arc<Notify>,
}

impl Slow {
    fn on(rig: &Rig) -> Self {
        let slow = Self {
            runs: Arc::new(Notify::new()),
            end: Arc::new(Notify::new()),
        };
        let (runs, end) = (Arc::clone(&slow.runs), Arc::clone(&slow.end));
        rig.engine.builds(move |inside: Inside| {
            let (runs, end) = (Arc::clone(&runs), Arc::clone(&end));
            async move {
                inside.say("first\n");
                runs.notify_one();
                end.notified().await;
                inside.say("second\n");
                inside.leave_zip("firmware.zip", FIRMWARE);
                exit(0)
            }
        });
        slow
    }
}

async fn what_happened_to(rig: &Rig, id: JobId) -> Vec<What> {
    let history = jobs::history(&rig.store, id).await.unwrap();
    history.into_iter().map(|event| event.what).collect()
}

/// The holder's process is gone: nobody listens under its name.
async fn claimed_by_the_dead(rig: &Rig) -> Held {
    let claimed = jobs::claim_next(&rig.store, "dead", Duration::from_mins(1)).await;
    claimed.unwrap().unwrap().held
}

#[tokio::test]
async fn a_running_container_is_handed_over_and_the_next_worker_ends_its_build() {
    let rig = Rig::new().await;
    let slow = Slow::on(&rig);
    let worker = rig.worker().await;
    let id = rig.ask(ONE_HALF).await.id();
    worker.run_until_stopped(slow.runs.notified()).await;
    let build = rig.show(id).await;
    assert_eq!((build.status, build.attempts), (Status::Running, 1));
    assert_eq!(rig.engine.containers().len(), 1);

    let next = rig.worker().await;
    slow.end.notify_one();
    next.run_next_job().await.unwrap();
    let build = rig.show(id).await;
    assert_eq!((build.status, build.attempts), (Status::Succeeded, 1));
    let starts = rig.engine.verbs("build");
    assert_eq!(starts.iter().filter(|verb| **verb == "start").count(), 1);
    let log = rig.settings.logs.join(format!("{id}/{}.log", build.epoch));
    assert_eq!(std::fs::read_to_string(log).unwrap(), "first\nsecond\n");
    let both = [What::HandedOver, What::Adopted];
    assert_eq!(what_happened_to(&rig, id).await, both);
    assert_eq!(build.losses, 0);
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn a_build_that_ended_while_nobody_watched_is_published_by_the_next_worker() {
    let rig = Rig::new().await;
    let slow = Slow::on(&rig);
    let worker = rig.worker().await;
    let id = rig.ask(ONE_HALF).await.id();
    worker.run_until_stopped(slow.runs.notified()).await;
    slow.end.notify_one();
    rig.worker().await.run_next_job().await.unwrap();
    let build = rig.show(id).await;
    assert_eq!((build.status, build.attempts), (Status::Succeeded, 1));
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn the_container_of_a_worker_that_died_is_taken_on_without_waiting_for_its_lease() {
    let rig = Rig::new().await;
    let slow = Slow::on(&rig);
    let worker = rig.worker().await;
    let id = rig.ask(ONE_HALF).await.id();
    let running = tokio::spawn(async move { worker.run_next_job().await });
    slow.runs.notified().await;
    // As a process that is killed: all of it stops where it is, and its ear goes deaf.
    running.abort();
    drop(running.await);

    slow.end.notify_one();
    rig.worker().await.run_next_job().await.unwrap();
    let build = rig.show(id).await;
    assert_eq!((build.status, build.attempts), (Status::Succeeded, 1));
    assert_eq!(build.losses, 1);
    let both = [What::Lost, What::Adopted];
    assert_eq!(what_happened_to(&rig, id).await, both);
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn a_container_that_was_made_and_never_started_is_started_by_the_next_worker() {
    let rig = Rig::new().await;
    rig.engine.builds(|inside| async move {
        inside.leave_zip("firmware.zip", FIRMWARE);
        exit(0)
    });
    let worker = rig.worker().await;
    let id = rig.ask(ONE_HALF).await.id();
    let at_start = Arc::new(Notify::new());
    let told = Arc::clone(&at_start);
    rig.engine.before("start", move |_| {
        let told = Arc::clone(&told);
        async move {
            told.notify_one();
            std::future::pending::<()>().await;
        }
    });
    let running = tokio::spawn(async move { worker.run_next_job().await });
    at_start.notified().await;
    running.abort();
    drop(running.await);

    rig.engine.before("start", |_| async {});
    rig.worker().await.run_next_job().await.unwrap();
    let build = rig.show(id).await;
    assert_eq!((build.status, build.attempts), (Status::Succeeded, 1));
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn a_build_whose_worker_and_container_are_gone_is_built_anew_at_once() {
    let rig = Rig::new().await;
    rig.engine.builds(|inside| async move {
        inside.leave_zip("firmware.zip", FIRMWARE);
        exit(0)
    });
    let worker = rig.worker().await;
    let id = rig.ask(ONE_HALF).await.id();
    let held = claimed_by_the_dead(&rig).await;
    let engine = &worker.context().me.engine_id;
    assert!(
        jobs::container_created(
            &rig.store,
            &held,
            ("gone", engine),
            &ContainerSpec::default()
        )
        .await
        .unwrap()
    );
    let dirs = worker
        .context()
        .mapping
        .dirs_of(&rig.store.service_id(), &held);
    std::fs::create_dir_all(&dirs.builds).unwrap();

    worker.run_next_job().await.unwrap();
    let build = rig.show(id).await;
    assert_eq!((build.status, build.attempts), (Status::Succeeded, 2));
    assert_eq!(what_happened_to(&rig, id).await, [What::Lost]);
    worker::housekeeping::reconcile(worker.context()).await;
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn a_build_that_took_three_workers_down_is_set_aside_with_its_history() {
    let rig = Rig::new().await;
    let slow = Slow::on(&rig);
    let id = rig.ask(ONE_HALF).await.id();
    for lost_before in 0..jobs::MAX_LOSSES {
        let worker = rig.worker().await;
        let running = tokio::spawn(async move { worker.run_next_job().await });
        if lost_before == 0 {
            slow.runs.notified().await;
        }
        while rig.show(id).await.losses < lost_before {
            tokio::task::yield_now().await;
        }
        running.abort();
        drop(running.await);
    }
    let worker = rig.worker().await;
    let other = rig.ask("MDErgo1-Default.json").await.id();
    rig.engine.builds(|_| async { exit(1) });
    worker.run_next_job().await.unwrap();
    let build = rig.show(id).await;
    failed_for(&build, Reason::WorkerLost);
    assert!(rig.show(other).await.status.is_final(), "it blocks nobody");
    let happened = what_happened_to(&rig, id).await;
    assert_eq!(
        happened.iter().filter(|what| **what == What::Lost).count(),
        3
    );
    assert_eq!(happened.last(), Some(&What::SetAside));
    worker::housekeeping::reconcile(worker.context()).await;
    let left = rig.show(other).await;
    rig.nothing_is_left(&[&build, &left]);
}

#[tokio::test]
async fn an_engine_that_loses_sight_of_a_container_is_asked_again_and_nothing_starts_twice() {
    let rig = Rig::new().await;
    let slow = Slow::on(&rig);
    slow.end.notify_one();
    let worker = rig.worker().await;
    let id = rig.ask(ONE_HALF).await.id();
    rig.engine.refuse("wait", refusal("wait for it"));
    worker.run_next_job().await.unwrap();
    let build = rig.show(id).await;
    assert_eq!((build.status, build.troubles), (Status::Running, 1));
    worker.run_next_job().await.unwrap();
    assert_eq!(
        rig.show(id).await.epoch,
        1,
        "it is left in peace for a while"
    );

    jobs::end_leases_of(&rig.store, "").await.unwrap();
    worker.run_next_job().await.unwrap();
    let build = rig.show(id).await;
    assert_eq!((build.status, build.attempts), (Status::Succeeded, 1));
    let both = [What::Trouble, What::Adopted];
    assert_eq!(what_happened_to(&rig, id).await, both);
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn a_worker_whose_build_was_adopted_leaves_the_container_alone() {
    let rig = Rig::new().await;
    let slow = Slow::on(&rig);
    let worker = rig.worker().await;
    let id = rig.ask(ONE_HALF).await.id();
    let running = tokio::spawn(async move { worker.run_next_job().await });
    slow.runs.notified().await;
    let engine = rig.worker().await.context().me.engine_id.clone();
    // It lives, but its lease ended, as if it had been stopped for a while.
    let holder = jobs::holders(&rig.store).await.unwrap().remove(0);
    jobs::end_leases_of(&rig.store, &holder).await.unwrap();
    let orphan = jobs::orphans(&rig.store, &engine).await.unwrap().remove(0);
    let adopted = jobs::adopt(&rig.store, &orphan, "quick", Duration::from_mins(1)).await;
    assert!(matches!(adopted.unwrap(), jobs::Adoption::Ours(_)));

    running.await.unwrap().unwrap();
    assert_eq!(rig.engine.containers().len(), 1);
    assert_eq!(rig.show(id).await.status, Status::Running);
    assert!(!rig.engine.verbs("build").contains(&"remove"));
}

#[tokio::test]
async fn the_container_of_a_cancelled_build_is_gone_at_once() {
    let rig = Rig::new().await;
    let slow = Slow::on(&rig);
    let worker = rig.worker().await;
    rig.ask(ONE_HALF).await;
    let store = rig.store.clone();
    let cancel = async {
        slow.runs.notified().await;
        // Any other row's state does for the worker: the build is not its own any more.
        let holder = jobs::holders(&store).await.unwrap().remove(0);
        jobs::end_leases_of(&store, &holder).await.unwrap();
        jobs::rescue(&store, &jobs::orphans(&store, "scripted").await.unwrap()[0])
            .await
            .unwrap();
        let id = jobs::claim_next(&store, "another", Duration::from_mins(1)).await;
        let id = id.unwrap().unwrap().held.id;
        let bell = wake::Bell::beside(store.wake_directory().to_owned());
        bell.ring((wake::Role::Worker, wake::Signal::Changed(id)));
    };
    let (ran, ()) = tokio::join!(worker.run_next_job(), cancel);
    ran.unwrap();
    assert!(rig.engine.containers().is_empty());
}

#[tokio::test]
async fn time_that_passed_before_the_adoption_counts() {
    let mut rig = Rig::new().await;
    rig.settings.worker.build_time = Duration::from_millis(300);
    let slow = Slow::on(&rig);
    let worker = rig.worker().await;
    let id = rig.ask(ONE_HALF).await.id();
    worker.run_until_stopped(slow.runs.notified()).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    rig.engine.before("kill", |spec| async move {
        assert_eq!(spec.labels[label::EPOCH], "1");
    });
    rig.worker().await.run_next_job().await.unwrap();
    failed_for(&rig.show(id).await, Reason::TimedOut);
}
