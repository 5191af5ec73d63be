//! Builds that started warm are built again cold, and what the worker makes of the difference.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use harness::scripted::{Inside, exit};
use shared::{
    job::{JobId, Status},
    store::{
        cold_keyboards::cold_keyboards,
        jobs::{self, Filter, Summary},
        measures::measures,
    },
};
use tokio::sync::Notify;
use worker::{container::label, slots::Step};

use crate::rig::{FIRMWARE, ONE_HALF, Rig, TWO_HALVES, names_in};

const BOTH_HALVES: &[&str] = &[
    "log/build.log",
    "left_kiibohd.dfu.bin",
    "right_kiibohd.dfu.bin",
];

/// A worker that compares everything, with an image that starts warm.
async fn rig() -> Rig {
    let mut rig = Rig::new().await;
    rig.settings.worker.compare_percent = 100;
    rig.engine.set_image_label(label::WARM, "all");
    rig
}

/// Whether the job file says so.
fn is_cold(inside: &Inside) -> bool {
    let job = fs::read_to_string(inside.path("/mnt/config").join("job")).unwrap();
    job.lines().any(|line| line == "cold=1")
}

/// The comparisons that there are.
async fn comparisons(rig: &Rig) -> Vec<Summary> {
    let all = Filter {
        limit: 100,
        ..Filter::default()
    };
    let seen = jobs::overview(&rig.store, all).await.unwrap();
    let lists = [seen.waiting, seen.running, seen.recent];
    let all = lists.into_iter().flatten();
    all.filter(|build| build.compares.is_some()).collect()
}

async fn times(rig: &Rig, result: &str) -> u64 {
    let counted = measures(&rig.store).await.unwrap().comparisons;
    counted.get(result).copied().unwrap_or_default()
}

/// Builds warm and cold what differs in the firmware's own bytes.
fn differs(rig: &Rig) {
    rig.engine.builds(|inside| async move {
        let firmware = if is_cold(&inside) { "cold" } else { "warm" };
        let members = [("log/build.log", ""), ("kiibohd.dfu.bin", firmware)];
        inside.leave_zip_of("firmware.zip", &members);
        exit(0)
    });
}

#[tokio::test]
async fn a_warm_build_is_built_again_cold_and_the_same_firmware_leaves_nothing_behind() {
    let rig = rig().await;
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let tells = Arc::clone(&told);
    rig.engine.builds(move |inside| {
        tells.lock().unwrap().push(is_cold(&inside));
        // Whatever a layout has written into the log.
        inside.say("kiisrv: not on the prepared tree: it does not want to be compared\n");
        inside.leave_zip("firmware.zip", FIRMWARE);
        async { exit(0) }
    });
    let build = rig.run(ONE_HALF).await;
    let worker = rig.worker().await;
    assert_eq!(worker.run_next_job().await.unwrap(), Step::Ran);
    assert_eq!(worker.run_next_job().await.unwrap(), Step::NothingWaiting);
    assert_eq!(*told.lock().unwrap(), [false, true]);
    assert_eq!(times(&rig, "same").await, 1);
    let comparison = &comparisons(&rig).await[0];
    assert_eq!(
        (comparison.compares, comparison.attempts),
        (Some(build.id), 1)
    );
    assert_eq!(comparison.status, Status::Succeeded);
    rig.nothing_is_left(&[&build]);
    let log = rig.settings.logs.join(comparison.id.to_string());
    assert_eq!(names_in(&log), ["1.log"], "what it said can be read");
}

#[tokio::test]
async fn another_firmware_turns_the_keyboard_cold_and_the_next_build_is_told_so() {
    let rig = rig().await;
    differs(&rig);
    let build = rig.run(ONE_HALF).await;
    let worker = rig.worker().await;
    assert_eq!(worker.run_next_job().await.unwrap(), Step::Ran);
    let found = cold_keyboards(&rig.store).await.unwrap();
    let comparison = comparisons(&rig).await[0].id;
    assert_eq!(found[0].found, Some((build.id, comparison)));
    let doubtful = rig.show(build.id).await;
    assert_eq!(doubtful.doubted_by, Some(comparison));

    // The same request is built anew, cold, and there is nothing to compare it with.
    let anew = rig.ask(ONE_HALF).await.id();
    assert_ne!(anew, build.id);
    assert_eq!(worker.run_next_job().await.unwrap(), Step::Ran);
    let anew = rig.show(anew).await;
    let comparison = rig.show(comparison).await;
    let firmware = |build: &jobs::Build| build.artifact.as_ref().unwrap().files.clone();
    assert_eq!(firmware(&anew), firmware(&comparison));
    assert_ne!(firmware(&anew), firmware(&doubtful));
    assert_eq!(worker.run_next_job().await.unwrap(), Step::NothingWaiting);

    // Other keyboards start warm as ever.
    rig.engine.builds(|inside| async move {
        assert!(!is_cold(&inside));
        inside.leave_zip("firmware.zip", BOTH_HALVES);
        exit(0)
    });
    let other = rig.ask(TWO_HALVES).await.id();
    assert_eq!(worker.run_next_job().await.unwrap(), Step::Ran);
    let other = rig.show(other).await;
    assert_eq!(other.status, Status::Succeeded, "{other:?}");
    rig.nothing_is_left(&[&doubtful, &comparison, &anew, &other]);
}

#[tokio::test]
async fn what_does_not_start_warm_or_is_not_drawn_is_not_compared() {
    for (percent, keyboards) in [(0, Some("all")), (100, Some(" ")), (100, None)] {
        let mut rig = Rig::new().await;
        rig.settings.worker.compare_percent = percent;
        if let Some(keyboards) = keyboards {
            rig.engine.set_image_label(label::WARM, keyboards);
        }
        rig.engine.builds(|inside| async move {
            inside.leave_zip("firmware.zip", FIRMWARE);
            exit(0)
        });
        let build = rig.run(ONE_HALF).await;
        assert_eq!(build.status, Status::Succeeded);
        assert!(
            comparisons(&rig).await.is_empty(),
            "{percent} {keyboards:?}"
        );
    }
}

/// The first cold build hangs, and says so; everything else is built.
fn hangs_when_cold(rig: &Rig) -> Arc<Notify> {
    let hangs = Arc::new(Notify::new());
    let (told, cold_builds) = (Arc::clone(&hangs), Arc::new(AtomicU32::new(0)));
    rig.engine.builds(move |inside| {
        let is_first = is_cold(&inside) && cold_builds.fetch_add(1, Ordering::Relaxed) == 0;
        let told = Arc::clone(&told);
        async move {
            if is_first {
                told.notify_one();
                std::future::pending::<()>().await;
            }
            inside.leave_zip("firmware.zip", FIRMWARE);
            exit(0)
        }
    });
    hangs
}

#[tokio::test]
async fn a_comparison_in_the_only_slot_is_ended_for_a_build_and_done_again_afterwards() {
    let rig = rig().await;
    let hangs = hangs_when_cold(&rig);
    let first = rig.run(ONE_HALF).await;
    let worker = rig.worker().await;
    let next = async {
        hangs.notified().await;
        let id = rig.ask_for_another(ONE_HALF).await.id();
        // Its own comparison is the third.
        while times(&rig, "same").await < 2 {
            tokio::task::yield_now().await;
        }
        let build = rig.show(id).await;
        assert_eq!(build.status, Status::Succeeded, "{build:?}");
    };
    worker.run_until_stopped(next).await;
    let of_first = comparisons(&rig).await;
    let of_first: Vec<_> = of_first
        .iter()
        .filter(|one| one.compares == Some(first.id))
        .collect();
    assert_eq!(of_first.len(), 1);
    assert_eq!(of_first[0].attempts, 2, "the one that gave way counts");
    assert_eq!(rig.show(of_first[0].id).await.losses, 0);
}

#[tokio::test]
async fn a_comparison_that_a_worker_leaves_behind_is_taken_on_as_one() {
    let rig = rig().await;
    let hangs = hangs_when_cold(&rig);
    let build = rig.run(ONE_HALF).await;
    rig.worker().await.run_until_stopped(hangs.notified()).await;
    let running = comparisons(&rig).await;
    assert_eq!(running[0].status, Status::Running);
    let worker = rig.worker().await;
    let id: JobId = rig.ask_for_another(ONE_HALF).await.id();
    let taken_on = async {
        while rig.show(id).await.status != Status::Succeeded {
            tokio::task::yield_now().await;
        }
    };
    worker.run_until_stopped(taken_on).await;
    let comparison = rig.show(running[0].id).await;
    assert_eq!(comparison.compares, Some(build.id));
    assert!(comparison.epoch >= 2, "{comparison:?}");
}
