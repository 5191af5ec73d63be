//! That the campaign's checks find what they are there for.

use std::fs;

use super::*;

const BUILD: &str = "a build";

fn row(end: &str, number: usize) -> Row {
    Row {
        id: BUILD.to_owned(),
        end: end.to_owned(),
        attempts: 1,
        fingerprint: "abc".to_owned(),
        file: format!("{BUILD}/1.zip"),
        sha256: hex::encode(Sha256::digest(zip_of(number))),
        detail: String::new(),
        number: Some(number),
    }
}

fn zip_of(number: usize) -> String {
    first_line(number, MARK) + "and the zip"
}

fn promise(build: &str, end: Option<&str>) -> Promise {
    Promise {
        number: 0,
        build: build.to_owned(),
        answer: 202,
        end: end.map(str::to_owned),
    }
}

fn promised(promise: Promise, rows: &[Row]) -> Findings {
    let mut findings = Findings::default();
    findings.promises(&[promise], rows);
    findings
}

#[test]
fn a_promise_without_a_row_or_without_an_end_is_lost() {
    let ended = row("succeeded", 0);
    let succeeded = Some("succeeded");
    assert!(
        promised(promise(BUILD, succeeded), &[ended])
            .lost
            .is_empty()
    );
    for (build, end) in [
        ("another", "succeeded"),
        (BUILD, "running"),
        (BUILD, "queued"),
    ] {
        assert_eq!(
            promised(promise(build, None), &[row(end, 0)]).lost.len(),
            1,
            "{build} {end}"
        );
    }
}

#[test]
fn an_end_that_is_not_the_one_that_was_told_is_wrong() {
    let told = promise("abc", Some("succeeded"));
    assert_eq!(
        promised(told.clone(), &[row("worker_lost", 0)]).wrong.len(),
        1
    );
    let anew = [row("worker_lost", 0), row("succeeded", 0)];
    assert!(
        promised(told, &anew).wrong.is_empty(),
        "an old client asks anew"
    );
}

#[test]
fn a_request_that_two_builds_succeeded_for_is_doubled_and_an_end_that_cannot_be_is_wrong() {
    let plan = Plan::of(1, 40, 0);
    let good = plan
        .requests
        .iter()
        .position(|one| one.order.compiles)
        .expect("one compiles");
    let bad = plan
        .requests
        .iter()
        .position(|one| !one.order.compiles)
        .expect("one fails");
    let mut findings = Findings::default();
    findings.rows(
        &plan,
        &[
            row("succeeded", good),
            row("build_failed", bad),
            row("worker_lost", good),
        ],
    );
    assert!(findings.wrong.is_empty() && findings.doubled.is_empty());
    findings.rows(&plan, &[row("succeeded", good), row("succeeded", good)]);
    assert_eq!(findings.doubled.len(), 1);
    findings.rows(
        &plan,
        &[
            row("succeeded", bad),
            row("build_failed", good),
            row("no_artifact", good),
        ],
    );
    assert_eq!(findings.wrong.len(), 3);
}

#[test]
fn only_the_one_zip_that_the_row_names_is_in_order() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    };
    let look = || {
        let mut findings = Findings::default();
        findings.artifacts(directory.path(), &[row("succeeded", 7)]);
        let Findings {
            doubled,
            wrong,
            leftovers,
            ..
        } = findings;
        [doubled.len(), wrong.len(), leftovers.len()]
    };
    assert_eq!(look(), [0, 1, 0], "it is not there");
    write("a build/1.zip", &zip_of(8));
    assert_eq!(look(), [0, 1, 0], "it is another build's");
    write("a build/1.zip", &zip_of(7));
    assert_eq!(look(), [0, 0, 0]);
    write("a build/2.zip", &zip_of(7));
    assert_eq!(look(), [1, 0, 1]);
    write("a build/.2.zip", "half of it");
    write("nobody's/1.zip", "");
    assert_eq!(look(), [1, 0, 3]);
}

#[test]
fn what_is_no_log_of_a_build_and_no_part_of_the_table_is_a_leftover() {
    let data = tempfile::tempdir().expect("a directory");
    for name in [
        "kiisrv.db",
        "strange",
        "wake/worker-1",
        "logs/a build/1.log",
        "logs/a build/x",
        "logs/b/1.log",
    ] {
        let path = data.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, "").expect("a file");
    }
    assert_eq!(strange_files(data.path()), ["strange", "wake/worker-1"]);
    let mut logs = unnamed_logs(&data.path().join("logs"), &[row("succeeded", 1)]);
    logs.sort();
    assert_eq!(logs, ["logs/a build/x", "logs/b/1.log"]);
}
