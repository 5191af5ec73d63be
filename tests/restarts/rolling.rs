//! A rolling restart costs no build its work.

use harness::{
    engine::{self, docker},
    service::{Service, layout},
};
use serde_json::json;

use crate::{Process, slow_image, starts_since};

const BUILDS: usize = 20;

#[test]
fn a_rolling_restart_in_the_middle_of_twenty_builds_starts_twenty_containers() {
    if !engine::is_wanted() {
        return;
    }
    let image = slow_image("rolling", "3");
    let service = Service::start_api(&[]);
    service.stand_for("rolling", &image.name);
    let since = docker(&["info", "--format", "{{.SystemTime}}"]).unwrap();
    let mut workers: Vec<_> = (0..3).map(|_| Process::start(&service, "never")).collect();
    let builds: Vec<_> = (0..BUILDS)
        .map(|number| {
            let mut config = layout("KType-Standard.json");
            config["kiisrv.test"] = json!(number);
            service.submit(&config, "rolling")
        })
        .collect();
    let runs = |id: &String| service.get(&format!("/v1/builds/{id}")).json()["status"] == "running";
    for worker in &mut workers {
        // In the middle: what this one has under way is not done yet.
        while !builds.iter().any(runs) {
            std::thread::yield_now();
        }
        worker.terminate();
        worker.ended();
        *worker = Process::start(&service, "never");
    }
    let ended: Vec<_> = builds.iter().map(|id| service.ended(id)).collect();
    for build in &ended {
        assert_eq!(build["status"], "succeeded", "{build}");
        assert_eq!(build["attempts"], 1, "{build}");
        let log = service.get(build["log_url"].as_str().unwrap()).text();
        assert_eq!(log, "first\nsecond\n", "{build}");
        service.assert_nothing_is_left(build);
    }
    let starts = starts_since(&since, &builds);
    println!("a rolling restart of three workers: {BUILDS} builds, {starts} containers started");
    assert_eq!(starts, BUILDS);
}

#[test]
fn the_containers_of_a_worker_that_was_killed_are_taken_on() {
    if !engine::is_wanted() {
        return;
    }
    let image = slow_image("killed", "4");
    let service = Service::start_api(&[]);
    service.stand_for("killed", &image.name);
    let since = docker(&["info", "--format", "{{.SystemTime}}"]).unwrap();
    let killed = Process::start(&service, "never");
    let id = service.submit(&layout("KType-Standard.json"), "killed");
    while !service
        .get(&format!("/v1/builds/{id}/log"))
        .text()
        .contains("first")
    {
        std::thread::yield_now();
    }
    drop(killed);
    let _next = Process::start(&service, "never");
    let build = service.ended(&id);
    assert_eq!(build["status"], "succeeded", "{build}");
    assert_eq!(starts_since(&since, &[id]), 1);
    service.assert_nothing_is_left(&build);
}
