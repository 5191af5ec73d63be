//! `/v1/builds`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::{
    diagnose::Diagnostic,
    job::{JobId, Outcome, Reason},
    store::versions::{self, Controller},
};
use warp::http::Method;

use super::{Service, assert_problem, controller, failed, header, json_of, request_for};
use crate::body::Bodies;

#[tokio::test]
async fn a_new_build_is_accepted_and_the_same_one_is_joined() {
    let service = Service::start().await;
    let first = service
        .post("/v1/builds", &request_for("KType-Standard"))
        .await;
    assert_eq!(first.status(), 202);
    let build = json_of(&first);
    let url = format!("/v1/builds/{}", build["id"].as_str().unwrap());
    assert_eq!(header(&first, "location"), url);
    assert_eq!(build["status"], "queued");
    assert_eq!(
        (&build["keyboard"], &build["layout"]),
        (&json!("KType"), &json!("Standard"))
    );
    assert_eq!(
        (&build["version"], &build["controller"]),
        (&json!("latest"), &json!("057"))
    );
    assert_eq!(build["position"], 1);
    assert_eq!(build["artifact"], Value::Null);
    assert_eq!(build["diagnostics"], json!([]));
    let created = build["created_at"].as_str().unwrap();
    assert!(created.len() == 24 && created.ends_with('Z'), "{created}");

    let again = service
        .post("/v1/builds", &request_for("KType-Standard"))
        .await;
    assert_eq!(again.status(), 200);
    assert_eq!(header(&again, "location"), url);
    assert_eq!(json_of(&again)["id"], build["id"]);
}

#[tokio::test]
async fn each_waiting_build_has_a_place_from_the_first_answer_on() {
    let service = Service::start().await;
    for (layout, position) in [("MD1-Standard", 1), ("MD1-Hacker", 2)] {
        let answer = service.post("/v1/builds", &request_for(layout)).await;
        let build = json_of(&answer);
        assert_eq!(build["position"], position);
        assert!(build["eta_seconds"].is_u64());
    }
}

#[tokio::test]
async fn a_build_is_shown_from_its_beginning_to_its_end() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    let claimed = service.claim().await;
    let running = json_of(&service.get(&format!("/v1/builds/{id}")).await);
    assert_eq!(running["status"], "running");
    assert_eq!(running["position"], Value::Null);
    assert!(running["started_at"].is_string());

    service.end(&claimed, Outcome::Built).await;
    let ended = json_of(&service.get(&format!("/v1/builds/{id}")).await);
    assert_eq!(ended["status"], "succeeded");
    assert_eq!(
        ended["artifact"],
        json!({ "url": format!("/v1/builds/{id}/artifact"), "bytes": 10, "sha256": "ab".repeat(32) })
    );
    assert_eq!(ended["log_url"], format!("/v1/builds/{id}/log"));
}

#[tokio::test]
async fn a_failed_build_says_why() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    service.work(failed(Reason::TimedOut)).await;
    let build = json_of(&service.get(&format!("/v1/builds/{id}")).await);
    assert_eq!(
        (&build["status"], &build["reason"]),
        (&json!("failed"), &json!("timed_out"))
    );
    assert_eq!(build["detail"], "it did not go well");
}

#[tokio::test]
async fn what_is_not_json_is_a_bad_request() {
    let service = Service::start().await;
    let request = warp::test::request().method("POST").path("/v1/builds");
    let answer = service.ask(request.body("{\"config\":")).await;
    assert_problem(&answer, 400);
}

#[tokio::test]
async fn every_fault_is_reported_with_its_place() {
    let service = Service::start().await;
    let mut body = request_for("MD1-Standard");
    body["config"]["header"]["Author"] = json!("\"");
    body["config"]["matrix"][0]["code"] = json!(7);
    let problem = assert_problem(&service.post("/v1/builds", &body).await, 422);
    let pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].as_str().unwrap())
        .collect();
    assert!(pointers.contains(&"/config/header/Author"), "{pointers:?}");
    assert!(pointers.contains(&"/config/matrix/0/code"), "{pointers:?}");
    let text = problem["error"].as_str().unwrap();
    assert!(text.contains("/config/header/Author"), "{text}");
}

#[tokio::test]
async fn an_unknown_keyboard_is_a_fault_of_the_layout() {
    let service = Service::start().await;
    let mut body = request_for("MD1-Standard");
    body["config"]["header"]["Name"] = json!("MD7");
    let problem = assert_problem(&service.post("/v1/builds", &body).await, 422);
    assert_eq!(problem["errors"][0]["pointer"], "/config/header/Name");
    assert!(
        problem["errors"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("MD7")
    );
}

#[tokio::test]
async fn an_unknown_version_is_refused_and_one_without_a_controller_is_for_later() {
    let service = Service::start().await;
    let mut body = request_for("MD1-Standard");
    body["env"] = json!("v9");
    let problem = assert_problem(&service.post("/v1/builds", &body).await, 422);
    assert_eq!(problem["errors"][0]["pointer"], "/env");

    body["env"] = json!("lts");
    let answer = service.post("/v1/builds", &body).await;
    assert_problem(&answer, 503);
    assert!(header(&answer, "retry-after").parse::<u32>().unwrap() > 0);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let mut service = Service::start().await;
    service.state.bodies = Bodies::new(100, Duration::from_secs(1), 1 << 20);
    let answer = service
        .post("/v1/builds", &request_for("MD1-Standard"))
        .await;
    assert_problem(&answer, 413);
}

#[tokio::test]
async fn no_build_is_taken_when_the_disk_is_full() {
    let service = Service::start_with(&[("KIISRV_DISK_RESERVE_MB", "999999999999")]).await;
    let body = request_for("MD1-Standard");
    assert_problem(&service.post("/v1/builds", &body).await, 507);
    assert_problem(&service.post("/download.php", &body).await, 507);
}

#[tokio::test]
async fn what_is_no_build_is_not_found() {
    let service = Service::start().await;
    for id in ["x", &JobId::new().to_string()] {
        for further in ["", "/log", "/artifact"] {
            let answer = service.get(&format!("/v1/builds/{id}{further}")).await;
            assert_problem(&answer, 404);
        }
    }
}

#[tokio::test]
async fn a_wait_ends_when_the_status_changes() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    let started = Instant::now();
    let path = format!("/v1/builds/{id}?wait=30&status=queued");
    let (answer, claimed) = tokio::join!(service.get(&path), service.claim());
    assert_eq!(json_of(&answer)["status"], "running");

    // A status that the client does not know yet is told at once.
    let answer = service.get(&path).await;
    assert_eq!(json_of(&answer)["status"], "running");
    let path = format!("/v1/builds/{id}?wait=30");
    let (answer, ()) = tokio::join!(service.get(&path), service.end(&claimed, Outcome::Built));
    assert_eq!(json_of(&answer)["status"], "succeeded");

    // However long it wants to wait.
    let long = format!("/v1/builds/{id}?wait={}", "9".repeat(30));
    assert_eq!(json_of(&service.get(&long).await)["status"], "succeeded");

    // Nothing comes after the end.
    let path = format!("/v1/builds/{id}?wait=30&status=succeeded");
    assert_eq!(json_of(&service.get(&path).await)["status"], "succeeded");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_wait_that_cannot_be_read_is_a_bad_request() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    for query in ["wait=soon", "wait=-1", "wait=", "wait=1&status=waiting"] {
        let answer = service.get(&format!("/v1/builds/{id}?{query}")).await;
        assert_problem(&answer, 400);
    }
}

#[tokio::test]
async fn a_stop_ends_a_wait_with_what_is_known() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    let path = format!("/v1/builds/{id}?wait=30");
    let (answer, ()) = tokio::join!(service.get(&path), async { service.state.stop() });
    assert_eq!(answer.status(), 200);
    assert_eq!(json_of(&answer)["status"], "queued");
}

#[tokio::test]
async fn a_path_that_is_not_there_and_a_method_that_is_not_are_told_apart() {
    let service = Service::start().await;
    for (method, path, status) in [
        (Method::GET, "/nothing", 404),
        (Method::POST, "/v1", 404),
        (Method::DELETE, "/v1/builds", 405),
        (Method::GET, "/download.php", 405),
        (Method::PUT, "/stats", 405),
        (Method::PUT, "/", 405),
    ] {
        let request = warp::test::request().method(method.as_str()).path(path);
        assert_problem(&service.ask(request).await, status);
    }
}

#[tokio::test]
async fn a_browser_may_ask_from_everywhere() {
    let service = Service::start().await;
    let request = warp::test::request()
        .method("OPTIONS")
        .path("/v1/builds")
        .header("origin", "https://configurator.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type, user-agent");
    let answer = service.ask(request).await;
    assert_eq!(answer.status(), 204);
    assert_eq!(header(&answer, "access-control-allow-origin"), "*");
    assert_eq!(
        header(&answer, "access-control-allow-headers"),
        "content-type, user-agent"
    );
    assert!(header(&answer, "access-control-allow-methods").contains("POST"));
    let private = "access-control-allow-private-network";
    assert!(!answer.headers().contains_key(private), "nobody asked");
    let answer = service.get("/healthz").await;
    assert!(header(&answer, "access-control-expose-headers").contains("Location"));
}

#[tokio::test]
async fn a_page_of_the_internet_may_ask_a_service_on_its_visitors_own_machine() {
    let service = Service::start().await;
    let request = warp::test::request()
        .method("OPTIONS")
        .path("/v1/builds")
        .header("origin", "https://configurator.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-private-network", "true");
    let answer = service.ask(request).await;
    assert_eq!(answer.status(), 204);
    let private = "access-control-allow-private-network";
    assert_eq!(header(&answer, private), "true");
}

#[tokio::test]
async fn a_failed_build_tells_what_the_compiler_complains_of() {
    let service = Service::start().await;
    let id = service.submit(&request_for("KType-Standard")).await;
    let placed = Diagnostic {
        layer: Some(2),
        line: Some(11),
        key: Some("Q".to_owned()),
        pointer: Some("/config/matrix/1/layers/2/key".to_owned()),
        message: "there is no key \"Entr\"".to_owned(),
        compiler: "ERROR: 'ENTR'".to_owned(),
    };
    let bare = Diagnostic {
        message: "it broke".to_owned(),
        ..Diagnostic::default()
    };
    let found = vec![placed, bare];
    let stored = found.clone();
    let outcome = |artifact| Outcome::Failed {
        reason: Reason::BuildFailed,
        detail: String::new(),
        artifact: Some(artifact),
        diagnostics: stored,
    };
    service.work(outcome).await;
    let build = json_of(&service.get(&format!("/v1/builds/{id}")).await);
    assert_eq!(build["diagnostics"], json!(found));
    assert_eq!(build["diagnostics"][0]["layer"], 2);
    assert_eq!(build["diagnostics"][1]["layer"], Value::Null);
}

/// What is answered to a layout with such a key, where this controller is the one that is there.
async fn answer_of(controller: Controller, key: &str) -> u16 {
    let service = Service::start_without_worker(&[]).await;
    versions::controllers_seen(&service.state.store, "engine", vec![controller])
        .await
        .unwrap();
    let mut body = request_for("KType-Standard");
    body["config"]["matrix"][0]["layers"]["0"]["key"] = json!(key);
    service.post("/v1/builds", &body).await.status().as_u16()
}

#[tokio::test]
async fn only_what_is_known_of_a_controller_is_held_against_a_layout() {
    let release = Controller {
        protocol: 2,
        source: Some("https://github.com/kiibohd/controller.git".to_owned()),
        ..controller()
    };
    let a_commit_more = Controller {
        commits: Some(1223),
        ..release.clone()
    };
    let of_the_predecessor = Controller {
        protocol: 1,
        ..release.clone()
    };
    for (controller, of_a_name, of_a_function) in [
        (release, 422, 422),
        (a_commit_more, 422, 202),
        (of_the_predecessor, 202, 202),
    ] {
        assert_eq!(answer_of(controller.clone(), "ESC").await, 202);
        let about = format!("{controller:?}");
        let name = answer_of(controller.clone(), "Entr").await;
        assert_eq!(name, of_a_name, "{about}");
        let function = answer_of(controller, "#:flashMod()").await;
        assert_eq!(function, of_a_function, "{about}");
    }
}
