//! What a container did and left, and which end that is.

use std::os::unix::fs::symlink;

use harness::scripted::{exit, refusal};
use shared::{
    job::{Reason, Status},
    store::jobs,
};
use worker::container::{ContainerError, Exit};

use crate::rig::{FIRMWARE, ONE_HALF, Rig, TWO_HALVES, failed_for};

#[tokio::test]
async fn a_zip_with_firmware_is_published_and_kept_as_the_answer() {
    let rig = Rig::new().await;
    rig.engine.builds(|inside| async move {
        inside.say("compiled\n");
        inside.leave_zip("firmware.zip", FIRMWARE);
        exit(0)
    });
    let build = rig.run(ONE_HALF).await;
    assert_eq!(build.status, Status::Succeeded, "{build:?}");
    assert_eq!(build.attempts, 1);
    assert!(rig.zip_of(&build).contains_key("kiibohd.dfu.bin"));
    let log = rig.settings.logs.join(build.id.to_string()).join("1.log");
    assert_eq!(std::fs::read_to_string(log).unwrap(), "compiled\n");
    assert!(rig.is_kept(ONE_HALF).await);
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn the_container_is_written_down_before_it_starts_and_removed_after_it_was_waited_for() {
    let rig = Rig::new().await;
    let store = rig.store.clone();
    rig.engine.before("create", move |spec| {
        let store = store.clone();
        async move { assert_eq!(starts_of(&store, &spec.labels["kiisrv.build"]).await, 0) }
    });
    let store = rig.store.clone();
    rig.engine.before("start", move |spec| {
        let store = store.clone();
        async move { assert_eq!(starts_of(&store, &spec.labels["kiisrv.build"]).await, 1) }
    });
    let build = rig.run(ONE_HALF).await;
    let order = ["create", "start", "follow_log", "wait", "remove"];
    assert_eq!(rig.engine.verbs("build"), order);
    rig.nothing_is_left(&[&build]);
}

async fn starts_of(store: &shared::store::Store, build: &str) -> u32 {
    let build = jobs::show(store, build.parse().unwrap()).await;
    build.unwrap().unwrap().attempts
}

#[tokio::test]
async fn a_success_without_firmware_is_no_artifact() {
    for members in [&["log/build.log"][..], &["kiibohd.dfu.bin"], &[]] {
        let rig = Rig::new().await;
        rig.engine.builds(move |inside| async move {
            if !members.is_empty() {
                inside.leave_zip("firmware.zip", members);
            }
            exit(0)
        });
        let build = rig.run(ONE_HALF).await;
        failed_for(&build, Reason::NoArtifact);
        let log = &rig.zip_of(&build)["log/build.log"];
        assert!(log.contains("kiisrv: the build left"), "{log}");
        assert!(!rig.is_kept(ONE_HALF).await);
        rig.nothing_is_left(&[&build]);
    }
}

#[tokio::test]
async fn a_split_board_needs_both_of_its_halves() {
    let both = &[
        "log/build.log",
        "left_kiibohd.dfu.bin",
        "right_kiibohd.dfu.bin",
    ];
    for (members, status) in [
        (FIRMWARE, Status::Failed),
        (&both[..2], Status::Failed),
        (&both[..], Status::Succeeded),
    ] {
        let rig = Rig::new().await;
        rig.engine.builds(move |inside| async move {
            inside.leave_zip("firmware.zip", members);
            exit(0)
        });
        let build = rig.run(TWO_HALVES).await;
        assert_eq!(build.status, status, "{members:?}");
        rig.nothing_is_left(&[&build]);
    }
}

#[tokio::test]
async fn a_failed_compile_keeps_the_zip_that_it_left_as_the_answer() {
    let rig = Rig::new().await;
    rig.engine.builds(|inside| async move {
        inside.leave_zip("firmware_error.zip", &["log/build.log", "its_own"]);
        exit(1)
    });
    let build = rig.run(ONE_HALF).await;
    failed_for(&build, Reason::BuildFailed);
    assert!(rig.zip_of(&build).contains_key("its_own"));
    assert!(rig.is_kept(ONE_HALF).await);
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn a_failed_compile_without_a_zip_gets_one_with_its_log_and_its_layout() {
    let rig = Rig::new().await;
    rig.engine.builds(|inside| async move {
        inside.say("no such key\n");
        inside.leave("firmware_error.zip", "no zip at all");
        exit(1)
    });
    let build = rig.run(ONE_HALF).await;
    failed_for(&build, Reason::BuildFailed);
    let zip = rig.zip_of(&build);
    assert_eq!(zip["log/build.log"], "no such key\n");
    assert!(zip["KType-Standard.json"].contains("\"header\""));
    assert_eq!(zip.len(), 2);
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn a_build_that_the_engine_saw_out_of_memory_says_so() {
    let rig = Rig::new().await;
    rig.engine.builds(|_| async {
        Exit {
            code: 137,
            out_of_memory: true,
        }
    });
    let build = rig.run(ONE_HALF).await;
    failed_for(&build, Reason::OutOfMemory);
    assert!(!rig.is_kept(ONE_HALF).await);
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn a_hint_of_a_limit_is_the_reason_and_no_answer_for_later() {
    let rig = Rig::new().await;
    let worker = rig.worker().await;
    let mut builds = Vec::new();
    for reason in [
        Reason::TooManyProcesses,
        Reason::ScratchFull,
        Reason::FileTooLarge,
        Reason::OutOfMemory,
    ] {
        rig.engine.builds(move |inside| async move {
            inside.leave("reason", format!("{reason}\n"));
            exit(1)
        });
        let id = rig.ask(ONE_HALF).await.id();
        worker.run_next_job().await.unwrap();
        let build = rig.show(id).await;
        failed_for(&build, reason);
        builds.push(build);
    }
    rig.nothing_is_left(&builds.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_hint_that_is_no_limit_or_no_plain_file_is_passed_over() {
    for word in ["cancelled", "worker_lost", "such a word", "\u{0}", ""] {
        let rig = Rig::new().await;
        rig.engine.builds(move |inside| async move {
            inside.leave("reason", word);
            exit(1)
        });
        let build = rig.run(ONE_HALF).await;
        failed_for(&build, Reason::BuildFailed);
        rig.nothing_is_left(&[&build]);
    }
    let rig = Rig::new().await;
    rig.engine.builds(|inside| async move {
        inside.leave("elsewhere", "out_of_memory");
        let builds = inside.path("/mnt/builds");
        symlink(builds.join("elsewhere"), builds.join("reason")).unwrap();
        exit(1)
    });
    let build = rig.run(ONE_HALF).await;
    failed_for(&build, Reason::BuildFailed);
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn an_image_that_is_gone_is_the_controllers_absence() {
    let rig = Rig::new().await;
    let worker = rig.worker().await;
    let gone = ContainerError::ImageMissing("sha256:scripted".to_owned());
    rig.engine.refuse("create", gone);
    let id = rig.ask(ONE_HALF).await.id();
    worker.run_next_job().await.unwrap();
    let build = rig.show(id).await;
    failed_for(&build, Reason::ControllerMissing);
    assert_eq!(build.attempts, 0);
    assert!(!rig.is_kept(ONE_HALF).await);
    rig.nothing_is_left(&[&build]);
}

#[tokio::test]
async fn a_step_that_the_engine_refuses_is_no_end_of_the_build() {
    for (verb, starts) in [("create", 0), ("start", 1)] {
        let rig = Rig::new().await;
        let worker = rig.worker().await;
        rig.engine.refuse(verb, refusal("do it"));
        let id = rig.ask(ONE_HALF).await.id();
        worker.run_next_job().await.unwrap();
        let build = rig.show(id).await;
        assert_eq!(build.status, Status::Queued, "{verb}");
        assert_eq!(build.attempts, starts, "{verb}");
        assert!(build.detail.unwrap().contains("it does not want to"));
        // It waits for its time, and not for a worker.
        let next = worker.run_next_job().await.unwrap();
        assert_eq!(next, worker::slots::Step::NothingWaiting);
        rig.nothing_is_left(&[]);
    }
}

#[tokio::test]
async fn a_panic_of_our_own_costs_neither_the_container_nor_the_worker() {
    let rig = Rig::new().await;
    let worker = rig.worker().await;
    rig.engine
        .before("start", |_| async { panic!("on purpose") });
    let id = rig.ask(ONE_HALF).await.id();
    worker.run_next_job().await.unwrap();
    assert_eq!(rig.show(id).await.status, Status::Queued);
    rig.nothing_is_left(&[]);
}
