//! What the table keeps for how long, and that its own log stays small.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_types,
    reason = "a test may stop, and reads as an SQLite client does"
)]

use std::{collections::BTreeSet, time::Duration};

use harness::store::{OwnStore, a_build, failed, firmware};
use shared::{
    diagnose::Diagnostic,
    job::{JobId, Outcome, Reason, Status},
    store::{
        Store,
        jobs::{self, Enqueued},
        retention,
        statistics::statistics,
        wal,
    },
};

const DAY: Duration = Duration::from_hours(24);
const LEASE: Duration = Duration::from_hours(1);

/// The bytes of each zip of the harness.
const ZIP: u64 = 4096;

/// More than a test has.
const ALL: u32 = 1000;

/// A build that ended so many days ago.
async fn ended(own: &OwnStore, name: &str, days: u32, outcome: Outcome) -> JobId {
    let id = a_build(name).enqueue(&own.store).await.id();
    let claimed = jobs::claim_next(&own.store, "w", LEASE).await.unwrap();
    let held = claimed.unwrap().held;
    jobs::finish(&own.store, &held, outcome).await.unwrap();
    let ago = (DAY * days).as_millis();
    own.by_hand()
        .run(&format!(
            "UPDATE jobs SET finished_at = finished_at - {ago} WHERE id = '{id}';
             UPDATE requests SET at = at - {ago} WHERE job_id = '{id}';"
        ))
        .unwrap();
    id
}

async fn has_zip(store: &Store, id: JobId) -> bool {
    let build = jobs::show(store, id).await.unwrap().unwrap();
    build.artifact.is_some()
}

#[tokio::test]
async fn zips_go_by_their_age_and_the_answer_goes_in_the_same_moment() {
    let own = OwnStore::new().await;
    let old = ended(&own, "KType-Old", 31, firmware()).await;
    let young = ended(&own, "KType-Young", 29, firmware()).await;
    let failure = ended(&own, "KType-Failed", 31, failed(Reason::BuildFailed)).await;

    let dropped = retention::drop_old_zips(&own.store, Status::Succeeded, DAY * 30, ALL).await;
    assert_eq!(dropped.unwrap(), [old]);
    assert!(!has_zip(&own.store, old).await && has_zip(&own.store, young).await);
    assert!(has_zip(&own.store, failure).await, "it is of another kind");

    let again = a_build("KType-Old").enqueue(&own.store).await;
    assert!(matches!(again, Enqueued::New(id) if id != old), "{again:?}");
    let kept = a_build("KType-Young").enqueue(&own.store).await;
    assert_eq!(kept, Enqueued::Joined(young, Status::Succeeded));
}

#[tokio::test]
async fn over_their_bound_failures_go_first_then_the_oldest_and_what_is_fresh_stays() {
    let own = OwnStore::new().await;
    let older = ended(&own, "KType-Older", 3, firmware()).await;
    let newer = ended(&own, "KType-Newer", 2, firmware()).await;
    let failure = ended(&own, "KType-Failed", 1, failed(Reason::BuildFailed)).await;
    let fresh = ended(&own, "KType-Fresh", 0, firmware()).await;
    let over = async |bound| {
        let dropped = retention::drop_zips_over(&own.store, bound, ALL).await;
        BTreeSet::from_iter(dropped.unwrap())
    };

    assert_eq!(over(4 * ZIP).await, BTreeSet::new());
    // A byte too much is a whole zip too much.
    assert_eq!(over(4 * ZIP - 1).await, BTreeSet::from([failure]));
    assert_eq!(over(2 * ZIP).await, BTreeSet::from([older]));
    assert_eq!(over(0).await, BTreeSet::from([newer]));
    assert_eq!(over(0).await, BTreeSet::new());
    assert!(has_zip(&own.store, fresh).await);
}

#[tokio::test]
async fn for_room_as_many_go_as_give_it_and_never_more_than_a_few_at_once() {
    let own = OwnStore::new().await;
    for number in 0..9 {
        ended(&own, &format!("KType-{number}"), 2, firmware()).await;
    }
    let room = async |bytes, most| {
        let dropped = retention::drop_zips_for_room(&own.store, bytes, most).await;
        dropped.unwrap().len()
    };
    assert_eq!(room(2 * ZIP + 1, ALL).await, 3);
    assert_eq!(room(u64::MAX, 4).await, 4);
    assert_eq!(room(u64::MAX, 4).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_zip_is_given_to_one_worker_to_remove() {
    let own = OwnStore::new().await;
    for number in 0..60 {
        ended(&own, &format!("KType-{number}"), 40, firmware()).await;
    }
    let mut working = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let store = own.another_handle().await;
        working.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let some = retention::drop_old_zips(&store, Status::Succeeded, DAY * 30, 7).await;
                match some.unwrap() {
                    some if some.is_empty() => return mine,
                    some => mine.extend(some),
                }
            }
        });
    }
    let all = working.join_all().await.concat();
    assert_eq!(all.len(), 60);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 60);
}

#[tokio::test]
async fn a_row_goes_after_its_zip_and_its_log_and_what_runs_never() {
    let own = OwnStore::new().await;
    let id = ended(&own, "KType-Old", 400, firmware()).await;
    let runs = a_build("KType-Runs").enqueue(&own.store).await.id();
    jobs::claim_next(&own.store, "w", LEASE).await.unwrap();
    let table = own.by_hand();
    let inputs = || table.ask("SELECT job_id FROM job_inputs").len();
    let rows = async || {
        retention::drop_old_rows(&own.store, DAY * 365, ALL)
            .await
            .unwrap()
    };

    assert_eq!((rows().await, inputs()), (0, 2));
    let zips = retention::drop_old_zips(&own.store, Status::Succeeded, DAY * 30, ALL).await;
    assert_eq!(zips.unwrap(), [id]);
    assert_eq!((rows().await, inputs()), (0, 2));
    let logs = retention::drop_old_logs(&own.store, DAY * 30, ALL).await;
    assert_eq!(logs.unwrap(), [id]);
    assert_eq!(inputs(), 1, "the layout goes with the log");
    let logs = retention::drop_old_logs(&own.store, DAY * 30, ALL).await;
    assert_eq!(logs.unwrap(), [], "a log goes once");
    assert_eq!(rows().await, 1);
    assert_eq!(table.ask("SELECT id FROM jobs"), [runs.to_string()]);
}

#[tokio::test]
async fn old_requests_go_a_few_at_once_and_what_was_counted_stays() {
    let own = OwnStore::new().await;
    for number in 0..5 {
        ended(&own, &format!("KType-{number}"), 400, firmware()).await;
    }
    ended(&own, "KType-Young", 1, firmware()).await;
    let counted = statistics(&own.store).await.unwrap();
    assert_eq!(counted.builds, 6);
    for gone in [2, 2, 1, 0] {
        let dropped = retention::drop_old_requests(&own.store, DAY * 365, 2).await;
        assert_eq!(dropped.unwrap(), gone);
    }
    let left = own.by_hand().ask("SELECT layout FROM requests");
    assert_eq!(left, ["Young"]);
    assert_eq!(statistics(&own.store).await.unwrap(), counted);
}

#[tokio::test]
async fn retention_finds_what_it_looks_for_without_reading_all_rows() {
    /// The program's own statements, so that their plan is looked at and not that of a copy.
    const SOURCE: &str = include_str!("../shared/src/store/retention.rs");
    let own = OwnStore::new().await;
    let table = own.by_hand();
    for (statement, index) in [
        (
            "SELECT id FROM jobs WHERE artifact_bytes IS NOT NULL AND status = ?1 AND finished_at <= ?2
                     ORDER BY finished_at LIMIT ?3",
            "jobs_with_zip",
        ),
        (
            "SELECT id, artifact_bytes, row_number() OVER (ORDER BY status, finished_at) AS place
                       FROM jobs WHERE artifact_bytes IS NOT NULL AND finished_at <= ?1
                       ORDER BY status, finished_at LIMIT ?2",
            "jobs_with_zip",
        ),
        (
            "SELECT coalesce(sum(artifact_bytes), 0) FROM jobs WHERE artifact_bytes IS NOT NULL",
            "COVERING INDEX jobs_with_zip",
        ),
        (
            "SELECT id FROM jobs WHERE finished_at <= ?1 AND log_gone = 0
                              ORDER BY finished_at LIMIT ?2",
            "jobs_with_log",
        ),
        (
            "SELECT id FROM jobs WHERE finished_at <= ?1 AND log_gone = 1 AND artifact_bytes IS NULL
                   ORDER BY finished_at LIMIT ?2",
            "jobs_bare",
        ),
    ] {
        assert!(SOURCE.contains(statement), "{statement} is the program's no more");
        let plan = table.plan_of(&statement.replace('?', ""));
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{statement}\n{plan}");
    }
}

/// Somebody who always reads: the next one begins before the last one ends.
struct Readers {
    last: rusqlite::Connection,
    next: rusqlite::Connection,
}

impl Readers {
    fn begin(own: &OwnStore) -> Self {
        let open = || rusqlite::Connection::open(own.directory().join("kiisrv.db")).unwrap();
        let readers = Self {
            last: open(),
            next: open(),
        };
        readers.last.execute_batch(READ).unwrap();
        readers
    }

    fn change_over(&mut self) {
        self.next.execute_batch(READ).unwrap();
        self.last.execute_batch("COMMIT").unwrap();
        std::mem::swap(&mut self.last, &mut self.next);
    }
}

const READ: &str = "BEGIN; SELECT count(*) FROM jobs;";

/// The largest size of the log over forty mebibytes of writes, each of which is followed by what a worker does.
async fn largest_log(keep_below: Option<u64>) -> u64 {
    let own = OwnStore::new().await;
    let mut readers = Readers::begin(&own);
    let mut largest = 0;
    for number in 0..40 {
        let config = format!("\"{}\"", "x".repeat(1 << 20));
        let build = a_build(&format!("KType-{number}")).with(|build| build.config = config);
        build.enqueue(&own.store).await;
        readers.change_over();
        largest = largest.max(wal::size(&own.store).unwrap());
        let Some(enough) = keep_below else { continue };
        let emptied = wal::keep_below(&own.store, enough);
        tokio::pin!(emptied);
        let emptied = loop {
            tokio::select! {
                emptied = &mut emptied => break emptied.unwrap(),
                () = tokio::time::sleep(Duration::from_millis(2)) => readers.change_over(),
            }
        };
        assert!(emptied, "readers that end in time do not hinder it");
    }
    largest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_write_ahead_log_stays_small_although_somebody_always_reads() {
    const MIB: u64 = 1 << 20;
    let grown = largest_log(None).await;
    assert!(grown > 40 * MIB, "readers do not hinder it: {grown}");
    let bounded = largest_log(Some(4 * MIB)).await;
    assert!(bounded < 8 * MIB, "{bounded}");
}

#[tokio::test]
async fn what_a_compiler_complained_of_goes_with_its_build() {
    let own = OwnStore::new().await;
    let complaint = Diagnostic {
        message: "there is no key \"Entr\"".to_owned(),
        ..Diagnostic::default()
    };
    let outcome = Outcome::Failed {
        reason: Reason::BuildFailed,
        detail: String::new(),
        artifact: None,
        diagnostics: vec![complaint.clone(); 20],
    };
    let id = ended(&own, "KType-Failed", 1, outcome).await;
    let told = jobs::diagnostics(&own.store, id).await.unwrap();
    assert_eq!(told, vec![complaint; 20]);
    let gone = format!(
        "PRAGMA foreign_keys = ON; DELETE FROM requests; DELETE FROM jobs WHERE id = '{id}'"
    );
    own.by_hand().run(&gone).unwrap();
    assert_eq!(jobs::diagnostics(&own.store, id).await.unwrap(), []);
}
