//! A worker on an engine that does not do what it is told.

use shared::job::Status;
use worker::slots::Step;

use crate::rig::{ONE_HALF, Rig};

async fn rig() -> Rig {
    let mut rig = Rig::new().await;
    rig.settings.worker.accept_missing = Vec::new();
    rig
}

#[tokio::test]
async fn an_engine_that_keeps_its_limits_is_tried_once_and_not_at_the_next_start() {
    let rig = rig().await;
    for _ in 0..2 {
        assert_eq!(rig.worker().await.context().trouble(), None);
    }
    let once = ["create", "start", "wait", "remove"];
    assert_eq!(rig.engine.verbs("self-test"), once);
    rig.nothing_is_left(&[]);
}

#[tokio::test]
async fn other_flags_are_tried_anew() {
    let mut rig = rig().await;
    drop(rig.worker().await);
    rig.settings.worker.build_memory += 1;
    drop(rig.worker().await);
    assert_eq!(rig.engine.verbs("self-test").len(), 8);
}

#[tokio::test]
async fn a_limit_that_is_not_enforced_is_named_and_nothing_is_claimed() {
    let mut rig = rig().await;
    rig.engine.do_not_enforce(&["memory", "processes"]);
    let worker = rig.worker().await;
    let trouble = worker.context().trouble().expect("trouble");
    assert!(
        trouble.contains("does not enforce memory,processes"),
        "{trouble}"
    );
    assert!(
        trouble.contains("KIISRV_ACCEPT_MISSING=memory,processes"),
        "{trouble}"
    );
    let id = rig.ask(ONE_HALF).await.id();
    assert_eq!(worker.run_next_job().await.unwrap(), Step::NothingWaiting);
    assert_eq!(rig.show(id).await.status, Status::Queued);

    // Accepted by name, and only what was named.
    rig.settings.worker.accept_missing = vec!["memory".to_owned()];
    let trouble = rig.worker().await.context().trouble().expect("trouble");
    assert!(trouble.contains("does not enforce processes"), "{trouble}");
    rig.settings
        .worker
        .accept_missing
        .push("processes".to_owned());
    assert_eq!(rig.worker().await.context().trouble(), None);
}
