//! A copy of the table is whole whatever happens meanwhile, and leads back.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Stdio},
};

use harness::store::{ByHand, OwnStore, a_build};
use shared::store::{
    Store,
    backup::{BackupError, put_back, take},
};
use tempfile::TempDir;

const NO_RESERVE: u64 = 0;

/// A process at the table.
fn process(words: &[&str]) -> Child {
    #[expect(
        clippy::disallowed_methods,
        reason = "it is a process of the test's own, not a build"
    )]
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_store-process"));
    command.args(words).stdout(Stdio::piped()).spawn().unwrap()
}

/// Another process asks for so many builds, and ends.
fn enqueue(directory: &Path, prefix: &str, count: u32) {
    let words = ["enqueue", text(directory), prefix, &count.to_string()];
    let output = process(&words).wait_with_output().unwrap();
    assert!(output.status.success());
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A directory with the table that a copy makes.
fn opened(copy: &Path) -> (TempDir, ByHand) {
    let directory = tempfile::tempdir().unwrap();
    fs::copy(copy, directory.path().join("kiisrv.db")).unwrap();
    let table = ByHand::open(directory.path());
    (directory, table)
}

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_copy_that_is_made_while_builds_come_and_go_holds_all_that_was_accepted_before() {
    let (directory, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let table = text(directory.path());
    let mut asking = process(&["enqueue", table, "many", "400"]);
    let mut lines = BufReader::new(asking.stdout.take().unwrap()).lines();
    let mut accepted = BTreeSet::new();
    let mut draining = Vec::new();
    for round in 0..4 {
        for line in lines.by_ref().take(40) {
            let line = line.unwrap();
            accepted.insert(line.strip_prefix("enqueued ").unwrap().to_owned());
        }
        draining.push(process(&["drain", table]));
        let copy = copies.path().join(format!("{round}.db"));
        let copied = take(directory.path(), &copy, NO_RESERVE).unwrap();

        let (_directory, copied_table) = opened(&copy);
        let held: BTreeSet<_> = copied_table
            .ask("SELECT id FROM jobs")
            .into_iter()
            .collect();
        assert!(held.is_superset(&accepted), "round {round}");
        assert_eq!(copied.builds, held.len() as u64);
        assert_eq!(copied.bytes, fs::metadata(&copy).unwrap().len());
        assert_eq!(copied_table.ask("PRAGMA integrity_check"), ["ok"]);
        let mode = fs::metadata(&copy).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it is for its owner alone");
    }
    assert_eq!(lines.map(Result::unwrap).count(), 400 - accepted.len());
    assert!(asking.wait().unwrap().success(), "nobody was held up");
    for mut drain in draining {
        assert!(drain.wait().unwrap().success());
    }
    assert_eq!(names(copies.path()).len(), 4);
}

#[tokio::test]
async fn a_backup_is_never_written_over_and_one_that_fails_leaves_nothing() {
    let own = OwnStore::new().await;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("here.db");
    fs::write(&file, "an older one").unwrap();
    let refused = take(own.directory(), &file, NO_RESERVE).unwrap_err();
    assert!(matches!(refused, BackupError::Exists(_)), "{refused}");
    assert_eq!(fs::read(&file).unwrap(), b"an older one");

    let other = place.path().join("other.db");
    let refused = take(own.directory(), &other, u64::MAX).unwrap_err();
    assert!(matches!(refused, BackupError::NoRoom { .. }), "{refused}");

    let damaged = tempfile::tempdir().unwrap();
    fs::write(damaged.path().join("kiisrv.db"), "no table ".repeat(1000)).unwrap();
    let refused = take(damaged.path(), &other, NO_RESERVE).unwrap_err();
    assert!(matches!(refused, BackupError::Damaged { .. }), "{refused}");

    let nothing = tempfile::tempdir().unwrap();
    take(nothing.path(), &other, NO_RESERVE).unwrap_err();
    assert!(names(nothing.path()).is_empty(), "no table was made");
    assert_eq!(names(place.path()).len(), 1);
}

#[tokio::test]
async fn a_copy_becomes_the_table_again_and_the_one_before_stays_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy");
    enqueue(directory.path(), "early", 3);
    take(directory.path(), &copy, NO_RESERVE).unwrap();
    enqueue(directory.path(), "late", 2);

    let restored = put_back(directory.path(), &copy).unwrap();
    assert_eq!(restored.copied.builds, 3);
    let before = opened(&restored.before.unwrap()).1;
    assert_eq!(before.ask("SELECT count(*) FROM jobs"), ["5"]);

    let store = Store::open(directory.path()).await.unwrap();
    a_build("KType-After").enqueue(&store).await;
    let table = ByHand::open(directory.path());
    assert_eq!(table.ask("SELECT count(*) FROM jobs"), ["4"]);
    assert_eq!(table.ask("PRAGMA journal_mode"), ["wal"]);
}

#[tokio::test]
async fn nothing_is_put_back_while_somebody_has_the_table_open() {
    let own = OwnStore::new().await;
    let copy = own.directory().join("copy");
    take(own.directory(), &copy, NO_RESERVE).unwrap();
    a_build("KType-Later").enqueue(&own.store).await;
    let refused = put_back(own.directory(), &copy).unwrap_err();
    assert!(matches!(refused, BackupError::InUse(_)), "{refused}");
    assert_eq!(own.by_hand().ask("SELECT count(*) FROM jobs"), ["1"]);
    a_build("KType-Still").enqueue(&own.store).await;
}

#[test]
fn a_damaged_table_is_kept_and_its_log_is_not_taken_for_the_copys() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy");
    enqueue(directory.path(), "early", 3);
    take(directory.path(), &copy, NO_RESERVE).unwrap();
    let table = directory.path().join("kiisrv.db");
    for damaged in [
        "no table ".repeat(1000).into_bytes(),
        [&fs::read(&table).unwrap()[..100], &[b'x'; 20_000]].concat(),
    ] {
        fs::write(&table, &damaged).unwrap();
        fs::write(directory.path().join("kiisrv.db-wal"), "its log").unwrap();
        let before = put_back(directory.path(), &copy).unwrap().before.unwrap();
        assert_eq!(fs::read(&before).unwrap()[200..], damaged[200..]);
        assert!(!names(directory.path()).contains("kiisrv.db-wal"));
        let table = ByHand::open(directory.path());
        assert_eq!(table.ask("SELECT count(*) FROM jobs"), ["3"]);
    }
}

#[test]
fn only_a_whole_table_of_ours_that_is_not_newer_is_put_back() {
    let directory = tempfile::tempdir().unwrap();
    enqueue(directory.path(), "here", 1);
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("kiisrv.db");
    let refused = || put_back(directory.path(), &copy).unwrap_err();

    assert!(
        matches!(refused(), BackupError::File { .. }),
        "it is not there"
    );
    fs::write(&copy, "").unwrap();
    assert!(matches!(refused(), BackupError::NotOurs(_)));
    fs::remove_file(&copy).unwrap();
    take(directory.path(), &copy, NO_RESERVE).unwrap();
    ByHand::open(copies.path())
        .run("PRAGMA user_version = 1000")
        .unwrap();
    assert!(matches!(refused(), BackupError::Newer(_)));
    let whole = fs::read(&copy).unwrap();
    fs::write(&copy, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(refused(), BackupError::Damaged { .. }));

    let table = ByHand::open(directory.path());
    assert_eq!(table.ask("SELECT count(*) FROM jobs"), ["1"]);
    assert!(
        names(directory.path())
            .iter()
            .all(|name| !name.contains("before"))
    );
}
