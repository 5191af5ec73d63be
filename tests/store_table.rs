//! The table as an operator sees it, who may look at it and change it with any SQLite client.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::time::Duration;

use harness::store::{OwnStore, a_build, failed, firmware};
use shared::{
    channel::Dialect,
    job::Reason,
    store::{
        Store, StoreError,
        jobs::{claim_next, finish, show},
        versions::{Controller, controllers_seen, version, versions},
        workers::{Worker, sign_of_life},
    },
};

const LEASE: Duration = Duration::from_hours(1);

/// The program's own statement, so that its plan is looked at and not that of a copy.
const CLAIM: &str = include_str!("../shared/src/store/jobs/claim.rs");

#[tokio::test]
async fn versions_are_written_once_and_an_operators_change_survives_a_restart() {
    let own = OwnStore::new().await;
    let names = async |store: &Store| {
        let versions = versions(store).await.unwrap();
        versions
            .into_iter()
            .map(|version| (version.name, version.controller_name))
            .collect::<Vec<_>>()
    };
    let first = names(&own.store).await;
    assert_eq!(first.len(), 8);
    assert!(first.contains(&("latest".to_owned(), "057".to_owned())));

    own.by_hand()
        .run(
            "UPDATE versions SET controller = '099' WHERE name = 'latest';
             UPDATE versions SET enabled = 0 WHERE name = 'nightly';
             DELETE FROM versions WHERE name = 'v0.5.5';
             INSERT INTO versions (name, channel, controller) VALUES ('mine', 'beta', '100');",
        )
        .unwrap();
    let again = names(&own.another_handle().await).await;
    assert_eq!(again.len(), 7);
    for (name, controller) in [("latest", "099"), ("mine", "100"), ("lts", "050")] {
        assert!(again.contains(&(name.to_owned(), controller.to_owned())));
    }
    let nightly = version(&own.store, "nightly").await.unwrap();
    assert_eq!(nightly, None, "what is not enabled cannot be asked for");
}

#[tokio::test]
async fn a_client_keeps_its_name_over_a_restart_and_no_address_is_stored() {
    let own = OwnStore::new().await;
    let name = own.store.client("192.0.2.1");
    assert_eq!(name, own.another_handle().await.client("192.0.2.1"));
    assert_ne!(name, own.store.client("192.0.2.2"));
    assert!(!name.contains("192.0.2.1"));
    assert_ne!(name, OwnStore::new().await.store.client("192.0.2.1"));
}

#[tokio::test]
async fn the_table_of_a_newer_program_is_refused_and_left_as_it_is() {
    let own = OwnStore::new().await;
    let table = own.by_hand();
    table.run("PRAGMA user_version = 1000").unwrap();
    let Err(refused) = Store::open(own.directory()).await else {
        panic!("it was opened");
    };
    assert!(matches!(refused, StoreError::Newer { .. }), "{refused}");
    assert_eq!(table.ask("PRAGMA user_version"), ["1000"]);
}

/// Changes by hand to a waiting, a running or an ended row, and the constraint that each one meets.
const NONSENSE: &[(&str, &str, &str)] = &[
    ("queued", "status = 'waiting'", "status_known"),
    ("queued", "status = 'running'", "leased_when_running"),
    ("queued", "status = 'succeeded'", "finished_when_final"),
    (
        "queued",
        "status = 'cancelled'",
        "reason_when_not_succeeded",
    ),
    (
        "queued",
        "artifact_file = 'a', artifact_bytes = 1, artifact_sha256 = 'b'",
        "artifact_when_final",
    ),
    ("queued", "kept = 1", "kept_when_answered"),
    ("queued", "fingerprint = 'abc'", "fingerprint_is_hex"),
    ("queued", "finished_at = 1", "finished_when_final"),
    ("running", "lease_until = NULL", "leased_when_running"),
    ("running", "lease_owner = NULL", "leased_when_running"),
    ("running", "started_at = NULL", "started_when_running"),
    ("running", "status = 'queued'", "leased_when_running"),
    ("running", "due_at = 1", "due_only_while_queued"),
    ("succeeded", "status = 'queued'", "finished_when_final"),
    (
        "succeeded",
        "status = 'queued', finished_at = NULL",
        "artifact_when_final",
    ),
    ("succeeded", "artifact_sha256 = NULL", "artifact_whole"),
    (
        "succeeded",
        "reason = 'build_failed'",
        "reason_when_not_succeeded",
    ),
    ("succeeded", "kept = 2", "kept_when_answered"),
    ("failed", "reason = NULL", "reason_when_not_succeeded"),
    ("failed", "reason = 'bad luck'", "reason_known"),
    ("failed", "reason = 'cancelled'", "cancelled_says_so"),
    ("failed", "status = 'queued'", "reason_when_not_succeeded"),
    ("failed", "reason = 'timed_out'", "kept_when_answered"),
];

#[tokio::test]
async fn no_change_by_hand_puts_a_row_into_a_state_that_the_program_does_not_know() {
    let own = a_row_in_each_state().await;
    let table = own.by_hand();
    for (status, change, constraint) in NONSENSE {
        let complaint = table
            .run(&format!(
                "UPDATE jobs SET {change} WHERE status = '{status}'"
            ))
            .expect_err(change);
        assert!(complaint.contains(constraint), "{change}: {complaint}");
    }
}

#[tokio::test]
async fn no_change_by_hand_makes_a_row_that_the_program_cannot_read() {
    let own = a_row_in_each_state().await;
    let table = own.by_hand();
    // Such a row at the head of the queue would stop every worker.
    for change in [
        "id = 'a text that has thirty-six characters'",
        "id = '123456789012345678901234567890123456'",
        "dialect = 'LTS'",
        "protocol = 3",
        "turn = 'soon'",
        "priority = 'high'",
        "due_at = datetime('now')",
        "attempts = 'none'",
        "attempts = -1",
        "lease_epoch = -1",
        "created_at = 'today'",
        "keyboard = x'ff'",
    ] {
        let changed = table.run(&format!("UPDATE jobs SET {change} WHERE status = 'queued'"));
        assert!(changed.is_err(), "{change}");
    }
    for change in ["artifact_bytes = 'many'", "artifact_bytes = -1"] {
        let changed = table.run(&format!(
            "UPDATE jobs SET {change} WHERE status = 'succeeded'"
        ));
        assert!(changed.is_err(), "{change}");
    }
    let next = claim_next(&own.store, "a worker", LEASE).await.unwrap();
    assert_eq!(next.unwrap().keyboard, "Kira");
}

#[tokio::test]
async fn an_operator_may_send_a_failed_build_round_again() {
    let own = a_row_in_each_state().await;
    own.by_hand()
        .run(
            "UPDATE jobs SET status = 'queued', reason = NULL, finished_at = NULL, kept = 0, kept_until = NULL,
                 artifact_file = NULL, artifact_bytes = NULL, artifact_sha256 = NULL, priority = 1
             WHERE status = 'failed'",
        )
        .unwrap();
    let next = claim_next(&own.store, "a worker", LEASE).await.unwrap();
    let held = next.unwrap().held;
    assert_eq!(held.epoch, 2, "an older holder is still fenced off");
    finish(&own.store, &held, firmware()).await.unwrap();
    let build = show(&own.store, held.id).await.unwrap().unwrap();
    assert_eq!(build.reason, None);
}

#[tokio::test]
async fn the_views_are_readable() {
    let own = a_row_in_each_state().await;
    let worker = Worker {
        id: "worker-1".to_owned(),
        host: "a host".to_owned(),
        engine_id: "an engine".to_owned(),
        slots: 2,
    };
    sign_of_life(&own.store, &worker, None).await.unwrap();
    let controller = Controller {
        name: "057".to_owned(),
        image: "sha256:0123456789abcdef".to_owned(),
        protocol: 2,
        dialect: Dialect::Latest,
        channel: None,
        version: Some("v0.5.7".to_owned()),
        revision: None,
        created: None,
        commits: None,
        source: None,
        keyboards: None,
    };
    controllers_seen(&own.store, "an engine", vec![controller])
        .await
        .unwrap();

    let table = own.by_hand();
    assert_eq!(table.ask("SELECT status FROM queue").len(), 4);
    let times = table.ask(
        "SELECT count(*) FROM queue
         WHERE created GLOB '????-??-?? ??:??:??' AND (status IN ('queued', 'running') OR seconds >= 0)",
    );
    assert_eq!(times, ["4"]);
    let holder = table.ask("SELECT worker FROM queue WHERE lease_ends > created");
    assert_eq!(holder, ["a worker"]);
    let seen = table.ask("SELECT host || ' ' || slots FROM workers_seen WHERE seen >= started");
    assert_eq!(seen, ["a host 2"]);
    let seen =
        table.ask("SELECT name || ' ' || version FROM controllers_seen WHERE seen IS NOT NULL");
    assert_eq!(seen, ["057 v0.5.7"]);
}

#[tokio::test]
async fn what_is_asked_all_the_time_is_answered_by_its_index() {
    let own = OwnStore::new().await;
    let table = own.by_hand();
    // Mostly ended rows, as in a table that has been in use for long, and SQLite may know that.
    table
        .run(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
             INSERT INTO jobs (id, fingerprint, status, turn, client, keyboard, layout, version, controller, image,
                               protocol, dialect, created_at, started_at, finished_at)
             SELECT printf('00000000-0000-7000-8000-%012x', i), printf('%064x', i),
                    iif(i % 50 = 0, 'queued', 'succeeded'), i, i % 7, 'KType', 'Standard', 'latest', '057', 'image',
                    2, 'latest', i, i, iif(i % 50 = 0, NULL, i)
             FROM n;
             ANALYZE",
        )
        .unwrap();
    let (_, rest) = CLAIM.split_once("WHERE id = (").unwrap();
    let (next, _) = rest.split_once(')').unwrap();
    let plan = table.plan_of(next);
    assert!(plan.ends_with("INDEX jobs_waiting"), "{plan}");
    assert!(!plan.contains("TEMP B-TREE"), "it sorts: {plan}");

    for (question, index) in [
        (
            "UPDATE jobs SET status = 'queued' WHERE status = 'running' AND lease_until <= 1",
            "jobs_leased",
        ),
        (
            "UPDATE jobs SET due_at = NULL WHERE due_at <= 1",
            "jobs_due",
        ),
        (
            "SELECT max(turn) FROM jobs WHERE client = 'x' AND status = 'queued'",
            "jobs_waiting_by_client",
        ),
        (
            "SELECT id FROM jobs WHERE fingerprint = 'x' AND (status IN ('queued', 'running') OR kept = 1)",
            "jobs_",
        ),
    ] {
        let plan = table.plan_of(question);
        assert!(
            plan.contains(&format!("INDEX {index}")),
            "{question}: {plan}"
        );
        assert!(!plan.contains("SCAN"), "{question}: {plan}");
    }
}

/// A failed, a succeeded, a running and a waiting build.
async fn a_row_in_each_state() -> OwnStore {
    let own = OwnStore::new().await;
    for (name, outcome) in [
        ("KType-Failed", Some(failed(Reason::BuildFailed))),
        ("KType-Succeeded", Some(firmware())),
        ("KType-Running", None),
    ] {
        a_build(name).enqueue(&own.store).await;
        let claimed = claim_next(&own.store, "a worker", LEASE).await.unwrap();
        if let Some(outcome) = outcome {
            finish(&own.store, &claimed.unwrap().held, outcome)
                .await
                .unwrap();
        }
    }
    a_build("Kira-Waiting").enqueue(&own.store).await;
    own
}
