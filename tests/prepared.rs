//! On a real engine: builds in containers that were there before anybody asked for them.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::collections::BTreeMap;

use harness::{
    engine::{self, TestImage, containers_with, docker},
    ready_container::{until_one_waits, waiting},
    service::{Service, layout},
};
use serde_json::Value;
use shared::store::jobs::{self, Attempt};

fn only_attempt(service: &Service, build: &Value) -> Attempt {
    let id = build["id"].as_str().unwrap().parse().unwrap();
    let mut attempts =
        service.at_the_table(async |store| jobs::attempts(&store, id).await.unwrap());
    assert_eq!(attempts.len(), 1);
    attempts.remove(0)
}

fn log_of(service: &Service, build: &Value) -> String {
    service.get(build["log_url"].as_str().unwrap()).text()
}

/// All that is in a build's zip but its log, which tells how the build went.
fn firmware_of(service: &Service, build: &Value) -> BTreeMap<String, Vec<u8>> {
    let zip = service.zip_of(build);
    let names = zip.names().into_iter();
    names
        .filter(|name| name != "log/build.log")
        .map(|name| (name.clone(), zip.file(&name)))
        .collect()
}

#[test]
fn a_build_runs_in_a_container_that_was_there_before_and_makes_the_same_firmware_as_in_its_own() {
    if !engine::is_wanted() {
        return;
    }
    let [ahead, after] =
        ["1", "0"].map(|most| Service::start(&[("KIISRV_PREPARED", most), ("KIISRV_SLOTS", "1")]));
    for file in ["KType-Standard.json", "MDErgo1-Default.json"] {
        let ready = until_one_waits(&ahead);
        let [quick, ordinary] =
            [&ahead, &after].map(|service| service.build(&layout(file), "latest"));
        assert_eq!(quick["status"], "succeeded", "{quick}");
        assert_eq!(quick["attempts"], 1);
        assert_eq!(only_attempt(&ahead, &quick).container, ready);
        let log = log_of(&ahead, &quick);
        assert!(
            log.starts_with("kiisrv: ") && !log.contains("kiisrv: not "),
            "{log}"
        );
        assert_eq!(
            firmware_of(&ahead, &quick),
            firmware_of(&after, &ordinary),
            "{file}"
        );
        ahead.assert_nothing_is_left(&quick);
        assert!(!waiting(&ahead).contains(&ready), "it is used once");
    }
    assert_eq!(waiting(&after), [""; 0]);
}

#[test]
fn to_the_engine_one_that_waits_has_every_restriction_that_a_build_has() {
    if !engine::is_wanted() {
        return;
    }
    let image = TestImage::running("952", "sleep 600");
    let service = Service::start(&[("KIISRV_PREPARED", "1"), ("KIISRV_SLOTS", "1")]);
    service.stand_for("sleeps", &image.name);
    let restrictions = |container: &str| -> Value {
        let said = docker(&["inspect", "-f", "{{json .HostConfig}}", container]).unwrap();
        let mut said: Value = serde_json::from_str(&said).unwrap();
        for mount in said["Mounts"].as_array_mut().unwrap() {
            mount["Source"] = Value::Null;
        }
        said
    };
    let ready = restrictions(&until_one_waits(&service));
    let id = service.submit(&layout("KType-Standard.json"), "sleeps");
    let builds = loop {
        if let [one] = &containers_with(&format!("kiisrv.build={id}"))[..] {
            break one.clone();
        }
        std::thread::yield_now();
    };
    assert_eq!(ready, restrictions(&builds));
    assert_eq!(ready["ReadonlyRootfs"], true);
}

#[test]
fn a_container_that_waits_ends_when_it_is_told_to() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[("KIISRV_PREPARED", "1")]);
    let ready = until_one_waits(&service);
    // Held back from whoever removes what has ended.
    let watch = std::thread::spawn({
        let ready = ready.clone();
        move || docker(&["wait", &ready])
    });
    docker(&["stop", "-t", "60", &ready]).unwrap();
    assert_eq!(watch.join().unwrap().as_deref(), Some("143"));
    let build = service.build(&layout("KType-Standard.json"), "latest");
    assert_eq!(build["status"], "succeeded", "{build}");
    assert_ne!(only_attempt(&service, &build).container, ready);
}

#[test]
fn a_build_whose_ready_compiler_was_killed_is_built_by_the_keyboards_script() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[("KIISRV_PREPARED", "1")]);
    let ready = until_one_waits(&service);
    docker(&[
        "exec",
        &ready,
        "sh",
        "-c",
        "kill -9 $(cat /tmp/lanes/1.pid)",
    ])
    .unwrap();
    let build = service.build(&layout("KType-Standard.json"), "latest");
    assert_eq!(build["status"], "succeeded", "{build}");
    assert_eq!(only_attempt(&service, &build).container, ready);
    let log = log_of(&service, &build);
    assert!(log.contains("whoever was ready for it is gone"), "{log}");
}

#[test]
fn an_image_whose_containers_end_when_they_find_no_job_builds_as_ever_whatever_its_label_says() {
    if !engine::is_wanted() {
        return;
    }
    let image = inheriting("953", "exec /opt/kiisrv/entrypoint k");
    let service = Service::start(&[("KIISRV_PREPARED", "1")]);
    service.stand_for("odd", &image.name);
    for file in ["KType-Standard.json", "KType-NoAnimations.json"] {
        let build = service.build(&layout(file), "odd");
        assert_eq!(build["reason"], "build_failed", "{build}");
        let log = log_of(&service, &build);
        assert!(log.contains("usage: "), "{log}");
    }
}

#[test]
fn a_container_that_is_there_and_does_not_wait_at_its_bell_gets_no_build() {
    if !engine::is_wanted() {
        return;
    }
    let once = "[ -f /mnt/config/job ] || { sleep 600; exit 1; }; exec /opt/kiisrv/entrypoint";
    let image = inheriting("954", once);
    let service = Service::start(&[("KIISRV_PREPARED", "2"), ("KIISRV_SLOTS", "1")]);
    service.point("latest", &image.name);
    let idle = loop {
        if let [one, ..] = &waiting(&service)[..]
            && docker(&["exec", one, "true"]).is_some()
        {
            break one.clone();
        }
        std::thread::yield_now();
    };
    let build = service.build(&layout("KType-Standard.json"), "latest");
    assert_eq!(build["status"], "succeeded", "{build}");
    assert_ne!(only_attempt(&service, &build).container, idle);
}

/// An image with another entrypoint, and with the label of the one that it is made from.
fn inheriting(name: &str, script: &str) -> TestImage {
    let entrypoint = serde_json::json!(["/bin/bash", "-c", script]);
    TestImage::of_dockerfile(
        name,
        &format!("FROM {}\nENTRYPOINT {entrypoint}\n", engine::REFERENCE),
    )
}
