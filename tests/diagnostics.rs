//! A fault on a certain key of a certain layer: the answer leads to it, before the build or after it.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail like its tests")]

use std::path::Path;

use harness::{
    engine,
    service::{LAYOUTS, Service, layout},
};
use serde_json::{Value, json};
use shared::{
    channel::Dialect, diagnose::before_queueing, kll::generate_from, layout::Library,
    release::Release,
};

/// A layout in which a key of layer 2 is to do this, and the pointer to it.
fn with_second_layer(action: &str) -> (Value, String) {
    let mut config = layout("MD1-Hacker.json");
    let matrix = config["matrix"].as_array_mut().unwrap();
    let place = matrix
        .iter()
        .position(|key| key["layers"]["0"]["key"] == "Q")
        .unwrap();
    matrix[place]["layers"]["2"] = json!({ "key": action });
    (config, format!("/config/matrix/{place}/layers/2/key"))
}

#[test]
fn a_fault_on_layer_2_leads_to_its_key() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[]);
    for (action, compiler, message) in [
        (
            "#:flashMod()",
            "KeyError: 'flashMod'",
            "did you mean \"flashMode\"?",
        ),
        (
            "#:ledControl( 1 )",
            "ERROR: incorrect number of arguments for ledControl(1). Expected 2 Got 1",
            "takes 2 arguments",
        ),
        (
            "#:ledControl( a )",
            "NoParseError got unexpected token: 1,14-1,14: Name 'a'",
            "this is no KLL: U\"Q\" : ledControl( a );",
        ),
    ] {
        let (config, pointer) = with_second_layer(action);
        let build = service.build(&config, "latest");
        assert_eq!(build["reason"], "build_failed", "{build}");
        let found = build["diagnostics"].as_array().unwrap();
        assert_eq!(found.len(), 1, "{build}");
        assert_eq!(found[0]["layer"], 2);
        assert_eq!(found[0]["key"], "Q");
        assert_eq!(found[0]["compiler"], compiler);
        let said = found[0]["message"].as_str().unwrap();
        assert!(said.contains(message), "{said}");
        assert_eq!(found[0]["pointer"], pointer);
        let request = json!({ "config": config });
        assert_eq!(request.pointer(&pointer).unwrap(), action);
        let line = found[0]["line"].as_u64().unwrap();
        assert_eq!(
            line_of(&config, line),
            format!("U\"Q\" : {};", &action[2..])
        );
    }
}

/// A line of the second layer's file, as `kiisrv kll` writes it.
fn line_of(config: &Value, line: u64) -> String {
    let library = Library::open(Path::new(LAYOUTS)).unwrap();
    let (_, generated) = generate_from(config, Dialect::Latest, &library).unwrap();
    let index = usize::try_from(line).unwrap() - 1;
    generated.files[2]
        .text
        .lines()
        .nth(index)
        .unwrap()
        .to_owned()
}

#[test]
fn what_is_certain_is_refused_before_it_waits() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[]);
    let (config, pointer) = with_second_layer("CONS:MUT");
    let body = json!({ "config": config, "env": "latest" }).to_string();
    let answer = service.post("/v1/builds", &body);
    assert_eq!(answer.status, 422, "{}", answer.text());
    let problem = answer.json();
    assert_eq!(problem["errors"][0]["pointer"], pointer);
    assert!(problem["error"].as_str().unwrap().contains("did you mean"));
    let answer = service.post("/download.php", &body);
    let error = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("did you mean \"Mute\"?"), "{error}");
}

/// Of a layout that fails with one version and not with another, both compilers are right.
#[test]
fn no_layout_that_the_project_comes_with_is_refused() {
    let library = Library::open(Path::new(LAYOUTS)).unwrap();
    let mut checked = 0;
    for file in std::fs::read_dir(LAYOUTS).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let Ok(config) = serde_json::from_str::<Value>(&text) else {
            continue;
        };
        for (dialect, version) in [(Dialect::Latest, "v0.5.7"), (Dialect::Lts, "v0.5.0")] {
            // A base is no layout to build, and not every keyboard is in every dialect.
            if let Ok((_, generated)) = generate_from(&config, dialect, &library) {
                let release = Release::of_version(version).unwrap();
                let faults = before_queueing(&generated, Some(release));
                assert_eq!(faults, [], "{} for {version}", path.display());
                checked += 1;
            }
        }
    }
    assert!(checked >= 40, "only {checked} were there to check");
}

#[test]
fn odd_text_that_the_compiler_takes_is_built() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[]);
    let odd = [
        "# ((( \" not closed, in a comment",
        "U\"A\" : flashMode()\nU\"Q\" : U\"A\";\nU\"S\" : U\"D\";",
        "hello world;",
        "U\"A\" : 'hello; (';",
        "U\"A\" : U\";\";\nU\"B\" : U\"#\";\nU\"C\" : U\"'\";\nU\"D\" : U\"[\";",
        "U\"A\" : flashMode());",
        "U\"left shift\" : U\"LEFTSHIFT\"; and nothing more",
    ];
    let submitted = odd.map(|custom| {
        let (mut config, _) = with_second_layer("CONS:volumeup");
        config["custom"] = json!({ "2": custom });
        (custom, service.submit(&config, "latest"))
    });
    for (custom, id) in submitted {
        let build = service.ended(&id);
        assert_eq!(build["status"], "succeeded", "{custom}: {build}");
        assert_eq!(build["diagnostics"], json!([]));
    }
}
