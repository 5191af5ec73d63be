//! What the plots show: the same as the builds themselves say, without a look at them, and kept as long as it is shown.
#![expect(clippy::unwrap_used, reason = "a test may stop, and its helpers too")]

use std::time::Duration;

use harness::store::{OwnStore, a_build, failed, firmware};
use shared::{
    job::Reason,
    store::{
        jobs,
        timeline::{Quantiles, Step, Timeline, Window, drop_oldest, timelines},
    },
};

const LEASE: Duration = Duration::from_hours(1);

/// The program's own statements, so that their plans are looked at and not those of copies.
const SOURCE: &str = include_str!("../shared/src/store/timeline.rs");

/// Rows as they are asked for, claimed and ended at these moments, by the statement of somebody's hand.
struct Ended {
    outcome: &'static str,
    waited: i64,
    took: i64,
    /// How long ago it ended.
    ago: i64,
}

/// Lengths of time from milliseconds to hours, the same in every run.
fn some_builds(number: u64) -> Vec<Ended> {
    let mut random = fastrand::Rng::with_seed(number);
    let outcomes = ["succeeded", "succeeded", "succeeded", "failed", "cancelled"];
    let mut length = |most: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a day fit")]
        let length = (random.f64() * most.ln()).exp() as i64;
        length
    };
    let lengths: Vec<_> = (0..number)
        .map(|_| (length(1e7), length(1e6), length(40.0 * 86_400_000.0)))
        .collect();
    let named = lengths.into_iter().zip(outcomes.iter().cycle());
    named
        .map(|((waited, took, ago), outcome)| Ended {
            outcome,
            waited,
            took,
            ago,
        })
        .collect()
}

/// Ends builds with times of the past, in the way that every end takes: by a change of its row's status.
async fn end(own: &OwnStore, builds: &[Ended]) -> i64 {
    for number in 0..builds.len() {
        a_build(&format!("KType-{number}"))
            .enqueue(&own.store)
            .await;
    }
    let table = own.by_hand();
    let now: i64 = table.ask("SELECT unixepoch() * 1000")[0].parse().unwrap();
    let ids = table.ask("SELECT id FROM jobs ORDER BY id");
    let mut changes = String::from("BEGIN;");
    for (id, build) in ids.iter().zip(builds) {
        let end = now - build.ago;
        let (started, reason) = (
            end - build.took,
            match build.outcome {
                "failed" => "'build_failed'",
                "cancelled" => "'cancelled'",
                _ => "NULL",
            },
        );
        changes += &format!(
            "UPDATE jobs SET status = 'running', created_at = {}, started_at = {started}, lease_owner = 'w', lease_until = 9
             WHERE id = '{id}';
             UPDATE jobs SET status = '{}', reason = {reason}, finished_at = {end}, lease_owner = NULL, lease_until = NULL
             WHERE id = '{id}';",
            started - build.waited,
            build.outcome,
        );
    }
    table.run(&(changes + "COMMIT;")).unwrap();
    now
}

/// The slow way: every build that ended within the step is looked at.
fn reference(builds: &[Ended], now: i64, (from, to): (i64, i64)) -> (Step, [Vec<i64>; 2]) {
    let within = |build: &&Ended| (from..to).contains(&(now - build.ago));
    let mut step = Step {
        start: from,
        ..Step::default()
    };
    let mut lengths = [Vec::new(), Vec::new()];
    for build in builds.iter().filter(within) {
        match build.outcome {
            "succeeded" => step.succeeded += 1,
            "failed" => step.failed += 1,
            _ => step.cancelled += 1,
        }
        if build.outcome != "cancelled" {
            lengths[0].push(build.waited);
            lengths[1].push(build.took);
        }
    }
    lengths
        .iter_mut()
        .for_each(|lengths| lengths.sort_unstable());
    (step, lengths)
}

/// Not less than what the builds themselves say, and a quarter more at most.
fn assert_near(found: Option<Quantiles>, lengths: &[i64]) {
    let Some(found) = found else {
        return assert!(lengths.is_empty(), "{lengths:?}");
    };
    for (found, percent) in [(found.p50, 50), (found.p95, 95)] {
        let rank = (lengths.len() * percent).div_ceil(100);
        let (exact, found) = (lengths[rank - 1], i64::try_from(found.as_millis()).unwrap());
        let most = (exact * 5 / 4 + 2).max(10);
        assert!(
            (exact..=most).contains(&found),
            "p{percent}: {found} for {exact}"
        );
    }
}

fn window(all: &[Timeline; 3], wanted: Window) -> &Timeline {
    all.iter().find(|one| one.window == wanted).unwrap()
}

#[tokio::test]
async fn every_step_of_every_window_tells_what_its_builds_do() {
    let own = OwnStore::new().await;
    let builds = some_builds(1500);
    let now = end(&own, &builds).await;
    let all = timelines(&own.store).await.unwrap();
    for wanted in Window::ALL {
        let found = window(&all, wanted);
        assert_eq!(found.steps.len(), usize::try_from(wanted.steps()).unwrap());
        let end = found.steps.last().unwrap().start + wanted.step();
        assert!(end > now, "the last step is under way");
        let mut ended = 0;
        for step in &found.steps {
            let span = (step.start, step.start + wanted.step());
            let (expected, [waited, took]) = reference(&builds, now, span);
            assert_near(step.waited, &waited);
            assert_near(step.took, &took);
            let counts = Step {
                waited: None,
                took: None,
                ..step.clone()
            };
            assert_eq!(counts, expected, "{wanted:?}");
            ended += step.ended();
        }
        assert!(ended > 50, "{wanted:?} has seen {ended} builds");
        let (_, [waited, took]) = reference(&builds, now, (found.whole.start, end));
        assert_near(found.whole.waited, &waited);
        assert_near(found.whole.took, &took);
        assert_eq!(found.whole.ended(), ended);
    }
}

#[tokio::test]
async fn a_build_is_on_the_timeline_with_the_row_that_ends_it() {
    let own = OwnStore::new().await;
    for (name, outcome) in [("KType", firmware()), ("Kira", failed(Reason::TimedOut))] {
        a_build(name).enqueue(&own.store).await;
        let claimed = jobs::claim_next(&own.store, "w", LEASE).await.unwrap();
        let held = claimed.unwrap().held;
        jobs::finish(&own.store, &held, outcome).await.unwrap();
    }
    let waits = a_build("MD1").enqueue(&own.store).await.id();
    jobs::cancel(&own.store, waits).await.unwrap();
    for found in timelines(&own.store).await.unwrap() {
        let whole = found.whole;
        let ends = (whole.succeeded, whole.failed, whole.cancelled);
        assert_eq!(ends, (1, 1, 1), "{:?}", found.window);
        assert!(whole.took.is_some() && whole.waited.is_some());
    }
}

#[tokio::test]
async fn minutes_go_after_hours_and_hours_after_a_month_a_few_at_once() {
    let own = OwnStore::new().await;
    let table = own.by_hand();
    let count = |span: &str| -> usize {
        let all = format!("SELECT count(*) FROM timeline WHERE span = '{span}'");
        table.ask(&all)[0].parse().unwrap()
    };
    let hours = (0..10).map(|age| row("minute", age * 3600, ("failed", 0)));
    let days = (0..40).map(|age| row("hour", age * 86_400, ("took", 10)));
    table.run(&hours.chain(days).collect::<String>()).unwrap();
    assert_eq!(drop_oldest(&own.store).await.unwrap(), 2);
    while drop_oldest(&own.store).await.unwrap() > 0 {}
    // The one that is as old as its bound is older by the time that this took.
    assert!((6..=7).contains(&count("minute")), "{}", count("minute"));
    assert!((32..=33).contains(&count("hour")), "{}", count("hour"));
    let month = &timelines(&own.store).await.unwrap()[2];
    assert!(
        (29..=30).contains(
            &month
                .steps
                .iter()
                .filter(|step| step.took.is_some())
                .count()
        )
    );
}

fn row(span: &str, seconds_ago: i64, (what, at_most): (&str, i64)) -> String {
    format!(
        "INSERT INTO timeline VALUES ('{span}', (unixepoch() - {seconds_ago}) * 1000, '{what}', {at_most}, 1);"
    )
}

#[tokio::test]
async fn no_plot_looks_at_builds() {
    let own = OwnStore::new().await;
    assert!(!SOURCE.contains("FROM jobs"));
    let statements = SOURCE
        .split('"')
        .filter(|text| text.contains("FROM timeline"));
    let mut looked = 0;
    for statement in statements {
        let statement = ["?1", "?2", "?3"]
            .iter()
            .fold(statement.to_owned(), |text, unset| text.replace(unset, "1"));
        let plan = own.by_hand().plan_of(&statement);
        assert!(plan.contains("SEARCH timeline USING PRIMARY KEY"), "{plan}");
        assert!(!plan.contains("SCAN timeline"), "{plan}");
        looked += 1;
    }
    assert_eq!(looked, 2);
}
