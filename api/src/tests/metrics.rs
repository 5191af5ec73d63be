//! `/metrics`, and that dashboard and alerts ask for nothing that is not there.

use std::collections::{BTreeMap, BTreeSet};

use shared::job::{Outcome, Reason};

use super::{Service, failed, header, request_for};

/// The dashboard and the alerts, as they are handed out.
const ASKING: [&str; 2] = [
    include_str!("../../../docs/monitoring/grafana.json"),
    include_str!("../../../docs/monitoring/alerts.yml"),
];

/// A figure's line without its value, and the value.
fn figures(text: &str) -> BTreeMap<String, f64> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

async fn look(service: &Service) -> BTreeMap<String, f64> {
    let answer = service.get("/metrics").await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert!(header(&answer, "content-type").starts_with("text/plain; version=0.0.4"));
    figures(std::str::from_utf8(answer.body()).unwrap())
}

/// A service that has built one layout, failed another, and has a third waiting.
async fn busy(variables: &[(&str, &str)]) -> Service {
    let service = Service::start_with(variables).await;
    service.submit(&request_for("KType-Standard")).await;
    service.work(Outcome::Built).await;
    service.submit(&request_for("MD1-Hacker")).await;
    service.work(failed(Reason::BuildFailed)).await;
    service.submit(&request_for("WhiteFox-Blank")).await;
    service
}

#[tokio::test]
async fn what_was_asked_for_and_what_became_of_it_is_told() {
    let service = busy(&[]).await;
    let told = look(&service).await;
    for (name, value) in [
        ("kiisrv_queue_builds{state=\"waiting\"}", 1.0),
        ("kiisrv_queue_builds{state=\"running\"}", 0.0),
        ("kiisrv_requests_total", 3.0),
        ("kiisrv_builds_total{outcome=\"succeeded\"}", 1.0),
        ("kiisrv_builds_total{outcome=\"build_failed\"}", 1.0),
        ("kiisrv_builds_total{outcome=\"worker_lost\"}", 0.0),
        (
            "kiisrv_builds_by_keyboard_total{keyboard=\"MD1\",version=\"latest\",outcome=\"build_failed\"}",
            1.0,
        ),
        (
            "kiisrv_phase_seconds_count{phase=\"waiting\",keyboard=\"MD1\",version=\"latest\"}",
            1.0,
        ),
        ("kiisrv_workers{state=\"ready\"}", 1.0),
        ("kiisrv_slots", 1.0),
        ("kiisrv_controllers", 1.0),
        ("kiisrv_ready{check=\"disk\"}", 1.0),
        (
            "kiisrv_http_requests_total{method=\"POST\",route=\"/v1/builds\",status=\"202\"}",
            3.0,
        ),
        (
            "kiisrv_http_request_seconds_count{route=\"/v1/builds\"}",
            3.0,
        ),
    ] {
        assert_eq!(told.get(name), Some(&value), "{name} in {told:#?}");
    }
    for name in [
        "kiisrv_table_bytes",
        "kiisrv_disk_free_bytes{place=\"logs\"}",
    ] {
        assert!(told[name] > 0.0, "{name}");
    }
}

#[tokio::test]
async fn nothing_of_a_build_or_of_its_client_is_told() {
    let service = Service::start().await;
    let id = service.submit(&request_for("KType-Standard")).await;
    service.work(Outcome::Built).await;
    service.get("/v1/builds/made-up?wait=1").await;
    service.get("/made/up").await;
    let answer = service.get("/metrics").await;
    let text = std::str::from_utf8(answer.body()).unwrap();
    for secret in [
        id.as_str(),
        "made-up",
        "/made",
        "Standard",
        "worker\"",
        "host\"",
    ] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(text.contains("route=\"other\",status=\"404\""), "{text}");
}

#[tokio::test]
async fn dashboard_and_alerts_ask_only_for_what_there_is() {
    let service = busy(&[]).await;
    let told = look(&service).await;
    let known: BTreeSet<&str> = told.keys().map(|name| until(name, '{')).collect();
    let mut asked = 0;
    for text in ASKING {
        for (at, _) in text.match_indices("kiisrv_") {
            let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let name = text[at..].split(|letter| !is_word(letter)).next().unwrap();
            assert!(known.contains(name), "{name} is not in /metrics");
            asked += 1;
        }
    }
    assert!(asked > 30, "{asked} names are few");
}

fn until(text: &str, end: char) -> &str {
    text.split(end).next().unwrap_or(text)
}

#[tokio::test]
async fn they_are_for_nobody_where_an_operator_says_so() {
    let service = Service::start_with(&[("KIISRV_METRICS", "off")]).await;
    assert_eq!(service.get("/metrics").await.status(), 404);
    // The test's requests come over no connection, and so from no address.
    let service = Service::start_with(&[("KIISRV_METRICS", "127.0.0.1")]).await;
    assert_eq!(service.get("/metrics").await.status(), 404);
}
