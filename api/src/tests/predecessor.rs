//! What the predecessor's clients rely on.

use serde_json::json;
use shared::job::{Artifact, Outcome, Reason};
use warp::http::Response;

use super::{Service, ZIP, assert_problem, failed, header, json_of, request_for};

/// The answer to an old client whose build ends with this outcome.
async fn answer_to(
    service: &Service,
    outcome: impl FnOnce(Artifact) -> Outcome,
) -> Response<bytes::Bytes> {
    let body = request_for("MD1-Standard");
    let (answer, ()) = tokio::join!(service.post("/download.php", &body), service.work(outcome));
    answer
}

#[tokio::test]
async fn a_request_is_held_until_its_build_has_ended_and_the_zip_is_where_it_says() {
    let service = Service::start().await;
    let answer = answer_to(&service, Outcome::Built).await;
    assert_eq!(answer.status(), 200);
    let said = json_of(&answer);
    assert_eq!(said["success"], true);
    let filename = said["filename"].as_str().unwrap();
    let hash = filename
        .strip_prefix("./tmp/MD1-Standard-")
        .and_then(|rest| rest.strip_suffix(".zip"))
        .unwrap();
    assert!(hash.bytes().all(|byte| byte.is_ascii_hexdigit()));

    let zip = service.get(&filename[1..]).await;
    assert_eq!(zip.status(), 200);
    assert_eq!(zip.body(), ZIP);
    // The kept answer comes at once, on the other old route too.
    let again = service.post("/", &request_for("MD1-Standard")).await;
    assert_eq!(json_of(&again), said);
}

#[tokio::test]
async fn a_failed_compile_and_a_limit_are_told_with_a_log() {
    for reason in [Reason::BuildFailed, Reason::TimedOut, Reason::OutOfMemory] {
        let service = Service::start().await;
        let answer = answer_to(&service, failed(reason)).await;
        assert_eq!(answer.status(), 200);
        let said = json_of(&answer);
        assert_eq!(said["success"], false);
        let filename = said["filename"].as_str().unwrap();
        assert!(filename.ends_with("_error.zip"), "{filename}");
        assert_eq!(service.get(&filename[1..]).await.body(), ZIP);
        let other = filename[1..].replace("_error", "");
        assert_problem(&service.get(&other).await, 404);
    }
}

#[tokio::test]
async fn the_zip_of_a_failure_stays_while_the_same_build_is_tried_again() {
    let service = Service::start().await;
    let answer = answer_to(&service, failed(Reason::TimedOut)).await;
    let filename = json_of(&answer)["filename"].as_str().unwrap().to_owned();
    service.submit(&request_for("MD1-Standard")).await;
    assert_eq!(service.get(&filename[1..]).await.status(), 200);
}

#[tokio::test]
async fn trouble_of_ours_is_no_failed_compile() {
    for reason in [Reason::WorkerLost, Reason::ControllerMissing] {
        let service = Service::start().await;
        let answer = answer_to(&service, failed(reason)).await;
        let problem = assert_problem(&answer, 503);
        assert!(problem["error"].as_str().unwrap().contains(reason.as_str()));
        assert!(!header(&answer, "retry-after").is_empty());
    }
}

#[tokio::test]
async fn a_failure_without_a_zip_has_no_name_to_give() {
    let service = Service::start().await;
    let answer = answer_to(&service, |_| Outcome::Failed {
        reason: Reason::NoArtifact,
        detail: "nothing was left".to_owned(),
        artifact: None,
        diagnostics: Vec::new(),
    })
    .await;
    assert_problem(&answer, 503);
}

#[tokio::test]
async fn a_version_that_nobody_knows_is_the_latest() {
    let service = Service::start().await;
    let mut body = request_for("MD1-Standard");
    body["env"] = json!("whatever");
    let (answer, ()) = tokio::join!(
        service.post("/download.php", &body),
        service.work(Outcome::Built)
    );
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn what_cannot_be_built_is_told_in_one_text() {
    let service = Service::start().await;
    let request = warp::test::request().method("POST").path("/download.php");
    assert_problem(&service.ask(request.body("nonsense")).await, 400);

    let mut body = request_for("MD1-Standard");
    body["config"]["header"]["Base"] = json!("Nothing");
    let problem = assert_problem(&service.post("/download.php", &body).await, 422);
    let text = problem["error"].as_str().unwrap();
    assert!(text.contains("/config/header/Base"), "{text}");

    let service = Service::start_without_worker(&[]).await;
    let answer = service
        .post("/download.php", &request_for("MD1-Standard"))
        .await;
    assert_problem(&answer, 503);
}

#[tokio::test]
async fn whoever_waits_too_long_is_told_to_ask_again() {
    let service = Service::start_with(&[("KIISRV_HOLD_SECONDS", "0")]).await;
    let answer = service
        .post("/download.php", &request_for("MD1-Standard"))
        .await;
    assert_problem(&answer, 504);
    // The build is still there.
    service.work(Outcome::Built).await;
    let answer = service
        .post("/download.php", &request_for("MD1-Standard"))
        .await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_stop_ends_a_held_request() {
    let service = Service::start().await;
    let body = request_for("MD1-Standard");
    let stop = async {
        service.claim().await;
        service.state.stop();
    };
    let (answer, ()) = tokio::join!(service.post("/download.php", &body), stop);
    let problem = assert_problem(&answer, 503);
    assert_eq!(problem["error"], "the service is restarting; ask again");
    assert!(!header(&answer, "retry-after").is_empty());
}

#[tokio::test]
async fn a_client_that_leaves_takes_no_build_along() {
    let service = Service::start().await;
    let body = request_for("MD1-Standard");
    tokio::select! {
        answer = service.post("/download.php", &body) => panic!("{answer:?}"),
        claimed = service.claim() => service.end(&claimed, Outcome::Built).await,
    }
    let answer = service.post("/download.php", &body).await;
    assert_eq!(json_of(&answer)["success"], true);
}

#[tokio::test]
async fn no_other_file_is_below_tmp() {
    let service = Service::start().await;
    let answer = answer_to(&service, Outcome::Built).await;
    let said = json_of(&answer);
    let path = said["filename"].as_str().unwrap()[1..].to_owned();
    for other in [
        path.replace("MD1", "KType"),
        path.replace("Standard", "Other"),
        path.replace(".zip", "_error.zip"),
        path.replace(".zip", ""),
        "/tmp/../kiisrv.db".to_owned(),
        "/tmp/%2e%2e%2fkiisrv.db".to_owned(),
        "/tmp/x.zip".to_owned(),
    ] {
        assert_problem(&service.get(&other).await, 404);
    }
}
