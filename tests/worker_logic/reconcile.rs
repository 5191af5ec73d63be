//! Rows and files that do not match: each kind is found by a look that changes nothing, and mended.

use std::{fs, os::unix::net::UnixDatagram, time::Duration};

use shared::{
    job::{ContainerSpec, JobId, Status},
    store::{Store, jobs},
};
use worker::{
    housekeeping::{reconcile, reconcile_files},
    reconcile::{Ground, Mismatch, look_at_builds, look_at_files, mend},
};

use crate::rig::{FIRMWARE, ONE_HALF, Rig, TWO_HALVES, names_in};

/// A service in which one build has ended with firmware, and whose directories are known as its own.
async fn with_a_build() -> (
    Rig,
    worker::Worker<harness::scripted::ScriptedEngine>,
    jobs::Build,
) {
    let rig = Rig::new().await;
    rig.engine.builds(|inside| async move {
        inside.leave_zip("firmware.zip", FIRMWARE);
        harness::scripted::exit(0)
    });
    let worker = rig.worker().await;
    let id = rig.ask(ONE_HALF).await.id();
    worker.run_next_job().await.unwrap();
    let build = rig.show(id).await;
    assert_eq!(build.status, Status::Succeeded);
    reconcile_files(worker.context()).await;
    (rig, worker, build)
}

async fn found(worker: &worker::Worker<harness::scripted::ScriptedEngine>) -> Vec<Mismatch> {
    let ground = Ground::of(worker.context());
    let mut found = look_at_builds(&ground).await.unwrap();
    found.extend(look_at_files(&ground).await.unwrap());
    found
}

#[tokio::test]
async fn a_service_in_order_has_nothing_to_mend() {
    let (rig, worker, build) = with_a_build().await;
    assert_eq!(found(&worker).await, []);
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn zips_that_no_row_names_go_and_the_one_that_is_named_stays() {
    let (rig, worker, build) = with_a_build().await;
    let named = build.artifact.clone().unwrap().file;
    let below = |path: &str| rig.settings.artifacts.join(path);
    let unknown = JobId::new();
    for path in [
        format!("{}/9.zip", build.id),
        format!("{}/.1.zip", build.id),
        format!("{unknown}/1.zip"),
        "of somebody/1.zip".to_owned(),
    ] {
        fs::create_dir_all(below(&path).parent().unwrap()).unwrap();
        fs::write(below(&path), "x").unwrap();
    }
    let unnamed = |path: String| Mismatch::UnnamedZip { path: path.into() };
    let mut seen = found(&worker).await;
    seen.sort();
    let mut expected = [
        unnamed(format!("{}/.1.zip", build.id)),
        unnamed(format!("{}/9.zip", build.id)),
        unnamed(unknown.to_string()),
    ];
    expected.sort();
    assert_eq!(seen, expected);
    assert_eq!(found(&worker).await.len(), 3, "a look changes nothing");

    reconcile_files(worker.context()).await;

    assert_eq!(found(&worker).await, []);
    assert!(below(&named).exists() && below("of somebody/1.zip").exists());
    assert!(!below(&unknown.to_string()).exists());
}

#[tokio::test]
async fn what_a_running_or_waiting_build_may_still_publish_is_left_alone() {
    let (rig, worker, _) = with_a_build().await;
    let id = rig.ask(TWO_HALVES).await.id();
    let zip = rig.settings.artifacts.join(format!("{id}/.1.zip"));
    fs::create_dir_all(zip.parent().unwrap()).unwrap();
    fs::write(&zip, "half of a zip").unwrap();
    reconcile_files(worker.context()).await;
    jobs::claim_next(&rig.store, "another", Duration::from_mins(1))
        .await
        .unwrap();
    reconcile_files(worker.context()).await;
    assert!(zip.exists());
}

#[tokio::test]
async fn what_has_got_its_row_since_it_was_found_is_not_removed() {
    let (rig, worker, build) = with_a_build().await;
    let artifact = build.artifact.clone().unwrap();
    let ground = Ground::of(worker.context());
    for path in [build.id.to_string(), artifact.file.clone()] {
        let found_before = Mismatch::UnnamedZip { path: path.into() };
        mend(&ground, &found_before).await.unwrap();
    }
    let found_before = Mismatch::StrayLog { build: build.id };
    mend(&ground, &found_before).await.unwrap();
    assert_eq!(rig.zips(), [artifact.file]);
    let log = rig.settings.logs.join(format!("{}/1.log", build.id));
    assert!(log.exists());
}

#[tokio::test]
async fn an_answer_whose_zip_is_lost_or_cut_is_dropped_and_the_same_request_builds_anew() {
    for cut in [false, true] {
        let (rig, worker, build) = with_a_build().await;
        let artifact = build.artifact.clone().unwrap();
        let path = rig.settings.artifacts.join(&artifact.file);
        if cut {
            fs::write(&path, "half of a zip").unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        let seen = found(&worker).await;
        assert!(
            matches!(&seen[..], [Mismatch::ZipLost { build: lost, file, .. }]
                     if (lost, file) == (&build.id, &artifact.file)),
            "{seen:?}"
        );
        assert!(rig.is_kept(ONE_HALF).await);

        reconcile_files(worker.context()).await;

        assert_eq!(rig.show(build.id).await.artifact, None);
        assert!(!rig.is_kept(ONE_HALF).await);
        worker.run_next_job().await.unwrap();
        assert!(rig.is_kept(ONE_HALF).await);
        // Nothing is left of the cut one.
        assert_eq!(found(&worker).await, []);
        assert_eq!(rig.zips().len(), 1);
    }
}

#[tokio::test]
async fn logs_of_no_row_go_and_those_of_a_row_stay() {
    let (rig, worker, build) = with_a_build().await;
    let unknown = JobId::new();
    fs::create_dir_all(rig.settings.logs.join(unknown.to_string())).unwrap();
    assert_eq!(
        found(&worker).await,
        [Mismatch::StrayLog { build: unknown }]
    );
    reconcile_files(worker.context()).await;
    assert!(
        rig.settings
            .logs
            .join(format!("{}/1.log", build.id))
            .exists()
    );
    assert_eq!(found(&worker).await, []);
}

#[tokio::test]
async fn where_no_file_fits_any_row_nothing_is_taken_for_ours() {
    let (mut rig, worker, build) = with_a_build().await;
    let artifacts = rig.settings.artifacts.clone();
    // Another disk is mounted there, or none.
    let aside = rig.path("aside");
    fs::rename(&artifacts, &aside).unwrap();
    fs::create_dir(&artifacts).unwrap();
    reconcile_files(worker.context()).await;
    let seen = found(&worker).await;
    assert!(matches!(&seen[..], [Mismatch::NotOurPlace { place, .. }] if *place == artifacts));
    assert!(rig.show(build.id).await.artifact.is_some());

    // The table was lost and made anew, and the zips of before are there.
    fs::remove_dir(&artifacts).unwrap();
    fs::rename(&aside, &artifacts).unwrap();
    rig.settings.data = rig.path("another table");
    rig.store = Store::open(&rig.settings.data).await.unwrap();
    let worker = rig.worker().await;
    reconcile_files(worker.context()).await;
    assert_eq!(found(&worker).await.len(), 2, "zips and logs");
    assert_eq!(rig.zips(), [build.artifact.unwrap().file]);
    assert_eq!(names_in(&rig.settings.logs).len(), 2, "the mark and a log");
}

#[tokio::test]
async fn a_lost_container_is_left_to_its_holder_until_the_lease_is_over() {
    let (rig, worker, _) = with_a_build().await;
    let id = rig.ask(TWO_HALVES).await.id();
    let lease = Duration::from_mins(1);
    let claimed = jobs::claim_next(&rig.store, "another", lease)
        .await
        .unwrap();
    let held = claimed.unwrap().held;
    let created = async |engine| {
        let created = jobs::container_created(
            &rig.store,
            &held,
            ("lost", engine),
            &ContainerSpec::default(),
        )
        .await;
        assert!(created.unwrap());
    };
    created("another engine").await;
    assert_eq!(found(&worker).await, [], "it is looked for where it is");
    created("scripted").await;
    let gone = |lease_over| Mismatch::ContainerGone {
        build: id,
        container: "lost".to_owned(),
        lease_over,
    };
    assert_eq!(found(&worker).await, [gone(false)]);
    reconcile(worker.context()).await;
    assert_eq!(rig.show(id).await.status, Status::Running);

    jobs::renew(&rig.store, &held, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(found(&worker).await, [gone(true)]);
    reconcile(worker.context()).await;
    assert_eq!(rig.show(id).await.status, Status::Queued);
    assert_eq!(found(&worker).await, []);
}

#[tokio::test]
async fn the_socket_of_a_dead_process_goes_and_that_of_a_living_one_stays() {
    let (rig, worker, _) = with_a_build().await;
    let directory = rig.store.wake_directory().to_owned();
    let living = names_in(&directory);
    drop(UnixDatagram::bind(directory.join("worker-dead")).unwrap());
    let name = "worker-dead".to_owned();
    assert_eq!(found(&worker).await, [Mismatch::DeadSocket { name }]);
    reconcile(worker.context()).await;
    assert_eq!(names_in(&directory), living);
    assert_eq!(living.len(), 1);
}

#[tokio::test]
async fn builds_that_wait_long_for_a_controller_of_nobody_are_reported() {
    let (rig, worker, _) = with_a_build().await;
    let id = rig.ask(TWO_HALVES).await.id();
    let table = harness::store::ByHand::open(&rig.settings.data);
    table.run("UPDATE jobs SET controller = '999'").unwrap();
    assert_eq!(found(&worker).await, [], "it may come yet");
    let long_ago = format!("UPDATE jobs SET created_at = created_at - 7200000 WHERE id = '{id}'");
    table.run(&long_ago).unwrap();
    let reported = Mismatch::NobodyBuilds {
        controller: "999".to_owned(),
        waiting: 1,
    };
    assert_eq!(found(&worker).await, [reported]);
    reconcile_files(worker.context()).await;
    assert_eq!(rig.show(id).await.status, Status::Queued);
}
