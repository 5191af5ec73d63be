//! A worker is killed at each moment of a build. The next one ends the build with one zip, and nothing
//! of the first is left.

use harness::{
    engine,
    service::{Service, layout},
};
use serde_json::Value;

use crate::{Process, slow_image};

/// Kills a worker at this moment and lets another one go on. Gives the build's end back.
fn die(moment: &str) -> Option<Value> {
    if !engine::is_wanted() {
        return None;
    }
    let image = slow_image(&format!("crash{}", moment.replace(' ', "")), "1");
    let service = Service::start_api(&[]);
    service.stand_for("crash", &image.name);
    let mut dying = Process::start(&service, moment);
    let id = service.submit(&layout("KType-Standard.json"), "crash");
    dying.ended();
    let _next = Process::start(&service, "never");
    Some(one_zip_and_nothing_else(&service, &id))
}

pub(crate) fn one_zip_and_nothing_else(service: &Service, id: &str) -> Value {
    let build = service.ended(id);
    assert_eq!(build["status"], "succeeded", "{build}");
    let log = service.get(build["log_url"].as_str().unwrap()).text();
    assert_eq!(log, "first\nsecond\n", "{build}");
    service.assert_nothing_is_left(&build);
    let zips = std::fs::read_dir(service.settings.artifacts.join(id)).unwrap();
    assert_eq!(zips.count(), 1);
    let names = service.zip_of(&build).names();
    assert!(names.contains(&"kiibohd.dfu.bin".to_owned()));
    build
}

/// Holds up a change of a build's row until the worker is dead. The trigger stands for a disk that does
/// not take it.
fn die_when(held_up: &str, goes_on: impl Fn(&Service, &str, &Process)) -> Option<Value> {
    if !engine::is_wanted() {
        return None;
    }
    let name: String = held_up
        .chars()
        .filter(char::is_ascii_lowercase)
        .take(12)
        .collect();
    let image = slow_image(&name, "1");
    let service = Service::start_api(&[]);
    service.stand_for("crash", &image.name);
    #[expect(
        clippy::disallowed_types,
        reason = "from outside, as an operator's client"
    )]
    let table = rusqlite::Connection::open(service.path().join("data/kiisrv.db")).unwrap();
    let trigger = format!(
        "CREATE TRIGGER held_up BEFORE UPDATE ON jobs WHEN {held_up} BEGIN SELECT RAISE(ABORT, 'held up'); END"
    );
    table.execute_batch(&trigger).unwrap();
    let dying = Process::start(&service, "never");
    let id = service.submit(&layout("KType-Standard.json"), "crash");
    goes_on(&service, &id, &dying);
    drop(dying);
    table.execute_batch("DROP TRIGGER held_up").unwrap();
    let _next = Process::start(&service, "never");
    Some(one_zip_and_nothing_else(&service, &id))
}

fn starts(build: Option<&Value>, expected: u64) {
    assert!(
        build.is_none_or(|build| build["attempts"] == expected),
        "{build:?}"
    );
}

#[test]
fn before_there_is_a_container() {
    starts(die("before create").as_ref(), 1);
}

#[test]
fn before_the_container_is_written_down() {
    // Nobody knows of it but its labels.
    starts(die("after create").as_ref(), 1);
}

#[test]
fn before_the_container_starts() {
    starts(die("before start").as_ref(), 1);
}

#[test]
fn after_the_container_started() {
    starts(die("after start").as_ref(), 1);
}

#[test]
fn while_the_log_is_followed() {
    starts(die("within the log").as_ref(), 1);
}

#[test]
fn after_the_log_and_before_the_container_is_waited_for() {
    starts(die("before wait").as_ref(), 1);
}

#[test]
fn after_the_end_and_before_the_zip_is_published() {
    starts(die("after wait").as_ref(), 1);
}

#[test]
fn after_the_zip_is_published_and_before_the_row_says_so() {
    let build = die_when("NEW.status = 'succeeded'", |service, id, _| {
        let zip = service.settings.artifacts.join(id).join("1.zip");
        while !zip.exists() {
            std::thread::yield_now();
        }
        let row = service.get(&format!("/v1/builds/{id}")).json();
        assert_eq!(row["status"], "running", "the file alone publishes nothing");
    });
    starts(build.as_ref(), 1);
}

#[test]
fn before_a_hand_over_is_written() {
    let build = die_when("NEW.lease_owner = ''", |service, id, dying| {
        while !service
            .get(&format!("/v1/builds/{id}/log"))
            .text()
            .contains("first")
        {
            std::thread::yield_now();
        }
        dying.terminate();
    });
    starts(build.as_ref(), 1);
}

#[test]
fn after_the_row_and_before_the_container_is_removed() {
    starts(die("before remove").as_ref(), 1);
}

#[test]
fn before_the_directories_are_removed() {
    starts(die("after remove").as_ref(), 1);
}
