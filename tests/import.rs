//! What comes over from the predecessor's tables, and what of it nobody may ever read here.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
};

use harness::{
    source::Source,
    store::{OwnStore, a_build},
};
use shared::store::{
    Store, StoreError,
    import::{
        Mode, RequestsImport, Tally,
        versions::{self, Existing, Fate, Target},
    },
    statistics::{Statistics, statistics},
};

/// More than two batches.
const ROWS: i64 = 12_345;

#[tokio::test]
async fn the_statistics_are_those_that_the_predecessor_showed() {
    let own = OwnStore::new().await;
    let source = Source::with_requests(ROWS);
    let (tally, rows, known) = import(&own.store, &source.stats).await;
    assert_eq!((tally.taken, rows, known), (12_345, 12_345, 0));
    assert!(tally.left_out.is_empty() && tally.amended.is_empty());
    let after = statistics(&own.store).await.unwrap();
    assert_eq!(after, source.as_the_predecessor_counts());
    let table = own.by_hand();
    assert_eq!(table.ask("SELECT count(*) FROM requests"), ["12345"]);
    let oldest = "SELECT strftime('%Y-%m-%dT%H:%M:%S', min(at) / 1000, 'unixepoch') FROM requests";
    assert_eq!(table.ask(oldest), ["2019-03-05T00:00:01"]);
    let joined = table.ask("SELECT count(*) FROM requests WHERE joined = 1");
    assert_eq!(
        joined,
        source.ask("SELECT count(*) FROM Requests WHERE build_duration IS NULL")
    );
    let controllers = table.ask("SELECT DISTINCT controller FROM requests ORDER BY 1");
    assert_eq!(controllers, ["050", "057"]);
}

#[tokio::test]
async fn what_was_counted_here_before_is_added_to() {
    let own = OwnStore::new().await;
    let somebody = own.store.client("203.0.113.7");
    a_build("KType-Standard")
        .by(&somebody)
        .enqueue(&own.store)
        .await;
    let here = statistics(&own.store).await.unwrap();
    let source = Source::empty();
    for number in 1..=3 {
        source.add(number, "203.0.113.7");
    }
    import(&own.store, &source.stats).await;
    let (there, both) = (
        source.as_the_predecessor_counts(),
        statistics(&own.store).await.unwrap(),
    );
    assert_eq!(both.builds, here.builds + there.builds);
    assert_eq!(both.layers, here.layers + there.layers);
    assert_eq!(both.unique_builds, here.unique_builds + there.unique_builds);
    // One person asked both of them.
    assert_eq!(both.users, 1);
}

#[tokio::test]
async fn one_person_is_the_same_user_as_with_a_request_today() {
    let own = OwnStore::new().await;
    let source = Source::empty();
    for (number, address) in [
        "2001:db8:1:2::1",
        "2001:db8:1:2:3:4:5:6",
        "::ffff:198.51.100.1",
        "unknown",
    ]
    .into_iter()
    .enumerate()
    {
        source.add(i64::try_from(number).unwrap() + 1, address);
    }
    import(&own.store, &source.stats).await;
    let stored = own
        .by_hand()
        .ask("SELECT client FROM requests ORDER BY rowid");
    let names = [
        "2001:db8:1:2::/64",
        "2001:db8:1:2::/64",
        "198.51.100.1",
        "unknown",
    ];
    assert_eq!(stored, names.map(|name| own.store.client(name)));
}

#[tokio::test]
async fn no_address_is_in_any_file_of_ours() {
    let own = OwnStore::new().await;
    let source = Source::with_requests(ROWS);
    source.run("UPDATE Requests SET hash = '' WHERE id % 100 = 0");
    import(&own.store, &source.stats).await;
    let addresses = source.ask("SELECT DISTINCT ip_addr FROM Requests");
    assert!(addresses.len() > 50);
    let theirs = fs::read(&source.stats).unwrap();
    assert!(String::from_utf8_lossy(&theirs).contains(&addresses[0]));
    let mut files = 0;
    for entry in fs::read_dir(own.directory()).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        files += 1;
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for address in &addresses {
            assert!(
                !text.contains(address.as_str()),
                "{address} in {}",
                path.display()
            );
        }
    }
    assert!(files >= 2, "the table and its journal");
}

#[tokio::test]
async fn the_same_file_twice_adds_nothing_and_what_it_gained_is_added() {
    let own = OwnStore::new().await;
    let source = Source::with_requests(6_000);
    import(&own.store, &source.stats).await;
    let once = statistics(&own.store).await.unwrap();
    // Elsewhere, and rewritten from end to end, it is still the same.
    let copy = source.stats.with_file_name("copy.db");
    source.run(&format!("VACUUM INTO '{}'", copy.display()));
    for path in [&source.stats, &copy] {
        let (tally, rows, known) = import(&own.store, path).await;
        assert_eq!((tally, rows, known), (Tally::default(), 6_000, 6_000));
    }
    assert_eq!(statistics(&own.store).await.unwrap(), once);

    // Old rows were deleted and the last week's addresses blanked since.
    source
        .run("DELETE FROM Requests WHERE id < 1000; UPDATE Requests SET ip_addr = 'gone' WHERE id > 5990");
    source.add(6_001, "203.0.113.200");
    let (tally, ..) = import(&own.store, &source.stats).await;
    assert_eq!(tally.taken, 1);
    let after = statistics(&own.store).await.unwrap();
    assert_eq!(after.builds, once.builds + 1);
}

#[tokio::test]
async fn two_predecessors_are_two_sources() {
    let own = OwnStore::new().await;
    let (one, other) = (Source::with_requests(10), Source::empty());
    for number in 101..=120 {
        other.add(number, "203.0.113.1");
    }
    import(&own.store, &one.stats).await;
    import(&own.store, &other.stats).await;
    assert_eq!(statistics(&own.store).await.unwrap().builds, 30);
}

#[tokio::test]
async fn a_file_that_was_restored_and_went_on_is_refused() {
    let own = OwnStore::new().await;
    let source = Source::with_requests(100);
    import(&own.store, &source.stats).await;
    source.run("UPDATE Requests SET hash = 'another', request_time = 'later' WHERE id > 50");
    let refused = RequestsImport::open(&own.store, &source.stats, Mode::Take).await;
    let message = refused.err().unwrap().to_string();
    assert!(message.contains("row 100 is not the one"), "{message}");
}

#[tokio::test]
async fn an_import_that_stopped_goes_on_where_it_was() {
    let own = OwnStore::new().await;
    let source = Source::with_requests(ROWS);
    let mut first = open(&own.store, &source.stats).await;
    assert_eq!(first.next_batch().await.unwrap().unwrap().taken, 5_000);
    drop(first);
    let (tally, rows, known) = import(&own.store, &source.stats).await;
    assert_eq!((tally.taken, rows, known), (7_345, 12_345, 5_000));
    let after = statistics(&own.store).await.unwrap();
    assert_eq!(after, source.as_the_predecessor_counts());
}

#[tokio::test]
async fn a_killed_import_is_completed_by_the_next() {
    let own = OwnStore::new().await;
    let source = Source::with_requests(3 * ROWS);
    for kill in 0..3_usize {
        #[expect(clippy::disallowed_methods, reason = "a process that is to be killed")]
        let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_store-process"))
            .args(["import".as_ref(), own.directory(), source.stats.as_path()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        // The first time before a batch is through, then after some.
        let said = said.lines().take(1 + kill).count();
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(said > 0);
    }
    import(&own.store, &source.stats).await;
    let after = statistics(&own.store).await.unwrap();
    assert_eq!(after, source.as_the_predecessor_counts());
}

#[tokio::test]
async fn of_two_imports_at_once_one_gives_way() {
    let own = OwnStore::new().await;
    let source = Source::with_requests(ROWS);
    let mut one = open(&own.store, &source.stats).await;
    let mut other = open(&own.store, &source.stats).await;
    one.next_batch().await.unwrap();
    assert!(matches!(
        other.next_batch().await,
        Err(StoreError::Overtaken)
    ));
    while one.next_batch().await.unwrap().is_some() {}
    let after = statistics(&own.store).await.unwrap();
    assert_eq!(after, source.as_the_predecessor_counts());
}

#[tokio::test]
async fn odd_rows_are_reported_and_stop_nothing() {
    let own = OwnStore::new().await;
    let source = Source::loose();
    for number in 1..=20 {
        source.add(number, "203.0.113.9");
    }
    source.run(
        "UPDATE Requests SET ip_addr = NULL        WHERE id IN (2, 3);
         UPDATE Requests SET hash = x'00ff'        WHERE id = 4;
         UPDATE Requests SET board = '  '          WHERE id = 5;
         UPDATE Requests SET variant = NULL        WHERE id = 6;
         UPDATE Requests SET container = NULL      WHERE id = 7;
         UPDATE Requests SET web = 'yes'           WHERE id = 8;
         UPDATE Requests SET os = NULL             WHERE id = 9;
         UPDATE Requests SET layers = -4           WHERE id = 10;
         UPDATE Requests SET request_time = 'soon' WHERE id = 11;
         UPDATE Requests SET request_time = NULL   WHERE id = 12;
         UPDATE Requests SET build_duration = -1   WHERE id = 13;
         UPDATE Requests SET request_time = 1551744000 WHERE id = 14;
         UPDATE Requests SET request_time = '2019-03-05 00:00:00' WHERE id = 15;
         UPDATE Requests SET board = CAST(x'4bff' AS TEXT) WHERE id = 16;
         UPDATE Requests SET layers = 9223372036854775807, build_duration = 1e300 WHERE id = 17;",
    );
    let (tally, ..) = import(&own.store, &source.stats).await;
    let counts = |rows: &BTreeMap<&'static str, shared::store::import::Rows>| {
        rows.iter()
            .map(|(reason, rows)| (*reason, rows.count, rows.first))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        counts(&tally.left_out),
        [
            ("neither web nor desktop", 1, 8),
            ("no address", 2, 2),
            ("no board", 2, 5),
            ("no container", 1, 7),
            ("no hash", 1, 4),
            ("no layout (variant)", 1, 6),
        ]
    );
    assert_eq!(
        counts(&tally.amended),
        [
            ("no duration that can be: 0", 2, 13),
            ("no number of layers: 0", 2, 10),
            ("no operating system: Unknown", 1, 9),
            ("no time that can be read: the time is unknown", 2, 11),
        ]
    );
    assert_eq!(tally.taken, 12);
    let after = statistics(&own.store).await.unwrap();
    assert_eq!((after.builds, after.layers), (12, 10));
    let times = "SELECT count(*) FROM requests WHERE at = 1551744000000";
    assert_eq!(own.by_hand().ask(times), ["2"]);
}

#[tokio::test]
async fn a_look_changes_nothing_and_tells_the_same() {
    let own = OwnStore::new().await;
    let source = Source::with_requests(ROWS);
    let mut look = RequestsImport::open(&own.store, &source.stats, Mode::Look)
        .await
        .unwrap();
    let mut seen = Tally::default();
    while let Some(batch) = look.next_batch().await.unwrap() {
        seen.add(batch);
    }
    assert_eq!(statistics(&own.store).await.unwrap(), Statistics::default());
    let (taken, ..) = import(&own.store, &source.stats).await;
    assert_eq!(seen, taken);
}

#[tokio::test]
async fn the_source_is_only_read_also_while_it_is_written_in_wal_mode() {
    let own = OwnStore::new().await;
    let source = Source::with_requests(100);
    let before = fs::read(&source.stats).unwrap();
    import(&own.store, &source.stats).await;
    assert_eq!(fs::read(&source.stats).unwrap(), before);

    source.run("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
    source.add(101, "203.0.113.101");
    let before = fs::read(&source.stats).unwrap();
    let (tally, ..) = import(&own.store, &source.stats).await;
    assert_eq!(tally.taken, 1, "the row is in the journal alone");
    assert_eq!(fs::read(&source.stats).unwrap(), before);
}

#[tokio::test]
async fn what_is_not_the_predecessors_table_is_named_and_not_made() {
    let own = OwnStore::new().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("stats.db");
    for content in [None, Some("no table at all"), Some("")] {
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
        }
        let refused = RequestsImport::open(&own.store, &file, Mode::Take).await;
        let message = refused.err().unwrap().to_string();
        assert!(message.contains("stats.db failed: "), "{message}");
        assert_eq!(file.exists(), content.is_some());
    }
}

#[tokio::test]
async fn new_versions_are_added_and_ours_are_kept_unless_told_otherwise() {
    let own = OwnStore::new().await;
    own.by_hand()
        .run("UPDATE versions SET channel = 'mine', controller = '056', enabled = 0 WHERE name = 'latest'")
        .unwrap();
    let source = Source::empty();
    let config = source.with_versions();
    let target = |channel: &str, controller: &str| Target {
        channel: channel.to_owned(),
        controller: controller.to_owned(),
    };
    let mut expected = vec![
        ("", Fate::LeftOut("it has no name that one could ask for")),
        (
            "../x",
            Fate::LeftOut("it has no name that one could ask for"),
        ),
        ("channelless", Fate::LeftOut("it has no channel")),
        ("latest", Fate::Kept(target("mine", "056"))),
        ("lts", Fate::Known),
        (
            "odd",
            Fate::LeftOut("its container is not named controller-<number>"),
        ),
        ("v0.4.9", Fate::Added(target("lts", "049"))),
    ];
    let row =
        "SELECT channel || ' ' || controller || ' ' || enabled FROM versions WHERE name = 'latest'";
    for (existing, mode, latest) in [
        (Existing::Keep, Mode::Look, "mine 056 0"),
        (Existing::Keep, Mode::Take, "mine 056 0"),
        (Existing::Replace, Mode::Take, "stable 057 0"),
    ] {
        if existing == Existing::Replace {
            let (was, now) = (target("mine", "056"), target("stable", "057"));
            expected[3].1 = Fate::Replaced { was, now };
            expected[6].1 = Fate::Known;
        }
        let fates = versions::take(&own.store, &config, existing, mode).await;
        let fates = fates.unwrap();
        let fates: Vec<_> = fates
            .iter()
            .map(|(name, fate)| (name.as_str(), fate.clone()))
            .collect();
        assert_eq!(fates, expected);
        assert_eq!(own.by_hand().ask(row), [latest]);
    }
}

async fn open(store: &Store, path: &Path) -> RequestsImport {
    RequestsImport::open(store, path, Mode::Take).await.unwrap()
}

/// Takes everything: what became of it, the rows that are there, and those that were known.
async fn import(store: &Store, path: &Path) -> (Tally, u64, u64) {
    let mut import = open(store, path).await;
    let mut tally = Tally::default();
    while let Some(batch) = import.next_batch().await.unwrap() {
        tally.add(batch);
    }
    (tally, import.rows, import.known)
}
