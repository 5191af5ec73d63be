//! What the operators' pages show, that many may look on, and that nothing in them is taken for markup.

use serde_json::Value;
use shared::{
    job::{ContainerSpec, Outcome, Reason},
    store::{jobs, workers},
};

use super::{
    console::Browser,
    failed, header,
    operator::{TOKEN, service},
    pages::assert_page,
    request_for, write,
};

#[tokio::test]
async fn the_page_shows_what_waits_runs_and_has_ended_and_finds_it() {
    let service = service().await;
    let anna = Browser::signed_in(&service, "anna").await;
    service.submit(&request_for("KType-Standard")).await;
    service.work(failed(Reason::TimedOut)).await;
    service.submit(&request_for("Kira-Standard")).await;
    let _running = service.claim().await;
    let waits = service.submit(&request_for("MD1-Hacker")).await;
    let page = anna.page("/queue").await;
    for part in [
        "Signed in as operator anna",
        "KType-Standard",
        "timed out",
        "Kira-Standard",
        "MD1-Hacker",
        "place 1",
        "1 of 1 busy",
        "0 succeeded, 1 failed, 0 cancelled.",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let fragment = anna.page("/queue/live").await;
    assert!(
        fragment.contains("MD1-Hacker") && !fragment.contains("<html"),
        "{fragment}"
    );
    let found = anna.page(&format!("/queue?q={}", &waits[24..])).await;
    assert!(
        found.contains("MD1-Hacker") && !found.contains("KType-Standard"),
        "{found}"
    );
    assert!(
        found.contains(&format!("data-live=\"/queue/live?q={}\"", &waits[24..])),
        "{found}"
    );
    let wrong = anna.get("/queue?status=lost").await;
    assert_page(&wrong, 400);
}

#[tokio::test]
async fn however_many_watch_the_table_is_looked_at_once() {
    let service = service().await;
    let anna = Browser::signed_in(&service, "anna").await;
    anna.page("/queue/live").await;
    let before = service.state.store.reads();
    let looks = (0..200).map(|_| anna.get("/queue/live"));
    for answer in futures_util::future::join_all(looks).await {
        assert_eq!(answer.status(), 200);
    }
    // A look is two reads; the machine may be slow enough for a few more of them.
    let reads = service.state.store.reads() - before;
    assert!(reads <= 40, "{reads} reads for 200 looks");
}

/// Text that would do something if it were taken for markup.
const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'";

#[tokio::test]
async fn nothing_that_somebody_wrote_is_taken_for_markup() {
    let service = service().await;
    let store = &service.state.store;
    workers::sign_of_life(store, &super::worker(), Some(HOSTILE.to_owned()))
        .await
        .unwrap();
    let mut request = request_for("KType-Standard");
    request["config"]["a note"] = Value::from(HOSTILE);
    let id = service.submit(&request).await;
    let held = service.claim().await.held;
    let spec = ContainerSpec {
        image: HOSTILE.to_owned(),
        ..ContainerSpec::default()
    };
    let made = jobs::container_created(store, &held, (HOSTILE, HOSTILE), &spec).await;
    assert!(made.unwrap());
    let log = service.state.settings.logs.join(&id).join("1.log");
    write(&log, &format!("a line\n\x1b[31m{HOSTILE}\0\n"));
    let outcome = Outcome::Failed {
        reason: Reason::BuildFailed,
        detail: HOSTILE.to_owned(),
        artifact: None,
        diagnostics: vec![shared::diagnose::Diagnostic {
            layer: Some(0),
            line: Some(1),
            key: Some(HOSTILE.to_owned()),
            pointer: None,
            message: HOSTILE.to_owned(),
            compiler: HOSTILE.to_owned(),
        }],
    };
    jobs::finish(store, &held, outcome).await.unwrap();
    let anna = Browser::signed_in(&service, "%3Cscript%3Ealert(1)%3C/script%3E").await;
    let path = format!("/queue/builds/{id}");
    let mut seen = 0;
    for path in [
        "/queue",
        &path,
        "/queue?q=%22%3E%3Cscript%3Ealert(1)",
        "/queue?client=%22%3E%3Cimg%20src=x",
    ] {
        let page = anna.page(path).await;
        for markup in ["<script>alert", "<img src=x", "\"><"] {
            let within = page.replace("\"><", "").contains(markup);
            assert!(!within, "{markup} in {page}");
        }
        seen += page.matches("&#60;script&#62;alert").count();
    }
    assert!(seen > 8, "{seen}: it is shown as what it is");
}

#[tokio::test]
async fn a_build_is_shown_with_its_log_its_container_and_its_inputs() {
    let service = service().await;
    let anna = Browser::signed_in(&service, "anna").await;
    let id = service.submit(&request_for("KType-Standard")).await;
    let held = service.claim().await.held;
    let spec = ContainerSpec {
        image: "sha256:1234".to_owned(),
        ..ContainerSpec::default()
    };
    let made = jobs::container_created(&service.state.store, &held, ("c0ffee", "engine"), &spec);
    assert!(made.await.unwrap());
    let log = service.state.settings.logs.join(&id).join("1.log");
    write(
        &log,
        &("early\n".to_owned() + &"x".repeat(40_000) + "\nlate\n"),
    );
    let page = anna.page(&format!("/queue/builds/{id}")).await;
    for part in [
        "docker run --rm",
        "late",
        "This is its end.",
        "input/KType-Standard-0.kll",
        "Cancel",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("early"), "of a log its end is shown");
    let zip = anna.get(&format!("/queue/builds/{id}/inputs")).await;
    assert_eq!(
        (zip.status().as_u16(), header(&zip, "content-type")),
        (200, "application/zip")
    );
    assert_eq!(header(&zip, "access-control-allow-origin"), "");
    let own = service
        .shows(("GET", &format!("/v1/builds/{id}/inputs")), TOKEN)
        .await;
    assert_eq!(own.body(), zip.body());
    let fragment = anna.page(&format!("/queue/builds/{id}/live")).await;
    assert!(
        !fragment.contains("<html") && fragment.contains("running"),
        "{fragment}"
    );
}
