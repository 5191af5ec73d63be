//! Containers that do not end by themselves.

use std::time::Duration;

use harness::scripted::exit;
use shared::job::{Reason, Status};

use crate::rig::{FIRMWARE, ONE_HALF, Rig, failed_for, hangs};

#[tokio::test]
async fn a_build_that_runs_too_long_is_killed_and_timed_out() {
    let mut rig = Rig::new().await;
    rig.settings.worker.build_time = Duration::from_millis(50);
    drop(hangs(&rig.engine));
    let build = rig.run(ONE_HALF).await;
    failed_for(&build, Reason::TimedOut);
    let order = ["create", "start", "follow_log", "kill", "wait", "remove"];
    assert_eq!(rig.engine.verbs("build"), order);
    let log = &rig.zip_of(&build)["log/build.log"];
    assert!(log.contains("it ran longer than"), "{log}");
    assert!(!rig.is_kept(ONE_HALF).await);
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn a_build_that_runs_too_long_with_all_its_processes_has_too_many() {
    for (more, reason) in [(0, Reason::TooManyProcesses), (1, Reason::TimedOut)] {
        let mut rig = Rig::new().await;
        rig.settings.worker.build_time = Duration::from_millis(50);
        rig.settings.worker.build_pids = 20 + more;
        rig.engine.set_processes(20);
        drop(hangs(&rig.engine));
        let build = rig.run(ONE_HALF).await;
        failed_for(&build, reason);
        rig.nothing_is_left(&[&build]);
    }
}

#[tokio::test]
async fn a_build_that_leaves_too_much_is_killed() {
    let mut rig = Rig::new().await;
    rig.settings.worker.build_output = 100_000;
    rig.engine.builds(|inside| async move {
        inside.leave("much", vec![0; 200_000]);
        std::future::pending().await
    });
    let build = rig.run(ONE_HALF).await;
    failed_for(&build, Reason::OutputTooLarge);
    assert!(rig.engine.verbs("build").contains(&"kill"));
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn a_build_that_leaves_too_many_files_is_killed() {
    let mut rig = Rig::new().await;
    rig.settings.worker.build_files = 20;
    rig.engine.builds(|inside| async move {
        (0..21).for_each(|number| inside.leave(&number.to_string(), ""));
        std::future::pending().await
    });
    let build = rig.run(ONE_HALF).await;
    failed_for(&build, Reason::OutputTooLarge);
    assert!(rig.engine.verbs("build").contains(&"kill"));
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn a_build_that_left_too_much_and_was_gone_before_the_look_is_no_answer() {
    for code in [0, 1] {
        let mut rig = Rig::new().await;
        rig.settings.worker.build_output = 100_000;
        rig.engine.builds(move |inside| async move {
            inside.leave("much", vec![0; 200_000]);
            inside.leave_zip("firmware.zip", FIRMWARE);
            exit(code)
        });
        let build = rig.run(ONE_HALF).await;
        failed_for(&build, Reason::OutputTooLarge);
        assert!(!rig.is_kept(ONE_HALF).await);
        rig.nothing_is_left(&[&build]);
    }
}

#[tokio::test]
async fn an_images_label_is_the_limit_of_its_builds() {
    let rig = Rig::new().await;
    rig.engine.set_image_label("kiisrv.limits.files", "20");
    rig.engine.set_image_label("kiisrv.limits.pids", "33");
    rig.engine.before("create", |spec| async move {
        assert_eq!(spec.limits.pids, 33);
    });
    rig.engine.builds(|inside| async move {
        (0..21).for_each(|number| inside.leave(&number.to_string(), ""));
        exit(0)
    });
    let build = rig.run(ONE_HALF).await;
    failed_for(&build, Reason::OutputTooLarge);
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn a_log_without_an_end_ends_its_build_and_a_long_one_is_only_cut() {
    for (pieces, is_endless) in [(2, false), (64, true)] {
        let mut rig = Rig::new().await;
        rig.settings.worker.log_cap = 1024;
        rig.engine.builds(move |inside| async move {
            for _ in 0..pieces {
                inside.say(&"x\n".repeat(500));
            }
            inside.leave_zip("firmware.zip", FIRMWARE);
            if is_endless {
                std::future::pending::<()>().await;
            }
            exit(0)
        });
        let build = rig.run(ONE_HALF).await;
        if is_endless {
            failed_for(&build, Reason::LogTooLarge);
            let log = &rig.zip_of(&build)["log/build.log"];
            assert!(log.len() < 2048 && log.contains("the log is cut here"));
        } else {
            assert_eq!(build.status, Status::Succeeded);
        }
        rig.nothing_is_left(&[&build]);
    }
}
