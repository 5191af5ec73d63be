//! `/healthz` and `/readyz`.

use serde_json::json;

use super::{Service, json_of};

#[tokio::test]
async fn a_service_that_can_build_says_so() {
    let service = Service::start().await;
    assert_eq!(
        json_of(&service.get("/healthz").await),
        json!({ "status": "ok" })
    );
    let answer = service.get("/readyz").await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    let report = json_of(&answer);
    assert_eq!(report["status"], "ready");
    for check in ["workers", "disk", "table"] {
        assert_eq!(report["checks"][check]["ok"], true, "{check}");
    }
}

#[tokio::test]
async fn each_thing_that_is_in_the_way_is_named() {
    let service =
        Service::start_without_worker(&[("KIISRV_DISK_RESERVE_MB", "999999999999")]).await;
    assert_eq!(service.get("/healthz").await.status(), 200);
    let answer = service.get("/readyz").await;
    assert_eq!(answer.status(), 503);
    let report = json_of(&answer);
    assert_eq!(report["status"], "not ready");
    assert_eq!(report["checks"]["workers"]["ok"], false);
    assert_eq!(report["checks"]["disk"]["ok"], false);
    assert_eq!(report["checks"]["table"]["ok"], true);
}
