//! A worker is killed at each moment of a container that is ready before its build comes. The next worker ends the build
//! with one zip, in that container where the build had got it, and nothing of the first is left.

use std::{fs, path::PathBuf};

use harness::{
    engine::{self, TestImage},
    ready_container::{until_one_waits, waiting},
    service::{Service, layout},
};

use crate::{Process, crash_points::one_zip_and_nothing_else, slow_script};

/// A service whose `latest` is an image that waits, and the label of its containers that do.
fn service(name: &str) -> (TestImage, Service) {
    let image = TestImage::waiting(name, &slow_script("1"));
    let service = Service::start_api(&[]);
    service.point("latest", &image.name);
    (image, service)
}

/// The name of the directories that a container has while it waits.
fn input_of_the_waiting(service: &Service) -> PathBuf {
    let mut all = fs::read_dir(&service.settings.worker.tmp_config).unwrap();
    all.next().unwrap().unwrap().path()
}

fn container_of(service: &Service, id: &str) -> String {
    let id = id.parse().unwrap();
    let attempts = async |store| shared::store::jobs::attempts(&store, id).await.unwrap();
    service.at_the_table(attempts).remove(0).container
}

fn nobody_waits(service: &Service) {
    for _ in 0..1200 {
        if waiting(service).is_empty() {
            return;
        }
        // Nothing says from outside when a container is gone.
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    panic!("left behind: {:?}", waiting(service));
}

/// Kills a worker at this moment of a container that no build has got yet.
fn die_before_there_is_a_build(moment: &str) {
    if !engine::is_wanted() {
        return;
    }
    let (_image, service) = service(&format!("ready{}", moment.replace([' ', ':'], "")));
    let mut dying = Process::start(&service, moment);
    dying.ended();
    let id = service.submit(&layout("KType-Standard.json"), "latest");
    let next = Process::start(&service, "never");
    one_zip_and_nothing_else(&service, &id);
    drop_in_order(next);
    nobody_waits(&service);
    let places = [
        &service.settings.worker.tmp_config,
        &service.settings.worker.tmp_builds,
    ];
    for place in places {
        assert_eq!(fs::read_dir(place).unwrap().count(), 0);
    }
}

fn drop_in_order(mut process: Process) {
    process.terminate();
    process.ended();
}

#[test]
fn before_a_container_is_made_ready() {
    die_before_there_is_a_build("ready: before create");
}

#[test]
fn before_a_container_that_is_made_ready_starts() {
    die_before_there_is_a_build("ready: after create");
}

#[test]
fn after_a_container_that_is_made_ready_has_started() {
    die_before_there_is_a_build("ready: after start");
}

/// Kills a worker at this moment of a build in a container that was ready.
fn die_with_a_build(moment: &str) {
    if !engine::is_wanted() {
        return;
    }
    let (_image, service) = service(&format!("taken{}", moment.replace([' ', ':'], "")));
    let mut dying = Process::start(&service, moment);
    let ready = until_one_waits(&service);
    let id = service.submit(&layout("KType-Standard.json"), "latest");
    dying.ended();
    let _next = Process::start(&service, "never");
    let build = one_zip_and_nothing_else(&service, &id);
    assert_eq!(build["attempts"], 1, "{build}");
    assert_eq!(container_of(&service, &id), ready);
}

#[test]
fn while_the_log_of_a_ready_container_is_followed() {
    die_with_a_build("ready: within the log");
}

#[test]
fn before_a_ready_container_is_removed() {
    die_with_a_build("ready: before remove");
}

#[test]
fn after_the_row_names_a_ready_container_and_before_that_has_its_job() {
    if !engine::is_wanted() {
        return;
    }
    let (_image, service) = service("takenbeforejob");
    let mut dying = Process::start(&service, "never");
    let ready = until_one_waits(&service);
    // Whoever writes the job waits at this for somebody who reads it.
    let held_up = input_of_the_waiting(&service).join(".job");
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &held_up, fifo, 0o644.into(), 0).unwrap();
    let id = service.submit(&layout("KType-Standard.json"), "latest");
    // Its directories have the build's name by then.
    while held_up.exists() {
        std::thread::yield_now();
    }
    dying.kill();
    assert_eq!(container_of(&service, &id), ready);
    let inputs = fs::read_dir(&service.settings.worker.tmp_config).unwrap();
    let mut held_up = inputs.map(|input| input.unwrap().path().join(".job"));
    fs::remove_file(held_up.find(|job| job.exists()).unwrap()).unwrap();
    let _next = Process::start(&service, "never");
    let build = one_zip_and_nothing_else(&service, &id);
    assert_eq!(build["attempts"], 1, "{build}");
    assert_eq!(container_of(&service, &id), ready);
}

#[test]
fn a_build_in_a_ready_container_is_handed_over_like_any_other() {
    if !engine::is_wanted() {
        return;
    }
    let (_image, service) = service("takenhandover");
    let first = Process::start(&service, "never");
    let ready = until_one_waits(&service);
    let id = service.submit(&layout("KType-Standard.json"), "latest");
    while !service
        .get(&format!("/v1/builds/{id}/log"))
        .text()
        .contains("first")
    {
        std::thread::yield_now();
    }
    drop_in_order(first);
    let row = service.get(&format!("/v1/builds/{id}")).json();
    assert_eq!(row["status"], "running", "{row}");
    let _next = Process::start(&service, "never");
    let build = one_zip_and_nothing_else(&service, &id);
    assert_eq!(build["attempts"], 1, "{build}");
    assert_eq!(container_of(&service, &id), ready);
}
