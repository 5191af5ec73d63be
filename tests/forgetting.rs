//! Erasing: who may have it done, what of a build stays, and that it is gone from the files and not only from the rows.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{fs, ops::Range, time::Duration};

use harness::store::{OwnStore, a_build, failed, firmware};
use shared::{
    diagnose::Diagnostic,
    job::{ContainerSpec, JobId, Outcome, Reason, Status},
    layout::Library,
    store::{
        Store, audit,
        forgetting::{Forgotten, OfClient, files, forget, forget_by, forget_client},
        jobs::{
            Admitted, Enqueued, Hold, LeaveToken, Limits, admit, claim_next, container_created,
            finish, leave, show,
        },
        statistics::statistics,
        wal,
    },
};

const LEASE: Duration = Duration::from_hours(1);

/// A word that is nowhere else.
const SECRET: &str = "Zwiebelkuchenrezept";

fn library() -> Library {
    let layout = ("KType-Standard.json".to_owned(), "{}".to_owned());
    Library::from_texts([layout], []).unwrap()
}

/// Asks for a build in somebody's name, and gives what it may be left and erased with.
async fn ask(store: &Store, name: &str, client: &str) -> (JobId, Option<LeaveToken>) {
    ask_with(store, name, client, &format!("{SECRET} {name}")).await
}

/// The same with this text in the layout.
async fn ask_with(
    store: &Store,
    name: &str,
    client: &str,
    text: &str,
) -> (JobId, Option<LeaveToken>) {
    let build = a_build(name)
        .by(client)
        .with(|build| build.config = format!("{{\"text\": \"{text}\"}}"));
    let limits = Limits {
        per_client: 1000,
        in_all: 1000,
    };
    match admit(store, build.into(), limits, Hold::UntilItLeaves)
        .await
        .unwrap()
    {
        Admitted::Yes { enqueued, token } => (enqueued.id(), token),
        other => panic!("{other:?}"),
    }
}

async fn end(store: &Store, outcome: Outcome) -> JobId {
    let held = claim_next(store, "w", LEASE).await.unwrap().unwrap().held;
    let given = ContainerSpec {
        name: format!("a container for {SECRET}"),
        ..ContainerSpec::default()
    };
    let container = ("0123456789abcdef", "an engine");
    let made = container_created(store, &held, container, &given).await;
    assert!(made.unwrap());
    finish(store, &held, outcome).await.unwrap();
    held.id
}

/// A build that Anna has asked for, and that has ended.
async fn annas(own: &OwnStore, name: &str) -> (JobId, LeaveToken) {
    let (id, token) = ask(&own.store, name, "anna").await;
    assert_eq!(end(&own.store, firmware()).await, id);
    (id, token.unwrap())
}

fn complaint() -> Outcome {
    let about = Diagnostic {
        message: format!("{SECRET} is no key"),
        compiler: SECRET.to_owned(),
        ..Diagnostic::default()
    };
    match failed(Reason::BuildFailed) {
        Outcome::Failed {
            reason, artifact, ..
        } => Outcome::Failed {
            reason,
            detail: format!("it ended at {SECRET}"),
            artifact,
            diagnostics: vec![about],
        },
        other @ Outcome::Built(_) => other,
    }
}

/// How often a text stands in the files of the table.
fn in_the_files(own: &OwnStore, text: &str) -> usize {
    let mut found = 0;
    for entry in fs::read_dir(own.directory()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(path).unwrap();
            found += bytes
                .windows(text.len())
                .filter(|part| *part == text.as_bytes())
                .count();
        }
    }
    found
}

async fn others(own: &OwnStore, numbers: Range<usize>) {
    for number in numbers {
        a_build(&format!("Kira-{number}")).enqueue(&own.store).await;
        let held = claim_next(&own.store, "w", LEASE)
            .await
            .unwrap()
            .unwrap()
            .held;
        finish(&own.store, &held, firmware()).await.unwrap();
    }
}

#[tokio::test]
async fn after_the_submitters_word_nothing_of_a_build_is_in_any_file_of_the_table() {
    let own = OwnStore::new().await;
    // Others before and behind it, so that its rows are among theirs.
    others(&own, 0..60).await;
    // One whose layout takes many pages, and one that is all in one.
    let text = SECRET.repeat(10_000);
    let (long, long_token) =
        ask_with(&own.store, &format!("KType-{SECRET}Long"), "anna", &text).await;
    let long_token = long_token.unwrap();
    end(&own.store, complaint()).await;
    let (short, short_token) = annas(&own, &format!("KType-{SECRET}")).await;
    others(&own, 60..120).await;
    let fingerprints = [long, short].map(|id| {
        own.by_hand()
            .ask(&format!("SELECT fingerprint FROM jobs WHERE id = '{id}'"))
    });
    assert!(in_the_files(&own, SECRET) > 10_000);
    let before = statistics(&own.store).await.unwrap();

    for (id, token) in [(long, &long_token), (short, &short_token)] {
        let forgotten = forget(&own.store, &library(), id, token).await.unwrap();
        assert_eq!(forgotten, Forgotten::Yes);
        assert_eq!(show(&own.store, id).await.unwrap(), None);
    }
    let to_go = files::to_go(&own.store, 10).await.unwrap();
    let ids: Vec<_> = to_go.iter().map(|erased| erased.id).collect();
    assert_eq!(ids, [long, short]);
    assert_eq!(
        files::are_gone(&own.store, to_go, LEASE).await.unwrap(),
        Some(2)
    );

    wal::keep_below(&own.store, 0).await.unwrap();
    assert_eq!(in_the_files(&own, SECRET), 0);
    for fingerprint in fingerprints {
        assert_eq!(in_the_files(&own, &fingerprint[0]), 0);
    }
    let after = statistics(&own.store).await.unwrap();
    assert_eq!(after.keyboards["KType-forgotten"], 2);
    assert_eq!(
        (after.builds, after.unique_builds, after.users, after.layers),
        (
            before.builds,
            before.unique_builds,
            before.users,
            before.layers
        )
    );
}

#[tokio::test]
async fn what_is_deleted_by_age_is_gone_from_the_files_too() {
    let own = OwnStore::new().await;
    annas(&own, "KType-Standard").await;
    assert!(in_the_files(&own, SECRET) > 0);
    let dropped = shared::store::retention::drop_old_logs(&own.store, Duration::ZERO, 10).await;
    assert_eq!(dropped.unwrap().len(), 1);
    wal::keep_below(&own.store, 0).await.unwrap();
    assert_eq!(in_the_files(&own, SECRET), 0);
}

#[tokio::test]
async fn a_build_that_others_asked_for_stays_until_they_have_left() {
    let own = OwnStore::new().await;
    let (id, annas) = ask(&own.store, "KType-Standard", "anna").await;
    let (_, berts) = ask(&own.store, "KType-Standard", "bert").await;
    end(&own.store, firmware()).await;
    let (annas, berts) = (annas.unwrap(), berts.unwrap());
    let wish = async |token| forget(&own.store, &library(), id, token).await.unwrap();
    assert_eq!(wish(&annas).await, Forgotten::OthersHaveIt);
    assert!(show(&own.store, id).await.unwrap().is_some());
    leave(&own.store, id, &berts).await.unwrap();
    assert_eq!(wish(&annas).await, Forgotten::Yes);
    assert_eq!(wish(&annas).await, Forgotten::NoSuchBuild);
}

#[tokio::test]
async fn whoever_was_given_the_answer_later_has_it_too_and_the_same_client_is_nobody_else() {
    let own = OwnStore::new().await;
    let (id, token) = annas(&own, "KType-Standard").await;
    let (again, none) = ask(&own.store, "KType-Standard", "anna").await;
    assert_eq!((again, none.is_none()), (id, true));
    let (second, second_token) = annas(&own, "Kira-Standard").await;
    ask(&own.store, "Kira-Standard", "bert").await;
    let wish = async |id, token| forget(&own.store, &library(), id, token).await.unwrap();
    assert_eq!(wish(second, &second_token).await, Forgotten::OthersHaveIt);
    assert_eq!(wish(id, &token).await, Forgotten::Yes);
}

#[tokio::test]
async fn only_a_token_of_the_build_erases_it_and_only_when_it_has_ended() {
    let own = OwnStore::new().await;
    let (id, token) = annas(&own, "KType-Standard").await;
    let (waits, waits_token) = ask(&own.store, "Kira-Standard", "anna").await;
    let wish = async |id, token: LeaveToken| {
        let forgotten = forget(&own.store, &library(), id, &token).await;
        forgotten.unwrap()
    };
    let stored = own.by_hand().ask(&format!(
        "SELECT secret FROM participants WHERE job_id = '{id}'"
    ));
    for wrong in ["", "no", &stored[0]] {
        let wrong = LeaveToken::presented(wrong);
        assert_eq!(wish(id, wrong).await, Forgotten::UnknownToken);
    }
    let other = waits_token.unwrap();
    assert_eq!(wish(id, other.clone()).await, Forgotten::UnknownToken);
    assert_eq!(
        wish(waits, other).await,
        Forgotten::NotEnded(Status::Queued)
    );
    assert_eq!(wish(JobId::new(), token).await, Forgotten::NoSuchBuild);
    // One that nobody can leave, nobody can have erased either.
    let old = a_build("MD1-Standard").enqueue(&own.store).await.id();
    for _ in 0..2 {
        end(&own.store, firmware()).await;
    }
    assert_eq!(
        wish(old, LeaveToken::presented("")).await,
        Forgotten::UnknownToken
    );
}

#[tokio::test]
async fn what_was_erased_is_no_answer_any_more_and_the_table_is_whole() {
    let own = OwnStore::new().await;
    let (id, token) = annas(&own, "KType-Standard").await;
    forget(&own.store, &library(), id, &token).await.unwrap();
    let again = a_build("KType-Standard").enqueue(&own.store).await;
    assert!(
        matches!(again, Enqueued::New(new) if new != id),
        "{again:?}"
    );
    let table = own.by_hand();
    assert_eq!(table.ask("SELECT waiting FROM service"), ["1"]);
    for orphans in ["job_inputs", "participants", "history", "diagnostics"] {
        let question = format!("SELECT count(*) FROM {orphans} WHERE job_id = '{id}'");
        assert_eq!(table.ask(&question), ["0"], "{orphans}");
    }
    // The name of a layout that comes with the service is no secret.
    let statistics = statistics(&own.store).await.unwrap();
    assert_eq!(statistics.keyboards["KType-Standard"], 2);
    assert_eq!(statistics.unique_builds, 2, "it was built twice");
}

#[tokio::test]
async fn a_name_that_another_build_has_too_stays_in_the_statistics() {
    let own = OwnStore::new().await;
    let (id, token) = annas(&own, "KType-Mine").await;
    a_build("KType-Mine")
        .with(|build| build.fingerprint = harness::store::fingerprint("another"))
        .by("bert")
        .enqueue(&own.store)
        .await;
    forget(&own.store, &library(), id, &token).await.unwrap();
    let statistics = statistics(&own.store).await.unwrap();
    assert_eq!(statistics.keyboards["KType-Mine"], 2);
    assert!(!statistics.keyboards.contains_key("KType-forgotten"));
}

#[tokio::test]
async fn an_operator_erases_any_build_and_is_written_down_without_what_was_erased() {
    let own = OwnStore::new().await;
    let (id, _) = annas(&own, &format!("KType-{SECRET}")).await;
    ask(&own.store, &format!("KType-{SECRET}"), "bert").await;
    let wish = async || forget_by(&own.store, &library(), id, "Otto").await.unwrap();
    assert_eq!(wish().await, Forgotten::Yes);
    assert_eq!(wish().await, Forgotten::NoSuchBuild);
    let entries = audit::entries(&own.store, 10).await.unwrap();
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!((&entry.who[..], &entry.what[..]), ("Otto", "forget"));
    assert_eq!(
        (entry.subject.clone(), entry.details.to_string()),
        (id.to_string(), "{}".to_owned())
    );
}

#[tokio::test]
async fn of_a_client_all_goes_that_is_its_own_and_its_name_from_what_is_not() {
    let own = OwnStore::new().await;
    // More than a piece.
    for number in 0..130 {
        ask(&own.store, &format!("KType-{number}"), "anna").await;
        end(&own.store, firmware()).await;
    }
    let (both, _) = ask(&own.store, "Kira-Both", "anna").await;
    ask(&own.store, "Kira-Both", "bert").await;
    end(&own.store, firmware()).await;
    let (berts, _) = ask(&own.store, "Kira-Berts", "bert").await;
    end(&own.store, firmware()).await;
    // She was given what was there already.
    ask(&own.store, "Kira-Berts", "anna").await;
    let (waits, _) = ask(&own.store, "MD1-Waits", "anna").await;
    // A row of before that has gone.
    own.by_hand()
        .run("INSERT INTO requests (at, job_id, client, os, platform, keyboard, layout, layers, controller, joined)
              VALUES (1, 'gone', 'anna', 'Linux', 'Web', 'Kira', 'Gone', 1, '057', 0)")
        .unwrap();
    let before = statistics(&own.store).await.unwrap();

    let done = forget_client(&own.store, &library(), "anna", "Otto")
        .await
        .unwrap();
    let expected = OfClient {
        erased: 130,
        shared: 2,
        unfinished: 1,
    };
    assert_eq!(done, expected);
    let table = own.by_hand();
    let left = table.ask("SELECT id FROM jobs ORDER BY id");
    assert_eq!(left, [both, berts, waits].map(|id| id.to_string()));
    for column in ["jobs", "participants", "requests"] {
        let question = format!("SELECT count(*) FROM {column} WHERE client = 'anna'");
        // What waits is hers until it has ended.
        assert_eq!(table.ask(&question), ["1"], "{column}");
    }
    assert_eq!(
        table.ask("SELECT count(*) FROM counted_once WHERE name = 'anna'"),
        ["0"]
    );
    assert_eq!(statistics(&own.store).await.unwrap().users, before.users);
    let entry = &audit::entries(&own.store, 1).await.unwrap()[0];
    assert_eq!(entry.subject, "a client");
    assert!(!entry.details.to_string().contains("anna"));
    assert_eq!(files::to_go(&own.store, 1000).await.unwrap().len(), 130);

    end(&own.store, firmware()).await;
    let again = forget_client(&own.store, &library(), "anna", "Otto")
        .await
        .unwrap();
    assert_eq!(
        again,
        OfClient {
            erased: 1,
            ..OfClient::default()
        }
    );
    wal::keep_below(&own.store, 0).await.unwrap();
    assert_eq!(in_the_files(&own, "anna"), 0);
}

#[tokio::test]
async fn what_was_erased_just_now_is_given_out_once_more_and_then_no_more() {
    let own = OwnStore::new().await;
    let (id, token) = annas(&own, "KType-Standard").await;
    forget(&own.store, &library(), id, &token).await.unwrap();
    for new in [1, 0] {
        let some = files::to_go(&own.store, 10).await.unwrap();
        assert_eq!(some.len(), 1);
        let gone = files::are_gone(&own.store, some, LEASE).await.unwrap();
        assert_eq!(gone, Some(new));
    }
    let some = files::to_go(&own.store, 10).await.unwrap();
    files::are_gone(&own.store, some, Duration::ZERO)
        .await
        .unwrap();
    assert!(files::to_go(&own.store, 10).await.unwrap().is_empty());
}
