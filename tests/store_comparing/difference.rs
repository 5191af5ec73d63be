//! What the same firmware leaves as it is, and what another one changes.

use harness::store::{OwnStore, a_build, failed, firmware};
use shared::{
    channel::Dialect,
    job::{Reason, Status},
    keyboard::Keyboard,
    store::{
        audit,
        channels::Switched,
        cold_keyboards::{Switch, cold_keyboards, switch},
        comparisons::Compared,
        jobs::{Enqueued, Recorded, finish_as},
        measures::measures,
        versions::{Controller, controllers_seen},
    },
};

use crate::{
    TO_BE_COMPARED, claim, end, find_a_difference, nothing_waits, shown, warm, with_checksum,
};

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
    finish_as(store, &runs.held, with_checksum("x"), TO_BE_COMPARED)
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
async fn an_operator_turns_a_keyboard_warm_again_and_cold_and_both_are_written_down() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let k_type = ("057", Keyboard::parse("k-type").unwrap());
    let nobody = switch(store, k_type, Switch::Warm, "op").await.unwrap();
    assert_eq!(nobody, Switched::NoController);
    let (doubtful, _) = find_a_difference(store, "KType-Mine").await;
    let warm = switch(store, k_type, Switch::Warm, "op").await.unwrap();
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
    let so = switch(store, k_type, Switch::Warm, "op").await.unwrap();
    assert_eq!(so, Switched::AlreadySo);
    let cold = switch(store, k_type, Switch::Cold, "op").await.unwrap();
    assert_eq!(cold, Switched::Done);
    let again = switch(store, k_type, Switch::Cold, "op").await.unwrap();
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
async fn a_difference_that_a_layout_made_on_purpose_is_taken_back_with_its_marks() {
    let own = OwnStore::new().await;
    let store = &own.store;
    let (doubtful, cold) = find_a_difference(store, "KType-Mine").await;
    let (of_another, _) = find_a_difference(store, "Kira-Mine").await;
    assert_eq!(shown(store, doubtful).await.doubted_by, Some(cold));
    let k_type = ("057", Keyboard::parse("KType").unwrap());
    let switched = switch(store, k_type, Switch::WarmAsUnfounded, "op").await;
    assert_eq!(switched.unwrap(), Switched::Done);
    assert_eq!(shown(store, doubtful).await.doubted_by, None);
    assert!(shown(store, of_another).await.doubted_by.is_some());
    let left = cold_keyboards(store).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].keyboard, "Kira");
    let entries = audit::entries(store, 1).await.unwrap();
    assert_eq!(entries[0].details["unmarked"], 1);
}
