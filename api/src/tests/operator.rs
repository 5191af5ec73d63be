//! The operators' routes, and whom they refuse.

use serde_json::Value;
use shared::{
    job::{Outcome, Reason},
    store::audit,
};
use warp::http::Response;

use super::{Service, assert_problem, failed, header, json_of, request_for};

pub(super) const TOKEN: &str = "a-secret-of-some-length";

/// Every operator's route.
const ROUTES: &[(&str, &str)] = &[
    ("GET", "/v1/queue"),
    ("GET", "/v1/workers"),
    ("POST", "/v1/queue/pause"),
    ("POST", "/v1/queue/resume"),
    ("POST", "/v1/workers/worker/drain"),
    ("POST", "/v1/workers/worker/undrain"),
    ("POST", "/v1/forget"),
    (
        "GET",
        "/v1/builds/01a20a07-e57b-73c6-a833-e35d82e42f3c/attempts",
    ),
    (
        "GET",
        "/v1/builds/01a20a07-e57b-73c6-a833-e35d82e42f3c/inputs",
    ),
    (
        "POST",
        "/v1/builds/01a20a07-e57b-73c6-a833-e35d82e42f3c/cancel",
    ),
    (
        "POST",
        "/v1/builds/01a20a07-e57b-73c6-a833-e35d82e42f3c/retry",
    ),
];

pub(super) async fn service() -> Service {
    Service::start_with(&[("KIISRV_OPERATOR_TOKEN", TOKEN)]).await
}

impl Service {
    pub(super) async fn shows(
        &self,
        (method, path): (&str, &str),
        token: &str,
    ) -> Response<bytes::Bytes> {
        let request = warp::test::request().method(method).path(path);
        let request = request.header("x-kiisrv-by", "Jörg");
        self.ask(request.header("authorization", format!("Bearer {token}")))
            .await
    }

    /// What an operator is answered with 200.
    pub(super) async fn operate(&self, method: &str, path: &str) -> Value {
        let answer = self.shows((method, path), TOKEN).await;
        assert_eq!(answer.status(), 200, "{answer:?}");
        json_of(&answer)
    }
}

#[tokio::test]
async fn without_a_token_in_the_settings_nobody_is_an_operator() {
    let service = Service::start().await;
    for route in ROUTES {
        let answer = service.shows(*route, TOKEN).await;
        let problem = assert_problem(&answer, 403);
        let says_how = problem["detail"].as_str().unwrap();
        assert!(says_how.contains("KIISRV_OPERATOR_TOKEN"), "{says_how}");
    }
}

#[tokio::test]
async fn another_token_or_none_is_refused_everywhere_and_changes_nothing() {
    // Fewer at each service than a client may guess.
    for routes in ROUTES.chunks(5) {
        let service = service().await;
        for &(method, path) in routes {
            let answer = service
                .shows((method, path), "a-secret-of-some-lengtH")
                .await;
            assert_problem(&answer, 403);
            let request = warp::test::request().method(method).path(path);
            let answer = service.ask(request).await;
            assert_problem(&answer, 401);
            assert_eq!(header(&answer, "www-authenticate"), "Bearer");
        }
        let entries = audit::entries(&service.state.store, 9).await.unwrap();
        assert!(entries.is_empty(), "{entries:?}");
    }
}

#[tokio::test]
async fn whoever_guesses_is_soon_not_even_told_that_a_guess_was_right() {
    let service = service().await;
    let queue = ("GET", "/v1/queue");
    for _ in 0..10 {
        assert_problem(&service.shows(queue, "a-guess").await, 403);
    }
    let answer = service.shows(queue, TOKEN).await;
    assert_problem(&answer, 429);
    let seconds: u64 = header(&answer, "retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn the_right_token_is_never_counted_as_a_try() {
    let service = service().await;
    for _ in 0..30 {
        service.operate("GET", "/v1/queue").await;
    }
}

#[tokio::test]
async fn the_queue_shows_what_waits_runs_and_has_ended_and_is_searched() {
    let service = service().await;
    let built = service.submit(&request_for("KType-Standard")).await;
    service.work(Outcome::Built).await;
    let running = service.submit(&request_for("Kira-Standard")).await;
    let _claimed = service.claim().await;
    let waiting = service.submit(&request_for("MD1-Hacker")).await;

    let queue = service.operate("GET", "/v1/queue").await;
    assert_eq!(queue["paused"], false);
    assert_eq!(queue["counts"]["queued"], 1);
    assert_eq!(queue["counts"]["running"], 1);
    assert_eq!(queue["counts"]["succeeded"], 1);
    assert_eq!(queue["counts"]["failed"], 0);
    for (kind, id) in [
        ("waiting", &waiting),
        ("running", &running),
        ("recent", &built),
    ] {
        assert_eq!(queue[kind][0]["id"], **id, "{kind}");
        assert_eq!(queue[kind].as_array().unwrap().len(), 1, "{kind}");
    }
    assert_eq!(queue["waiting"][0]["position"], 1);
    assert_eq!(queue["running"][0]["worker"], "worker");
    assert_eq!(
        queue["oldest_waiting_at"],
        queue["waiting"][0]["created_at"]
    );

    let end = &waiting[28..];
    let found = service.operate("GET", &format!("/v1/queue?q={end}")).await;
    assert_eq!(found["waiting"][0]["id"], *waiting);
    assert_eq!(found["recent"][0], Value::Null);
    let found = service
        .operate("GET", "/v1/queue?status=running&keyboard=kira")
        .await;
    assert_eq!(found["running"][0]["id"], *running);
    assert_eq!(found["waiting"][0], Value::Null);
    for wrong in ["status=lost", "limit=0", "limit=x", "before=1"] {
        let path = format!("/v1/queue?{wrong}");
        let answer = service.shows(("GET", &path), TOKEN).await;
        assert_problem(&answer, 400);
    }
}

#[tokio::test]
async fn the_workers_are_shown_with_what_they_have_and_do() {
    let service = service().await;
    service.submit(&request_for("KType-Standard")).await;
    let _claimed = service.claim().await;
    let workers = service.operate("GET", "/v1/workers").await;
    let worker = &workers["workers"][0];
    assert_eq!(worker["id"], "worker");
    assert_eq!(worker["state"], "builds");
    assert_eq!((&worker["slots"], &worker["busy"]), (&1.into(), &1.into()));
    assert_eq!(worker["controllers"][0], "057");
    assert!(worker["seen_at"].is_string());
}

#[tokio::test]
async fn a_pause_keeps_builds_waiting_until_the_queue_goes_on() {
    let service = service().await;
    let paused = service.operate("POST", "/v1/queue/pause").await;
    assert_eq!(
        (&paused["paused"], &paused["changed"]),
        (&true.into(), &true.into())
    );
    let again = service.operate("POST", "/v1/queue/pause").await;
    assert_eq!(again["changed"], false);
    service.submit(&request_for("KType-Standard")).await;
    let queue = service.operate("GET", "/v1/queue").await;
    assert_eq!(queue["paused"], true);
    assert_eq!(queue["counts"]["queued"], 1);
    let resumed = service.operate("POST", "/v1/queue/resume").await;
    assert_eq!(resumed["paused"], false);
    service.work(Outcome::Built).await;
    let entries = audit::entries(&service.state.store, 9).await.unwrap();
    let did: Vec<_> = entries
        .iter()
        .map(|entry| (entry.who.as_str(), entry.what.as_str()))
        .collect();
    assert_eq!(did, [("Jörg", "resume"), ("Jörg", "pause")]);
}

#[tokio::test]
async fn a_worker_drains_until_it_is_told_otherwise() {
    let service = service().await;
    let drained = service.operate("POST", "/v1/workers/worker/drain").await;
    assert_eq!(
        (&drained["draining"], &drained["changed"]),
        (&true.into(), &true.into())
    );
    let workers = service.operate("GET", "/v1/workers").await;
    assert_eq!(workers["workers"][0]["state"], "draining");
    service.operate("POST", "/v1/workers/worker/undrain").await;
    let workers = service.operate("GET", "/v1/workers").await;
    assert_eq!(workers["workers"][0]["state"], "builds");
    let unknown = ("POST", "/v1/workers/nobody/drain");
    assert_problem(&service.shows(unknown, TOKEN).await, 404);
}

#[tokio::test]
async fn a_build_is_cancelled_for_all_and_one_that_has_ended_is_not() {
    let service = service().await;
    let id = service.submit(&request_for("KType-Standard")).await;
    let cancel = format!("/v1/builds/{id}/cancel");
    for _ in 0..2 {
        let build = service.operate("POST", &cancel).await;
        assert_eq!(
            (&build["status"], &build["reason"]),
            (&"cancelled".into(), &"cancelled".into())
        );
    }
    let built = service.submit(&request_for("Kira-Standard")).await;
    service.work(Outcome::Built).await;
    let too_late = format!("/v1/builds/{built}/cancel");
    let answer = service.shows(("POST", &too_late), TOKEN).await;
    let problem = assert_problem(&answer, 409);
    assert!(problem["detail"].as_str().unwrap().contains("succeeded"));
}

#[tokio::test]
async fn what_has_ended_is_built_again_in_a_row_of_its_own() {
    let service = service().await;
    let first = service.submit(&request_for("KType-Standard")).await;
    let retry = format!("/v1/builds/{first}/retry");
    let retry = ("POST", retry.as_str());
    let too_early = service.shows(retry, TOKEN).await;
    assert_problem(&too_early, 409);
    service.work(failed(Reason::BuildFailed)).await;

    let answer = service.shows(retry, TOKEN).await;
    assert_eq!(answer.status(), 202, "{answer:?}");
    let retried = json_of(&answer);
    let second = retried["id"].as_str().unwrap();
    assert_ne!(second, first);
    assert_eq!(header(&answer, "location"), format!("/v1/builds/{second}"));
    assert_eq!(
        (&retried["joined"], &retried["retry_of"]),
        (&false.into(), &first.as_str().into())
    );
    let again = service.operate("POST", retry.1).await;
    assert_eq!(
        (&again["id"], &again["joined"]),
        (&second.into(), &true.into())
    );

    let claimed = service.claim().await;
    assert_eq!(claimed.held.id.to_string(), second);
    let sent = &request_for("KType-Standard")["config"];
    let built: Value = serde_json::from_str(&claimed.config).unwrap();
    assert_eq!(&built, sent, "the same inputs");
    service.end(&claimed, Outcome::Built).await;
    let third = service.operate("POST", retry.1).await;
    assert_eq!(
        (&third["id"], &third["status"]),
        (&second.into(), &"succeeded".into())
    );
    let same = service
        .post("/v1/builds", &request_for("KType-Standard"))
        .await;
    assert_eq!(
        json_of(&same)["id"],
        second,
        "it is the same build for everybody"
    );
}

#[tokio::test]
async fn an_operators_path_with_another_method_says_which_it_knows() {
    let service = service().await;
    for path in [
        "/v1/queue/pause",
        "/v1/workers/worker/drain",
        "/v1/builds/x/retry",
    ] {
        let answer = service.get(path).await;
        assert_problem(&answer, 405);
        assert_eq!(header(&answer, "allow"), "POST, OPTIONS");
    }
}
