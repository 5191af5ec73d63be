//! Containers that are ready before the build comes that they are for.

use std::{
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use harness::scripted::{Inside, ScriptedEngine, controller, exit};
use shared::{
    job::{JobId, Status},
    store::{
        control,
        jobs::{self, Attempt, Build},
        wake,
    },
};
use worker::{
    Worker,
    container::{ContainerRuntime, label},
    housekeeping,
    mounts::BuildDirs,
    recipe,
    reconcile::{Ground, Mismatch, look_at_builds},
};

use crate::rig::{FIRMWARE, ONE_HALF, Rig, names_in};

const ANOTHER: &str = "KType-NoAnimations.json";

/// An engine whose images wait, and whose builds leave firmware.
async fn rig() -> Rig {
    let rig = Rig::new().await;
    rig.engine.set_image_label("kiisrv.protocol", "2");
    rig.engine.set_image_label("kiisrv.waits", "1");
    rig.engine.builds(|inside: Inside| async move {
        inside.say("a line\n");
        inside.leave_zip("firmware.zip", FIRMWARE);
        exit(0)
    });
    rig
}

/// Waits until something is so.
macro_rules! until {
    ($is_so:expr) => {
        while !$is_so {
            tokio::task::yield_now().await;
        }
    };
}

/// Waits until these are all the containers that there are, and gives their ids.
async fn until_there_are(engine: &ScriptedEngine, count: usize) -> Vec<String> {
    until!(engine.containers().len() == count);
    engine.containers()
}

async fn built(rig: &Rig, layout: &str) -> Build {
    let id = rig.ask(layout).await.id();
    until!(rig.show(id).await.status.is_final());
    rig.show(id).await
}

async fn attempts(rig: &Rig, id: JobId) -> Vec<Attempt> {
    jobs::attempts(&rig.store, id).await.unwrap()
}

fn made_for_builds(rig: &Rig) -> usize {
    let verbs = rig.engine.verbs(label::ROLE_BUILD);
    verbs.iter().filter(|verb| **verb == "create").count()
}

#[tokio::test]
async fn a_build_gets_the_container_that_was_ready_and_each_is_used_once() {
    let rig = rig().await;
    let worker = rig.worker().await;
    let seen = Mutex::new(Vec::new());
    worker
        .run_until_stopped(async {
            for layout in [ONE_HALF, ANOTHER] {
                let ready = until_there_are(&rig.engine, 1).await;
                let build = built(&rig, layout).await;
                until!(rig.engine.containers() != ready);
                seen.lock().unwrap().push((ready[0].clone(), build));
            }
            until_there_are(&rig.engine, 1).await;
        })
        .await;
    let seen = seen.into_inner().unwrap();
    assert_ne!(seen[0].0, seen[1].0);
    for (ready, build) in &seen {
        assert_eq!((build.status, build.attempts), (Status::Succeeded, 1));
        let attempts = attempts(&rig, build.id).await;
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts[0].container, *ready);
        let log = rig.settings.logs.join(format!("{}/1.log", build.id));
        assert_eq!(fs::read_to_string(log).unwrap(), "a line\n");
    }
    assert_eq!(made_for_builds(&rig), 0);
    let measured = shared::store::measures::measures(&rig.store).await.unwrap();
    assert_eq!(measured.happenings["prepared"], 2);
    assert_eq!(measured.happenings["attempt"], 2);
    // Also the one that waited when the worker was told to stop.
    rig.nothing_is_left(&[&seen[0].1, &seen[1].1]);
}

#[tokio::test]
async fn what_a_container_that_was_ready_was_given_differs_from_a_builds_in_name_labels_and_places_only()
 {
    let given = async |prepared| {
        let mut rig = rig().await;
        rig.settings.worker.prepared = prepared;
        let worker = rig.worker().await;
        let spec = Mutex::new(None);
        worker
            .run_until_stopped(async {
                until_there_are(&rig.engine, prepared).await;
                let build = built(&rig, ONE_HALF).await;
                *spec.lock().unwrap() = attempts(&rig, build.id).await.remove(0).spec;
            })
            .await;
        spec.into_inner().unwrap().unwrap()
    };
    let [mut ready, mut ordinary] = [given(1).await, given(0).await];
    assert_eq!(ready.labels[label::ROLE], label::ROLE_PREPARED);
    assert_eq!(ordinary.labels[label::ROLE], label::ROLE_BUILD);
    for spec in [&mut ready, &mut ordinary] {
        spec.name.clear();
        spec.labels.clear();
        for mount in &mut spec.mounts {
            mount.source.clear();
        }
    }
    assert_eq!(ready, ordinary);
}

#[tokio::test]
async fn none_is_ready_of_an_image_that_does_not_say_that_it_waits_or_where_none_is_wished() {
    for (protocol, waits, most, memory) in [
        ("2", "0", 1, 1),
        ("1", "1", 1, 1),
        ("2", "1", 0, 1),
        ("2", "1", 1, u64::MAX),
    ] {
        let mut rig = rig().await;
        rig.engine.set_image_label("kiisrv.protocol", protocol);
        rig.engine.set_image_label("kiisrv.waits", waits);
        rig.settings.worker.prepared = most;
        rig.settings.worker.build_memory = memory;
        let worker = rig.worker().await;
        worker
            .run_until_stopped(async {
                for layout in [ONE_HALF, ANOTHER] {
                    let build = built(&rig, layout).await;
                    assert_eq!(build.status, Status::Succeeded);
                    until_there_are(&rig.engine, 0).await;
                }
            })
            .await;
        assert_eq!(rig.engine.verbs(label::ROLE_PREPARED), [""; 0]);
        assert_eq!(made_for_builds(&rig), 2);
    }
}

#[tokio::test]
async fn one_that_ended_while_it_waited_is_removed_and_no_build_gets_it() {
    let rig = rig().await;
    let worker = rig.worker().await;
    worker
        .run_until_stopped(async {
            let ready = until_there_are(&rig.engine, 1).await;
            rig.engine.kill(&ready[0]).await.unwrap();
            until_there_are(&rig.engine, 0).await;
            let build = built(&rig, ONE_HALF).await;
            assert_eq!((build.status, build.attempts), (Status::Succeeded, 1));
        })
        .await;
    assert_eq!(made_for_builds(&rig), 1);
}

#[tokio::test]
async fn a_build_whose_ready_container_cannot_be_used_gets_another_in_the_same_claim() {
    let rig = rig().await;
    rig.engine.builds(|inside: Inside| async move {
        let left = fs::read_dir(inside.path("/mnt/builds")).unwrap();
        if left.count() > 0 {
            return exit(1);
        }
        inside.leave_zip("firmware.zip", FIRMWARE);
        exit(0)
    });
    let worker = rig.worker().await;
    worker
        .run_until_stopped(async {
            let ready = until_there_are(&rig.engine, 1).await;
            for name in names_in(&rig.path("tmp_config")) {
                fs::remove_file(rig.path("tmp_config").join(&name).join("go")).unwrap();
                fs::write(rig.path("tmp_builds").join(name).join("reason"), "x").unwrap();
            }
            let build = built(&rig, ONE_HALF).await;
            assert_eq!((build.status, build.attempts), (Status::Succeeded, 1));
            let attempts = attempts(&rig, build.id).await;
            assert_eq!(attempts.len(), 1);
            assert_ne!(attempts[0].container, ready[0]);
        })
        .await;
    assert_eq!(made_for_builds(&rig), 1);
}

#[tokio::test]
async fn those_that_are_not_wanted_any_more_are_removed_at_once() {
    let rig = rig().await;
    let worker = rig.worker().await;
    let context = worker.context();
    let engine = rig.engine.clone();
    let (store, me) = (rig.store.clone(), context.me.id.clone());
    worker
        .run_until_stopped(async {
            let first = until_there_are(&engine, 1).await;
            let mut anew = controller();
            anew.image = "sha256:another".to_owned();
            engine.set_controllers(vec![anew]);
            until!(!engine.containers().is_empty() && engine.containers() != first);

            control::drain(&store, &me, "a test").await.unwrap();
            until_there_are(&engine, 0).await;
        })
        .await;
}

/// A container that waits, of a worker that died, with its directories under these names.
async fn of_the_dead(
    rig: &Rig,
    worker: &Worker<ScriptedEngine>,
    name: &str,
) -> (String, BuildDirs) {
    let context = worker.context();
    let dirs = context.mapping.dirs(name);
    fs::create_dir_all(dirs.config.join("input")).unwrap();
    fs::create_dir_all(&dirs.builds).unwrap();
    let bell = dirs.config.join("go");
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, bell, fifo, 0o644.into(), 0).unwrap();
    let (image, user) = (controller().image, context.owner.user());
    let settings = &rig.settings.worker;
    let mut spec = recipe::prepared(&image, ("dead", name), &dirs, &user, settings);
    let service = rig.store.service_id();
    spec.labels.insert(label::SERVICE.to_owned(), service);
    let container = rig.engine.create(&spec).await.unwrap();
    rig.engine.start(&container).await.unwrap();
    (container, dirs)
}

#[tokio::test]
async fn whoever_takes_a_build_on_does_what_was_left_to_do_to_give_it_to_its_container() {
    for moved in [false, true] {
        let rig = rig().await;
        let worker = rig.worker().await;
        let name = format!("{}-prepared-dead-0", rig.store.service_id());
        let (container, first) = of_the_dead(&rig, &worker, &name).await;
        let id = rig.ask(ONE_HALF).await.id();
        let held = jobs::claim_next(&rig.store, "dead", Duration::from_mins(1)).await;
        let held = held.unwrap().unwrap().held;
        let engine = worker.context().me.engine_id.clone();
        let spec = shared::job::ContainerSpec::default();
        assert!(
            jobs::container_taken(&rig.store, &held, (&container, &engine), &spec)
                .await
                .unwrap()
        );
        if moved {
            let service = rig.store.service_id();
            let dirs = worker.context().mapping.dirs_of(&service, &held);
            fs::rename(&first.config, &dirs.config).unwrap();
            fs::rename(&first.builds, &dirs.builds).unwrap();
            fs::write(dirs.config.join("input/half of a file.kll"), "x").unwrap();
        }
        housekeeping::reconcile(worker.context()).await;
        assert_eq!(rig.engine.containers(), [container], "it is in use");

        worker.run_next_job().await.unwrap();
        let build = rig.show(id).await;
        assert_eq!((build.status, build.attempts), (Status::Succeeded, 1));
        assert_eq!(made_for_builds(&rig), 0);
        rig.nothing_is_left(&[&build]);
    }
}

#[tokio::test]
async fn a_container_that_died_with_its_worker_before_it_got_its_build_costs_another_try_only() {
    let rig = rig().await;
    let worker = rig.worker().await;
    let name = format!("{}-prepared-dead-0", rig.store.service_id());
    let (container, _) = of_the_dead(&rig, &worker, &name).await;
    rig.engine.kill(&container).await.unwrap();
    let id = rig.ask(ONE_HALF).await.id();
    let held = jobs::claim_next(&rig.store, "dead", Duration::from_mins(1)).await;
    let held = held.unwrap().unwrap().held;
    let engine = worker.context().me.engine_id.clone();
    let spec = shared::job::ContainerSpec::default();
    jobs::container_taken(&rig.store, &held, (&container, &engine), &spec)
        .await
        .unwrap();
    worker.run_next_job().await.unwrap();
    let build = rig.show(id).await;
    assert_eq!((build.status, build.troubles), (Status::Queued, 1));
    rig.nothing_is_left(&[]);
}

#[tokio::test]
async fn what_waits_for_a_worker_that_died_is_found_and_removed_and_what_waits_for_a_live_one_is_not()
 {
    let rig = rig().await;
    let worker = rig.worker().await;
    let service = rig.store.service_id();
    let dead = format!("{service}-prepared-dead-0");
    let (container, _) = of_the_dead(&rig, &worker, &dead).await;
    let look = async |as_doctor: bool| {
        let mut ground = Ground::of(worker.context());
        if as_doctor {
            ground.prepared = None;
        }
        look_at_builds(&ground).await.unwrap()
    };
    let both = [
        Mismatch::Prepared {
            id: container.clone(),
            name: dead.clone(),
        },
        Mismatch::Directory { name: dead },
    ];
    for as_doctor in [false, true] {
        assert_eq!(look(as_doctor).await, both);
    }
    let ear = wake::Listener::bind(rig.store.wake_directory(), wake::Role::Worker, "dead");
    for as_doctor in [false, true] {
        assert_eq!(look(as_doctor).await, [], "it lives");
    }
    drop(ear);
    housekeeping::reconcile(worker.context()).await;
    rig.nothing_is_left(&[]);
}

#[tokio::test]
async fn what_bears_a_workers_own_name_and_is_unknown_to_it_is_a_leftover() {
    let rig = rig().await;
    let worker = Arc::new(rig.worker().await);
    let (service, me) = (rig.store.service_id(), &worker.context().me.id);
    let forgotten = format!("{service}-prepared-{me}-7");
    let dirs = worker.context().mapping.dirs(&forgotten);
    fs::create_dir_all(&dirs.config).unwrap();
    housekeeping::reconcile(worker.context()).await;
    rig.nothing_is_left(&[]);
}
