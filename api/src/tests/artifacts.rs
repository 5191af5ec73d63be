//! Zips and logs.

use std::time::Duration;

use serde_json::Value;
use shared::{
    job::{Outcome, Reason},
    store::{jobs, retention},
};
use warp::test::RequestBuilder;

use crate::handlers::artifacts::zip_name;

use super::{Service, ZIP, assert_problem, failed, header, json_of, request_for, write};

/// A service with one build that has ended, and the path of its zip.
async fn with_zip() -> (Service, String) {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    service.work(Outcome::Built).await;
    (service, format!("/v1/builds/{id}/artifact"))
}

fn get(path: &str) -> RequestBuilder {
    warp::test::request().path(path)
}

#[tokio::test]
async fn a_zip_is_sent_with_its_name_and_its_tag() {
    let (service, path) = with_zip().await;
    let answer = service.get(&path).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.body(), ZIP);
    assert_eq!(header(&answer, "content-length"), "10");
    assert_eq!(header(&answer, "content-type"), "application/zip");
    assert_eq!(header(&answer, "etag"), format!("\"{}\"", "ab".repeat(32)));
    assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    assert!(header(&answer, "cache-control").contains("immutable"));
    let disposition = header(&answer, "content-disposition");
    assert!(
        disposition.starts_with("attachment; filename=\"MD1-Standard-")
            && disposition.ends_with(".zip\""),
        "{disposition}"
    );
}

#[tokio::test]
async fn a_zip_that_the_client_has_is_not_sent_again() {
    let (service, path) = with_zip().await;
    let tag = format!("\"{}\"", "ab".repeat(32));
    let answer = service.ask(get(&path).header("if-none-match", &tag)).await;
    assert_eq!(answer.status(), 304);
    assert!(answer.body().is_empty());
    assert_eq!(header(&answer, "etag"), tag);
}

#[tokio::test]
async fn a_part_of_a_zip_is_sent() {
    let (service, path) = with_zip().await;
    let answer = service.ask(get(&path).header("range", "bytes=2-5")).await;
    assert_eq!(answer.status(), 206);
    assert_eq!(answer.body(), "2345");
    assert_eq!(header(&answer, "content-range"), "bytes 2-5/10");
    assert_eq!(header(&answer, "content-length"), "4");

    let beyond = service.ask(get(&path).header("range", "bytes=10-")).await;
    assert_problem(&beyond, 416);
    assert_eq!(header(&beyond, "content-range"), "bytes */10");

    let other = get(&path)
        .header("range", "bytes=2-5")
        .header("if-range", "\"other\"");
    assert_eq!(service.ask(other).await.status(), 200);
}

#[tokio::test]
async fn a_link_is_not_followed_and_a_lost_zip_is_not_found() {
    let (service, path) = with_zip().await;
    let id = path.split('/').nth(3).unwrap().to_owned();
    let file = service.state.settings.artifacts.join(id).join("1.zip");
    std::fs::rename(&file, file.with_extension("moved")).unwrap();
    assert_problem(&service.get(&path).await, 404);
    std::os::unix::fs::symlink(file.with_extension("moved"), &file).unwrap();
    let problem = assert_problem(&service.get(&path).await, 500);
    assert!(!problem.to_string().contains(".zip"), "{problem}");
}

#[tokio::test]
async fn a_zip_that_is_kept_no_longer_is_gone_and_the_same_request_is_a_new_build() {
    let (service, path) = with_zip().await;
    let id = path.split('/').nth(3).unwrap().to_owned();
    let state = &service.state;
    let build = jobs::show(&state.store, id.parse().unwrap()).await.unwrap();
    let tmp = format!("/tmp/{}", zip_name(build.as_ref().unwrap()));
    assert_eq!(service.get(&tmp).await.status(), 200);

    let most = 10;
    let status = shared::job::Status::Succeeded;
    let dropped = retention::drop_old_zips(&state.store, status, Duration::ZERO, most).await;
    assert_eq!(dropped.unwrap().len(), 1);

    let gone = assert_problem(&service.get(&path).await, 410);
    assert!(gone.to_string().contains("made anew"), "{gone}");
    assert_problem(&service.get(&tmp).await, 404);
    let shown = json_of(&service.get(&format!("/v1/builds/{id}")).await);
    assert_eq!(
        (&shown["status"], &shown["artifact"]),
        (&"succeeded".into(), &Value::Null)
    );
    assert_ne!(service.submit(&request_for("MD1-Standard")).await, id);
}

#[tokio::test]
async fn a_build_without_a_zip_has_none() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    let answer = service.get(&format!("/v1/builds/{id}/artifact")).await;
    assert_problem(&answer, 404);
}

#[tokio::test]
async fn the_zip_of_a_failure_says_so_in_its_name() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    service.work(failed(Reason::BuildFailed)).await;
    let answer = service.get(&format!("/v1/builds/{id}/artifact")).await;
    assert!(header(&answer, "content-disposition").ends_with("_error.zip\""));
}

#[tokio::test]
async fn a_log_can_be_read_while_it_grows() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    let path = format!("/v1/builds/{id}/log");
    let answer = service.get(&path).await;
    assert_eq!((answer.status().as_u16(), answer.body().len()), (200, 0));

    let claimed = service.claim().await;
    let file = service.state.settings.logs.join(&id).join("1.log");
    write(&file, "<b>compiling");
    let answer = service.get(&path).await;
    assert_eq!(answer.body(), "<b>compiling");
    assert_eq!(header(&answer, "content-type"), "text/plain; charset=utf-8");
    assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    let more = service.ask(get(&path).header("range", "bytes=3-")).await;
    assert_eq!(more.body(), "compiling");

    std::fs::remove_file(&file).unwrap();
    service.end(&claimed, Outcome::Built).await;
    assert_problem(&service.get(&path).await, 404);
    let build = json_of(&service.get(&format!("/v1/builds/{id}")).await);
    assert_eq!(build["log_url"], path);
}
