//! Warm builds that are held against cold ones, at the table: what a comparison is, and what a difference changes.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::time::Duration;

use harness::store::{OwnStore, a_build, firmware};
use shared::{
    job::{Artifact, FirmwareFile, JobId, Outcome},
    store::{
        Store,
        comparisons::Compared,
        jobs::{Build, Claimed, Ended, Recorded, claim_next, finish, finish_as, show},
    },
};

mod difference;
mod queue;
mod row;

const LEASE: Duration = Duration::from_hours(1);

const TO_BE_COMPARED: Ended = Ended {
    container: None,
    compare: true,
};

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
    let claimed = claim(store).await;
    assert_eq!((claimed.held.id, claimed.compares), (id, None));
    let recorded = finish_as(store, &claimed.held, with_checksum("warm"), TO_BE_COMPARED).await;
    assert_eq!(recorded.unwrap(), Recorded::Yes);
    id
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

/// The comparison with this build, wherever it is.
fn comparison_of(own: &OwnStore, build: JobId) -> JobId {
    let table = own.by_hand();
    let found = table.ask(&format!("SELECT id FROM jobs WHERE compares = '{build}'"));
    found[0].parse().unwrap()
}
