//! How much may wait, of one client and of all: in the table, and through HTTP.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::time::{Duration, Instant};

use harness::{
    scripted::controller,
    service::{Answer, Service, layout},
    store::{OwnStore, a_build, firmware},
};
use serde_json::{Value, json};
use shared::store::{
    Store,
    jobs::{Admitted, Cancelled, Enqueued, Hold, Limits, admit, cancel, claim_next, finish},
    versions::controllers_seen,
};

/// The program's own statement, so that its plan is looked at and not that of a copy.
const ENQUEUE: &str = include_str!("../shared/src/store/jobs/enqueue.rs");

const LEASE: Duration = Duration::from_hours(1);

const LIMITS: Limits = Limits {
    per_client: 3,
    in_all: 5,
};

#[tokio::test]
async fn what_waits_is_limited_and_what_runs_or_is_joined_is_not() {
    let own = OwnStore::new().await;
    for number in 0..3 {
        assert!(is_new(
            &ask(&own.store, &format!("KType-{number}"), "anna").await
        ));
    }
    let refused = ask(&own.store, "KType-3", "anna").await;
    assert!(matches!(refused, Admitted::TooManyOfClient { .. }));
    let joined = ask(&own.store, "KType-0", "anna").await;
    assert!(matches!(
        joined,
        Admitted::Yes {
            enqueued: Enqueued::Joined(..),
            ..
        }
    ));

    for number in 0..2 {
        assert!(is_new(
            &ask(&own.store, &format!("Kira-{number}"), "bert").await
        ));
    }
    let refused = ask(&own.store, "Kira-2", "bert").await;
    assert!(matches!(refused, Admitted::TooManyInAll { .. }));
    // A build that waits for a later time waits too.
    own.by_hand()
        .run("UPDATE jobs SET due_at = 9999999999999 WHERE keyboard = 'Kira'")
        .unwrap();
    let refused = ask(&own.store, "MD1-0", "carl").await;
    assert!(matches!(refused, Admitted::TooManyInAll { .. }));

    let held = claim_next(&own.store, "a worker", LEASE).await.unwrap();
    assert!(is_new(&ask(&own.store, "KType-3", "anna").await));
    finish(&own.store, &held.unwrap().held, firmware())
        .await
        .unwrap();
    let kept = ask(&own.store, "KType-0", "carl").await;
    assert!(
        matches!(&kept, Admitted::Yes { token: None, .. }),
        "a kept answer needs no room: {kept:?}"
    );
    let table = own.by_hand();
    let refused =
        table.ask("SELECT count(*) FROM requests WHERE job_id NOT IN (SELECT id FROM jobs)");
    assert_eq!(refused, ["0"], "who is refused leaves no trace");
    assert_eq!(table.ask("SELECT count(*) FROM requests"), ["8"]);
}

#[tokio::test]
async fn retry_after_follows_what_builds_take_and_how_many_run_at_once() {
    let own = OwnStore::new().await;
    own.by_hand()
        .run(
            "INSERT INTO workers (id, host, engine_id, slots, started_at, seen_at)
             VALUES ('w', 'h', 'e', 2, 0, 9999999999999);
             INSERT INTO jobs (id, fingerprint, status, turn, client, keyboard, layout, version, controller, image,
                               protocol, dialect, created_at, started_at, finished_at)
             VALUES ('00000000-0000-7000-8000-000000000001', printf('%064x', 1), 'succeeded', 0, 'x', 'KType', 'S',
                     'latest', '057', 'image', 2, 'latest', 0, 0, 8000)",
        )
        .unwrap();
    for number in 0..2 {
        ask(&own.store, &format!("Kira-{number}"), "bert").await;
    }
    for number in 0..3 {
        ask(&own.store, &format!("KType-{number}"), "anna").await;
    }
    let Admitted::TooManyOfClient { retry_after } = ask(&own.store, "KType-3", "anna").await else {
        panic!("not refused");
    };
    // Her first is the second in the queue, and two run at once.
    assert_eq!(retry_after, Duration::from_secs(8));
    let Admitted::TooManyInAll { retry_after } = ask(&own.store, "Kira-3", "carl").await else {
        panic!("not refused");
    };
    assert_eq!(retry_after, Duration::from_secs(4));
}

#[tokio::test]
async fn a_hundred_thousand_waiting_builds_cost_the_next_one_nothing() {
    let own = OwnStore::new().await;
    let table = own.by_hand();
    table
        .run(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
             INSERT INTO jobs (id, fingerprint, turn, client, keyboard, layout, version, controller, image, protocol,
                               dialect, created_at)
             SELECT printf('00000000-0000-7000-8000-%012x', i), printf('%064x', i), i, i % 7, 'KType', 'Standard',
                    'latest', '057', 'image', 2, 'latest', i
             FROM n;
             ANALYZE",
        )
        .unwrap();
    assert_eq!(table.ask("SELECT waiting FROM service"), ["100000"]);
    let (_, rest) = ENQUEUE.split_once("\"SELECT max(turn").unwrap();
    let (statement, _) = rest.split_once('"').unwrap();
    let statement = statement.replace("?1", "'anna'").replace("?2", "100");
    let plan = table.plan_of(&format!("SELECT max(turn{statement}"));
    assert!(plan.contains("INDEX jobs_waiting_by_client"), "{plan}");
    assert!(!plan.contains("SCAN jobs"), "{plan}");

    let limits = Limits {
        per_client: 100,
        in_all: 200_000,
    };
    let started = Instant::now();
    for number in 0..100 {
        let build = a_build(&format!("Kira-{number}")).by("anna").into();
        let admitted = admit(&own.store, build, limits, Hold::UntilItLeaves).await;
        assert!(is_new(&admitted.unwrap()));
    }
    println!(
        "100000 wait: {:?} for each further one",
        started.elapsed() / 100
    );
}

#[test]
fn an_api_tells_its_limits_on_the_wire_and_keeps_serving_others() {
    let service = Service::start_api(&[
        ("KIISRV_MAX_WAITING_PER_CLIENT", "2"),
        ("KIISRV_MAX_WAITING", "3"),
        ("KIISRV_TRUSTED_PROXIES", "127.0.0.0/8"),
    ]);
    service.at_the_table(async |store| has_a_controller(&store).await);
    let asked = |client: &str, number: u32| post(&service, client, &build_number(number));
    let first = asked("192.0.2.1", 0);
    assert_eq!(first.status, 202, "{}", first.text());
    assert_eq!(asked("192.0.2.1", 1).status, 202);
    let refused = asked("192.0.2.1", 2);
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(refused.json()["error"].is_string());
    assert!(retry_after(&refused) >= 1);
    assert_eq!(asked("192.0.2.2", 2).status, 202);
    let refused = asked("192.0.2.3", 3);
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(retry_after(&refused) >= 1);
    assert_eq!(asked("192.0.2.3", 0).status, 200, "it joins");

    // Whoever leaves makes room; here two hold the first build, and one the second.
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let left = leave(&service, &id, first.json()["leave_token"].as_str().unwrap());
    assert_eq!(
        (left.status, &left.json()["status"]),
        (200, &json!("queued"))
    );
    assert_eq!(asked("192.0.2.3", 3).status, 503);
    let second = asked("192.0.2.9", 1).json();
    let id = second["id"].as_str().unwrap().to_owned();
    let refused = leave(&service, &id, "guessed");
    assert_eq!(refused.status, 403);
    let cancelled = service.at_the_table(async |store| cancel(&store, id.parse().unwrap()).await);
    assert_eq!(cancelled.unwrap(), Cancelled::Yes);
    let shown = service.get(&format!("/v1/builds/{id}?wait=60"));
    assert_eq!(shown.json()["status"], "cancelled");
    assert_eq!(asked("192.0.2.3", 3).status, 202);
}

fn is_new(admitted: &Admitted) -> bool {
    matches!(
        admitted,
        Admitted::Yes {
            enqueued: Enqueued::New(_),
            token: Some(_)
        }
    )
}

async fn ask(store: &Store, name: &str, client: &str) -> Admitted {
    let build = a_build(name).by(client).into();
    admit(store, build, LIMITS, Hold::UntilItLeaves)
        .await
        .unwrap()
}

/// What a worker tells of its engine's images.
async fn has_a_controller(store: &Store) {
    let controller = controller();
    controllers_seen(store, "an engine", vec![controller])
        .await
        .unwrap();
}

fn build_number(number: u32) -> Value {
    let mut config = layout("MD1-Standard.json");
    config["header"]["Layout"] = json!(format!("Number {number}"));
    json!({ "config": config, "env": "latest" })
}

fn retry_after(answer: &Answer) -> u64 {
    answer.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into()
}

fn post(service: &Service, client: &str, body: &Value) -> Answer {
    let request = agent()
        .post(format!("{}/v1/builds", service.url))
        .header("x-forwarded-for", client);
    Answer::from(request.send_json(body).unwrap())
}

fn leave(service: &Service, id: &str, token: &str) -> Answer {
    let request = agent()
        .delete(format!("{}/v1/builds/{id}", service.url))
        .header("authorization", format!("Bearer {token}"));
    Answer::from(request.call().unwrap())
}
