//! Channels are the operator's: what a name stands for changes by one command, after a trial, and back by another.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{fs, path::Path, time::Duration};

use harness::{
    engine::{self, TestImage, containers_with, docker},
    service::{LAYOUTS, Service, layout},
};
use kiisrv_cli::versions::{Arguments, Verdict, run};
use serde_json::Value;

/// What `kiisrv versions` with these words does and says.
fn versions(service: &Service, words: &[&str]) -> Result<(Verdict, String), String> {
    let arguments = Arguments::from_words(words).unwrap();
    let mut said = Vec::new();
    run(&arguments, &service.settings, &mut said)
        .map(|verdict| (verdict, String::from_utf8(said).unwrap()))
        .map_err(|error| format!("{error:#}"))
}

/// A version as the API shows it.
fn shown(service: &Service, name: &str) -> Value {
    let list = service.get("/v1/versions").json();
    let all = list["versions"].as_array().unwrap();
    all.iter()
        .find(|version| version["name"] == name)
        .unwrap()
        .clone()
}

/// Waits until a version is shown so.
fn wait_until(service: &Service, name: &str, enough: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..300 {
        let version = shown(service, name);
        if enough(&version) {
            return version;
        }
        // Nothing says from outside when a worker has looked at its engine.
        std::thread::park_timeout(Duration::from_millis(100));
    }
    panic!("it stays {}", shown(service, name));
}

/// A directory with these layouts alone.
fn library(directory: &Path, files: &[&str]) -> String {
    for file in files {
        fs::copy(Path::new(LAYOUTS).join(file), directory.join(file)).unwrap();
    }
    directory.display().to_string()
}

#[test]
fn a_canary_moves_a_version_only_where_every_keyboard_builds_and_back_is_one_command() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[("KIISRV_SLOTS", "2")]);
    let canary = ["move", "latest", "958", "--canary", "--by", "the operator"];

    let absent = versions(&service, &canary).unwrap_err();
    assert!(absent.contains("no engine has that controller"), "{absent}");

    let broken = TestImage::compiling("958", "echo this tree is broken; exit 1");
    service.stand_for("next", "958");
    wait_until(&service, "next", |next| next["available"] == true);
    let (verdict, said) = versions(&service, &canary).unwrap();
    assert_eq!(verdict, Verdict::Bad, "{said}");
    for words in [
        "\nKType Standard: build_failed",
        "  | this tree is broken",
        "  log: ",
        "6 of 7 succeeded",
        "latest was not moved.",
        "not tried, as no layout is known: ICPad, Ergodox",
    ] {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
    assert_eq!(shown(&service, "latest")["controller"], "057");

    // The name is the same, the image is not.
    drop(broken);
    let _good = TestImage::of_dockerfile(
        "958",
        &format!("FROM {}\nLABEL mended=yes", engine::REFERENCE),
    );
    // The worker may have looked while there was none.
    wait_until(&service, "next", |next| next["available"] == true);
    let (verdict, said) = versions(&service, &canary).unwrap();
    assert_eq!(verdict, Verdict::Good, "{said}");
    assert!(said.contains("7 of 7 succeeded"), "{said}");
    assert!(
        said.contains("latest stands for 958; before, for 057."),
        "{said}"
    );
    let latest = shown(&service, "latest");
    assert_eq!(latest["controller"], "958");
    assert_eq!(latest["previous"], "057");
    assert!(latest["moved_at"].is_string(), "{latest}");
    let build = service.build(&layout("KType-Standard.json"), "latest");
    assert_eq!(build["status"], "succeeded", "{build}");

    let (_, said) = versions(&service, &["back", "latest"]).unwrap();
    assert_eq!(said, "latest stands for 057; before, for 958.\n");
    assert_eq!(shown(&service, "latest")["controller"], "057");
    let (_, log) = versions(&service, &["log", "--json"]).unwrap();
    let log: Value = serde_json::from_str(&log).unwrap();
    assert_eq!(log[1]["who"], "the operator");
    assert_eq!(log[1]["details"]["tried"], true);
    assert_eq!(log[0]["what"], "move_back");
    assert_eq!(log[2], Value::Null, "what was not done is not in the audit");
}

#[test]
fn what_is_built_twice_is_compared() {
    if !engine::is_wanted() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let layouts = library(
        directory.path(),
        &[
            "KType-Base.json",
            "KType-NoAnimations.json",
            "KType-Standard.json",
        ],
    );
    let service = Service::start(&[("KIISRV_LAYOUTS", &layouts)]);
    let _dice = TestImage::running(
        "961",
        "cd /tmp && cp /mnt/config/input/*.json . && mkdir log && touch log/build.log && head -c 64 /dev/urandom > kiibohd.dfu.bin \
         && zip -q /mnt/builds/firmware.zip kiibohd.dfu.bin log/build.log *.json",
    );
    let tried = |controller, more: &[&str]| {
        let words = [&["try", controller, "--twice", "--json"], more].concat();
        let (verdict, said) = versions(&service, &words).unwrap();
        (verdict, serde_json::from_str::<Value>(&said).unwrap())
    };
    let (verdict, report) = tried("057", &["--all-layouts"]);
    assert_eq!(verdict, Verdict::Good, "{report:#}");
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{report:#}");
    for row in rows {
        assert_eq!(row["same_again"], true);
        assert_eq!(row["kept"], false);
        assert_eq!(row["firmware"][0]["sha256"].as_str().unwrap().len(), 64);
        assert!(row["bytes"].as_u64() > Some(0) && row["seconds"].as_f64() > Some(0.0));
    }
    // The first of them is an answer by now, and the second is built in any case.
    let (_, again) = tried("057", &[]);
    assert_eq!(again["rows"][0]["kept"], true, "{again:#}");
    assert_eq!(again["rows"][0]["same_again"], true);

    let (verdict, report) = tried("961", &[]);
    assert_eq!(report["rows"][0]["same_again"], false, "{report:#}");
    assert_eq!(verdict, Verdict::Bad);
}

#[test]
fn a_disabled_controller_is_not_planned_with() {
    if !engine::is_wanted() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let layouts = library(
        directory.path(),
        &["MD1-StandardBlank.json", "MD1-Standard.json"],
    );
    let service = Service::start(&[("KIISRV_LAYOUTS", &layouts)]);
    let request = serde_json::json!({ "config": layout("MD1-Standard.json"), "env": "latest" });
    let submit = |path| service.post(path, &request.to_string());
    let (_, said) = versions(&service, &["disable", "057"]).unwrap();
    assert_eq!(said, "057 is disabled.\n");
    for path in ["/v1/builds", "/download.php"] {
        let refused = submit(path);
        assert_eq!(refused.status, 503, "{}", refused.text());
        let error = refused.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains("057, which is out of use"), "{error}");
    }
    // Other tests have controllers of their own on the same engine, so that only this one is looked at.
    assert!(!service.get("/versions").text().contains("latest"));
    let latest = shown(&service, "latest");
    assert_eq!(
        (&latest["disabled"], &latest["available"]),
        (&true.into(), &false.into())
    );
    let (_, list) = versions(&service, &[]).unwrap();
    let line = list
        .lines()
        .find(|line| line.starts_with("latest"))
        .unwrap();
    assert!(line.contains("disabled"), "{list}");
    let refused = versions(&service, &["move", "lts", "057"]).unwrap_err();
    assert!(refused.contains("is disabled"), "{refused}");
    // Whoever mends it may try it.
    let (verdict, said) = versions(&service, &["try", "057"]).unwrap();
    assert_eq!(verdict, Verdict::Good, "{said}");

    versions(&service, &["enable", "057"]).unwrap();
    assert_eq!(
        submit("/v1/builds").status,
        200,
        "the trial's build is the answer"
    );
    assert_eq!(shown(&service, "latest")["disabled"], false);
}

#[test]
fn a_new_image_under_the_same_name_is_for_new_builds_only() {
    if !engine::is_wanted() {
        return;
    }
    let _slow = TestImage::running("962", "sleep 60");
    let first = TestImage::running("963", "echo I am the first; exit 1");
    let service = Service::start(&[("KIISRV_SLOTS", "1")]);
    service.stand_for("slow", "962");
    service.stand_for("changing", "963");
    let before = shown(&service, "changing")["image"].clone();

    let config = layout("KType-Standard.json");
    let blocking = service.submit(&config, "slow");
    let planned = service.submit(&config, "changing");
    // Its tag goes to the next one, and it stays: it is still planned with.
    std::mem::forget(first);
    let _second = TestImage::running("963", "echo I am the second; exit 1");
    let after = wait_until(&service, "changing", |version| version["image"] != before);
    assert_eq!(after["available"], true);
    let new = service.submit(&config, "changing");
    assert_ne!(planned, new, "another image is another build");

    let waiting = service.get(&format!("/v1/builds/{planned}")).json();
    assert_eq!(waiting["status"], "queued", "{waiting}");
    for container in containers_with(&format!("kiisrv.build={blocking}")) {
        let _ = docker(&["kill", &container]);
    }
    for (id, words) in [(planned, "I am the first"), (new, "I am the second")] {
        let build = service.ended(&id);
        let log = service.get(build["log_url"].as_str().unwrap()).text();
        assert!(log.contains(words), "{build}\n{log}");
    }
    let _ = docker(&["rmi", "-f", before.as_str().unwrap()]);
}
