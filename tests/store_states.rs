//! What can happen to a build's row: each arrow of the picture, and who may go along it.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use harness::store::{OwnStore, a_build, failed, firmware};
use shared::{
    job::{ContainerSpec, JobId, Reason, Status},
    store::{
        Store,
        jobs::{
            self, Adoption, Build, Claimed, Enqueued, LettingGo, MAX_LOSSES, MAX_TROUBLES, Pause,
            Recorded, Rescued, claim_next, container_created, finish, give_back, hand_over,
            make_due_builds_wait, renew, rescue_expired,
        },
    },
};

/// Longer than any test.
const LEASE: Duration = Duration::from_hours(1);

/// The lease of a worker that is about to be lost: it has ended when it begins.
const NO_LEASE: Duration = Duration::ZERO;

#[tokio::test]
async fn the_same_request_twice_is_one_job() {
    let own = OwnStore::new().await;
    let first = a_build("KType-Standard").enqueue(&own.store).await;
    let again = a_build("KType-Standard").enqueue(&own.store).await;
    assert!(matches!(first, Enqueued::New(_)));
    assert_eq!(again, Enqueued::Joined(first.id(), Status::Queued));
    let other = a_build("KType-NoAnimations").enqueue(&own.store).await;
    assert!(matches!(other, Enqueued::New(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_request_from_many_at_once_is_one_job() {
    let own = OwnStore::new().await;
    let handles = [own.another_handle().await, own.another_handle().await];
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..32 {
        let store = handles[number % 2].clone();
        asking.spawn(async move { a_build("KType-Standard").enqueue(&store).await });
    }
    let answers = asking.join_all().await;
    let new = answers
        .iter()
        .filter(|answer| matches!(answer, Enqueued::New(_)));
    assert_eq!(new.count(), 1);
    assert!(answers.iter().all(|answer| answer.id() == answers[0].id()));
}

#[tokio::test]
async fn a_request_joins_the_build_that_runs() {
    let own = OwnStore::new().await;
    let id = a_build("KType-Standard").enqueue(&own.store).await.id();
    claim(&own.store, "a worker").await;
    let again = a_build("KType-Standard").enqueue(&own.store).await;
    assert_eq!(again, Enqueued::Joined(id, Status::Running));
}

#[tokio::test]
async fn a_success_answers_every_later_request() {
    let own = OwnStore::new().await;
    let id = a_build("KType-Standard").enqueue(&own.store).await.id();
    let held = claim(&own.store, "a worker").await.held;
    assert_eq!(
        finish(&own.store, &held, firmware()).await.unwrap(),
        Recorded::Yes
    );

    let again = a_build("KType-Standard").enqueue(&own.store).await;
    assert_eq!(again, Enqueued::Joined(id, Status::Succeeded));
    assert_eq!(own.by_hand().ask("SELECT kept_until FROM jobs"), ["Null"]);
    assert!(
        claim_next(&own.store, "a worker", LEASE)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_failed_compile_answers_for_a_day_and_not_longer() {
    let own = OwnStore::new().await;
    let id = a_build("KType-Standard").enqueue(&own.store).await.id();
    let held = claim(&own.store, "a worker").await.held;
    finish(&own.store, &held, failed(Reason::BuildFailed))
        .await
        .unwrap();
    let again = a_build("KType-Standard").enqueue(&own.store).await;
    assert_eq!(again, Enqueued::Joined(id, Status::Failed));

    let table = own.by_hand();
    let hours = table.ask("SELECT (kept_until - finished_at) / 3600000 FROM jobs");
    assert_eq!(hours, ["24"]);
    table.run("UPDATE jobs SET kept_until = 1").unwrap();
    let later = a_build("KType-Standard").enqueue(&own.store).await;
    assert!(matches!(later, Enqueued::New(new) if new != id));
    assert_eq!(row(&own.store, id).await.status, Status::Failed);
}

#[tokio::test]
async fn an_end_that_is_not_the_layouts_own_answers_nobody() {
    let own = OwnStore::new().await;
    for reason in [
        Reason::TimedOut,
        Reason::OutOfMemory,
        Reason::TooManyProcesses,
        Reason::ScratchFull,
        Reason::FileTooLarge,
        Reason::OutputTooLarge,
        Reason::LogTooLarge,
        Reason::NoArtifact,
        Reason::WorkerLost,
        Reason::ControllerMissing,
    ] {
        let asked = a_build("KType-Standard").enqueue(&own.store).await;
        assert!(matches!(asked, Enqueued::New(_)), "before {reason}");
        let held = claim(&own.store, "a worker").await.held;
        finish(&own.store, &held, failed(reason)).await.unwrap();
        assert_eq!(row(&own.store, asked.id()).await.reason, Some(reason));
    }
    let after = a_build("KType-Standard").enqueue(&own.store).await;
    assert!(matches!(after, Enqueued::New(_)));
}

#[tokio::test]
async fn a_cancelled_build_answers_nobody() {
    let own = OwnStore::new().await;
    a_build("KType-Standard").enqueue(&own.store).await;
    own.by_hand()
        .run("UPDATE jobs SET status = 'cancelled', reason = 'cancelled', finished_at = created_at")
        .unwrap();
    let again = a_build("KType-Standard").enqueue(&own.store).await;
    assert!(matches!(again, Enqueued::New(_)));
}

#[tokio::test]
async fn a_request_that_the_table_refuses_leaves_nothing_and_takes_no_other_with_it() {
    let own = OwnStore::new().await;
    let no_json = a_build("KType-Broken").with(|build| "{".clone_into(&mut build.config));
    let others = async {
        let mut asking = tokio::task::JoinSet::new();
        for number in 0..20 {
            let store = own.store.clone();
            asking.spawn(async move { a_build(&format!("KType-{number}")).enqueue(&store).await });
        }
        asking.join_all().await
    };
    let (refused, others) = tokio::join!(jobs::enqueue(&own.store, no_json.into()), others);
    assert!(refused.is_err());
    assert_eq!(others.len(), 20);
    let table = own.by_hand();
    assert_eq!(table.ask("SELECT count(*) FROM jobs"), ["20"]);
    assert_eq!(table.ask("SELECT count(*) FROM requests"), ["20"]);
}

#[tokio::test]
async fn a_claim_carries_everything_that_was_asked_for() {
    let own = OwnStore::new().await;
    let id = a_build("KType-Standard")
        .with(|build| build.config = "{\"a\": 1}".to_owned())
        .enqueue(&own.store)
        .await
        .id();
    let claimed = claim(&own.store, "a worker").await;
    assert_eq!(claimed.held.id, id);
    assert_eq!(claimed.held.worker, "a worker");
    assert_eq!((claimed.held.epoch, claimed.attempts), (1, 0));
    assert_eq!(claimed.config, "{\"a\": 1}");
    assert_eq!(claimed.image, "sha256:057");
    let build = row(&own.store, id).await;
    assert_eq!(build.status, Status::Running);
    assert!(build.started_at >= Some(build.created_at));
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_cannot_finish_the_job() {
    let own = OwnStore::new().await;
    let id = a_build("KType-Standard").enqueue(&own.store).await.id();
    let lost = lose(&own.store, "a worker").await.held;
    // The same process may hold the build again: that its older claim is over must be seen by more than its name.
    let holder = claim(&own.store, "a worker").await.held;
    assert_eq!((lost.epoch, holder.epoch), (1, 2));

    assert_eq!(
        finish(&own.store, &lost, firmware()).await.unwrap(),
        Recorded::LeaseLost
    );
    assert!(!renew(&own.store, &lost, LEASE).await.unwrap());
    assert!(
        !container_created(
            &own.store,
            &lost,
            ("late", "engine"),
            &ContainerSpec::default()
        )
        .await
        .unwrap()
    );
    give_back(&own.store, &lost, Pause::None, "").await.unwrap();
    give_back(&own.store, &lost, Pause::Growing, "late")
        .await
        .unwrap();
    let build = row(&own.store, id).await;
    assert_eq!((build.status, build.epoch), (Status::Running, 2));
    assert_eq!((build.attempts, build.detail), (0, None));

    let end = finish(&own.store, &holder, failed(Reason::TimedOut)).await;
    assert_eq!(end.unwrap(), Recorded::Yes);
    let too_late = finish(&own.store, &holder, firmware()).await;
    assert_eq!(too_late.unwrap(), Recorded::LeaseLost);
    assert_eq!(row(&own.store, id).await.reason, Some(Reason::TimedOut));
}

#[tokio::test]
async fn only_a_build_whose_lease_has_ended_is_rescued() {
    let own = OwnStore::new().await;
    let alive = a_build("KType-Alive").enqueue(&own.store).await.id();
    claim(&own.store, "alive").await;
    let renewed = a_build("KType-Renewed").enqueue(&own.store).await.id();
    let held = lose_silently(&own.store, "slow").await.held;
    assert!(renew(&own.store, &held, LEASE).await.unwrap());
    let lost = a_build("KType-Lost").enqueue(&own.store).await.id();
    lose_silently(&own.store, "lost").await;

    let rescued = rescue_expired(&own.store).await.unwrap();
    assert_eq!(rescued, [Rescued::Waiting(lost)]);
    for (id, status) in [
        (alive, Status::Running),
        (renewed, Status::Running),
        (lost, Status::Queued),
    ] {
        assert_eq!(row(&own.store, id).await.status, status);
    }
    assert!(rescue_expired(&own.store).await.unwrap().is_empty());
    assert_eq!(claim(&own.store, "next").await.held.id, lost);
}

#[tokio::test]
async fn the_third_lost_worker_sets_a_build_aside() {
    let own = OwnStore::new().await;
    let id = a_build("KType-Standard").enqueue(&own.store).await.id();
    for loss in 1..=MAX_LOSSES {
        lose_silently(&own.store, "a worker").await;
        let expected = if loss < MAX_LOSSES {
            Rescued::Waiting(id)
        } else {
            Rescued::SetAside(id)
        };
        assert_eq!(rescue_expired(&own.store).await.unwrap(), [expected]);
        assert_eq!(row(&own.store, id).await.losses, loss);
    }
    let build = row(&own.store, id).await;
    assert_eq!(
        (build.status, build.reason),
        (Status::Failed, Some(Reason::WorkerLost))
    );
    assert!(build.detail.is_some() && build.finished_at.is_some());
    let again = a_build("KType-Standard").enqueue(&own.store).await;
    assert!(matches!(again, Enqueued::New(_)));
}

#[tokio::test]
async fn a_build_without_a_container_is_not_handed_over() {
    let own = OwnStore::new().await;
    let id = a_build("KType-Standard").enqueue(&own.store).await.id();
    let held = claim(&own.store, "a worker").await.held;
    for why in [LettingGo::Leaving, LettingGo::Trouble("none".to_owned())] {
        assert!(!hand_over(&own.store, &held, why).await.unwrap());
    }
    assert!(jobs::is_held(&own.store, &held).await.unwrap());
    assert!(jobs::history(&own.store, id).await.unwrap().is_empty());
}

#[tokio::test]
async fn whoever_was_taken_for_dead_and_handed_its_build_over_is_no_lost_worker() {
    let own = OwnStore::new().await;
    let id = a_build("KType-Standard").enqueue(&own.store).await.id();
    own.by_hand()
        .run(&format!("UPDATE jobs SET losses = {}", MAX_LOSSES - 1))
        .unwrap();
    let held = lose_silently(&own.store, "slow").await.held;
    container_created(
        &own.store,
        &held,
        ("a container", "engine"),
        &ContainerSpec::default(),
    )
    .await
    .unwrap();
    let seen = jobs::orphans(&own.store, "engine").await.unwrap().remove(0);
    assert!(
        hand_over(&own.store, &held, LettingGo::Leaving)
            .await
            .unwrap()
    );

    let too_late = jobs::adopt(&own.store, &seen, "quick", LEASE).await;
    assert!(matches!(too_late.unwrap(), Adoption::Gone));
    assert_eq!(jobs::rescue(&own.store, &seen).await.unwrap(), None);
    let now = jobs::orphans(&own.store, "engine").await.unwrap().remove(0);
    let adopted = jobs::adopt(&own.store, &now, "quick", LEASE).await;
    assert!(matches!(adopted.unwrap(), Adoption::Ours(_)));
    assert_eq!(row(&own.store, id).await.losses, MAX_LOSSES - 1);
}

#[tokio::test]
async fn a_worker_that_leaves_gives_its_build_back_and_nothing_is_counted() {
    let own = OwnStore::new().await;
    let id = a_build("KType-Standard").enqueue(&own.store).await.id();
    for _ in 0..=MAX_LOSSES {
        let held = claim(&own.store, "a worker").await.held;
        give_back(&own.store, &held, Pause::None, "").await.unwrap();
        let build = row(&own.store, id).await;
        assert_eq!((build.status, build.attempts), (Status::Queued, 0));
        assert_eq!((build.troubles, build.losses), (0, 0));
    }
}

#[tokio::test]
async fn a_build_in_trouble_waits_longer_each_time() {
    let own = OwnStore::new().await;
    let id = a_build("KType-Standard").enqueue(&own.store).await.id();
    let table = own.by_hand();
    for seconds in [2, 4, 8, 16, 32, 64, 128, 256, 300] {
        let held = claim(&own.store, "a worker").await.held;
        let before = now();
        give_back(&own.store, &held, Pause::Growing, "no engine")
            .await
            .unwrap();
        let due: i64 = table.ask("SELECT due_at FROM jobs")[0].parse().unwrap();
        assert!(
            (before..=now()).contains(&(due - seconds * 1000)),
            "{seconds} s"
        );
        assert_eq!(
            row(&own.store, id).await.detail.as_deref(),
            Some("no engine")
        );

        assert_eq!(make_due_builds_wait(&own.store).await.unwrap(), 0);
        let none = claim_next(&own.store, "a worker", LEASE).await.unwrap();
        assert!(none.is_none(), "it is not due");
        table.run("UPDATE jobs SET due_at = 1").unwrap();
        assert_eq!(make_due_builds_wait(&own.store).await.unwrap(), 1);
    }
    let held = claim(&own.store, "a worker").await.held;
    assert_eq!(row(&own.store, id).await.troubles + 1, MAX_TROUBLES);
    give_back(&own.store, &held, Pause::Growing, "still no engine")
        .await
        .unwrap();
    let build = row(&own.store, id).await;
    assert_eq!(build.reason, Some(Reason::WorkerLost));
    assert_eq!(build.detail.as_deref(), Some("still no engine"));
}

#[tokio::test]
async fn a_request_joins_a_build_that_is_not_due_yet() {
    let own = OwnStore::new().await;
    let id = a_build("KType-Standard").enqueue(&own.store).await.id();
    let held = claim(&own.store, "a worker").await.held;
    give_back(&own.store, &held, Pause::Growing, "no engine")
        .await
        .unwrap();
    let again = a_build("KType-Standard").enqueue(&own.store).await;
    assert_eq!(again, Enqueued::Joined(id, Status::Queued));
}

async fn claim(store: &Store, worker: &str) -> Claimed {
    claim_next(store, worker, LEASE)
        .await
        .unwrap()
        .expect("a waiting build")
}

/// Claims for a worker that is never heard of again.
async fn lose_silently(store: &Store, worker: &str) -> Claimed {
    claim_next(store, worker, NO_LEASE)
        .await
        .unwrap()
        .expect("a waiting build")
}

/// The same, and the build is taken back.
async fn lose(store: &Store, worker: &str) -> Claimed {
    let claimed = lose_silently(store, worker).await;
    let rescued = rescue_expired(store).await.unwrap();
    assert_eq!(rescued, [Rescued::Waiting(claimed.held.id)]);
    claimed
}

async fn row(store: &Store, id: JobId) -> Build {
    jobs::show(store, id).await.unwrap().expect("its row")
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}
