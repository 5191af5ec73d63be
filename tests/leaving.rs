//! Leaving and cancelling: what becomes of the row, of its worker, and of those who still want the build.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::time::Duration;

use harness::store::{OwnStore, a_build, firmware};
use shared::{
    job::{JobId, Reason, Status},
    store::{
        Store,
        jobs::{
            Admitted, Build, Cancelled, Enqueued, Hold, LeaveToken, Left, Limits, Pause, Recorded,
            admit, cancel, claim_next, finish, give_back, leave, renew, show,
        },
        statistics::statistics,
        wake::{Listener, Role, Signal},
    },
};

const LEASE: Duration = Duration::from_hours(1);

const LIMITS: Limits = Limits {
    per_client: 100,
    in_all: 100,
};

#[tokio::test]
async fn the_last_to_leave_cancels_and_a_second_time_changes_nothing() {
    let own = OwnStore::new().await;
    let (id, annas) = join(&own.store, "KType-Standard").await;
    let (_, berts) = join(&own.store, "KType-Standard").await;
    for _ in 0..2 {
        assert_eq!(leave(&own.store, id, &annas).await.unwrap(), Left::Yes);
    }
    assert_eq!(build(&own.store, id).await.status, Status::Queued);
    let left_at = own
        .by_hand()
        .ask("SELECT left_at FROM participants WHERE left_at IS NOT NULL");
    assert_eq!(
        leave(&own.store, id, &berts).await.unwrap(),
        Left::AndCancelled
    );
    let cancelled = build(&own.store, id).await;
    assert_eq!(cancelled.status, Status::Cancelled);
    assert_eq!(cancelled.reason, Some(Reason::Cancelled));
    assert!(cancelled.finished_at.is_some() && cancelled.detail.is_some());
    for token in [&annas, &berts] {
        assert_eq!(leave(&own.store, id, token).await.unwrap(), Left::Yes);
    }
    assert_eq!(build(&own.store, id).await, cancelled);
    let times = own
        .by_hand()
        .ask("SELECT left_at FROM participants ORDER BY left_at, at");
    assert_eq!(times[0], left_at[0], "the first time counts");
    assert_eq!(
        claim_next(&own.store, "w", LEASE)
            .await
            .unwrap()
            .map(|one| one.held),
        None
    );
}

#[tokio::test]
async fn a_token_opens_its_own_build_only_and_is_stored_as_a_hash() {
    let own = OwnStore::new().await;
    let (first, token) = join(&own.store, "KType-Standard").await;
    let (second, _) = join(&own.store, "Kira-Standard").await;
    let tried = leave(&own.store, second, &token).await.unwrap();
    assert_eq!(tried, Left::UnknownToken);
    // The empty one stands in the table for those who cannot leave.
    a_build("Kira-Standard").enqueue(&own.store).await;
    for guess in ["", &own.by_hand().ask("SELECT secret FROM participants")[0]] {
        let guess = LeaveToken::presented(guess);
        let tried = leave(&own.store, first, &guess).await.unwrap();
        assert_eq!(tried, Left::UnknownToken);
        let tried = leave(&own.store, second, &guess).await.unwrap();
        assert_eq!(tried, Left::UnknownToken);
    }
    let nowhere = leave(&own.store, JobId::new(), &token).await.unwrap();
    assert_eq!(nowhere, Left::NoSuchBuild);
    let stored = own
        .by_hand()
        .ask("SELECT count(*) FROM participants WHERE length(secret) = 64");
    assert_eq!(stored, ["2"]);
    assert!(!format!("{token:?}").contains(token.as_str()));
    assert!(token.as_str().len() == 64);
}

#[tokio::test]
async fn whoever_cannot_leave_holds_the_build_for_good() {
    let own = OwnStore::new().await;
    let (id, token) = join(&own.store, "KType-Standard").await;
    for _ in 0..2 {
        let build = a_build("KType-Standard").into();
        let admitted = admit(&own.store, build, LIMITS, Hold::ForGood).await;
        assert!(matches!(admitted, Ok(Admitted::Yes { token: None, .. })));
    }
    assert_eq!(leave(&own.store, id, &token).await.unwrap(), Left::Yes);
    assert_eq!(build(&own.store, id).await.status, Status::Queued);
    let rows = own.by_hand().ask("SELECT count(*) FROM participants");
    assert_eq!(rows, ["2"], "one row stands for all old clients");
}

#[tokio::test]
async fn a_running_build_that_is_cancelled_is_its_workers_no_more() {
    let own = OwnStore::new().await;
    let (id, token) = join(&own.store, "KType-Standard").await;
    let held = claim_next(&own.store, "a worker", LEASE).await.unwrap();
    let held = held.unwrap().held;
    let worker = Listener::bind(own.store.wake_directory(), Role::Worker, "w").unwrap();
    let api = Listener::bind(own.store.wake_directory(), Role::Api, "a").unwrap();
    assert_eq!(
        leave(&own.store, id, &token).await.unwrap(),
        Left::AndCancelled
    );
    for listener in [worker, api] {
        let heard = tokio::time::timeout(Duration::from_secs(20), listener.next()).await;
        assert_eq!(heard.unwrap(), Signal::Changed(id));
    }
    let cancelled = build(&own.store, id).await;
    assert!(!renew(&own.store, &held, LEASE).await.unwrap());
    let recorded = finish(&own.store, &held, firmware()).await.unwrap();
    assert_eq!(recorded, Recorded::LeaseLost);
    give_back(&own.store, &held, Pause::Growing, "trouble")
        .await
        .unwrap();
    assert_eq!(
        build(&own.store, id).await,
        cancelled,
        "a late worker changes nothing"
    );

    let again = a_build("KType-Standard").enqueue(&own.store).await;
    assert!(
        matches!(again, Enqueued::New(new) if new != id),
        "{again:?}"
    );
}

#[tokio::test]
async fn an_operator_cancels_for_all_and_whatever_has_ended_stays_as_it_is() {
    let own = OwnStore::new().await;
    let (waiting, _) = join(&own.store, "KType-Waiting").await;
    assert_eq!(cancel(&own.store, waiting).await.unwrap(), Cancelled::Yes);
    let again = cancel(&own.store, waiting).await.unwrap();
    assert_eq!(again, Cancelled::HadEnded(Status::Cancelled));

    let (paused, _) = join(&own.store, "KType-Paused").await;
    let held = claim_next(&own.store, "w", LEASE)
        .await
        .unwrap()
        .unwrap()
        .held;
    give_back(&own.store, &held, Pause::Growing, "trouble")
        .await
        .unwrap();
    assert_eq!(cancel(&own.store, paused).await.unwrap(), Cancelled::Yes);
    let due = own
        .by_hand()
        .ask("SELECT count(*) FROM jobs WHERE due_at IS NOT NULL");
    assert_eq!(due, ["0"]);

    let (ended, token) = join(&own.store, "KType-Ended").await;
    let held = claim_next(&own.store, "w", LEASE)
        .await
        .unwrap()
        .unwrap()
        .held;
    finish(&own.store, &held, firmware()).await.unwrap();
    let late = cancel(&own.store, ended).await.unwrap();
    assert_eq!(late, Cancelled::HadEnded(Status::Succeeded));
    assert_eq!(leave(&own.store, ended, &token).await.unwrap(), Left::Yes);
    assert_eq!(build(&own.store, ended).await.status, Status::Succeeded);

    let nothing = cancel(&own.store, JobId::new()).await.unwrap();
    assert_eq!(nothing, Cancelled::NoSuchBuild);
    assert_eq!(own.by_hand().ask("SELECT waiting FROM service"), ["0"]);
}

#[tokio::test]
async fn only_the_time_that_a_cancelled_build_ran_is_counted() {
    let own = OwnStore::new().await;
    for (name, runs) in [("KType-Runs", true), ("KType-WaitsAgain", false)] {
        let (id, _) = join(&own.store, name).await;
        let held = claim_next(&own.store, "w", LEASE)
            .await
            .unwrap()
            .unwrap()
            .held;
        own.by_hand()
            .run(&format!(
                "UPDATE jobs SET started_at = started_at - 60000 WHERE id = '{id}'"
            ))
            .unwrap();
        let before = statistics(&own.store).await.unwrap().build_ms;
        if !runs {
            give_back(&own.store, &held, Pause::None, "").await.unwrap();
        }
        cancel(&own.store, id).await.unwrap();
        let counted = statistics(&own.store).await.unwrap().build_ms - before;
        assert_eq!(counted >= 60_000, runs, "{name}: {counted}");
    }
}

#[tokio::test]
async fn who_held_a_build_goes_with_its_row() {
    let own = OwnStore::new().await;
    let (id, token) = join(&own.store, "KType-Standard").await;
    leave(&own.store, id, &token).await.unwrap();
    own.by_hand()
        .run("PRAGMA foreign_keys = ON; DELETE FROM jobs")
        .unwrap();
    let left = own.by_hand().ask("SELECT count(*) FROM participants");
    assert_eq!(left, ["0"]);
}

async fn join(store: &Store, name: &str) -> (JobId, LeaveToken) {
    let build = a_build(name).into();
    let admitted = admit(store, build, LIMITS, Hold::UntilItLeaves).await;
    match admitted.unwrap() {
        Admitted::Yes {
            enqueued,
            token: Some(token),
        } => (enqueued.id(), token),
        other => panic!("{other:?}"),
    }
}

async fn build(store: &Store, id: JobId) -> Build {
    show(store, id).await.unwrap().unwrap()
}
