//! A comparison stands behind everybody, is in no figure about builds, and gives way.

use harness::store::{OwnStore, a_build};
use shared::store::{
    Store,
    comparisons::{Compared, give_way},
    control::{drain, undrain},
    jobs::{Admitted, Filter, Hold, Limits, NewBuild, Recorded, admit, overview},
    measures::measures,
    queue_order::place,
    statistics::statistics,
    timeline::timelines,
    workers::{Worker, sign_of_life},
};

use crate::{claim, comparison_of, end, nothing_waits, warm, with_checksum};

#[tokio::test]
async fn a_comparison_is_taken_after_everybodys_builds_and_held_up_by_a_pause_as_they_are() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let compared = warm(store, "KType-First").await;
    for name in ["KType-Second", "KType-Third"] {
        a_build(name).by("somebody else").enqueue(store).await;
    }
    for _ in 0..2 {
        assert_eq!(claim(store).await.compares, None);
    }
    own.by_hand()
        .run("UPDATE service SET paused_at = 1")
        .unwrap();
    nothing_waits(store).await;
    own.by_hand()
        .run("UPDATE service SET paused_at = NULL")
        .unwrap();
    assert_eq!(claim(store).await.compares, Some(compared));
}

/// All that counts builds, as text.
async fn figures(store: &Store) -> String {
    let all = measures(store).await.unwrap();
    let seen = overview(store, Filter::default()).await.unwrap();
    let mut timelines = timelines(store).await.unwrap();
    for timeline in &mut timelines {
        // The minutes go on while one looks.
        timeline.steps.clear();
        timeline.whole.start = 0;
    }
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {timelines:?}",
        all.queue,
        all.durations,
        all.endings,
        seen.counts,
        seen.oldest_waiting,
        statistics(store).await.unwrap(),
    )
}

#[tokio::test]
async fn a_comparison_is_in_no_figure_about_builds() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let build = warm(store, "KType-Mine").await;
    let before = figures(store).await;
    assert!(
        before.contains("queued") || before.contains("Queued"),
        "{before}"
    );
    let waits = comparison_of(&own, build);
    assert_eq!(
        place(store, waits).await.unwrap().position,
        1,
        "behind nobody"
    );
    let comparison = claim(store).await;
    assert_eq!(comparison.held.id, waits);
    assert_eq!(figures(store).await, before, "while it runs");
    // Long ago, so that its length would stand out.
    own.by_hand()
        .run(&format!(
            "UPDATE jobs SET started_at = started_at - 9000000, created_at = 1 WHERE id = '{waits}'"
        ))
        .unwrap();
    assert_eq!(
        end(store, &comparison, with_checksum("warm")).await,
        Recorded::Compared(Compared::Same)
    );
    assert_eq!(figures(store).await, before, "once it has ended");

    let seen = overview(store, all()).await.unwrap();
    let listed = seen.recent.iter().find(|line| line.id == waits).unwrap();
    assert_eq!((listed.compares, listed.client.as_str()), (Some(build), ""));
    let counted = measures(store).await.unwrap().comparisons;
    assert_eq!(counted, [("same".to_owned(), 1)].into());
}

fn all() -> Filter {
    Filter {
        limit: 100,
        ..Filter::default()
    }
}

#[tokio::test]
async fn how_long_a_cold_build_took_is_no_estimate_for_a_warm_one() {
    let own = OwnStore::new().await;
    let store = &own.store;
    warm(store, "KType-Mine").await;
    let comparison = claim(store).await;
    own.by_hand()
        .run(&format!(
            "UPDATE jobs SET started_at = started_at - 9000000 WHERE id = '{}'",
            comparison.held.id
        ))
        .unwrap();
    end(store, &comparison, with_checksum("warm")).await;
    let next = a_build("KType-Next").enqueue(store).await.id();
    let place = place(store, next).await.unwrap();
    assert!(place.eta_seconds < 60, "{place:?}");
}

#[tokio::test]
async fn comparisons_take_no_place_from_those_who_ask() {
    let own = OwnStore::new().await;
    let store = &own.store;
    warm(store, "KType-Mine").await;
    let limits = Limits {
        per_client: 1,
        in_all: 1,
    };
    let next: NewBuild = a_build("KType-Next").into();
    let admitted = admit(store, next, limits, Hold::ForGood).await.unwrap();
    let Admitted::Yes { enqueued, .. } = admitted else {
        panic!("{admitted:?}");
    };
    assert_eq!(place(store, enqueued.id()).await.unwrap().position, 1);
}

#[tokio::test]
async fn a_comparison_gives_way_to_whoever_waits_and_to_nobody_else() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let build = warm(store, "KType-Mine").await;
    let comparison = claim(store).await;
    assert_eq!(give_way(store, "w").await.unwrap(), None, "nobody waits");
    a_build("KType-Next").enqueue(store).await;
    assert_eq!(
        give_way(store, "another").await.unwrap(),
        None,
        "not its own"
    );
    let id = comparison.held.id;
    assert_eq!(give_way(store, "w").await.unwrap(), Some(id));
    let late = end(store, &comparison, with_checksum("cold")).await;
    assert_eq!(late, Recorded::LeaseLost);
    assert_eq!(claim(store).await.compares, None);
    let again = claim(store).await;
    assert_eq!((again.held.id, again.compares), (id, Some(build)));
    assert_eq!(again.held.epoch, 2);
    // Two comparisons, and nobody's build.
    warm(store, "Kira-Mine").await;
    assert_eq!(
        give_way(store, "w").await.unwrap(),
        None,
        "only a comparison waits"
    );
}

#[tokio::test]
async fn nothing_gives_way_while_nothing_would_be_taken() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let worker = Worker {
        id: "w".to_owned(),
        host: "h".to_owned(),
        engine_id: "e".to_owned(),
        slots: 1,
    };
    sign_of_life(store, &worker, None).await.unwrap();
    warm(store, "KType-Mine").await;
    let comparison = claim(store).await;
    a_build("KType-Next").enqueue(store).await;
    let table = own.by_hand();
    table.run("UPDATE service SET paused_at = 1").unwrap();
    assert_eq!(give_way(store, "w").await.unwrap(), None);
    table.run("UPDATE service SET paused_at = NULL").unwrap();
    drain(store, "w", "op").await.unwrap();
    assert_eq!(give_way(store, "w").await.unwrap(), None);
    undrain(store, "w", "op").await.unwrap();
    let gave_way = give_way(store, "w").await.unwrap();
    assert_eq!(gave_way, Some(comparison.held.id));
}
