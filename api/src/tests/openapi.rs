//! The description of the API: that it knows every route, and that every answer of these tests is as it says.

use std::{collections::BTreeSet, sync::LazyLock};

use serde_json::{Value, json};
use warp::{
    http::{Method, Response as HttpResponse},
    reply::Response,
};

use super::*;
use crate::{
    openapi::TEXT,
    routes::{Place, Verb, places},
};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&TEXT).unwrap());

/// The same, with objects that may have no members but those that are described.
static CLOSED: LazyLock<Value> = LazyLock::new(|| {
    let mut components = DOCUMENT["components"].clone();
    close(&mut components);
    components
});

/// What an answer is the answer to.
#[derive(Clone)]
struct To(Method, String);

/// Notes what was asked on its answer.
pub(super) fn remember(method: Method, path: &str, mut answer: Response) -> Response {
    let to = To(method, path.to_owned());
    answer.extensions_mut().insert(to);
    answer
}

/// That the description has this answer, with this kind of body and a body as it says.
pub(super) fn assert_described(answer: &HttpResponse<Bytes>) {
    let To(method, path) = answer.extensions().get().unwrap();
    let status = answer.status().as_u16();
    let Some(route) = described(method, path) else {
        return;
    };
    if status == 405 || status == 500 {
        // Of these the description speaks once for all routes.
        return;
    }
    let told = &route["responses"][status.to_string()];
    assert!(
        !told.is_null(),
        "{method} {path} answers {status}: {answer:?}"
    );
    let kind = header(answer, "content-type");
    if method == Method::HEAD || status == 304 || kind.is_empty() {
        return;
    }
    let content = &told["content"][kind];
    assert!(
        !content.is_null(),
        "{method} {path} answers {status} with {kind}"
    );
    if kind.ends_with("json") {
        assert_valid(&content["schema"], &CLOSED, &json_of(answer));
    }
}

/// The description of whatever is at this path; `None` where it is no program's, or is not known.
fn described(method: &Method, path: &str) -> Option<&'static Value> {
    let verb = match method.as_str() {
        "GET" | "HEAD" => "get",
        "POST" => "post",
        "DELETE" => "delete",
        _ => return None,
    };
    let all = DOCUMENT["paths"].as_object().unwrap();
    let here = all.iter().filter(|(place, _)| {
        let verb = verb_of(verb);
        Place { verb, path: place }.is_at(path)
    });
    // `/layouts/{name}.svg` is meant before `/layouts/{file}`.
    here.max_by_key(|(place, _)| place.split('}').next_back().map(str::len))
        .and_then(|(_, item)| item.get(verb))
}

fn verb_of(word: &str) -> Verb {
    match word {
        "get" => Verb::Get,
        "post" => Verb::Post,
        "delete" => Verb::Delete,
        other => panic!("{other} is no method of ours"),
    }
}

#[track_caller]
fn assert_valid(schema: &Value, components: &Value, value: &Value) {
    let schema = json!({ "allOf": [schema], "components": components });
    let options = jsonschema::options().should_validate_formats(true);
    let validator = options.build(&schema).unwrap();
    let faults: Vec<_> = validator
        .iter_errors(value)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{faults:?} in {value}");
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") {
                members
                    .entry("additionalProperties")
                    .or_insert(false.into());
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Each operation of the description, with where it is.
fn operations() -> impl Iterator<Item = (Place, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(verb, operation)| {
            let verb = verb_of(verb);
            (Place { verb, path }, operation)
        })
    })
}

#[tokio::test]
async fn every_route_is_described_and_nothing_else_is() {
    let service = Service::start_without_worker(&[]).await;
    let name = |place: &Place| format!("{:?} {}", place.verb, place.path);
    let routes: BTreeSet<_> = places(&service.state).iter().map(name).collect();
    let described: BTreeSet<_> = operations().map(|(place, _)| name(&place)).collect();
    assert_eq!(routes, described);
}

#[tokio::test]
async fn the_description_is_served_and_is_told_from_an_older_one() {
    let service = Service::start_without_worker(&[]).await;
    let answer = service.get("/openapi.json").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "content-type"), "application/json");
    assert_eq!(header(&answer, "access-control-allow-origin"), "*");
    let document = json_of(&answer);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let request = warp::test::request().path("/openapi.json");
    let again = request.header("if-none-match", header(&answer, "etag"));
    assert_eq!(service.ask(again).await.status(), 304);
}

#[test]
fn every_example_is_as_its_schema_says() {
    let mut seen = 0;
    for (_, operation) in operations() {
        let contents = |of: &'static Value| of["content"].as_object().into_iter().flatten();
        let responses = operation["responses"].as_object().unwrap();
        let answered = responses.values().flat_map(contents);
        for (kind, content) in answered.chain(contents(&operation["requestBody"])) {
            if kind.ends_with("json") {
                assert_valid(&content["schema"], &CLOSED, &content["example"]);
                seen += 1;
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert_valid(&parameter["schema"], &CLOSED, &parameter["example"]);
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen} examples were looked at");
}

#[test]
fn everything_that_is_named_is_there() {
    let names = |text: &'static str, before: &'static str| {
        let parts = text.split(before).skip(1);
        parts
            .filter_map(|part| part.split('"').next())
            .collect::<BTreeSet<_>>()
    };
    let schemas = &DOCUMENT["components"]["schemas"];
    let used = names(&TEXT, "\"#/components/schemas/");
    let there: BTreeSet<_> = schemas
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(used, there);
    for (place, operation) in operations() {
        for needed in operation["security"].as_array().into_iter().flatten() {
            let scheme = needed.as_object().unwrap().keys().next().unwrap();
            assert!(
                !DOCUMENT["components"]["securitySchemes"][scheme].is_null(),
                "{place:?}"
            );
        }
        let declared = operation["parameters"].as_array().into_iter().flatten();
        let mut in_path = declared.filter(|parameter| parameter["in"] == "path");
        let name = place.path.split(['{', '}']).nth(1);
        assert_eq!(
            in_path.next().and_then(|one| one["name"].as_str()),
            name,
            "{place:?}"
        );
        assert!(in_path.next().is_none() && operation["summary"].is_string());
    }
    let ids: BTreeSet<_> = operations()
        .map(|(_, one)| one["operationId"].to_string())
        .collect();
    assert_eq!(ids.len(), operations().count());
}

#[tokio::test]
async fn the_example_of_what_is_sent_can_be_built_and_drawn() {
    let service = Service::start().await;
    for (path, status) in [("/v1/builds", 202), ("/v1/layouts/svg", 200)] {
        let body = &DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"];
        let answer = service.post(path, &body["example"]).await;
        assert_eq!(answer.status(), status, "{answer:?}");
    }
}

#[test]
fn every_layout_that_we_come_with_is_as_described() {
    let schema = json!({ "$ref": "#/components/schemas/Layout" });
    for file in std::fs::read_dir(LAYOUTS).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        if let Ok(layout) = serde_json::from_str::<Value>(&text)
            && layout.get("matrix").is_some()
        {
            assert_valid(&schema, &DOCUMENT["components"], &layout);
        }
    }
}

#[tokio::test]
async fn what_the_description_forbids_in_a_layout_is_refused() {
    let service = Service::start().await;
    let good = request_for("KType-Standard");
    for (place, wrong) in [
        ("/config/header/Name", json!(null)),
        ("/config/header/Author", json!("\"")),
        ("/config/header/Base", json!("x".repeat(1001))),
        ("/config/matrix", json!({})),
        ("/config/matrix/0/code", json!(1)),
        ("/config/matrix/0/x", json!("1")),
        ("/config/matrix/0/layers", json!({ "32": { "key": "A" } })),
        ("/config/matrix/0/layers/0", json!({ "key": "" })),
        ("/config/custom", json!({ "0": 7 })),
        ("/config/leds", json!([{ "id": -1, "x": 0, "y": 0 }])),
        ("/config/animations", json!({ "a": { "frames": [] } })),
        ("/config", json!([])),
        ("/env", json!(7)),
    ] {
        let mut request = good.clone();
        *request.pointer_mut(place).unwrap() = wrong;
        let schema = json!({
            "$ref": "#/components/schemas/BuildRequest", "components": DOCUMENT["components"]
        });
        assert!(
            !jsonschema::is_valid(&schema, &request),
            "{place} is as described"
        );
        assert_problem(&service.post("/v1/builds", &request).await, 422);
    }
}
