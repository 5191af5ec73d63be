//! Pictures of keyboards, as pages ask for them.

use serde_json::{Value, json};

use super::{Service, assert_problem, header, request_for};

fn text(answer: &warp::http::Response<bytes::Bytes>) -> &str {
    std::str::from_utf8(answer.body()).unwrap()
}

#[tokio::test]
async fn a_layout_has_a_picture_under_each_of_its_names() {
    let service = Service::start().await;
    for name in ["KType-Standard", "K-Type-Standard", "WhiteFox-Aria"] {
        let path = format!("/layouts/{name}.svg?rev=HEAD");
        let answer = service.get(&path).await;
        assert_eq!(answer.status(), 200, "{name}");
        assert_eq!(
            header(&answer, "content-type"),
            "image/svg+xml; charset=utf-8"
        );
        assert_eq!(header(&answer, "access-control-allow-origin"), "*");
        assert_eq!(
            header(&answer, "content-security-policy"),
            "default-src 'none'; style-src 'unsafe-inline'"
        );
        assert!(text(&answer).starts_with("<svg "), "{name}");

        let request = warp::test::request()
            .path(&path)
            .header("if-none-match", header(&answer, "etag"));
        assert_eq!(service.ask(request).await.status(), 304);
    }
}

#[tokio::test]
async fn one_layer_has_a_picture_and_a_tag_of_its_own() {
    let service = Service::start().await;
    let all = service.get("/layouts/KType-Standard.svg").await;
    let one = service.get("/layouts/KType-Standard.svg?layer=1").await;
    assert!(text(&one).contains("<title>KType Standard: layer 1</title>"));
    assert_ne!(header(&all, "etag"), header(&one, "etag"));
    assert_problem(
        &service.get("/layouts/KType-Standard.svg?layer=9").await,
        404,
    );
    assert_problem(
        &service.get("/layouts/KType-Standard.svg?layer=x").await,
        400,
    );
}

#[tokio::test]
async fn a_picture_that_is_not_there_is_told_in_json() {
    let service = Service::start().await;
    for name in [
        "Nothing.svg",
        "ktype-standard.svg",
        "aliases.svg",
        "..%2fCargo.svg",
        ".svg",
        "KType-Standard.json.svg",
        // Its layout says nothing of where its keys are.
        "WhiteFox-AllBlank.svg",
    ] {
        assert_problem(&service.get(&format!("/layouts/{name}")).await, 404);
    }
}

#[tokio::test]
async fn a_layout_that_is_sent_is_drawn_and_not_kept() {
    let service = Service::start().await;
    let config = request_for("KType-Standard")["config"].take();
    let sent = service.post("/v1/layouts/svg", &config).await;
    assert_eq!(sent.status(), 200);
    assert_eq!(header(&sent, "cache-control"), "no-store");
    let ours = service.get("/layouts/KType-Standard.svg").await;
    assert_eq!(sent.body(), ours.body());
    let layer = service.post("/v1/layouts/svg?layer=1", &config).await;
    assert!(text(&layer).contains(": layer 1</title>"));
}

#[tokio::test]
async fn what_is_sent_and_cannot_be_drawn_is_refused_with_every_fault() {
    let service = Service::start().await;
    let mut config = request_for("KType-Standard")["config"].take();
    config["matrix"][2]["x"] = json!(1e9);
    config["matrix"][5]["h"] = json!(-1);
    let problem = assert_problem(&service.post("/v1/layouts/svg", &config).await, 422);
    let pointers = problem["errors"].as_array().unwrap().iter();
    let pointers: Vec<_> = pointers.map(|fault| &fault["pointer"]).collect();
    assert_eq!(pointers, ["/matrix/2/x", "/matrix/5/h"]);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .starts_with("This cannot be drawn:")
    );

    let good = request_for("KType-Standard")["config"].take();
    assert_problem(&service.post("/v1/layouts/svg?layer=9", &good).await, 422);
    assert_problem(&service.post("/v1/layouts/svg", &json!({})).await, 422);
    for layer in ["18446744073709551615", "99999999999999999999999"] {
        let path = format!("/v1/layouts/svg?layer={layer}");
        assert_problem(&service.post(&path, &good).await, 422);
    }
    let many = Value::from(vec![0; 300_000]);
    assert_problem(&service.post("/v1/layouts/svg", &many).await, 413);
    let broken = warp::test::request()
        .method("POST")
        .path("/v1/layouts/svg")
        .body("{");
    assert_problem(&service.ask(broken).await, 400);
}

#[tokio::test]
async fn another_method_is_told_which_there_is() {
    let service = Service::start().await;
    let answer = service.get("/v1/layouts/svg").await;
    assert_problem(&answer, 405);
    assert_eq!(header(&answer, "allow"), "POST, OPTIONS");
    let answer = service
        .post("/layouts/KType-Standard.svg", &json!({}))
        .await;
    assert_problem(&answer, 405);
    assert_eq!(header(&answer, "allow"), "GET, HEAD, OPTIONS");
}
