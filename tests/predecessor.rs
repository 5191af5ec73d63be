//! The predecessor's client, played as it behaves: it must work without knowing that anything changed.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail like its tests")]

use harness::{
    engine,
    service::{Answer, Service, Zip, layout},
};
use serde_json::{Value, json};

/// What the client takes out of an answer, by its own rule: `^\.\/[^/]+\/+([A-Za-z0-9_.-]+)-([A-Za-z0-9_.-]+)-([0-9A-Fa-f]+)(_error)?`
/// with greedy parts.
#[derive(Debug, PartialEq, Eq)]
struct Taken {
    board: String,
    layout: String,
    hash: String,
    is_error: bool,
}

fn take_apart(filename: &str) -> Taken {
    let rest = filename
        .strip_prefix("./")
        .unwrap()
        .split_once('/')
        .unwrap()
        .1
        .trim_start_matches('/');
    let (stem, is_error) = match rest.strip_suffix(".zip").unwrap() {
        name if name.ends_with("_error") => (name.strip_suffix("_error").unwrap(), true),
        name => (name, false),
    };
    let (names, hash) = stem.rsplit_once('-').unwrap();
    let (board, layout) = names.rsplit_once('-').unwrap();
    assert!(
        !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{hash} is not pure hex"
    );
    Taken {
        board: board.to_owned(),
        layout: layout.to_owned(),
        hash: hash.to_owned(),
        is_error,
    }
}

/// Submits as the client does and fetches the zip, which it always does.
fn compile(service: &Service, route: &str, config: &Value, env: &str) -> (bool, Taken, Zip) {
    let answer = service.post(route, &json!({ "config": config, "env": env }).to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let filename = body["filename"].as_str().unwrap().to_owned();
    let fetched = service.get(filename.strip_prefix('.').unwrap());
    assert_eq!(fetched.status, 200, "{}", fetched.text());
    (
        body["success"].as_bool().unwrap(),
        take_apart(&filename),
        Zip(fetched.body),
    )
}

fn error_of(answer: &Answer) -> String {
    answer.json()["error"]
        .as_str()
        .unwrap_or_else(|| panic!("no error: {}", answer.text()))
        .to_owned()
}

#[test]
fn a_layout_is_built_and_its_parts_are_where_the_client_looks() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[]);
    let versions = service.get("/versions").json();
    assert!(
        versions["latest"].is_object(),
        "the client reads latest.commit: {versions}"
    );
    for route in ["/download.php", "/"] {
        let (success, taken, zip) =
            compile(&service, route, &layout("KType-Standard.json"), "latest");
        assert!(success && !taken.is_error);
        assert_eq!(
            (taken.board.as_str(), taken.layout.as_str()),
            ("KType", "Standard")
        );
        let returned: Value = serde_json::from_slice(&zip.file("KType-Standard.json")).unwrap();
        assert_eq!(
            returned,
            layout("KType-Standard.json"),
            "the layout comes back whole"
        );
        assert!(!zip.file("log/build.log").is_empty());
        assert!(!zip.file("kiibohd.dfu.bin").is_empty());
    }
}

#[test]
fn a_split_board_gives_two_halves_also_when_its_layouts_name_has_a_dash() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[]);
    let mut config = layout("MDErgo1-Default.json");
    config["header"]["Layout"] = "My-Layout".into();
    let (success, taken, zip) = compile(&service, "/download.php", &config, "latest");
    assert!(success);
    // With a dash left in it, the client would take the board for `MDErgo1-My` and look for no halves.
    assert_eq!(
        (taken.board.as_str(), taken.layout.as_str()),
        ("MDErgo1", "My_Layout")
    );
    for name in [
        "left_kiibohd.dfu.bin",
        "right_kiibohd.dfu.bin",
        "MDErgo1-My_Layout.json",
        "log/build.log",
    ] {
        assert!(!zip.file(name).is_empty(), "{name}");
    }
}

#[test]
fn a_failed_compile_is_an_answer_with_the_compilers_own_words() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[]);
    let mut config = layout("KType-Standard.json");
    config["matrix"][0]["layers"]["0"]["key"] = "#:noSuchFunction()".into();
    let (success, taken, zip) = compile(&service, "/download.php", &config, "latest");
    assert!(!success && taken.is_error);
    let log = String::from_utf8(zip.file("log/build.log")).unwrap();
    assert!(log.contains("noSuchFunction"), "{log}");
}

#[test]
fn a_limit_is_answered_like_a_failed_compile() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[("KIISRV_BUILD_SECONDS", "0")]);
    let (success, taken, zip) = compile(
        &service,
        "/download.php",
        &layout("KType-Standard.json"),
        "latest",
    );
    assert!(!success && taken.is_error);
    assert!(zip.names().contains(&"log/build.log".to_owned()));
    assert!(!zip.file("KType-Standard.json").is_empty());
}

#[test]
fn an_unknown_channel_is_built_as_latest() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[]);
    let (success, ..) = compile(
        &service,
        "/download.php",
        &layout("WhiteFox-TheTrueFox.json"),
        "whatever",
    );
    assert!(success);
}

#[test]
fn what_cannot_be_built_is_json_with_an_error() {
    let service = Service::start_api(&[]);
    let malformed = service.post("/download.php", "{\"config\": ");
    assert_eq!(malformed.status, 400);
    error_of(&malformed);
    assert_eq!(
        service.get("/versions").json(),
        json!({}),
        "no controller is no version"
    );
    let config = layout("KType-Standard.json");
    let nobody = service.post(
        "/",
        &json!({ "config": config, "env": "latest" }).to_string(),
    );
    assert_eq!(nobody.status, 503);
    error_of(&nobody);
}

#[test]
fn layouts_are_found_by_their_exact_names_and_a_missing_one_is_json_too() {
    let service = Service::start_api(&[]);
    for name in [
        "KType-Standard",
        "K-Type-Standard",
        "KType-NoAnimations",
        "K-Type-NoAnimations",
        "MD1-Standard",
        "MDErgo1-Default",
        "MDErgo1-Blank",
        "WhiteFox-TheTrueFox",
    ] {
        let answer = service.get(&format!("/layouts/{name}.json?rev=HEAD"));
        assert_eq!(answer.status, 200, "{name}");
        assert!(answer.json()["matrix"].is_array(), "{name}");
    }
    for path in [
        "/layouts/KType-Nothing.json",
        "/layouts/ktype-standard.json",
        "/layouts/..%2Fclippy.toml",
    ] {
        let answer = service.get(path);
        assert_eq!(answer.status, 404, "{path}");
        error_of(&answer);
    }
}
