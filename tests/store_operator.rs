//! The operator's hand on queue and workers, as the table has it: pause, drain, cancel, retry, and the audit of each.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::time::Duration;

use harness::store::{OwnStore, a_build, failed, firmware};
use shared::{
    job::{ContainerSpec, JobId, Reason, Status},
    store::{
        Store, audit,
        control::{self, Switched},
        jobs::{
            Cancelled, Enqueued, Filter, Held, Overview, Pause, Summary, attempts, cancel_by,
            claim_next, container_created, finish, give_back, overview, retry, show, wish,
        },
        retention::drop_old_logs,
        workers::{self, Worker, sign_of_life},
    },
};

const LEASE: Duration = Duration::from_hours(1);

/// The program's own statement, so that its plan is looked at and not that of a copy.
const CLAIM: &str = include_str!("../shared/src/store/jobs/claim.rs");

fn a_worker(id: &str) -> Worker {
    Worker {
        id: id.to_owned(),
        host: "a host".to_owned(),
        engine_id: "an engine".to_owned(),
        slots: 2,
    }
}

/// Who did what to what, oldest first.
async fn done(store: &Store) -> Vec<(String, String, String)> {
    let entries = audit::entries(store, 100).await.unwrap();
    let mut done: Vec<_> = entries
        .into_iter()
        .map(|entry| (entry.who, entry.what, entry.subject))
        .collect();
    done.reverse();
    done
}

fn by_anna(what: &str, subject: &str) -> (String, String, String) {
    ("anna".to_owned(), what.to_owned(), subject.to_owned())
}

async fn takes(store: &Store, worker: &str) -> bool {
    claim_next(store, worker, LEASE).await.unwrap().is_some()
}

/// Takes the next build and ends it.
async fn end_next(store: &Store, outcome: shared::job::Outcome) -> JobId {
    let claimed = claim_next(store, "a worker", LEASE).await.unwrap().unwrap();
    finish(store, &claimed.held, outcome).await.unwrap();
    claimed.held.id
}

#[tokio::test]
async fn while_the_queue_is_paused_builds_are_accepted_and_nobody_takes_one() {
    let OwnStore { store, .. } = &OwnStore::new().await;
    assert_eq!(control::pause(store, "anna").await.unwrap(), Switched::Done);
    a_build("KType").enqueue(store).await;
    assert!(!takes(store, "a worker").await);
    let again = control::pause(store, "bert").await.unwrap();
    assert_eq!(again, Switched::AlreadySo);
    assert!(control::paused_at(store).await.unwrap().is_some());

    control::resume(store, "anna").await.unwrap();
    assert!(takes(store, "a worker").await);
    let again = control::resume(store, "bert").await.unwrap();
    assert_eq!(again, Switched::AlreadySo);
    let changes = [by_anna("pause", "queue"), by_anna("resume", "queue")];
    assert_eq!(done(store).await, changes);
}

#[tokio::test]
async fn a_worker_that_drains_takes_nothing_and_others_do_until_it_may_again() {
    let OwnStore { store, .. } = &OwnStore::new().await;
    let one = a_worker("one");
    for worker in [&one, &a_worker("two")] {
        sign_of_life(store, worker, None).await.unwrap();
    }
    a_build("KType").enqueue(store).await;
    a_build("Kira").enqueue(store).await;
    control::drain(store, "one", "anna").await.unwrap();
    // Its next sign of life does not undo it.
    sign_of_life(store, &one, None).await.unwrap();
    assert!(!takes(store, "one").await);
    assert!(takes(store, "two").await);
    let all = workers::all(store).await.unwrap();
    let seen: Vec<_> = all
        .iter()
        .map(|seen| (seen.worker.id.as_str(), seen.draining, seen.busy))
        .collect();
    assert_eq!(seen, [("one", true, 0), ("two", false, 1)]);
    assert_eq!(workers::ability(store).await.unwrap().workers, 1);

    control::undrain(store, "one", "anna").await.unwrap();
    assert!(takes(store, "one").await);
    let nobody = control::drain(store, "three", "anna").await.unwrap();
    assert_eq!(nobody, Switched::NoSuchWorker);
    let changes = [by_anna("drain", "one"), by_anna("undrain", "one")];
    assert_eq!(done(store).await, changes);
}

#[tokio::test]
async fn a_claim_finds_what_it_heeds_by_keys() {
    let own = OwnStore::new().await;
    let (_, rest) = CLAIM.split_once("format!(\n        \"").unwrap();
    let (claim, _) = rest.split_once("RETURNING").unwrap();
    let claim = ["?1", "?2", "?3"]
        .iter()
        .fold(claim.to_owned(), |claim, unset| claim.replace(unset, "1"));
    let plan = own.by_hand().plan_of(&claim);
    for step in ["INDEX jobs_waiting", "SEARCH workers USING"] {
        assert!(plan.contains(step), "{step}: {plan}");
    }
    // The one row of the service has no need of an index.
    let scans = plan.lines().filter(|step| step.contains("SCAN"));
    let scans: Vec<_> = scans
        .filter(|step| !step.contains("jobs_waiting"))
        .collect();
    assert_eq!(scans, ["SCAN service"], "{plan}");
}

#[tokio::test]
async fn an_operator_ends_a_build_once_and_is_written_down_once() {
    let OwnStore { store, .. } = &OwnStore::new().await;
    let id = a_build("KType").enqueue(store).await.id();
    let cancelled = cancel_by(store, id, "anna").await.unwrap();
    assert_eq!(cancelled, Cancelled::Yes);
    let again = cancel_by(store, id, "bert").await.unwrap();
    assert_eq!(again, Cancelled::HadEnded(Status::Cancelled));
    let unknown = cancel_by(store, JobId::new(), "bert").await.unwrap();
    assert_eq!(unknown, Cancelled::NoSuchBuild);
    let build = show(store, id).await.unwrap().unwrap();
    assert_eq!(build.reason, Some(Reason::Cancelled));
    let changes = [by_anna("cancel", &id.to_string())];
    assert_eq!(done(store).await, changes);
}

#[tokio::test]
async fn a_failure_that_is_kept_is_built_anew_and_firmware_is_joined() {
    let OwnStore { store, .. } = &OwnStore::new().await;
    a_build("KType").enqueue(store).await;
    let first = end_next(store, failed(Reason::BuildFailed)).await;
    let wished = wish(store, first).await.unwrap().unwrap();
    assert_eq!(
        (wished.version.as_str(), wished.config.as_str()),
        ("latest", "{}")
    );

    let again = async || {
        retry(store, a_build("KType").into(), first, "anna")
            .await
            .unwrap()
    };
    let Enqueued::New(second) = again().await else {
        panic!("the failure answered");
    };
    assert_ne!(second, first);
    assert_eq!(again().await, Enqueued::Joined(second, Status::Queued));
    assert_eq!(end_next(store, firmware()).await, second);
    assert_eq!(again().await, Enqueued::Joined(second, Status::Succeeded));
    let old = show(store, first).await.unwrap().unwrap();
    assert_eq!(old.status, Status::Failed, "its own row stays as it was");

    let entries = audit::entries(store, 100).await.unwrap();
    let said: Vec<_> = entries
        .iter()
        .map(|entry| (entry.subject.clone(), entry.details["joined"].clone()))
        .collect();
    let of = first.to_string();
    assert_eq!(
        said,
        [
            (of.clone(), true.into()),
            (of.clone(), true.into()),
            (of, false.into())
        ]
    );
}

/// One build in each state but cancelled, and two that wait.
struct Builds {
    failed: JobId,
    built: JobId,
    running: JobId,
    first: JobId,
    later: JobId,
}

async fn builds(store: &Store) -> Builds {
    a_build("KType-Failed").enqueue(store).await;
    let failed = end_next(store, failed(Reason::TimedOut)).await;
    a_build("KType-Built").enqueue(store).await;
    let built = end_next(store, firmware()).await;
    let running = a_build("WhiteFox-Runs").enqueue(store).await.id();
    assert!(takes(store, "a worker").await);
    let first = a_build("Kira-First").by("c0ffee").enqueue(store).await;
    let later = a_build("Kira-Later").by("c0ffee").enqueue(store).await;
    Builds {
        failed,
        built,
        running,
        first: first.id(),
        later: later.id(),
    }
}

async fn look(store: &Store, filter: Filter) -> Overview {
    let limit = if filter.limit == 0 { 10 } else { filter.limit };
    overview(store, Filter { limit, ..filter }).await.unwrap()
}

fn ids(builds: &[Summary]) -> Vec<JobId> {
    builds.iter().map(|build| build.id).collect()
}

#[tokio::test]
async fn a_look_at_ended_builds_does_not_go_through_those_that_wait() {
    let own = OwnStore::new().await;
    const SOURCE: &str = include_str!("../shared/src/store/jobs/overview.rs");
    for ended in [
        "FROM jobs WHERE id < ?1 AND finished_at IS NOT NULL ORDER BY id DESC LIMIT ?2",
        "FROM jobs WHERE id >= ?1 AND finished_at IS NOT NULL AND compares IS NULL",
    ] {
        assert!(SOURCE.contains(ended), "{ended}");
        let plan = own.by_hand().plan_of(&format!(
            "SELECT status {}",
            ended.replace("?1", "'7'").replace("?2", "50")
        ));
        assert!(plan.contains("USING INDEX jobs_ended"), "{plan}");
    }
}

#[tokio::test]
async fn the_overview_has_every_state_and_goes_on_where_it_ended() {
    let OwnStore { store, .. } = &OwnStore::new().await;
    let there = builds(store).await;
    let all = look(store, Filter::default()).await;
    let counts: Vec<_> = all.counts.iter().map(|(_, count)| *count).collect();
    assert_eq!(counts, [2, 1, 1, 1, 0]);
    assert_eq!(ids(&all.waiting), [there.first, there.later]);
    assert_eq!(all.waiting[1].position, Some(2));
    assert_eq!(ids(&all.running), [there.running]);
    assert_eq!(ids(&all.recent), [there.built, there.failed]);
    assert_eq!(all.oldest_waiting, Some(all.waiting[0].created_at));
    assert_eq!((all.paused_at, all.next), (None, None));

    let one = Filter {
        limit: 1,
        ..Filter::default()
    };
    let page = look(store, one).await;
    assert_eq!(ids(&page.recent), [there.built]);
    assert_eq!(page.next, Some(there.built));
    let rest = Filter {
        before: page.next,
        ..Filter::default()
    };
    assert_eq!(ids(&look(store, rest).await.recent), [there.failed]);
}

#[tokio::test]
async fn builds_are_found_by_status_keyboard_id_and_client() {
    let OwnStore { store, .. } = &OwnStore::new().await;
    let there = builds(store).await;
    let failed = Filter {
        status: Some(Status::Failed),
        ..Filter::default()
    };
    let failed = look(store, failed).await;
    assert_eq!(ids(&failed.recent), [there.failed]);
    assert_eq!(
        (ids(&failed.waiting), ids(&failed.running)),
        (vec![], vec![])
    );
    let kira = Filter {
        keyboard: Some("kira".to_owned()),
        ..Filter::default()
    };
    let kira = look(store, kira).await;
    assert_eq!(ids(&kira.waiting), [there.first, there.later]);
    assert_eq!((ids(&kira.running), ids(&kira.recent)), (vec![], vec![]));

    let with = |text: &str| Filter {
        text: Some(text.to_owned()),
        ..Filter::default()
    };
    let id = there.later.to_string();
    for text in [&id, &id[..35], &id[30..], "kira-later", "LATER"] {
        let found = look(store, with(text)).await;
        assert_eq!(ids(&found.waiting), [there.later], "{text}");
        assert_eq!(found.waiting[0].position, Some(2), "of all that wait");
    }
    let of_client = look(store, with("c0ffee")).await;
    assert_eq!(ids(&of_client.waiting), [there.first, there.later]);
    let of_one = |client: &str| Filter {
        client: Some(client.to_owned()),
        ..Filter::default()
    };
    let found = look(store, of_one("c0ffee")).await;
    assert_eq!(ids(&found.waiting), [there.first, there.later]);
    assert_eq!((ids(&found.running), ids(&found.recent)), (vec![], vec![]));
    let part = look(store, of_one("c0ff")).await;
    assert_eq!(ids(&part.waiting), [], "a client is named as a whole");
}

#[tokio::test]
async fn each_container_is_written_down_with_what_it_was_given_until_the_log_goes() {
    let OwnStore { store, .. } = &OwnStore::new().await;
    a_build("KType").enqueue(store).await;
    let given = |image: &str| ContainerSpec {
        image: image.to_owned(),
        environment: vec![("Layout".to_owned(), "it's \"mine\"".to_owned())],
        ..ContainerSpec::default()
    };
    let mut id = None;
    for (number, image) in ["sha256:1", "sha256:2"].iter().enumerate() {
        let claimed = claim_next(store, "a worker", LEASE).await.unwrap().unwrap();
        let held = claimed.held;
        let container = format!("container {number}");
        let made = container_created(store, &held, (&container, "an engine"), &given(image)).await;
        assert!(made.unwrap());
        let late = Held {
            epoch: 0,
            ..held.clone()
        };
        let made = container_created(store, &late, ("late", "an engine"), &given("x")).await;
        assert!(!made.unwrap(), "its claim is over");
        id = Some(held.id);
        match number {
            0 => give_back(store, &held, Pause::None, "").await.unwrap(),
            _ => drop(finish(store, &held, firmware()).await.unwrap()),
        }
    }
    let id = id.unwrap();
    let made = attempts(store, id).await.unwrap();
    let told: Vec<_> = made
        .iter()
        .map(|one| (one.epoch, one.container.as_str(), one.spec.clone().unwrap()))
        .collect();
    let expected = [
        (1, "container 0", given("sha256:1")),
        (2, "container 1", given("sha256:2")),
    ];
    assert_eq!(told, expected);

    drop_old_logs(store, Duration::ZERO, 9).await.unwrap();
    assert_eq!(attempts(store, id).await.unwrap(), []);
}
