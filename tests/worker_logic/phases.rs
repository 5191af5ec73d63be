//! How long the parts of a build took, as the worker writes it down and the table counts it.

use std::{sync::Arc, time::Duration};

use harness::{
    scripted::{Inside, exit},
    store::ByHand,
};
use shared::{
    job::{Reason, Status},
    store::{jobs, measures},
};
use tokio::sync::Notify;

use crate::rig::{FIRMWARE, ONE_HALF, Rig};

const MOMENTS: &str =
    "SELECT created_at <= started_at AND started_at <= container_started_at
            AND container_started_at <= container_ended_at AND container_ended_at <= finished_at FROM jobs";

/// How many builds each phase has counted.
async fn counted(rig: &Rig) -> Vec<(String, u64)> {
    let measured = measures::measures(&rig.store).await.unwrap();
    let count = |(of, histogram): (&measures::Phase, &measures::Histogram)| {
        assert_eq!(
            (of.keyboard.as_str(), of.version.as_str()),
            ("KType", "latest")
        );
        (of.phase.clone(), histogram.buckets.values().sum())
    };
    measured.durations.iter().map(count).collect()
}

fn each_once(phases: &[&str]) -> Vec<(String, u64)> {
    let mut phases: Vec<_> = phases
        .iter()
        .map(|phase| ((*phase).to_owned(), 1))
        .collect();
    phases.sort();
    phases
}

const ALL: &[&str] = &["waiting", "preparing", "building", "finishing"];

#[tokio::test]
async fn a_build_that_went_straight_through_is_counted_once_in_each_phase() {
    let rig = Rig::new().await;
    rig.engine.builds(|inside| async move {
        tokio::time::sleep(Duration::from_millis(120)).await;
        inside.leave_zip("firmware.zip", FIRMWARE);
        exit(0)
    });
    let build = rig.run(ONE_HALF).await;
    assert_eq!(build.status, Status::Succeeded, "{build:?}");
    assert_eq!(ByHand::open(&rig.settings.data).ask(MOMENTS), ["1"]);
    assert_eq!(counted(&rig).await, each_once(ALL));
    let measured = measures::measures(&rig.store).await.unwrap();
    let (_, building) = measured
        .durations
        .iter()
        .find(|(of, _)| of.phase == "building")
        .unwrap();
    assert!(building.ms >= 120, "{building:?}");
    let too_short: u64 = building
        .buckets
        .range(..=100)
        .map(|(_, builds)| builds)
        .sum();
    assert_eq!(too_short, 0, "{building:?}");
    assert_eq!(measured.happenings["attempt"], 1);
}

#[tokio::test]
async fn a_build_that_is_taken_on_keeps_the_start_of_its_container() {
    let rig = Rig::new().await;
    let (runs, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside_runs, inside_end) = (Arc::clone(&runs), Arc::clone(&end));
    rig.engine.builds(move |inside: Inside| {
        let (runs, end) = (Arc::clone(&inside_runs), Arc::clone(&inside_end));
        async move {
            runs.notify_one();
            end.notified().await;
            inside.leave_zip("firmware.zip", FIRMWARE);
            exit(0)
        }
    });
    let worker = rig.worker().await;
    rig.ask(ONE_HALF).await;
    let table = ByHand::open(&rig.settings.data);
    let start = "SELECT container_started_at FROM jobs";
    let another_hand = ByHand::open(&rig.settings.data);
    let written = async move {
        runs.notified().await;
        while another_hand.ask(start) == ["Null"] {
            tokio::task::yield_now().await;
        }
    };
    worker.run_until_stopped(written).await;
    let at_first = table.ask(start);
    end.notify_one();
    rig.worker().await.run_next_job().await.unwrap();
    assert_eq!(table.ask(start), at_first);
    assert_eq!(table.ask(MOMENTS), ["1"]);
    assert_eq!(counted(&rig).await, each_once(ALL));
    let happenings = measures::measures(&rig.store).await.unwrap().happenings;
    let (handed_over, adopted) = (happenings["handed_over"], happenings["adopted"]);
    assert_eq!((happenings["attempt"], handed_over, adopted), (1, 1, 1));
}

#[tokio::test]
async fn a_build_without_a_container_counts_as_an_end_and_has_no_time_of_one() {
    let rig = Rig::new().await;
    rig.ask(ONE_HALF).await;
    let claimed = jobs::claim_next(&rig.store, "somebody", Duration::from_mins(1)).await;
    let outcome = shared::job::Outcome::Failed {
        reason: Reason::ControllerMissing,
        detail: String::new(),
        diagnostics: Vec::new(),
        artifact: None,
    };
    let held = claimed.unwrap().unwrap().held;
    jobs::finish(&rig.store, &held, outcome).await.unwrap();
    assert_eq!(counted(&rig).await, each_once(&["waiting"]));
    let measured = measures::measures(&rig.store).await.unwrap();
    let endings: Vec<_> = measured
        .endings
        .iter()
        .map(|(of, builds)| (of.outcome.as_str(), *builds))
        .collect();
    assert_eq!(endings, [("controller_missing", 1)]);
}
