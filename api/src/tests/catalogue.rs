//! What can be built: keyboards, versions, layouts; and the statistics.

use serde_json::{Value, json};
use shared::store::{
    channels,
    versions::{self, Controller, keyboards_from},
};

use super::{Service, assert_problem, controller, header, json_of, request_for};

#[tokio::test]
async fn a_layout_is_found_by_its_exact_name_or_by_a_further_one() {
    let service = Service::start().await;
    for name in ["KType-Standard", "K-Type-Standard", "WhiteFox-Aria"] {
        let answer = service.get(&format!("/layouts/{name}.json?rev=HEAD")).await;
        assert_eq!(answer.status(), 200, "{name}");
        assert_eq!(header(&answer, "content-type"), "application/json");
        assert!(json_of(&answer)["header"]["Name"].is_string());

        let request = warp::test::request()
            .path(&format!("/layouts/{name}.json"))
            .header("if-none-match", header(&answer, "etag"));
        assert_eq!(service.ask(request).await.status(), 304);
    }
}

#[tokio::test]
async fn a_layout_that_is_not_there_is_told_in_json() {
    let service = Service::start().await;
    for name in [
        "Nothing.json",
        "ktype-standard.json",
        "aliases.json",
        "..%2fCargo.toml",
        "README.md",
    ] {
        assert_problem(&service.get(&format!("/layouts/{name}")).await, 404);
    }
}

#[tokio::test]
async fn layouts_are_listed_with_their_further_names() {
    let service = Service::start().await;
    let list = json_of(&service.get("/v1/layouts").await);
    let find = |name: &str| {
        let all = list["layouts"].as_array().unwrap();
        all.iter()
            .find(|layout| layout["name"] == name)
            .unwrap()
            .clone()
    };
    let layout = find("KType-Standard.json");
    assert_eq!(layout["url"], "/layouts/KType-Standard.json");
    assert_eq!(
        (&layout["keyboard"], &layout["base"]),
        (&json!("KType"), &json!("Base"))
    );
    assert_eq!(layout["alias_of"], Value::Null);
    assert_eq!(
        find("K-Type-Standard.json")["alias_of"],
        "KType-Standard.json"
    );
    assert_eq!(find("K-Type-Standard.json")["keyboard"], "K-Type");
}

#[tokio::test]
async fn keyboards_are_listed_with_their_layouts() {
    let service = Service::start().await;
    let list = json_of(&service.get("/v1/keyboards").await);
    let all = list["keyboards"].as_array().unwrap();
    let ktype = all
        .iter()
        .find(|keyboard| keyboard["name"] == "KType")
        .unwrap();
    assert_eq!(ktype["names"], json!(["KType", "K-Type"]));
    assert_eq!(
        (&ktype["split"], &ktype["script"]),
        (&json!(false), &json!("k-type.bash"))
    );
    assert_eq!(
        ktype["layouts"],
        json!(["Base", "NoAnimations", "Standard"])
    );
}

#[tokio::test]
async fn versions_are_listed_with_and_without_a_controller() {
    let service = Service::start().await;
    let list = json_of(&service.get("/v1/versions").await);
    let all = list["versions"].as_array().unwrap();
    let find = |name| all.iter().find(|version| version["name"] == name).unwrap();
    assert_eq!(find("latest")["available"], true);
    assert_eq!(find("latest")["dialect"], "latest");
    assert_eq!(find("latest")["version"], "v0.5.7");
    assert_eq!(find("lts")["available"], false);
    assert_eq!(find("lts")["image"], Value::Null);
}

/// A service whose `lts` has only the K-Type, and whose `latest` has also the Kira.
async fn with_keyboards() -> Service {
    let service = Service::start_without_worker(&[]).await;
    let known = |name: &str, keyboards: &str| Controller {
        name: name.to_owned(),
        keyboards: Some(keyboards_from(keyboards)),
        ..controller()
    };
    let both = vec![known("050", "k-type"), known("057", "k-type,kira")];
    versions::controllers_seen(&service.state.store, "engine", both)
        .await
        .unwrap();
    service
}

#[tokio::test]
async fn a_version_lists_its_keyboards_where_its_controller_names_them() {
    let service = with_keyboards().await;
    let list = json_of(&service.get("/v1/versions").await);
    let all = list["versions"].as_array().unwrap();
    let find = |name| all.iter().find(|version| version["name"] == name).unwrap();
    assert_eq!(find("lts")["keyboards"], json!(["KType"]));
    assert_eq!(find("latest")["keyboards"], json!(["KType", "Kira"]));
    assert_eq!(find("v0.5.4")["keyboards"], Value::Null);

    let list = json_of(&Service::start().await.get("/v1/versions").await);
    assert_eq!(list["versions"][0]["keyboards"], Value::Null);
}

#[tokio::test]
async fn a_keyboard_that_a_version_does_not_have_is_refused_with_the_versions_that_have_it() {
    let service = with_keyboards().await;
    let mut request = request_for("Kira-Standard");
    request["env"] = json!("lts");
    for path in ["/v1/builds", "/download.php", "/"] {
        let problem = assert_problem(&service.post(path, &request).await, 422);
        assert_eq!(problem["errors"][0]["pointer"], "/config/header/Name");
        let told = problem["error"].as_str().unwrap();
        let all_of_it = "is Kira, which lts does not have; these have it: latest, nightly, v0.5.7";
        assert!(told.contains(all_of_it), "{told}");
    }
    request["env"] = json!("latest");
    service.submit(&request).await;
    let mut request = request_for("KType-Standard");
    request["env"] = json!("lts");
    service.submit(&request).await;

    let nowhere = request_for("MD1-Standard");
    let problem = assert_problem(&service.post("/v1/builds", &nowhere).await, 422);
    let told = problem["error"].as_str().unwrap();
    assert!(told.contains("no version that is here has it"), "{told}");
}

#[tokio::test]
async fn a_disabled_controller_is_shown_and_not_built_with() {
    let service = Service::start().await;
    let store = &service.state.store;
    channels::disable(store, "057", "the operator")
        .await
        .unwrap();
    for path in ["/v1/builds", "/download.php"] {
        let answer = service.post(path, &request_for("MD1-Standard")).await;
        assert_problem(&answer, 503);
    }
    assert_eq!(json_of(&service.get("/versions").await), json!({}));
    assert_eq!(service.get("/readyz").await.status(), 503);
    let list = json_of(&service.get("/v1/versions").await);
    let all = list["versions"].as_array().unwrap();
    let find = |name| all.iter().find(|version| version["name"] == name).unwrap();
    for (name, disabled) in [("latest", true), ("lts", false)] {
        assert_eq!(find(name)["disabled"], disabled, "{name}");
        assert_eq!(find(name)["available"], false, "{name}");
    }
}

#[tokio::test]
async fn old_clients_are_told_of_the_releases_that_are_there() {
    let service = Service::start().await;
    let releases = json_of(&service.get("/versions").await);
    assert_eq!(
        releases["latest"],
        json!({
            "commit": 1222,
            "date": "2019-09-15T03:21:12Z",
            "hash": "0f".repeat(20),
            "bcd": "4.c6",
            "notes": "https://example.org/controller/releases/tag/v0.5.7",
        })
    );
    let names: Vec<_> = releases.as_object().unwrap().keys().collect();
    assert_eq!(names, ["latest", "nightly", "v0.5.7"]);
}

#[tokio::test]
async fn a_controller_without_labels_is_null_and_none_at_all_is_an_empty_object() {
    let service = Service::start_without_worker(&[]).await;
    assert_eq!(json_of(&service.get("/versions").await), json!({}));

    let mut plain = controller();
    plain.commits = None;
    versions::controllers_seen(&service.state.store, "engine", vec![plain])
        .await
        .unwrap();
    let releases = json_of(&service.get("/versions").await);
    assert_eq!(releases["latest"], Value::Null);
    assert!(releases.get("latest").is_some() && releases.get("lts").is_none());
}

#[tokio::test]
async fn statistics_are_text_or_json() {
    let service = Service::start().await;
    let request = warp::test::request()
        .method("POST")
        .path("/v1/builds")
        .header("user-agent", "Mozilla/5.0 (X11; Linux) Electron/9")
        .json(&request_for("MD1-Standard"));
    service.ask(request).await;
    service.submit(&request_for("MD1-Hacker")).await;
    let answer = service.get("/stats").await;
    assert!(header(&answer, "content-type").starts_with("text/plain"));
    let text = std::str::from_utf8(answer.body()).unwrap();
    assert!(
        text.starts_with("Builds: 2 (2 unique)\nCache ratio: 1.0\n"),
        "{text}"
    );
    assert!(
        text.contains("\"Desktop\": 1,\n    \"Web\": 1,\n"),
        "{text}"
    );
    assert!(text.contains("\"MD1-Standard\": 1,"), "{text}");

    let request = warp::test::request()
        .path("/stats")
        .header("accept", "application/json");
    let json = json_of(&service.ask(request).await);
    assert_eq!((&json["builds"], &json["users"]), (&json!(2), &json!(1)));
}
