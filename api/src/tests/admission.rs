//! How much one client may have, and how a submitter lets go of a build.

use bytes::Bytes;
use serde_json::{Value, json};
use shared::job::{JobId, Outcome};
use warp::{http::Response, test::RequestBuilder};

use super::{Service, assert_problem, header, json_of, request_for};
use crate::client::Peer;

/// Different builds, as many as are asked for.
fn build_number(number: usize) -> Value {
    let mut body = request_for("MD1-Standard");
    body["config"]["header"]["Layout"] = json!(format!("Number {number}"));
    body
}

/// What this address sends.
fn from(address: &str, path: &str) -> RequestBuilder {
    let peer = Peer(format!("{address}:4711").parse().unwrap());
    warp::test::request().path(path).extension(peer)
}

impl Service {
    async fn post_from(&self, address: &str, path: &str, body: &Value) -> Response<Bytes> {
        self.ask(from(address, path).method("POST").json(body))
            .await
    }

    async fn leave(&self, id: &str, authorization: &str) -> Response<Bytes> {
        let request = warp::test::request().method("DELETE");
        let request = request.path(&format!("/v1/builds/{id}"));
        self.ask(request.header("authorization", authorization))
            .await
    }

    async fn status_of(&self, id: &str) -> Value {
        json_of(&self.get(&format!("/v1/builds/{id}")).await)["status"].clone()
    }
}

fn token_of(answer: &Response<Bytes>) -> String {
    let token = json_of(answer)["leave_token"].as_str().unwrap().to_owned();
    format!("Bearer {token}")
}

fn id_of(answer: &Response<Bytes>) -> String {
    json_of(answer)["id"].as_str().unwrap().to_owned()
}

fn retry_after(answer: &Response<Bytes>) -> u64 {
    header(answer, "retry-after").parse().unwrap()
}

#[tokio::test]
async fn a_client_with_too_many_waiting_builds_is_refused_on_both_ways_in() {
    let service = Service::start_with(&[("KIISRV_MAX_WAITING_PER_CLIENT", "2")]).await;
    for (number, last) in [(0, 1), (1, 2)] {
        // One /64 of IPv6 is one client.
        let address = format!("[2001:db8::{last}]");
        let answer = service
            .post_from(&address, "/v1/builds", &build_number(number))
            .await;
        assert_eq!(answer.status(), 202, "{answer:?}");
    }
    for path in ["/v1/builds", "/download.php"] {
        let answer = service
            .post_from("[2001:db8::3]", path, &build_number(2))
            .await;
        let problem = assert_problem(&answer, 429);
        assert!(problem["error"].as_str().unwrap().contains("2 builds"));
        // Nothing has been measured yet, so that a build is taken to need ten seconds; its first is the next one.
        assert_eq!(retry_after(&answer), 10);
    }
    let joined = service
        .post_from("[2001:db8::3]", "/v1/builds", &build_number(0))
        .await;
    assert_eq!(joined.status(), 200, "to join needs no room");
    let other = service
        .post_from("[2001:db8:0:1::3]", "/v1/builds", &build_number(2))
        .await;
    assert_eq!(other.status(), 202, "another client has room of its own");
    service.claim().await;
    let later = service
        .post_from("[2001:db8::3]", "/v1/builds", &build_number(3))
        .await;
    assert_eq!(later.status(), 202, "what runs waits no more");
}

#[tokio::test]
async fn nothing_new_is_taken_while_too_many_builds_of_all_wait() {
    let service = Service::start_with(&[("KIISRV_MAX_WAITING", "2")]).await;
    for number in 0..2 {
        let address = format!("192.0.2.{number}");
        let answer = service
            .post_from(&address, "/v1/builds", &build_number(number))
            .await;
        assert_eq!(answer.status(), 202);
    }
    for path in ["/v1/builds", "/"] {
        let answer = service.post_from("192.0.2.9", path, &build_number(9)).await;
        assert_problem(&answer, 503);
        assert_eq!(retry_after(&answer), 10);
    }
    let joined = service
        .post_from("192.0.2.9", "/v1/builds", &build_number(1))
        .await;
    assert_eq!(joined.status(), 200);
}

#[tokio::test]
async fn a_client_may_wait_with_so_many_requests_and_no_more() {
    let service = Service::start_with(&[("KIISRV_MAX_WAITERS_PER_CLIENT", "1")]).await;
    let id = service.submit(&build_number(0)).await;
    let path = format!("/v1/builds/{id}?wait=30");
    let held = service.ask(from("192.0.2.1", &path));
    let others = async {
        let client = service.state.store.client("192.0.2.1");
        while service.state.waiters.take(&client).is_some() {
            tokio::task::yield_now().await;
        }
        let answer = service.ask(from("192.0.2.1", &path)).await;
        assert_problem(&answer, 429);
        assert!(retry_after(&answer) > 0);
        let old = service
            .post_from("192.0.2.1", "/download.php", &build_number(1))
            .await;
        assert_problem(&old, 429);
        let look = from("192.0.2.1", &format!("/v1/builds/{id}"));
        assert_eq!(
            service.ask(look).await.status(),
            200,
            "a look is not a wait"
        );
        let known = from(
            "192.0.2.1",
            &format!("/v1/builds/{id}?wait=30&status=running"),
        );
        assert_eq!(
            service.ask(known).await.status(),
            200,
            "what has changed already is not waited for"
        );
        let claimed = service.claim().await;
        assert_eq!(claimed.held.id.to_string(), id, "the refused build is none");
    };
    let (answer, ()) = tokio::join!(held, others);
    assert_eq!(json_of(&answer)["status"], "running");
    let again = service.ask(from("192.0.2.1", &format!("/v1/builds/{id}?wait=0")));
    assert_eq!(again.await.status(), 200);
}

#[tokio::test]
async fn only_the_last_to_leave_cancels_and_may_leave_twice() {
    let service = Service::start().await;
    let first = service.post("/v1/builds", &build_number(0)).await;
    let second = service.post("/v1/builds", &build_number(0)).await;
    assert_eq!(
        (first.status().as_u16(), second.status().as_u16()),
        (202, 200)
    );
    let id = id_of(&first);
    assert_ne!(token_of(&first), token_of(&second));
    let shown = json_of(&service.get(&format!("/v1/builds/{id}")).await);
    assert_eq!(shown.get("leave_token"), None, "who looks is told no token");

    for _ in 0..2 {
        let left = service.leave(&id, &token_of(&first)).await;
        assert_eq!(left.status(), 200);
        assert_eq!(json_of(&left)["status"], "queued");
    }
    for _ in 0..2 {
        let left = service.leave(&id, &token_of(&second)).await;
        assert_eq!(left.status(), 200);
        assert_eq!(json_of(&left)["status"], "cancelled");
        assert_eq!(json_of(&left)["reason"], "cancelled");
    }
    let again = service.post("/v1/builds", &build_number(0)).await;
    assert_eq!(again.status(), 202, "the same request is a new build");
    assert_ne!(id_of(&again), id);
    assert_problem(&service.leave(&id_of(&again), &token_of(&first)).await, 403);
}

#[tokio::test]
async fn who_may_not_leave_is_told_why() {
    let service = Service::start().await;
    let answer = service.post("/v1/builds", &build_number(0)).await;
    let (id, token) = (id_of(&answer), token_of(&answer));
    let path = format!("/v1/builds/{id}");
    let without = warp::test::request().method("DELETE").path(&path);
    let refused = service.ask(without).await;
    assert_problem(&refused, 401);
    assert_eq!(header(&refused, "www-authenticate"), "Bearer");
    assert_problem(&service.leave(&id, "Basic abc").await, 401);
    assert_problem(&service.leave(&id, "Bearer abc").await, 403);
    assert_problem(&service.leave(&JobId::new().to_string(), &token).await, 404);
    assert_problem(&service.leave("x", &token).await, 404);
    assert_eq!(service.status_of(&id).await, "queued");

    service.work(Outcome::Built).await;
    let late = service.leave(&id, &token).await;
    assert_eq!(late.status(), 200, "the end came first, which is no fault");
    assert_eq!(json_of(&late)["status"], "succeeded");
    let known = service.post("/v1/builds", &build_number(0)).await;
    assert_eq!(known.status(), 200);
    assert_eq!(
        json_of(&known).get("leave_token"),
        None,
        "a kept answer is held by nobody"
    );
}

#[tokio::test]
async fn a_waiting_old_client_holds_its_build_and_is_told_when_an_operator_cancels_it() {
    let service = Service::start().await;
    let body = build_number(0);
    let cancel = async {
        service.claim().await;
        let joined = service.post("/v1/builds", &body).await;
        let id = id_of(&joined);
        let left = service.leave(&id, &token_of(&joined)).await;
        assert_eq!(json_of(&left)["status"], "running", "the old client stays");
        let cancelled = shared::store::jobs::cancel(&service.state.store, id.parse().unwrap());
        cancelled.await.unwrap();
    };
    let (answer, ()) = tokio::join!(service.post("/download.php", &body), cancel);
    let problem = assert_problem(&answer, 503);
    assert!(problem["error"].as_str().unwrap().contains("cancelled"));
}

#[tokio::test]
async fn a_wait_ends_when_the_last_one_leaves() {
    let service = Service::start().await;
    let submitted = service.post("/v1/builds", &build_number(0)).await;
    let id = id_of(&submitted);
    service.claim().await;
    let path = format!("/v1/builds/{id}?wait=60&status=running");
    let token = token_of(&submitted);
    let (waited, left) = tokio::join!(service.get(&path), service.leave(&id, &token));
    assert_eq!(left.status(), 200);
    assert_eq!(json_of(&waited)["status"], "cancelled");
    let path = format!("/v1/builds/{id}?wait=60&status=cancelled");
    let waited = service.get(&path).await;
    assert_eq!(
        json_of(&waited)["status"],
        "cancelled",
        "nothing comes after"
    );
}

#[tokio::test]
async fn a_refused_method_is_told_with_those_that_the_path_knows() {
    let service = Service::start().await;
    for path in [
        "/",
        "/v1/builds",
        "/v1/builds/x",
        "/v1/builds/x/log",
        "/v1/builds/x/artifact",
        "/v1/keyboards",
        "/v1/versions",
        "/v1/layouts",
        "/healthz",
        "/readyz",
        "/download.php",
        "/tmp/x.zip",
        "/layouts/x.json",
        "/versions",
        "/stats",
    ] {
        let ask = |method: &str| service.ask(warp::test::request().method(method).path(path));
        let refused = ask("PATCH").await;
        assert_problem(&refused, 405);
        let allowed: Vec<_> = header(&refused, "allow").split(", ").collect();
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
            let knows = ask(method).await.status() != 405;
            assert_eq!(allowed.contains(&method), knows, "{method} {path}");
        }
    }
}
