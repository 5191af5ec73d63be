//! What is measured of the queue: right whoever moves a row, and found without a look at all rows.
#![expect(clippy::unwrap_used, reason = "a test may stop, and its helpers too")]

use std::time::Duration;

use harness::store::{OwnStore, a_build};
use shared::store::{
    jobs::{self, Pause},
    measures::{Measures, OTHER, measures},
    versions,
};

/// The program's own statements, so that their plans are looked at and not those of copies.
const SOURCE: &str = include_str!("../shared/src/store/measures.rs");

async fn look(own: &OwnStore) -> Measures {
    measures(&own.store).await.unwrap()
}

#[tokio::test]
async fn each_build_is_counted_where_it_is() {
    let own = OwnStore::new().await;
    for name in ["KType-One", "KType-Two", "KType-Three"] {
        a_build(name).enqueue(&own.store).await;
    }
    let lease = Duration::from_mins(1);
    let first = jobs::claim_next(&own.store, "a", lease)
        .await
        .unwrap()
        .unwrap();
    jobs::claim_next(&own.store, "b", lease)
        .await
        .unwrap()
        .unwrap();
    jobs::give_back(&own.store, &first.held, Pause::Growing, "the engine sleeps")
        .await
        .unwrap();
    let queue = look(&own).await.queue;
    assert_eq!((queue.waiting, queue.paused), (1, 1));
    assert_eq!((queue.running, queue.orphaned), (1, 0));
    assert!(queue.oldest_waiting.is_some());
    jobs::end_leases_of(&own.store, "b").await.unwrap();
    own.by_hand()
        .run("UPDATE jobs SET status = 'cancelled', reason = 'cancelled', due_at = NULL, finished_at = 9 WHERE status = 'queued'")
        .unwrap();
    let measured = look(&own).await;
    let queue = measured.queue;
    assert_eq!((queue.waiting, queue.paused), (0, 0));
    assert_eq!((queue.running, queue.orphaned), (0, 1));
    assert_eq!(queue.oldest_waiting, None);
    let cancelled: u64 = measured.endings.values().sum();
    assert_eq!(cancelled, 2, "also those that an operator ended by hand");
    assert_eq!(measured.happenings["trouble"], 1);
    assert_eq!(measured.requests, 3);
}

#[tokio::test]
async fn a_name_that_is_not_known_any_more_is_no_name_of_its_own() {
    let own = OwnStore::new().await;
    assert!(!versions::versions(&own.store).await.unwrap().is_empty());
    own.by_hand()
        .run(
            "INSERT INTO endings VALUES ('KType', 'latest', 'succeeded', 1), ('KType', 'gone', 'succeeded', 2),
                                        ('KType', 'gone too', 'succeeded', 4), ('no keyboard', 'latest', 'succeeded', 8);
             INSERT INTO durations VALUES ('building', 'KType', 'gone', 50, 1, 10), ('building', 'KType', 'gone too', 50, 2, 30)",
        )
        .unwrap();
    let measured = look(&own).await;
    let endings: Vec<_> = measured
        .endings
        .iter()
        .map(|(of, builds)| (of.keyboard.as_str(), of.version.as_str(), *builds))
        .collect();
    let expected = [
        ("KType", "latest", 1),
        ("KType", OTHER, 6),
        (OTHER, "latest", 8),
    ];
    assert_eq!(endings, expected);
    let (of, histogram) = measured.durations.iter().next().unwrap();
    assert_eq!((measured.durations.len(), of.version.as_str()), (1, OTHER));
    assert_eq!((histogram.buckets[&50], histogram.ms), (3, 40));
    assert_eq!(histogram.buckets.len(), 14, "every bound is told");
}

#[tokio::test]
async fn no_look_at_the_builds_reads_all_of_them() {
    let own = OwnStore::new().await;
    let table = own.by_hand();
    let mut looked = 0;
    for statement in SOURCE.split('"').filter(|text| text.contains("FROM jobs")) {
        let plan = table.plan_of(&statement.replace("?1", "1"));
        assert!(plan.contains(" INDEX jobs_"), "{statement}\n{plan}");
        looked += 1;
    }
    assert_eq!(looked, 3);
}
