//! Warm builds that are held against cold ones, at the table: what a comparison is, and what a difference changes.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::time::Duration;

use harness::store::{OwnStore, a_build, failed, fingerprint, firmware};
use shared::{
    channel::Dialect,
    job::{Artifact, FirmwareFile, JobId, Outcome, Reason, Status},
    keyboard::Keyboard,
    layout::Library,
    store::{
        Store, audit,
        channels::Switched,
        cold_keyboards::{build_cold, build_warm, cold_keyboards},
        comparisons::{Compared, give_up, give_way},
        control::{drain, undrain},
        forgetting::{Forgotten, files, forget_by},
        jobs::{
            Admitted, Build, Claimed, Ended, Enqueued, Filter, Hold, Limits, NewBuild, Recorded,
            admit, cancel, claim_next, enqueue, finish, finish_as, overview, rescue_expired, show,
        },
        measures::measures,
        queue_order::place,
        retention,
        statistics::statistics,
        timeline::timelines,
        versions::{Controller, controllers_seen},
        workers::{Worker, sign_of_life},
    },
};

const LEASE: Duration = Duration::from_hours(1);

async fn claim(store: &Store) -> Claimed {
    let claimed = claim_next(store, "w", LEASE).await.unwrap();
    claimed.expect("something waits")
}

async fn nothing_waits(store: &Store) {
    let claimed = claim_next(store, "w", LEASE).await.unwrap();
    assert!(claimed.is_none(), "{claimed:?}");
}

/// Firmware of which the checksum says this.
fn with_checksum(sha256: &str) -> Outcome {
    let Outcome::Built(zip) = firmware() else {
        panic!("it has no firmware")
    };
    let file = |name: &str| FirmwareFile {
        name: name.to_owned(),
        bytes: 7,
        sha256: sha256.to_owned(),
    };
    Outcome::Built(Artifact {
        files: vec![file("left_kiibohd.dfu.bin"), file("right_kiibohd.dfu.bin")],
        ..zip
    })
}

async fn end(store: &Store, claimed: &Claimed, outcome: Outcome) -> Recorded {
    let recorded = finish(store, &claimed.held, outcome).await;
    recorded.unwrap()
}

/// Builds this layout warm, and lets it be compared.
async fn warm(store: &Store, name: &str) -> JobId {
    let id = a_build(name).enqueue(store).await.id();
    end_to_be_compared(store, id).await;
    id
}

async fn end_to_be_compared(store: &Store, id: JobId) {
    let claimed = claim(store).await;
    assert_eq!((claimed.held.id, claimed.compares), (id, None));
    let ended = Ended {
        compare: true,
        ..Ended::default()
    };
    let recorded = finish_as(store, &claimed.held, with_checksum("warm"), ended).await;
    assert_eq!(recorded.unwrap(), Recorded::Yes);
}

/// Builds a layout warm, and finds that cold it is another.
async fn find_a_difference(store: &Store, name: &str) -> (JobId, JobId) {
    let warm = warm(store, name).await;
    let cold = claim(store).await;
    assert_eq!(cold.compares, Some(warm));
    let recorded = end(store, &cold, with_checksum("cold")).await;
    let Recorded::Compared(Compared::Different { .. }) = recorded else {
        panic!("{recorded:?}");
    };
    (warm, cold.held.id)
}

async fn shown(store: &Store, id: JobId) -> Build {
    show(store, id).await.unwrap().expect("the build is there")
}

#[tokio::test]
async fn a_build_that_is_to_be_compared_is_in_the_queue_again_and_told_to_be_cold() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let build = a_build("KType-Mine").with(|build| build.config = "{\"a\": 1}".to_owned());
    let id = build.enqueue(store).await.id();
    let people = claim(store).await;
    assert!(!people.cold);
    let ended = Ended {
        compare: true,
        ..Ended::default()
    };
    finish_as(store, &people.held, with_checksum("a"), ended)
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
    let compare = Ended {
        compare: true,
        ..Ended::default()
    };
    for (name, outcome, ended) in [
        ("KType-A", failed(Reason::BuildFailed), compare),
        ("KType-B", failed(Reason::TimedOut), compare),
        ("KType-C", with_checksum("c"), Ended::default()),
    ] {
        a_build(name).enqueue(store).await;
        let held = claim(store).await.held;
        finish_as(store, &held, outcome, ended).await.unwrap();
    }
    nothing_waits(store).await;
}

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
        let compare = Ended {
            compare: true,
            ..Ended::default()
        };
        assert_eq!(claimed.compares, None, "{id}");
        finish_as(store, &claimed.held, with_checksum("a"), compare)
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
    let waits = show_comparison_of(&own, build);
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

fn show_comparison_of(own: &OwnStore, build: JobId) -> JobId {
    let table = own.by_hand();
    let found = table.ask(&format!("SELECT id FROM jobs WHERE compares = '{build}'"));
    found[0].parse().unwrap()
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
async fn the_same_firmware_changes_nothing_and_its_zip_is_not_kept_twice() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let build = warm(store, "KType-Mine").await;
    let comparison = claim(store).await;
    let recorded = end(store, &comparison, with_checksum("warm")).await;
    assert_eq!(recorded, Recorded::Compared(Compared::Same));
    let cold = shown(store, comparison.held.id).await;
    assert_eq!((cold.status, cold.artifact), (Status::Succeeded, None));
    let build = shown(store, build).await;
    assert_eq!(build.doubted_by, None);
    assert!(build.artifact.is_some());
    let again = a_build("KType-Mine").enqueue(store).await;
    assert_eq!(again, Enqueued::Joined(build.id, Status::Succeeded));
    assert_eq!(cold_keyboards(store).await.unwrap(), []);
}

#[tokio::test]
async fn a_difference_turns_the_keyboard_cold_marks_what_was_built_warm_and_builds_it_anew() {
    let own = OwnStore::new().await;
    let store = &own.store;
    // Under another of the board's names, and in another case.
    let earlier = a_build("k-type-Earlier")
        .with(|build| build.keyboard = "k-type".to_owned())
        .enqueue(store)
        .await
        .id();
    let claimed = claim(store).await;
    end(store, &claimed, firmware()).await;
    let of_others = [
        a_build("Kira-Mine"),
        a_build("KType-Other").with(|build| build.image = "sha256:another".to_owned()),
    ];
    let mut others = Vec::new();
    for build in of_others {
        others.push(build.enqueue(store).await.id());
        let claimed = claim(store).await;
        end(store, &claimed, firmware()).await;
    }
    let (warm, cold) = find_a_difference(store, "KType-Mine").await;

    let found = cold_keyboards(store).await.unwrap();
    let one = &found[0];
    assert_eq!(found.len(), 1);
    assert_eq!(one.found, Some((warm, cold)));
    assert_eq!(
        (
            one.image.as_str(),
            one.controller.as_str(),
            one.keyboard.as_str()
        ),
        ("sha256:057", "057", "KType")
    );
    for id in [warm, earlier] {
        let build = shown(store, id).await;
        assert_eq!(build.doubted_by, Some(cold));
        assert!(build.artifact.is_some(), "it stays to be had");
    }
    for id in others {
        assert_eq!(shown(store, id).await.doubted_by, None);
    }
    let kept = shown(store, cold).await;
    assert!(kept.artifact.is_some(), "an operator looks at both");

    let Enqueued::New(anew) = a_build("KType-Mine").enqueue(store).await else {
        panic!("the doubtful build answered");
    };
    let claimed = claim(store).await;
    assert_eq!((claimed.held.id, claimed.cold), (anew, true));
    assert!(shown(store, anew).await.cold);
    end(store, &claimed, with_checksum("cold")).await;
    let again = a_build("KType-Mine").enqueue(store).await;
    assert_eq!(again, Enqueued::Joined(anew, Status::Succeeded));
    for name in ["Kira-New", "KType-New"] {
        let build = a_build(name).with(|build| {
            if build.keyboard == "KType" {
                build.image = "sha256:another".to_owned();
            }
        });
        build.enqueue(store).await;
        assert!(!claim(store).await.cold, "{name}");
    }
}

#[tokio::test]
async fn a_build_that_had_started_warm_when_the_difference_was_found_is_marked_at_its_end() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let build = warm(store, "KType-Mine").await;
    a_build("KType-Runs").enqueue(store).await;
    let runs = claim(store).await;
    let comparison = claim(store).await;
    assert_eq!(comparison.compares, Some(build));
    end(store, &comparison, with_checksum("cold")).await;
    let ended = Ended {
        compare: true,
        ..Ended::default()
    };
    finish_as(store, &runs.held, with_checksum("x"), ended)
        .await
        .unwrap();
    let build = shown(store, runs.held.id).await;
    assert_eq!(build.doubted_by, Some(comparison.held.id));
    let again = a_build("KType-Runs").enqueue(store).await;
    assert!(matches!(again, Enqueued::New(_)), "{again:?}");
    // It is known by now: there is nothing to be found out.
    assert!(claim(store).await.cold);
    nothing_waits(store).await;
}

#[tokio::test]
async fn a_cold_build_that_does_not_compile_is_a_difference_and_one_that_hits_a_limit_says_nothing()
{
    for (outcome, found) in [
        (failed(Reason::BuildFailed), true),
        (failed(Reason::TimedOut), false),
        (failed(Reason::OutOfMemory), false),
        (failed(Reason::NoArtifact), false),
        (failed(Reason::ControllerMissing), false),
    ] {
        let own = OwnStore::new().await;
        let store = &own.store;
        warm(store, "KType-Mine").await;
        let comparison = claim(store).await;
        let recorded = end(store, &comparison, outcome.clone()).await;
        let is_different = matches!(
            recorded,
            Recorded::Compared(Compared::Different { doubted: 1 })
        );
        assert_eq!(is_different, found, "{outcome:?}: {recorded:?}");
        assert_eq!(
            cold_keyboards(store).await.unwrap().len(),
            usize::from(found)
        );
        let result = if found { "different" } else { "not_compared" };
        let counted = measures(store).await.unwrap().comparisons;
        assert_eq!(counted, [(result.to_owned(), 1)].into());
    }
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
    warm_beside(store, "Kira-Mine").await;
    assert_eq!(
        give_way(store, "w").await.unwrap(),
        None,
        "only a comparison waits"
    );
}

async fn warm_beside(store: &Store, name: &str) {
    let id = a_build(name).enqueue(store).await.id();
    end_to_be_compared(store, id).await;
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
async fn an_operator_turns_a_keyboard_warm_again_and_cold_and_both_are_written_down() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let keyboard = Keyboard::parse("k-type").unwrap();
    let nobody = build_warm(store, "057", keyboard, "op").await.unwrap();
    assert_eq!(nobody, Switched::NoController);
    let (doubtful, _) = find_a_difference(store, "KType-Mine").await;
    let warm = build_warm(store, "057", keyboard, "op").await.unwrap();
    assert_eq!(warm, Switched::Done);
    assert!(
        shown(store, doubtful).await.doubted_by.is_some(),
        "what was made was made"
    );
    a_build("KType-Next").enqueue(store).await;
    let claimed = claim(store).await;
    assert!(!claimed.cold);
    end(store, &claimed, firmware()).await;

    let controller = Controller {
        name: "057".to_owned(),
        image: "sha256:057".to_owned(),
        protocol: 2,
        dialect: Dialect::Latest,
        channel: None,
        version: None,
        revision: None,
        created: None,
        commits: None,
        source: None,
        keyboards: None,
    };
    controllers_seen(store, "e", vec![controller])
        .await
        .unwrap();
    let so = build_warm(store, "057", keyboard, "op").await.unwrap();
    assert_eq!(so, Switched::AlreadySo);
    let cold = build_cold(store, "057", keyboard, "op").await.unwrap();
    assert_eq!(cold, Switched::Done);
    let again = build_cold(store, "057", keyboard, "op").await.unwrap();
    assert_eq!(again, Switched::AlreadySo);
    assert_eq!(measures(store).await.unwrap().cold_keyboards, 1);
    a_build("KType-Last").enqueue(store).await;
    assert!(claim(store).await.cold);
    let next = shown(store, claimed.held.id).await;
    assert_eq!(next.doubted_by, None, "nobody has found anything");
    let entries = audit::entries(store, 10).await.unwrap();
    let written: Vec<_> = entries
        .iter()
        .map(|one| {
            (
                one.what.as_str(),
                one.subject.as_str(),
                one.details["keyboard"].as_str(),
            )
        })
        .collect();
    let of = |what| (what, "057", Some("KType"));
    assert_eq!(written, [of("build_cold"), of("build_warm")]);
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
    let waits = show_comparison_of(&own, build);
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
    let waits = show_comparison_of(&own, build);
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
