//! What is kept no longer goes with its files, and what a crash leaves between row and file is found.

use std::fs;

use harness::store::ByHand;
use shared::{
    job::Status,
    layout::Library,
    store::{
        forgetting::{Forgotten, forget_by},
        jobs, retention,
    },
};
use worker::{housekeeping::reconcile_files, retention::retain};

use crate::rig::{FIRMWARE, ONE_HALF, Rig, TWO_HALVES, names_in};

/// Builds two layouts, of which the first ended so many days ago.
async fn two_builds(rig: &Rig, days: u32) -> [jobs::Build; 2] {
    rig.engine.builds(|inside| async move {
        inside.leave_zip("firmware.zip", FIRMWARE);
        harness::scripted::exit(0)
    });
    let (old, young) = (rig.run(ONE_HALF).await, rig.run("MD1-Standard.json").await);
    let ago = u64::from(days) * 86_400_000;
    let sql = format!(
        "UPDATE jobs SET finished_at = finished_at - {ago} WHERE id = '{}'",
        old.id
    );
    ByHand::open(&rig.settings.data).run(&sql).unwrap();
    [old, young]
}

#[tokio::test]
async fn an_old_build_loses_zip_and_log_and_a_young_one_nothing() {
    let rig = Rig::new().await;
    let [old, young] = two_builds(&rig, 31).await;
    assert_eq!(young.status, Status::Succeeded);
    let worker = rig.worker().await;
    retain(worker.context()).await;
    assert_eq!(rig.zips(), [young.artifact.clone().unwrap().file]);
    assert_eq!(names_in(&rig.settings.logs), [young.id.to_string()]);
    assert_eq!(names_in(&rig.settings.artifacts), [young.id.to_string()]);
    let row = rig.show(old.id).await;
    assert_eq!((row.status, row.artifact), (Status::Succeeded, None));
    assert!(!rig.is_kept(ONE_HALF).await && rig.is_kept("MD1-Standard.json").await);
}

#[tokio::test]
async fn a_very_old_build_leaves_nothing_at_all() {
    let rig = Rig::new().await;
    let [old, young] = two_builds(&rig, 366).await;
    let worker = rig.worker().await;
    retain(worker.context()).await;
    assert_eq!(jobs::show(&rig.store, old.id).await.unwrap(), None);
    assert_eq!(rig.show(young.id).await, young);
    rig.nothing_is_left(&[&young]);
}

#[tokio::test]
async fn with_too_little_room_the_oldest_zip_goes_before_its_time() {
    let mut rig = Rig::new().await;
    let [old, young] = two_builds(&rig, 1).await;
    rig.settings.keep.bytes = Some(young.artifact.as_ref().unwrap().bytes);
    retain(rig.worker().await.context()).await;
    assert_eq!(rig.show(old.id).await.artifact, None);
    assert_eq!(rig.zips(), [young.artifact.clone().unwrap().file]);
    assert_eq!(
        names_in(&rig.settings.logs).len(),
        2,
        "logs keep their time"
    );

    // No disk has as much: whoever was just told of a zip gets it all the same.
    rig.settings.keep.bytes = None;
    rig.settings.disk_reserve = u64::MAX / 4;
    retain(rig.worker().await.context()).await;
    assert_eq!(rig.zips(), [young.artifact.unwrap().file]);
    let sql = "UPDATE jobs SET finished_at = finished_at - 7200000";
    ByHand::open(&rig.settings.data).run(sql).unwrap();
    retain(rig.worker().await.context()).await;
    assert_eq!(rig.zips(), [""; 0]);
}

#[tokio::test]
async fn what_a_crash_leaves_between_row_and_file_is_removed_later() {
    let rig = Rig::new().await;
    let [old, young] = two_builds(&rig, 31).await;
    let worker = rig.worker().await;
    reconcile_files(worker.context()).await;
    let keep = &rig.settings.keep;
    // As far as the rows, and no further.
    let zips = retention::drop_old_zips(&rig.store, Status::Succeeded, keep.firmware, 50).await;
    let logs = retention::drop_old_logs(&rig.store, keep.logs, 50).await;
    assert_eq!((zips.unwrap(), logs.unwrap()), (vec![old.id], vec![old.id]));
    assert_eq!(rig.zips().len(), 2);

    retain(worker.context()).await;
    assert_eq!(rig.zips().len(), 2, "they are nobody's to remove");
    reconcile_files(worker.context()).await;
    assert_eq!(rig.zips(), [young.artifact.unwrap().file]);
    assert!(!rig.settings.logs.join(old.id.to_string()).exists());
    assert!(rig.settings.logs.join(young.id.to_string()).exists());
}

#[tokio::test]
async fn what_waits_or_runs_is_never_too_old() {
    let rig = Rig::new().await;
    let waits = rig.ask(ONE_HALF).await.id();
    let runs = rig.ask(TWO_HALVES).await.id();
    let sql = "UPDATE jobs SET created_at = 1, priority = (keyboard = 'KType')";
    ByHand::open(&rig.settings.data).run(sql).unwrap();
    let lease = std::time::Duration::from_mins(1);
    let claimed = jobs::claim_next(&rig.store, "w", lease).await.unwrap();
    assert_eq!(claimed.unwrap().held.id, runs);
    ByHand::open(&rig.settings.data)
        .run("UPDATE jobs SET started_at = 1 WHERE status = 'running'")
        .unwrap();
    let log = rig.settings.logs.join(runs.to_string());
    fs::create_dir_all(&log).unwrap();
    retain(rig.worker().await.context()).await;
    assert_eq!(rig.show(waits).await.status, Status::Queued);
    assert_eq!(rig.show(runs).await.status, Status::Running);
    assert!(log.exists());
}

#[tokio::test]
async fn of_a_build_that_was_erased_the_files_go_also_what_comes_late() {
    let rig = Rig::new().await;
    let [erased, other] = two_builds(&rig, 0).await;
    let files = erased.artifact.as_ref().unwrap();
    let name = &files.files[0];
    assert_eq!((&name.name[..], name.sha256.len()), ("kiibohd.dfu.bin", 64));
    let library = Library::from_texts([], []).unwrap();
    let forgotten = forget_by(&rig.store, &library, erased.id, "Otto").await;
    assert_eq!(forgotten.unwrap(), Forgotten::Yes);
    assert_eq!(rig.zips().len(), 2, "the table's part is done, and no more");

    let worker = rig.worker().await;
    retain(worker.context()).await;
    rig.nothing_is_left(&[&other]);
    // A worker that had lost the build wrote on for a moment.
    let late = rig.settings.artifacts.join(erased.id.to_string());
    fs::create_dir_all(&late).unwrap();
    retain(worker.context()).await;
    assert!(!late.exists());
}

#[tokio::test]
async fn a_layout_is_kept_as_long_as_it_is_to_be_and_the_rest_stays() {
    let mut rig = Rig::new().await;
    let [old, young] = two_builds(&rig, 2).await;
    let store = rig.store.clone();
    let has_layout = async |id| jobs::wish(&store, id).await.unwrap().is_some();
    retain(rig.worker().await.context()).await;
    assert!(has_layout(old.id).await && has_layout(young.id).await);
    rig.settings.keep.layouts = std::time::Duration::from_hours(24);
    retain(rig.worker().await.context()).await;
    assert!(!has_layout(old.id).await && has_layout(young.id).await);
    assert_eq!(rig.zips().len(), 2);
    assert_eq!(names_in(&rig.settings.logs).len(), 2);
}
