//! What a comparison is: which builds get one, what it has of them, and how it can end without a word.

use std::time::Duration;

use harness::store::{OwnStore, a_build, failed, fingerprint};
use shared::{
    job::{Reason, Status},
    layout::Library,
    store::{
        cold_keyboards::cold_keyboards,
        comparisons::{Compared, give_up},
        forgetting::{Forgotten, files, forget_by},
        jobs::{
            Claimed, Ended, Enqueued, NewBuild, Recorded, cancel, claim_next, enqueue, finish_as,
            rescue_expired,
        },
        measures::measures,
        retention,
    },
};

use crate::{
    LEASE, TO_BE_COMPARED, claim, comparison_of, end, find_a_difference, nothing_waits, shown,
    warm, with_checksum,
};

#[tokio::test]
async fn a_build_that_is_to_be_compared_is_in_the_queue_again_and_told_to_be_cold() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let build = a_build("KType-Mine").with(|build| build.config = "{\"a\": 1}".to_owned());
    let id = build.enqueue(store).await.id();
    let people = claim(store).await;
    assert!(!people.cold);
    finish_as(store, &people.held, with_checksum("a"), TO_BE_COMPARED)
        .await
        .unwrap();

    let comparison = claim(store).await;
    assert_eq!((comparison.compares, comparison.cold), (Some(id), true));
    assert_eq!(comparison.fingerprint, people.fingerprint.cold());
    assert_ne!(comparison.fingerprint, people.fingerprint);
    let same = |claimed: &Claimed| {
        let Claimed {
            keyboard,
            layout,
            controller,
            image,
            protocol,
            dialect,
            config,
            ..
        } = claimed.clone();
        (
            keyboard, layout, controller, image, protocol, dialect, config,
        )
    };
    assert_eq!(same(&comparison), same(&people));
    nothing_waits(store).await;
}

#[tokio::test]
async fn only_firmware_is_compared_and_only_where_it_is_asked_for() {
    let own = OwnStore::new().await;
    let store = &own.store;
    for (name, outcome, ended) in [
        ("KType-A", failed(Reason::BuildFailed), TO_BE_COMPARED),
        ("KType-B", failed(Reason::TimedOut), TO_BE_COMPARED),
        ("KType-C", with_checksum("c"), Ended::default()),
    ] {
        a_build(name).enqueue(store).await;
        let held = claim(store).await.held;
        finish_as(store, &held, outcome, ended).await.unwrap();
    }
    nothing_waits(store).await;
}

#[tokio::test]
async fn no_more_than_a_few_comparisons_wait() {
    let own = OwnStore::new().await;
    let store = &own.store;
    for number in 0..9 {
        a_build(&format!("KType-{number}")).enqueue(store).await;
    }
    for _ in 0..9 {
        let claimed = claim(store).await;
        let id = claimed.held.id;
        assert_eq!(claimed.compares, None, "{id}");
        finish_as(store, &claimed.held, with_checksum("a"), TO_BE_COMPARED)
            .await
            .unwrap();
    }
    let mut waited = 0;
    while let Some(claimed) = claim_next(store, "w", LEASE).await.unwrap() {
        assert!(claimed.compares.is_some());
        waited += 1;
    }
    assert_eq!(waited, 4);
}

#[tokio::test]
async fn where_the_warm_firmware_is_gone_nothing_is_compared() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let build = warm(store, "KType-Mine").await;
    let comparison = claim(store).await;
    let dropped = retention::drop_answer(store, build, "a build/1.zip").await;
    assert!(dropped.unwrap());
    let recorded = end(store, &comparison, with_checksum("cold")).await;
    assert_eq!(recorded, Recorded::Compared(Compared::Not));
    assert_eq!(cold_keyboards(store).await.unwrap(), []);
}

#[tokio::test]
async fn a_comparison_whose_worker_dies_is_done_again_and_is_still_a_comparison() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let build = warm(store, "KType-Mine").await;
    let claimed = claim_next(store, "w", Duration::ZERO).await.unwrap();
    let comparison = claimed.unwrap();
    assert_eq!(rescue_expired(store).await.unwrap().len(), 1);
    let again = claim(store).await;
    assert_eq!(again.held.id, comparison.held.id);
    assert_eq!((again.compares, again.cold), (Some(build), true));
}

#[tokio::test]
async fn whoever_has_a_build_erased_has_its_comparisons_erased_with_it() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let library = Library::from_texts([], []).unwrap();
    let build = warm(store, "KType-Mine").await;
    let comparison = claim(store).await;
    let done = forget_by(store, &library, build, "op").await.unwrap();
    assert_eq!(done, Forgotten::Yes);
    let table = own.by_hand();
    assert_eq!(table.ask("SELECT id FROM jobs"), [""; 0]);
    assert_eq!(table.ask("SELECT job_id FROM job_inputs"), [""; 0]);
    let mut gone: Vec<_> = files::to_go(store, 9).await.unwrap();
    gone.sort_by_key(|one| one.id);
    let gone: Vec<_> = gone.into_iter().map(|one| one.id).collect();
    assert_eq!(gone, [build, comparison.held.id]);
    let late = end(store, &comparison, with_checksum("warm")).await;
    assert_eq!(late, Recorded::LeaseLost);
    assert_eq!(measures(store).await.unwrap().queue.waiting, 0);
}

#[tokio::test]
async fn a_comparison_that_found_no_idle_slot_for_long_is_given_up() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let build = warm(store, "KType-Mine").await;
    let day = Duration::from_hours(24);
    assert_eq!(give_up(store, day).await.unwrap(), 0);
    let waits = comparison_of(&own, build);
    own.by_hand()
        .run(&format!(
            "UPDATE jobs SET created_at = 1 WHERE id = '{waits}'"
        ))
        .unwrap();
    assert_eq!(give_up(store, day).await.unwrap(), 1);
    assert_eq!(shown(store, waits).await.status, Status::Cancelled);
    let counted = measures(store).await.unwrap().comparisons;
    assert_eq!(counted, [("not_compared".to_owned(), 1)].into());
    nothing_waits(store).await;
}

#[tokio::test]
async fn an_operator_may_cancel_a_comparison_and_it_is_no_answer_for_anybody() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let build = warm(store, "KType-Mine").await;
    let waits = comparison_of(&own, build);
    cancel(store, waits).await.unwrap();
    assert_eq!(measures(store).await.unwrap().endings.len(), 1);
    // A request of which the name happened to be the comparison's.
    let (warm, _) = find_a_difference(store, "Kira-Mine").await;
    let cold = fingerprint("Kira-Mine").cold();
    let asked: NewBuild = a_build("Kira-Mine")
        .with(|build| build.fingerprint = cold)
        .into();
    let asked = enqueue(store, asked).await.unwrap();
    assert!(matches!(asked, Enqueued::New(id) if id != warm));
}

#[tokio::test]
async fn a_table_from_before_has_no_comparisons_and_its_builds_are_nobodys_doubt() {
    let own = OwnStore::new().await;
    let table = own.by_hand();
    a_build("KType-Mine").enqueue(&own.store).await;
    let found =
        table.ask("SELECT cold || coalesce(compares, '-') || coalesce(doubted_by, '-') FROM queue");
    assert_eq!(found, ["0--"]);
    for (change, constraint) in [
        ("cold = 2", "cold IN"),
        ("compared = 'same'", "compares IS NOT NULL"),
        ("compares = 'x'", "length(compares)"),
    ] {
        let complaint = table.run(&format!("UPDATE jobs SET {change}"));
        let complaint = complaint.expect_err(change);
        assert!(complaint.contains(constraint), "{complaint}");
    }
}
