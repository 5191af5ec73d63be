//! What an earlier run left behind goes, and what anybody still needs stays.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use shared::store::{Store, jobs};
use uuid::{NoContext, Timestamp, Uuid};
use worker::{
    container::{ContainerError, ContainerSpec, label},
    housekeeping::reconcile,
    recipe,
};

use crate::rig::{ONE_HALF, Rig, names_in};

fn spec(rig: &Rig) -> ContainerSpec {
    let dirs = worker::mounts::BuildDirs {
        config: rig.path("c"),
        builds: rig.path("b"),
        host_config: rig.path("c"),
        host_builds: rig.path("b"),
    };
    recipe::strict("sha256:scripted", "1000:1000", &dirs, &rig.settings.worker)
}

/// A container of a build, as a worker that died would leave it.
fn put_build(rig: &Rig, id: &str, service: &str, build: &str, epoch: &str) {
    let labels = [
        (label::ROLE, label::ROLE_BUILD),
        (label::SERVICE, service),
        (label::BUILD, build),
        (label::EPOCH, epoch),
    ];
    rig.engine.put(id, &labels, spec(rig));
}

fn put_directories(rig: &Rig, name: &str) {
    for above in ["tmp_config", "tmp_builds"] {
        let directory = rig.path(above).join(name).join("deeper");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("file"), "x").unwrap();
    }
}

#[tokio::test]
async fn what_belongs_to_an_ended_claim_goes_and_what_runs_stays() {
    let rig = Rig::new().await;
    let worker = rig.worker().await;
    let service = rig.store.service_id();
    let id = rig.ask(ONE_HALF).await.id();
    // Two claims: the first was lost, the second runs.
    jobs::claim_next(&rig.store, "dead", Duration::ZERO)
        .await
        .unwrap();
    jobs::rescue_expired(&rig.store).await.unwrap();
    jobs::claim_next(&rig.store, "alive", Duration::from_mins(1))
        .await
        .unwrap();
    let (build, unknown) = (id.to_string(), Uuid::now_v7().to_string());
    put_build(&rig, "stale", &service, &build, "1");
    put_build(&rig, "runs", &service, &build, "2");
    put_build(&rig, "of-no-row", &service, &unknown, "1");
    put_directories(&rig, &format!("{service}-{build}-1"));
    put_directories(&rig, &format!("{service}-{build}-2"));
    put_directories(&rig, &format!("{service}-{unknown}-1"));
    put_directories(&rig, &format!("another-{unknown}-1"));
    put_directories(&rig, "somebody's own");

    reconcile(worker.context()).await;

    assert_eq!(rig.engine.containers(), ["runs"]);
    for above in ["tmp_config", "tmp_builds"] {
        let mut left = names_in(&rig.path(above));
        left.sort();
        let mut stay = [
            format!("{service}-{build}-2"),
            format!("another-{unknown}-1"),
            "somebody's own".to_owned(),
        ];
        stay.sort();
        assert_eq!(left, stay);
    }
}

#[tokio::test]
async fn while_a_container_cannot_be_removed_its_directories_stay() {
    let rig = Rig::new().await;
    let worker = rig.worker().await;
    let (service, build) = (rig.store.service_id(), Uuid::now_v7().to_string());
    put_build(&rig, "stuck", &service, &build, "1");
    put_directories(&rig, &format!("{service}-{build}-1"));
    let trouble = "the engine is in trouble".to_owned();
    rig.engine
        .refuse("remove", ContainerError::Unreachable(trouble));
    reconcile(worker.context()).await;
    assert_eq!(rig.engine.containers(), ["stuck"]);
    assert_eq!(names_in(&rig.path("tmp_builds")).len(), 1);
    reconcile(worker.context()).await;
    rig.nothing_is_left(&[]);
}

#[tokio::test]
async fn another_services_containers_on_the_same_engine_are_left_alone() {
    let rig = Rig::new().await;
    let worker = rig.worker().await;
    let other = Store::open(&rig.path("other")).await.unwrap().service_id();
    assert_ne!(other, rig.store.service_id());
    put_build(&rig, "theirs", &other, &Uuid::now_v7().to_string(), "1");
    reconcile(worker.context()).await;
    assert_eq!(rig.engine.containers(), ["theirs"]);
}

#[tokio::test]
async fn a_chore_that_nobody_waits_for_any_more_is_removed_with_its_directories() {
    let rig = Rig::new().await;
    let worker = rig.worker().await;
    let service = rig.store.service_id();
    for (id, until) in [("old", "1000"), ("new", "99999999999")] {
        for role in ["proof", "cleaner"] {
            let labels = [
                (label::ROLE, role),
                (label::SERVICE, &service),
                (label::UNTIL, until),
            ];
            rig.engine.put(&format!("{id}-{role}"), &labels, spec(&rig));
        }
    }
    let old = Uuid::new_v7(Timestamp::from_unix(NoContext, 1_700_000_000, 0));
    let new = Uuid::now_v7();
    put_directories(&rig, &format!("proof-{old}"));
    put_directories(&rig, &format!("proof-{new}"));

    reconcile(worker.context()).await;

    assert_eq!(rig.engine.containers(), ["new-cleaner", "new-proof"]);
    assert_eq!(names_in(&rig.path("tmp_builds")), [format!("proof-{new}")]);
}

#[tokio::test]
async fn a_build_that_is_under_way_is_left_alone_at_each_of_its_steps() {
    let rig = Rig::new().await;
    let worker = std::sync::Arc::new(rig.worker().await);
    for verb in ["create", "start", "wait"] {
        let context = std::sync::Arc::clone(&worker);
        rig.engine.before(verb, move |_| {
            let context = std::sync::Arc::clone(&context);
            async move { reconcile(context.context()).await }
        });
    }
    rig.engine.builds(|inside| async move {
        inside.leave_zip("firmware.zip", crate::rig::FIRMWARE);
        harness::scripted::exit(0)
    });
    let id = rig.ask(ONE_HALF).await.id();
    worker.run_next_job().await.unwrap();
    let build = rig.show(id).await;
    assert_eq!(build.status, shared::job::Status::Succeeded);
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn what_this_user_may_not_remove_a_small_root_container_removes() {
    let rig = Rig::new().await;
    let closed = rig.path("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&closed).is_ok() {
        // Root may remove everything, and needs nobody's help.
        return;
    }
    rig.engine.builds(|inside| async move {
        let kept = inside.path("/mnt/builds").join("roots");
        fs::create_dir_all(kept.join("inner")).unwrap();
        fs::set_permissions(&kept, fs::Permissions::from_mode(0o000)).unwrap();
        harness::scripted::exit(1)
    });
    let build = rig.run(ONE_HALF).await;
    assert_eq!(
        rig.engine.verbs("cleaner"),
        ["create", "start", "wait", "remove"]
    );
    rig.nothing_is_left(&[&build]);
}
