//! One build's lines are found by its id everywhere: in the logs of API and workers, also of one that took the build on
//! from another, and on its container.
#![expect(clippy::unwrap_used, reason = "a test may stop, and its helpers too")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use harness::{
    engine::{self, TestImage, containers_with},
    program::{Process, pause},
    service::{LAYOUTS, Service, layout},
};
use rustix::process::Signal;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_builds_id_finds_its_lines_in_all_logs_and_its_container() {
    if !engine::is_wanted() {
        return;
    }
    let _slow = TestImage::running(
        "96417",
        "while test ! -e /mnt/builds/go; do sleep 0.1; done; exit 1",
    );
    // The API in this process makes the table and takes the request's way in; its log is another process's.
    let here = Service::start_api(&[]);
    here.stand_for("slow", "96417");
    let api = process("api", &here, 0);
    let worker = process("worker", &here, 1);
    let url = until(|| address_in(&api.log()));
    until(|| worker.log().contains("The worker is ready").then_some(()));
    let body = serde_json::json!({ "config": layout("KType-Standard.json"), "env": "slow" });
    let mut answer = ureq::post(format!("{url}/v1/builds"))
        .send(body.to_string())
        .unwrap();
    let accepted: Value = answer.body_mut().read_json().unwrap();
    let id = accepted["id"].as_str().unwrap();
    let label = format!("kiisrv.build={id}");
    until(|| (containers_with(&label).len() == 1).then_some(()));

    until(|| {
        let told = here.get("/metrics").text();
        let runs = "kiisrv_queue_builds{state=\"running\"} 1\n";
        told.contains(runs).then_some(())
    });
    worker.signal(Signal::KILL);
    let next = process("worker", &here, 2);
    until(|| next.log().contains("Took a running build on").then_some(()));
    let builds = here.path().join("tmp_builds");
    let directory = until(|| directory_of(&builds, id));
    std::fs::write(directory.join("go"), "").unwrap();
    assert_eq!(here.ended(id)["reason"], "build_failed");

    assert_eq!(said_of(&api, id), ["Accepted KType-Standard for slow"]);
    assert_eq!(said_of(&worker, id), ["Took a build"]);
    let all = until(|| {
        let all = said_of(&next, id);
        (all.len() > 1).then_some(all)
    });
    assert_eq!(all[0], "Took a running build on");
    assert_eq!(all[1], "KType-Standard was not built: build_failed");
}

/// The messages of the lines with this id.
fn said_of(process: &Process, id: &str) -> Vec<String> {
    let log = process.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter(|line: &Value| line["job.id"] == id)
        .map(|line| line["message"].as_str().unwrap().to_owned())
        .collect()
}

/// The real program, on the table and the directories of this service.
fn process(command: &str, service: &Service, number: usize) -> Process {
    let within = |name: &str| service.path().join(name).display().to_string();
    let variables = [
        ("KIISRV_DATA", within("data")),
        ("KIISRV_TMP_CONFIG", within("tmp_config")),
        ("KIISRV_TMP_BUILDS", within("tmp_builds")),
        ("KIISRV_LAYOUTS", LAYOUTS.to_owned()),
        ("KIISRV_ACCEPT_MISSING", "all".to_owned()),
        ("KIISRV_HOST", "127.0.0.1".to_owned()),
        ("KIISRV_PORT", "0".to_owned()),
        ("KIISRV_LOG_FORMAT", "json".to_owned()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    let log = service.path().join(format!("log-{number}"));
    Process::start(command, &variables, &log)
}

fn address_in(log: &str) -> Option<String> {
    let (_, rest) = log.split_once("\"address\":\"")?;
    Some(format!("http://{}", rest.split('"').next()?))
}

fn directory_of(builds: &Path, id: &str) -> Option<std::path::PathBuf> {
    let mut entries = std::fs::read_dir(builds).ok()?.filter_map(Result::ok);
    let of_it = entries.find(|entry| entry.file_name().to_string_lossy().contains(id));
    of_it.map(|entry| entry.path())
}

fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < deadline, "it does not happen");
        pause(Duration::from_millis(50));
    }
}
