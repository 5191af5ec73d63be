//! A worker's first and last moments.

use std::{error::Error, fs};

use harness::scripted::{controller, refusal};
use shared::{job::Status, store::workers};
use worker::{run::host_name, slots::Step};

use crate::rig::{ONE_HALF, Rig, hangs, names_in};

#[tokio::test]
async fn a_workers_row_is_there_while_it_runs_and_gone_when_it_has_stopped() {
    let rig = Rig::new().await;
    let seen = || async {
        workers::seen_lately_on(&rig.store, &host_name())
            .await
            .unwrap()
    };
    assert!(!seen().await);
    let worker = rig.worker().await;
    assert!(seen().await);
    rig.ask(ONE_HALF).await;
    let runs = hangs(&rig.engine);
    worker.run_until_stopped(runs.notified()).await;
    assert!(!seen().await);
}

#[tokio::test]
async fn the_proof_of_the_paths_leaves_nothing() {
    let rig = Rig::new().await;
    let worker = rig.worker().await;
    assert_eq!(worker.context().trouble(), None);
    let order = ["create", "start", "wait", "remove"];
    assert_eq!(rig.engine.verbs("proof"), order);
    rig.nothing_is_left(&[]);
}

#[tokio::test]
async fn a_path_that_the_host_does_not_have_is_reported_with_its_variable() {
    for variable in ["HOST_TMP_CONFIG", "HOST_TMP_BUILDS"] {
        let mut rig = Rig::new().await;
        wrong_path(&mut rig, variable);
        let error = why_not(&rig).await;
        assert!(error.contains(variable), "{error}");
        assert!(error.contains("the host has no"), "{error}");
        rig.nothing_is_left(&[]);
    }
}

#[tokio::test]
async fn a_path_that_is_another_directory_of_the_host_is_reported_with_its_variable() {
    for variable in ["HOST_TMP_CONFIG", "HOST_TMP_BUILDS"] {
        let mut rig = Rig::new().await;
        wrong_path(&mut rig, variable);
        rig.engine.make_missing_sources();
        let error = why_not(&rig).await;
        assert!(error.contains(variable), "{error}");
        assert!(error.contains("is not the directory"), "{error}");
        rig.nothing_is_left(&[]);
    }
}

/// Why a worker does not start.
async fn why_not(rig: &Rig) -> String {
    let refused = rig.start().await.err().expect("a refusal");
    refused.source().expect("a cause").to_string()
}

fn wrong_path(rig: &mut Rig, variable: &str) {
    let path = Some(rig.path("another"));
    match variable {
        "HOST_TMP_CONFIG" => rig.settings.worker.host_tmp_config = path,
        _ => rig.settings.worker.host_tmp_builds = path,
    }
}

#[tokio::test]
async fn a_proof_that_the_engine_refuses_leaves_nothing() {
    for verb in ["create", "start", "wait"] {
        let rig = Rig::new().await;
        rig.engine.refuse(verb, refusal("do it"));
        assert!(rig.start().await.is_err(), "{verb}");
        rig.nothing_is_left(&[]);
    }
}

#[tokio::test]
async fn without_a_controller_there_is_trouble_and_nothing_is_claimed() {
    let rig = Rig::new().await;
    rig.engine.set_controllers(Vec::new());
    let worker = rig.worker().await;
    let id = rig.ask(ONE_HALF).await.id();
    let trouble = worker.context().trouble().expect("trouble");
    assert!(trouble.contains("kiisrv-controller-"), "{trouble}");
    let ability = workers::ability(&rig.store).await.unwrap();
    assert_eq!((ability.workers, ability.trouble), (0, Some(trouble)));
    assert_eq!(worker.run_next_job().await.unwrap(), Step::NothingWaiting);
    let build = rig.show(id).await;
    assert_eq!((build.status, build.epoch), (Status::Queued, 0));

    // The trouble ends with the first controller, which also proves the paths.
    rig.engine.set_controllers(vec![controller()]);
    worker::housekeeping::refresh_controllers(worker.context())
        .await
        .unwrap();
    assert_eq!(worker.run_next_job().await.unwrap(), Step::Ran);
    assert_eq!(rig.engine.verbs("proof").len(), 4);
}

#[tokio::test]
async fn without_room_on_the_disk_nothing_is_claimed() {
    let mut rig = Rig::new().await;
    rig.settings.disk_reserve = u64::MAX;
    let worker = rig.worker().await;
    let id = rig.ask(ONE_HALF).await.id();
    let trouble = worker.context().trouble().expect("trouble");
    assert!(trouble.contains("KIISRV_DISK_RESERVE_MB"), "{trouble}");
    assert_eq!(worker.run_next_job().await.unwrap(), Step::NothingWaiting);
    assert_eq!(rig.show(id).await.epoch, 0);
}

#[tokio::test]
async fn the_directories_of_builds_are_nobody_elses() {
    use std::os::unix::fs::PermissionsExt;

    let rig = Rig::new().await;
    drop(rig.worker().await);
    for name in ["tmp_config", "tmp_builds"] {
        let mode = fs::metadata(rig.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} is open to others");
    }
    assert!(names_in(&rig.settings.artifacts).is_empty());
}
