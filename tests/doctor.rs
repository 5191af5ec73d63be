//! `kiisrv doctor` finds what was broken by hand, mends it, and never takes work that is under way for a fault.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    fs,
    os::unix::{fs::FileExt, net::UnixDatagram},
    path::Path,
};

use harness::{
    engine::{self, REFERENCE, containers_with, docker},
    service::{Service, layout},
    store::{ByHand, OwnStore},
};
use kiisrv_cli::doctor::{Arguments, Verdict, run};
use serde_json::Value;
use shared::{job::JobId, layout::Library, settings::Settings, store::Store};
use tokio::runtime::Runtime;
use worker::{DockerEngine, Worker, housekeeping, slots::Step};

/// What `kiisrv doctor` with these words does and says.
fn doctor(settings: &Settings, words: &[&str]) -> Result<(Verdict, String), String> {
    let mut said = Vec::new();
    run(&Arguments::from_words(words).unwrap(), settings, &mut said)
        .map(|verdict| (verdict, String::from_utf8(said).unwrap()))
        .map_err(|error| format!("{error:#}"))
}

/// The kinds of what it finds, in alphabetical order.
fn kinds(settings: &Settings, words: &[&str]) -> Vec<String> {
    let words = [words, &["--json"]].concat();
    let report: Value = serde_json::from_str(&doctor(settings, &words).unwrap().1).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let mut kinds: Vec<_> = findings
        .map(|finding| finding["kind"].as_str().unwrap().to_owned())
        .collect();
    kinds.sort();
    kinds
}

/// A worker that builds when it is told to and does nothing beside.
async fn idle_worker(settings: &Settings) -> Worker<DockerEngine> {
    let store = Store::open(&settings.data).await.unwrap();
    let engine = DockerEngine::connect(&settings.worker.docker_host).await;
    let library = Library::open(&settings.layouts).unwrap();
    let worker = Worker::start(settings.clone(), store, engine.unwrap(), library).await;
    worker.unwrap()
}

/// One of each kind that a hand can make: what a crash, a restored disk or a person leaves.
fn break_all(settings: &Settings, service: &str, zip: &str) {
    let unknown = JobId::new().to_string();
    fs::remove_file(settings.artifacts.join(zip)).unwrap();
    fs::create_dir_all(settings.artifacts.join(&unknown)).unwrap();
    fs::write(settings.artifacts.join(&unknown).join("1.zip"), "x").unwrap();
    fs::create_dir_all(settings.logs.join(&unknown)).unwrap();
    for above in [&settings.worker.tmp_config, &settings.worker.tmp_builds] {
        let directory = above.join(format!("{service}-{unknown}-1/deeper"));
        fs::create_dir_all(directory).unwrap();
    }
    drop(UnixDatagram::bind(settings.data.join("wake/worker-dead")).unwrap());
    let labels = [
        format!("kiisrv.service={service}"),
        format!("kiisrv.build={unknown}"),
        "kiisrv.role=build".to_owned(),
        "kiisrv.epoch=1".to_owned(),
    ];
    let labels = labels.iter().flat_map(|label| ["--label", label]);
    let words: Vec<_> = ["create"]
        .into_iter()
        .chain(labels)
        .chain([REFERENCE])
        .collect();
    docker(&words).unwrap();
}

#[test]
fn what_was_broken_by_hand_is_found_and_mended_and_the_lost_zip_is_built_anew() {
    if !engine::is_wanted() {
        return;
    }
    // Its jobs are counted.
    let service = Service::start_api(&[("KIISRV_COMPARE_PERCENT", "0")]);
    let settings = &service.settings;
    let runtime = Runtime::new().unwrap();
    // A worker's connections want to be closed where they were opened.
    let _inside = runtime.enter();
    let worker = runtime.block_on(idle_worker(settings));
    let name = worker.context().store.service_id();
    let build = |step| {
        let id = service.submit(&layout("KType-Standard.json"), "latest");
        assert_eq!(runtime.block_on(worker.run_next_job()).unwrap(), step);
        service.ended(&id)
    };
    let first = build(Step::Ran);
    runtime.block_on(housekeeping::reconcile_files(worker.context()));
    let (verdict, said) = doctor(settings, &[]).unwrap();
    assert_eq!(verdict, Verdict::Well, "{said}");
    assert!(said.ends_with("all is well\n"), "{said}");

    break_all(
        settings,
        &name,
        &format!("{}/1.zip", first["id"].as_str().unwrap()),
    );
    let all = [
        "container",
        "dead_socket",
        "directory",
        "stray_log",
        "unnamed_zip",
        "zip_lost",
    ];
    assert_eq!(kinds(settings, &[]), all);
    let (verdict, said) = doctor(settings, &[]).unwrap();
    assert_eq!(verdict, Verdict::Left, "{said}");
    assert!(said.ends_with("6 found, 6 left\n"), "{said}");
    assert_eq!(said.matches("to do: ").count(), 6, "{said}");

    let (verdict, said) = doctor(settings, &["--fix"]).unwrap();
    assert_eq!(verdict, Verdict::Well, "{said}");
    assert!(said.ends_with("6 found, all mended\n"), "{said}");
    assert_eq!(containers_with(&format!("kiisrv.service={name}")), [""; 0]);
    assert_eq!(kinds(settings, &[]), [""; 0]);

    let second = build(Step::Ran);
    assert_eq!(second["status"], "succeeded", "{second}");
    assert_ne!(second["id"], first["id"]);
    assert_eq!(build(Step::NothingWaiting)["id"], second["id"]);
    assert_eq!(kinds(settings, &[]), [""; 0]);
}

#[test]
fn what_is_under_way_is_neither_reported_nor_touched() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[("KIISRV_SLOTS", "2")]);
    let files = [
        "KType-Standard.json",
        "KType-NoAnimations.json",
        "MD1-Standard.json",
        "MD1-Hacker.json",
        "WhiteFox-TheTrueFox.json",
        "MDErgo1-Default.json",
    ];
    let ids = files.map(|file| service.submit(&layout(file), "latest"));
    let is_busy = || {
        ids.iter().any(|id| {
            let build = service.get(&format!("/v1/builds/{id}")).json();
            matches!(build["status"].as_str(), Some("queued" | "running"))
        })
    };
    let mut looks = 0;
    while is_busy() || looks == 0 {
        let (verdict, said) = doctor(&service.settings, &["--fix"]).unwrap();
        assert_eq!(verdict, Verdict::Well, "{said}");
        assert!(said.ends_with("all is well\n"), "{said}");
        looks += 1;
    }
    for id in ids {
        let build = service.ended(&id);
        assert_eq!(
            (&build["status"], &build["attempts"]),
            (&"succeeded".into(), &1.into())
        );
        assert!(!service.zip_of(&build).names().is_empty());
    }
}

/// The settings of a service in this directory whose engine is away.
fn without_engine(directory: &Path) -> Settings {
    let within = |name: &str| Some(directory.join(name).display().to_string());
    Settings::from_lookup(|name| match name {
        "KIISRV_DATA" => within(""),
        "KIISRV_TMP_CONFIG" => within("tmp_config"),
        "KIISRV_TMP_BUILDS" => within("tmp_builds"),
        "DOCKER_HOST" => Some(format!("unix://{}", within("no.sock")?)),
        "KIISRV_DISK_RESERVE_MB" => Some("0".to_owned()),
        _ => None,
    })
    .unwrap()
}

#[test]
fn without_an_engine_the_rest_is_compared_and_that_is_said() {
    let own = Runtime::new().unwrap().block_on(OwnStore::new());
    let settings = without_engine(own.directory());
    let (verdict, said) = doctor(&settings, &["--thorough"]).unwrap();
    assert_eq!(verdict, Verdict::Well, "{said}");
    assert!(
        said.contains("containers and the directories of builds were not compared"),
        "{said}"
    );

    drop(UnixDatagram::bind(own.directory().join("wake/api-dead")).unwrap());
    assert_eq!(kinds(&settings, &[]), ["dead_socket"]);
    assert_eq!(kinds(&settings, &["--fix"]), ["dead_socket"]);
    assert_eq!(kinds(&settings, &[]), [""; 0]);
}

#[test]
fn builds_that_wait_while_nobody_works_are_a_fault() {
    let runtime = Runtime::new().unwrap();
    let own = runtime.block_on(OwnStore::new());
    let settings = without_engine(own.directory());
    runtime.block_on(harness::store::a_build("KType-Standard").enqueue(&own.store));
    let (verdict, said) = doctor(&settings, &["--fix"]).unwrap();
    assert_eq!(verdict, Verdict::Left, "{said}");
    assert!(said.contains("nobody_works: 1 builds wait"), "{said}");
}

#[test]
fn a_damaged_table_is_told_from_a_whole_one() {
    let own = Runtime::new().unwrap().block_on(OwnStore::new());
    let settings = without_engine(own.directory());
    ByHand::open(own.directory())
        .run(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000)
             INSERT INTO requests (at, job_id, client, os, platform, keyboard, layout, layers, controller, joined)
             SELECT n, 'a build', 'somebody', 'Linux', 'Web', 'KType', 'Standard', 1, '057', 0 FROM n;
             PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .unwrap();
    assert_eq!(kinds(&settings, &[]), [""; 0]);
    let file = fs::File::options()
        .write(true)
        .open(own.directory().join("kiisrv.db"))
        .unwrap();
    let end = file.metadata().unwrap().len();
    // A page in the middle of what was written last.
    file.write_all_at(&[0xff; 4096], end - 20 * 4096).unwrap();
    let (verdict, said) = doctor(&settings, &[]).unwrap();
    assert_eq!(verdict, Verdict::Left, "{said}");
    assert!(said.contains("damage: the table is damaged"), "{said}");
}

#[test]
fn where_there_is_no_table_or_one_of_another_form_nothing_is_made_or_changed() {
    let directory = tempfile::tempdir().unwrap();
    let refused = doctor(&without_engine(directory.path()), &["--fix"]).unwrap_err();
    assert!(refused.contains("KIISRV_DATA"), "{refused}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);

    let own = Runtime::new().unwrap().block_on(OwnStore::new());
    let table = own.by_hand();
    for (form, words) in [(1, "of an older form"), (1000, "newer kiisrv")] {
        table.run(&format!("PRAGMA user_version = {form}")).unwrap();
        let refused = doctor(&without_engine(own.directory()), &["--fix"]).unwrap_err();
        assert!(refused.contains(words), "{refused}");
        assert_eq!(table.ask("PRAGMA user_version"), [form.to_string()]);
    }
}
