//! What people and operators are told of warm builds that are held against cold ones.

use serde_json::Value;
use shared::{
    job::{Artifact, FirmwareFile, Outcome},
    store::jobs::{self, Claimed, Ended},
};

use super::{
    Service,
    console::Browser,
    header, json_of,
    operator::{TOKEN, service},
    request_for,
};

/// Ends a build with firmware that has this checksum; it is to be compared, where it is no comparison.
async fn end_with(service: &Service, claimed: &Claimed, checksum: &str) {
    let file = format!("{}/{}.zip", claimed.held.id, claimed.held.epoch);
    super::write(&service.state.settings.artifacts.join(&file), super::ZIP);
    let firmware = FirmwareFile {
        name: "kiibohd.dfu.bin".to_owned(),
        bytes: 7,
        sha256: checksum.to_owned(),
    };
    let outcome = Outcome::Built(Artifact {
        file,
        bytes: super::ZIP.len() as u64,
        sha256: "ab".repeat(32),
        files: vec![firmware],
    });
    let ended = Ended {
        compare: claimed.compares.is_none(),
        ..Ended::default()
    };
    jobs::finish_as(&service.state.store, &claimed.held, outcome, ended)
        .await
        .unwrap();
}

/// A warm build's id, and the claim of the comparison with it.
async fn being_compared(service: &Service) -> (String, Claimed) {
    let id = service.submit(&request_for("KType-Standard")).await;
    end_with(service, &service.claim().await, "warm").await;
    let comparison = service.claim().await;
    assert_eq!(comparison.compares.unwrap().to_string(), id);
    (id, comparison)
}

async fn metric(service: &Service, name: &str) -> String {
    let answer = service.get("/metrics").await;
    let text = std::str::from_utf8(answer.body()).unwrap().to_owned();
    let mut lines = text.lines();
    let line = lines.find(|line| line.starts_with(name));
    line.unwrap_or(name)
        .trim_start_matches(name)
        .trim()
        .to_owned()
}

#[tokio::test]
async fn operators_see_a_comparison_as_what_it_is_and_it_is_in_no_count() {
    let service = service().await;
    let (id, comparison) = being_compared(&service).await;
    let queue = service.operate("GET", "/v1/queue").await;
    assert_eq!(queue["running"][0]["compares"], id.as_str());
    assert_eq!(queue["recent"][0]["compares"], Value::Null);
    assert_eq!(queue["counts"]["running"], 0);
    assert_eq!(queue["counts"]["succeeded"], 1);
    let anna = Browser::signed_in(&service, "anna").await;
    let page = anna.page("/queue").await;
    assert!(page.contains("compares "), "{page}");
    let shown = service
        .get(&format!("/v1/builds/{}", comparison.held.id))
        .await;
    assert_eq!(json_of(&shown)["compares"], id.as_str());
    let page = anna
        .page(&format!("/queue/builds/{}", comparison.held.id))
        .await;
    assert!(page.contains("Compares") && page.contains(&id), "{page}");
    assert!(page.contains("cold=1"), "its job file says so: {page}");
    let path = format!("/v1/builds/{}/inputs", comparison.held.id);
    let inputs = service.shows(("GET", &path), TOKEN).await;
    assert_eq!(inputs.status(), 200);
    assert_eq!(header(&inputs, "content-type"), "application/zip");
}

#[tokio::test]
async fn a_difference_is_told_to_whoever_has_the_build_and_in_the_versions() {
    let service = service().await;
    let (id, comparison) = being_compared(&service).await;
    let build = format!("/v1/builds/{id}");
    assert_eq!(json_of(&service.get(&build).await)["doubt"], Value::Null);
    end_with(&service, &comparison, "cold").await;
    let told = json_of(&service.get(&build).await);
    let doubt = told["doubt"].as_str().unwrap();
    assert!(doubt.contains("came out different"), "{doubt}");
    assert!(told["artifact"]["url"].is_string(), "it stays to be had");
    let page = service.get(&format!("/builds/{id}")).await;
    let page = std::str::from_utf8(page.body()).unwrap();
    assert!(page.contains(doubt), "{page}");
    let versions = json_of(&service.get("/v1/versions").await);
    let of = |name: &str| {
        let mut all = versions["versions"].as_array().unwrap().iter();
        all.find(|one| one["name"] == name).unwrap()["cold_keyboards"].clone()
    };
    assert_eq!(of("latest"), serde_json::json!(["KType"]));
    assert_eq!(of("lts"), serde_json::json!([]));
    assert_eq!(metric(&service, "kiisrv_cold_keyboards").await, "1");
    let different = "kiisrv_comparisons_total{result=\"different\"}";
    assert_eq!(metric(&service, different).await, "1");

    let queue = service.operate("GET", "/v1/queue").await;
    let recent = queue["recent"].as_array().unwrap();
    let doubtful = recent.iter().find(|one| one["id"] == id.as_str());
    let by = comparison.held.id.to_string();
    assert_eq!(doubtful.unwrap()["doubted_by"], by.as_str());
    let anna = Browser::signed_in(&service, "anna").await;
    let page = anna.page(&format!("/queue/builds/{id}")).await;
    assert!(page.contains("In doubt by") && page.contains(&by), "{page}");
    assert!(anna.page("/queue").await.contains("doubtful"));

    let again = service.submit(&request_for("KType-Standard")).await;
    assert_ne!(again, id);
    assert!(service.claim().await.cold);
}

#[tokio::test]
async fn what_is_the_same_is_told_to_nobody_but_counted() {
    let service = service().await;
    let (id, comparison) = being_compared(&service).await;
    end_with(&service, &comparison, "warm").await;
    let told = json_of(&service.get(&format!("/v1/builds/{id}")).await);
    assert_eq!(told["doubt"], Value::Null);
    let same = "kiisrv_comparisons_total{result=\"same\"}";
    assert_eq!(metric(&service, same).await, "1");
    assert_eq!(metric(&service, "kiisrv_cold_keyboards").await, "0");
    assert_eq!(
        metric(&service, "kiisrv_builds_total{outcome=\"succeeded\"}").await,
        "1"
    );
}
