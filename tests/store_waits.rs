//! Who waits for what: the order of the queue between clients, the wake-ups, and what is counted meanwhile.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{sync::mpsc, time::Duration};

use harness::store::{OwnStore, a_build, failed, firmware};
use shared::{
    job::{JobId, Reason, Status},
    store::{
        Store,
        jobs::{Build, Changes, claim_next, finish, show, wait_until},
        queue_order,
        statistics::statistics,
    },
};
use tokio::{sync::Notify, time::Instant};

const LEASE: Duration = Duration::from_hours(1);

#[tokio::test]
async fn builds_are_claimed_by_priority_then_turn_then_age() {
    let own = OwnStore::new().await;
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(
            ask(
                &own.store,
                &format!("KType-{number}"),
                &format!("client {number}"),
            )
            .await,
        );
    }
    own.by_hand()
        .run(&format!(
            "UPDATE jobs SET priority = 10 WHERE id = '{}'; UPDATE jobs SET turn = 9 WHERE id = '{}'",
            ids[3], ids[0]
        ))
        .unwrap();
    assert_eq!(
        claim_all(&own.store).await,
        [ids[3], ids[1], ids[2], ids[0]]
    );
}

#[tokio::test]
async fn two_clients_take_turns() {
    let own = OwnStore::new().await;
    let mut expected = Vec::new();
    for number in 0..4 {
        expected.push([ask(&own.store, &format!("KType-{number}"), "anna").await; 2]);
    }
    for (number, pair) in expected.iter_mut().enumerate() {
        pair[1] = ask(&own.store, &format!("Kira-{number}"), "bert").await;
    }
    assert_eq!(claim_all(&own.store).await, expected.concat());
}

#[tokio::test]
async fn a_build_that_somebody_joins_gets_the_better_turn_of_both() {
    let own = OwnStore::new().await;
    let mut annas = Vec::new();
    for number in 0..10 {
        annas.push(ask(&own.store, &format!("KType-{number}"), "anna").await);
    }
    assert_eq!(ask(&own.store, "KType-9", "bert").await, annas[9]);
    // One with a long queue sets nobody back.
    for number in 0..5 {
        ask(&own.store, &format!("Kira-{number}"), "carl").await;
    }
    assert_eq!(ask(&own.store, "KType-0", "carl").await, annas[0]);
    let order = claim_all(&own.store).await;
    assert_eq!(order[..2], [annas[0], annas[9]]);
}

#[tokio::test]
async fn a_waiting_build_knows_its_place() {
    let own = OwnStore::new().await;
    let first = ask(&own.store, "KType-0", "anna").await;
    let second = ask(&own.store, "KType-1", "anna").await;
    let place = async |id| queue_order::place(&own.store, id).await.unwrap();
    assert_eq!(place(first).await.position, 1);
    assert_eq!(place(second).await.position, 2);
    assert!(place(first).await.eta_seconds > 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_woken_by_a_change_in_another_process() {
    let own = OwnStore::new().await;
    let id = ask(&own.store, "KType-Standard", "anna").await;
    let worker = own.another_handle().await;
    let changes = Changes::listen(&own.store).unwrap();
    // While this stands, the clock stands too, so that only a wake-up can end a wait. When none comes, the clock
    // goes on, and the slow look ends the wait at a later time.
    let clock = StoppedClock::new();
    let asked = Instant::now();
    let deadline = asked + Duration::from_mins(1);

    // The change comes after the first look, which has seen nothing of it.
    let notify = Notify::new();
    let looked = &notify;
    let wait_for = |status| {
        let enough = move |build: &Build| {
            looked.notify_one();
            build.status == status
        };
        wait_until(&own.store, &changes, id, enough, deadline)
    };

    let (seen, held) = tokio::join!(wait_for(Status::Running), async {
        looked.notified().await;
        let claimed = claim_next(&worker, "a worker", LEASE).await.unwrap();
        claimed.unwrap().held
    });
    assert_eq!(seen.unwrap().unwrap().status, Status::Running);
    looked.notified().await;
    let (seen, _) = tokio::join!(wait_for(Status::Succeeded), async {
        looked.notified().await;
        finish(&worker, &held, firmware()).await.unwrap()
    });
    assert_eq!(seen.unwrap().unwrap().status, Status::Succeeded);
    assert_eq!(
        asked.elapsed(),
        Duration::ZERO,
        "the slow look saw it, and no wake-up came"
    );
    drop(clock);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_its_deadline_with_the_build_as_it_is() {
    let own = OwnStore::new().await;
    let id = ask(&own.store, "KType-Standard", "anna").await;
    let changes = Changes::listen(&own.store).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let seen = wait_until(
        &own.store,
        &changes,
        id,
        |build| build.status.is_final(),
        deadline,
    )
    .await
    .unwrap();
    assert_eq!(seen.unwrap().status, Status::Queued);
    assert!(Instant::now() >= deadline);

    let nobodys = wait_until(
        &own.store,
        &changes,
        JobId::new(),
        |_| false,
        deadline + Duration::from_secs(30),
    );
    assert_eq!(nobodys.await.unwrap(), None);
}

#[tokio::test]
async fn the_statistics_count_requests_builds_clients_and_time() {
    let own = OwnStore::new().await;
    let id = ask(&own.store, "KType-Standard", "anna").await;
    ask(&own.store, "KType-Standard", "bert").await;
    ask(&own.store, "Kira-Standard", "anna").await;
    let held = claim_next(&own.store, "a worker", LEASE)
        .await
        .unwrap()
        .unwrap()
        .held;
    assert_eq!(held.id, id);
    own.by_hand()
        .run("UPDATE jobs SET started_at = started_at - 1500 WHERE status = 'running'")
        .unwrap();
    finish(&own.store, &held, failed(Reason::BuildFailed))
        .await
        .unwrap();

    let other_handle = own.another_handle().await;
    let seen = statistics(&other_handle).await.unwrap();
    assert_eq!((seen.builds, seen.unique_builds, seen.users), (3, 2, 2));
    assert_eq!(seen.layers, 6);
    let build = show(&own.store, id).await.unwrap().unwrap();
    let took = build.finished_at.unwrap() - build.started_at.unwrap();
    assert!(took >= 1500);
    assert_eq!(i64::try_from(seen.build_ms).unwrap(), took);
    assert_eq!(seen.os["Linux"], 3);
    assert_eq!(seen.platforms["Web"], 3);
    assert_eq!(seen.keyboards["KType-Standard"], 2);
    assert_eq!(seen.versions["controller-057"], 3);
}

async fn ask(store: &Store, name: &str, client: &str) -> JobId {
    a_build(name).by(client).enqueue(store).await.id()
}

async fn claim_all(store: &Store) -> Vec<JobId> {
    let mut ids = Vec::new();
    while let Some(claimed) = claim_next(store, "a worker", LEASE).await.unwrap() {
        ids.push(claimed.held.id);
    }
    ids
}

/// Keeps the paused clock from going on by itself when everybody waits, which it does not do while a blocking task
/// runs. It lets go when it is dropped, and after a while in any case, so that a test that fails ends.
struct StoppedClock {
    _running: mpsc::Sender<()>,
}

impl StoppedClock {
    const AT_MOST: Duration = Duration::from_secs(20);

    fn new() -> Self {
        let (running, dropped) = mpsc::channel();
        tokio::task::spawn_blocking(move || dropped.recv_timeout(Self::AT_MOST));
        Self { _running: running }
    }
}
