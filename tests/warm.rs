//! Builds that start warm: quicker, and to the byte what a cold one makes.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::process::{Command, Output};

use harness::{
    engine::{self, REFERENCE, docker},
    service::{Service, layout},
};
use serde_json::Value;
use shared::{channel::Dialect, kll, layout::Library};
use worker::{
    inputs::{Owner, files, write_inputs},
    mounts::BuildDirs,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn the_kits_own_tests_pass_beside_the_real_kll_compiler() {
    if !engine::is_wanted() {
        return;
    }
    let kit = format!("{ROOT}/controllers/kit:/kit:ro");
    let output = run(
        "docker",
        &[
            &["run", "--rm", "--network", "none", "-v", &kit][..],
            &["-e", "PYTHONPATH=/kit/controller:/opt/kiisrv/python"],
            &["--entrypoint", "python3", REFERENCE],
            &["-m", "unittest", "discover", "-s", "/kit/tests"],
        ]
        .concat(),
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("Ran 0 tests"), "{said}");
}

#[test]
fn each_kind_of_change_to_a_keymap_makes_the_same_firmware_warm_and_cold() {
    if !engine::is_wanted() {
        return;
    }
    let report = tempfile::NamedTempFile::new().unwrap();
    let output = run(
        "python3",
        &[
            &format!("{ROOT}/controllers/kit/compare"),
            REFERENCE,
            "--layouts",
            "KType-Standard,MDErgo1-Default",
            "--json",
            report.path().to_str().unwrap(),
        ],
    );
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let results: Value = serde_json::from_reader(report.as_file()).unwrap();
    let results = results.as_array().unwrap();
    assert_eq!(results.len(), 2 * 8, "{said}");
    for result in results {
        assert_eq!(result["equal"], true, "{result}");
        // What does not compile is left to the keyboard's script, whose words the user sees.
        assert_eq!(result["built"], result["kind"] != "unreadable", "{result}");
        assert_ne!(result["fell_back"], result["built"], "{result}");
    }
}

#[test]
fn a_moved_key_starts_warm_and_its_log_says_how_long_each_part_took() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[]);
    let mut config = layout("KType-Standard.json");
    config["matrix"][20]["layers"]["0"]["key"] = "Z".into();
    let build = service.build(&config, "latest");
    let log = service.get(build["log_url"].as_str().unwrap()).text();
    assert_eq!(build["status"], "succeeded", "{log}");
    for part in ["KLL compiled in", "objects compiled in", "linked in"] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert!(!log.contains("not on the prepared tree"), "{log}");
}

#[test]
fn a_build_that_is_asked_to_be_cold_uses_nothing_prepared() {
    if !engine::is_wanted() {
        return;
    }
    let library = Library::open(format!("{ROOT}/layouts")).unwrap();
    let text = layout("KType-Standard.json").to_string();
    let config = serde_json::from_str(&text).unwrap();
    let (_, generated) = kll::generate_from(&config, Dialect::Latest, &library).unwrap();
    let said = [false, true].map(|cold| {
        let directory = tempfile::tempdir().unwrap();
        let dirs = BuildDirs {
            config: directory.path().join("config"),
            builds: directory.path().join("builds"),
            host_config: directory.path().join("config"),
            host_builds: directory.path().join("builds"),
        };
        let owner = Owner::of_this_process();
        write_inputs(&dirs, &files(&generated, &text, cold), owner, 2).unwrap();
        let mount = |path: &std::path::Path, at: &str| format!("{}:/mnt/{at}", path.display());
        docker(&[
            "run",
            "--rm",
            "--network",
            "none",
            "-v",
            &mount(&dirs.config, "config:ro"),
            "-v",
            &mount(&dirs.builds, "builds"),
            REFERENCE,
        ])
        .unwrap()
    });
    let scripts = said.map(|said| said.contains("Building C object"));
    assert_eq!(scripts, [false, true]);
}

#[expect(
    clippy::disallowed_methods,
    reason = "from outside, as a person would run them"
)]
fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}
