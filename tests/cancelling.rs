//! A build that nobody wants any more, on a real engine: its container dies, and its place is another's.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::time::{Duration, Instant};

use harness::{
    engine::{self, TestImage, containers_with, docker},
    service::{Answer, Service, layout},
};
use serde_json::{Value, json};
use shared::store::jobs::{Cancelled, cancel};

/// Far more than the second in which it shall happen, as tests share the machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn the_container_dies_with_the_last_who_leaves_and_its_place_is_anothers() {
    if !engine::is_wanted() {
        return;
    }
    let _slow = TestImage::running("961", "trap '' TERM; sleep 120");
    let service = Service::start(&[("KIISRV_SLOTS", "1")]);
    service.stand_for("slow", "961");
    let (first, second) = (ask(&service, "slow"), ask(&service, "slow"));
    assert_eq!((first.status, second.status), (202, 200));
    let id = id_of(&first);
    let label = format!("kiisrv.build={id}");
    wait_for(|| runs(&label));

    let left = leave(&service, &first);
    assert_eq!(left.json()["status"], "running", "one still wants it");
    assert!(runs(&label));
    let started = Instant::now();
    let left = leave(&service, &second);
    assert_eq!(left.json()["status"], "cancelled");
    wait_for(|| containers_with(&label).is_empty());
    println!("gone {:?} after the last had left", started.elapsed());
    let shown = service.get(&format!("/v1/builds/{id}")).json();
    assert_eq!(
        (&shown["status"], &shown["reason"]),
        (&json!("cancelled"), &json!("cancelled"))
    );
    service.assert_nothing_is_left(&shown);

    let next = service.build(&layout("KType-Standard.json"), "latest");
    assert_eq!(next["status"], "succeeded", "the slot is free: {next}");
}

#[test]
fn an_old_client_keeps_its_build_and_hears_of_an_operators_cancel() {
    if !engine::is_wanted() {
        return;
    }
    let _slow = TestImage::running("962", "sleep 120");
    let service = Service::start(&[]);
    service.stand_for("slow", "962");
    let answer = std::thread::scope(|scope| {
        let old = scope.spawn(|| service.post("/download.php", &request("slow")));
        // The old client's build is there when one that joins it finds no new one.
        let label = "kiisrv.build";
        wait_for(|| !ours(&service, label).is_empty());
        let joined = ask(&service, "slow");
        assert_eq!(joined.status, 200, "{}", joined.text());
        let id = id_of(&joined);
        assert_eq!(leave(&service, &joined).json()["status"], "running");
        let cancelled =
            service.at_the_table(async |store| cancel(&store, id.parse().unwrap()).await);
        assert_eq!(cancelled.unwrap(), Cancelled::Yes);
        wait_for(|| containers_with(&format!("{label}={id}")).is_empty());
        old.join().unwrap()
    });
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(
        answer.json()["error"]
            .as_str()
            .unwrap()
            .contains("cancelled")
    );
}

fn request(version: &str) -> String {
    json!({ "config": layout("KType-Standard.json"), "env": version }).to_string()
}

fn ask(service: &Service, version: &str) -> Answer {
    service.post("/v1/builds", &request(version))
}

fn id_of(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Leaves the build of this answer with the token of this answer.
fn leave(service: &Service, answer: &Answer) -> Answer {
    let build: Value = answer.json();
    let agent = ureq::Agent::new_with_defaults();
    let request = agent
        .delete(format!("{}/v1/builds/{}", service.url, id_of(answer)))
        .header(
            "authorization",
            format!("Bearer {}", build["leave_token"].as_str().unwrap()),
        );
    Answer::from(request.call().unwrap())
}

/// Running builds of this service, whatever else is on the engine.
fn ours(service: &Service, label: &str) -> Vec<String> {
    let id = service.at_the_table(async |store| store.service_id());
    let listed = docker(&[
        "ps",
        "-q",
        "--filter",
        &format!("label={label}"),
        "--filter",
        &format!("label=kiisrv.service={id}"),
    ]);
    listed
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn runs(label: &str) -> bool {
    let listed = docker(&["ps", "-q", "--filter", &format!("label={label}")]);
    listed.is_some_and(|ids| !ids.is_empty())
}

fn wait_for(happens: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happens() {
        assert!(Instant::now() < deadline, "it does not happen");
        // The engine's command line tells nobody of a change.
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
