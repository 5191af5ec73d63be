//! The operator's command line, over HTTP against a service without a worker: the test plays it.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::PathBuf,
    process::Command as Process,
    sync::mpsc,
    time::Duration,
};

use harness::{
    program,
    scripted::controller,
    service::{Service, layout},
    store::{failed, firmware},
};
use kiisrv_cli::operate::{Command, Verdict, run};
use serde_json::Value;
use shared::{
    job::{Outcome, Reason},
    settings::Settings,
    store::{
        audit,
        jobs::{self, Claimed},
        versions,
        workers::{self, Worker},
    },
};

const TOKEN: &str = "a-secret-of-some-length";
const WORKER: &str = "01a20a07-0000-7000-8000-00000000beef";

/// A service that a worker with one controller was seen at.
fn service() -> Service {
    let service = Service::start_api(&[
        ("KIISRV_OPERATOR_TOKEN", TOKEN),
        ("KIISRV_DISK_RESERVE_MB", "0"),
    ]);
    let controller = controller();
    let worker = Worker {
        id: WORKER.to_owned(),
        host: "anvil".to_owned(),
        engine_id: "an engine".to_owned(),
        slots: 2,
    };
    service.at_the_table(async |store| {
        versions::controllers_seen(&store, "an engine", vec![controller])
            .await
            .unwrap();
        workers::sign_of_life(&store, &worker, None).await.unwrap();
    });
    service
}

fn claim(service: &Service) -> Option<Claimed> {
    let lease = Duration::from_hours(1);
    service.at_the_table(async |store| jobs::claim_next(&store, WORKER, lease).await.unwrap())
}

fn end(service: &Service, claimed: &Claimed, outcome: Outcome) {
    service.at_the_table(async |store| jobs::finish(&store, &claimed.held, outcome).await.unwrap());
}

/// What `kiisrv` with these words says to an operator, or why it fails.
fn kiisrv(service: &Service, words: &[&str]) -> Result<(Verdict, String), String> {
    kiisrv_with(&service.settings, &service.url, words)
}

fn kiisrv_with(
    settings: &Settings,
    url: &str,
    words: &[&str],
) -> Result<(Verdict, String), String> {
    let words = [words, &["--url", url]].concat();
    let mut said = Vec::new();
    run(&Command::from_words(&words).unwrap(), settings, &mut said)
        .map(|verdict| (verdict, String::from_utf8(said).unwrap()))
        .map_err(|error| format!("{error:#}"))
}

fn said(service: &Service, words: &[&str]) -> String {
    let (verdict, said) = kiisrv(service, words).unwrap();
    assert_eq!(verdict, Verdict::Good, "{said}");
    said
}

#[test]
fn the_queue_is_a_table_for_people_and_json_for_programs() {
    let service = service();
    let built = service.submit(&layout("KType-Standard.json"), "latest");
    end(&service, &claim(&service).unwrap(), firmware());
    let waiting = service.submit(&layout("Kira-Standard.json"), "latest");
    let table = said(&service, &["queue"]);
    assert!(table.starts_with("1 waiting (the oldest for "), "{table}");
    assert!(
        table.contains("0 running; asked for in the last day: 1 succeeded"),
        "{table}"
    );
    let line = |id: &str| {
        let mut lines = table.lines();
        let line = lines.find(|line| line.starts_with(&id[24..])).unwrap();
        line.split_whitespace()
            .take(5)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(line(&waiting)[1..], ["queued", "1", "Kira", "Standard"]);
    assert_eq!(line(&built)[1..], ["succeeded", "-", "KType", "Standard"]);

    let json: Value = serde_json::from_str(&said(&service, &["queue", "--json"])).unwrap();
    assert_eq!(json["waiting"][0]["id"], *waiting);
    let found = said(
        &service,
        &["queue", "--json", "-q", "kira-", "--status", "queued"],
    );
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found["waiting"][0]["id"], *waiting);
    assert_eq!(found["recent"][0], Value::Null);
}

#[test]
fn a_build_is_shown_cancelled_and_retried_by_the_end_of_its_id() {
    let service = service();
    let id = service.submit(&layout("KType-Standard.json"), "latest");
    let end_of_id = &id[24..];
    let shown = said(&service, &["show", end_of_id]);
    assert!(shown.contains(&format!("id           {id}\n")), "{shown}");
    assert!(
        shown.contains(&format!("to end it: kiisrv cancel {id}")),
        "{shown}"
    );

    let cancelled = said(&service, &["cancel", end_of_id, "--by", "Jörg"]);
    assert_eq!(cancelled, format!("{id} is cancelled.\n"));
    let retried = said(&service, &["retry", end_of_id, "--by", "Jörg", "--json"]);
    let retried: Value = serde_json::from_str(&retried).unwrap();
    let second = retried["id"].as_str().unwrap();
    assert_ne!(second, id);
    let again = said(&service, &["retry", &id]);
    assert!(
        again.contains(&format!("by {second} already, which is queued")),
        "{again}"
    );

    let both = kiisrv(&service, &["cancel", second, &id]).unwrap();
    assert_eq!(
        both.0,
        Verdict::Good,
        "what is cancelled already is no fault"
    );
    let unknown = kiisrv(&service, &["show", "ffffffff"]).unwrap_err();
    assert!(
        unknown.contains("no build is known by \"ffffffff\""),
        "{unknown}"
    );
    let short = kiisrv(&service, &["show", "abc"]).unwrap_err();
    assert!(short.contains("too little of an id"), "{short}");
    let entries = service.at_the_table(async |store| audit::entries(&store, 9).await.unwrap());
    let first: Vec<_> = entries.iter().rev().take(2).collect();
    assert_eq!(
        (first[0].who.as_str(), first[0].what.as_str()),
        ("Jörg", "cancel")
    );
    assert_eq!(
        (first[1].who.as_str(), first[1].what.as_str()),
        ("Jörg", "retry")
    );
}

#[test]
fn what_has_ended_is_erased_with_its_requests_and_of_a_client_all_is() {
    let service = service();
    let built = service.submit(&layout("KType-Standard.json"), "latest");
    let waiting = service.submit(&layout("Kira-Standard.json"), "latest");
    end(&service, &claim(&service).unwrap(), firmware());
    let shown = said(&service, &["show", &built]);
    assert!(shown.contains("dfu-util -w -D kiibohd.dfu.bin"), "{shown}");
    let (verdict, said_of) = kiisrv(&service, &["forget", &waiting, &built[24..]]).unwrap();
    assert_eq!(verdict, Verdict::Bad);
    let lines: Vec<_> = said_of.lines().collect();
    assert!(
        lines[0].starts_with(&waiting) && lines[0].contains("has not ended"),
        "{said_of}"
    );
    assert!(
        lines[1].starts_with(&format!("{built} is erased")),
        "{said_of}"
    );
    let gone = kiisrv(&service, &["show", &built]).unwrap_err();
    assert!(gone.contains("no build with this id"), "{gone}");

    let client = ["forget", "--client", "127.0.0.1", "--by", "Jörg"];
    let words = said(&service, &client);
    assert!(
        words.contains("0 builds") && words.contains("1 have not ended"),
        "{words}"
    );
    end(&service, &claim(&service).unwrap(), firmware());
    let json = said(&service, &[&client[..], &["--json"]].concat());
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["erased"], 1);
    let entries = service.at_the_table(async |store| audit::entries(&store, 9).await.unwrap());
    assert_eq!(
        (entries[0].who.as_str(), entries[0].subject.as_str()),
        ("Jörg", "a client")
    );
    for words in [&["forget"][..], &["forget", "x", "--client", "192.0.2.1"]] {
        assert!(Command::from_words(words).is_err(), "{words:?}");
    }
}

#[test]
fn what_cannot_be_changed_is_said_and_does_not_keep_the_next_from_it() {
    let service = service();
    let built = service.submit(&layout("KType-Standard.json"), "latest");
    end(&service, &claim(&service).unwrap(), firmware());
    let waiting = service.submit(&layout("Kira-Standard.json"), "latest");
    let (verdict, said) = kiisrv(&service, &["cancel", &built, &waiting]).unwrap();
    assert_eq!(verdict, Verdict::Bad);
    let lines: Vec<_> = said.lines().collect();
    assert!(
        lines[0].starts_with(&built) && lines[0].contains("succeeded"),
        "{said}"
    );
    assert_eq!(lines[1], format!("{waiting} is cancelled."));
    let alone = kiisrv(&service, &["cancel", &built]).unwrap_err();
    assert!(alone.contains("has ended already"), "{alone}");
}

#[test]
fn a_pause_and_a_drain_keep_a_worker_from_a_build_until_they_are_undone() {
    let service = service();
    drop(service.submit(&layout("KType-Standard.json"), "latest"));
    let paused = said(&service, &["pause"]);
    assert!(paused.contains("`kiisrv resume`"), "{paused}");
    assert!(said(&service, &["queue"]).contains("PAUSED for "));
    assert!(claim(&service).is_none());
    assert_eq!(said(&service, &["resume"]), "The queue goes on.\n");

    let drained = said(&service, &["drain", "anvil"]);
    assert!(
        drained.starts_with(&format!("{WORKER} takes no new build.")),
        "{drained}"
    );
    assert!(claim(&service).is_none());
    let workers = said(&service, &["workers"]);
    let line = workers.lines().nth(1).unwrap();
    let cells: Vec<_> = line.split_whitespace().take(6).collect();
    assert_eq!(
        cells,
        ["00000000beef", "anvil", "draining", "0", "2", "057"]
    );
    assert_eq!(
        said(&service, &["undrain", "beef"]),
        format!("{WORKER} takes builds again.\n")
    );
    assert!(claim(&service).is_some());
    let unknown = kiisrv(&service, &["drain", "hammer"]).unwrap_err();
    assert!(unknown.contains("`kiisrv workers` lists them"), "{unknown}");
}

/// What a command writes, as it writes it.
struct Told(mpsc::Sender<String>);

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.0.send(text).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_log_is_followed_from_its_first_line_to_the_builds_end() {
    let service = service();
    let id = service.submit(&layout("KType-Standard.json"), "latest");
    let claimed = claim(&service).unwrap();
    let file: PathBuf = service.settings.logs.join(&id).join("1.log");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "the first line\n").unwrap();

    let (sender, receiver) = mpsc::channel();
    let words = ["log", "-f", &id, "--url", &service.url];
    let command = Command::from_words(&words).unwrap();
    let settings = service.settings.clone();
    let follower = std::thread::spawn(move || run(&command, &settings, &mut Told(sender)).unwrap());
    let patience = Duration::from_secs(60);
    let first = receiver.recv_timeout(patience).unwrap();
    assert_eq!(first, "the first line\n", "it is told while the build runs");
    let mut log = OpenOptions::new().append(true).open(&file).unwrap();
    log.write_all(b"the second\n").unwrap();
    end(&service, &claimed, failed(Reason::BuildFailed));
    assert_eq!(follower.join().unwrap(), Verdict::Bad, "it did not succeed");
    let rest: String = receiver.iter().collect();
    assert_eq!(rest, "the second\n-- failed: build_failed\n");
    assert_eq!(
        said(&service, &["log", &id]),
        "the first line\nthe second\n"
    );
}

#[test]
fn without_the_token_or_a_service_it_says_what_to_do() {
    let service = service();
    let nobody = Settings::from_lookup(|_| None).unwrap();
    let refused = kiisrv_with(&nobody, &service.url, &["queue"]).unwrap_err();
    assert!(refused.contains("set KIISRV_OPERATOR_TOKEN"), "{refused}");
    let stats = kiisrv_with(&nobody, &service.url, &["stats"]).unwrap();
    assert!(
        stats.1.contains("Builds: 0"),
        "they are everybody's: {}",
        stats.1
    );
    let silent = kiisrv_with(&nobody, "http://127.0.0.1:1", &["queue"]).unwrap_err();
    assert!(
        silent.contains("no service answers at http://127.0.0.1:1"),
        "{silent}"
    );

    let without = Service::start_api(&[]);
    let refused = kiisrv_with(&service.settings, &without.url, &["pause"]).unwrap_err();
    assert!(
        refused.contains("this service has no operators"),
        "{refused}"
    );
}

/// The program itself with these words, as somebody starts it who has the token.
fn program(words: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test starts it as its user does"
    )]
    let mut program = Process::new(program::path());
    let done = program
        .args(words)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    (
        done.status.code().unwrap(),
        String::from_utf8(said).unwrap(),
    )
}

#[test]
fn the_program_takes_place_and_token_from_its_environment_and_tells_by_its_exit_status() {
    let service = service();
    let place = ("KIISRV_URL", service.url.as_str());
    let (code, said) = program(&["queue"], &[place, ("KIISRV_OPERATOR_TOKEN", TOKEN)]);
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("0 waiting, 0 running"), "{said}");
    let (code, said) = program(&["queue"], &[place]);
    assert_eq!(code, 1, "{said}");
    let (code, said) = program(&["queue", "--status", "lost"], &[place]);
    assert_eq!(code, 2, "{said}");
}

#[test]
fn shells_and_manuals_know_every_command() {
    let (code, script) = program(&["completions", "bash"], &[]);
    assert_eq!(code, 0);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let (code, said) = program(&["man", path], &[]);
    assert_eq!(code, 0, "{said}");
    for command in [
        "queue", "show", "log", "cancel", "retry", "pause", "resume", "workers",
    ] {
        assert!(script.contains(command), "{command}");
        let page = fs::read_to_string(directory.path().join(format!("kiisrv-{command}.1")));
        assert!(page.unwrap().contains(".SH SYNOPSIS"), "{command}");
    }
}
