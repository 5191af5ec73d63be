//! What KLL generation promises, on small keyboards of our own.

use serde_json::{Value, json};

use super::*;

fn layout(name: &str, layout: &str, base: &str, keys: &[(&str, &[&str])]) -> Value {
    let matrix: Vec<_> = keys
        .iter()
        .map(|(code, actions)| {
            let layers: serde_json::Map<_, _> = actions
                .iter()
                .enumerate()
                .filter(|(_, action)| !action.is_empty())
                .map(|(layer, action)| (layer.to_string(), json!({ "key": action })))
                .collect();
            json!({ "code": code, "layers": layers })
        })
        .collect();
    json!({
        "header": {
            "Name": name, "Variant": "my board", "Layout": layout, "Base": base, "Version": "1",
            "Author": "me", "KLL": "0.5", "Date": "2024-01-01", "Generator": "test",
        },
        "matrix": matrix,
    })
}

fn library() -> Library {
    let two = [("0x01", ["ESC"].as_slice()), ("0x02", &["F1"])];
    let texts = [
        ("KType-Base.json", layout("KType", "Base", "Base", &two)),
        ("MD1-Blank.json", layout("MD1", "Blank", "Blank", &two)),
        (
            "MDErgo1-Blank.json",
            layout("MDErgo1", "Blank", "Blank", &two),
        ),
        (
            "WhiteFox-AriaBase.json",
            layout(
                "WhiteFox",
                "AriaBase",
                "AriaBase",
                &[("0x01", &["ESC"]), ("0x07", &["A"])],
            ),
        ),
        (
            "WhiteFox-AriaBase.lts.json",
            layout(
                "WhiteFox",
                "All",
                "All",
                &[("0x09", &["F9"]), ("0x01", &["TAB"])],
            ),
        ),
    ];
    let texts = texts.map(|(name, text)| (name.to_owned(), text.to_string()));
    Library::from_texts(texts, []).unwrap()
}

fn generated(config: &Value, dialect: Dialect) -> Generated {
    generate_from(config, dialect, &library()).unwrap().1
}

fn faults(config: &Value, dialect: Dialect) -> Vec<String> {
    let faults = generate_from(config, dialect, &library()).unwrap_err();
    faults.into_iter().map(|fault| fault.pointer).collect()
}

/// The lines of a layer's file that say what a key does.
fn changes(generated: &Generated, layer: usize) -> Vec<&str> {
    let lines = generated.files[layer].text.lines();
    lines.filter(|line| line.contains(" : ")).collect()
}

#[test]
fn a_file_has_all_its_parts_and_their_empty_lines() {
    let mut config = layout(
        "KType",
        "Mine",
        "Base",
        &[("0x01", &["A", "B"]), ("0x02", &["#:x( 1 )"])],
    );
    config["defines"] = json!([{ "name": "a", "value": "1" }, { "name": "b", "value": "2" }]);
    config["custom"] = json!({ "0": "# mine", "1": "# mine too" });
    config["animations"] = json!({ "on": { "settings": "start", "frames": ["P[1](1)"] } });
    let files = generated(&config, Dialect::Latest).files;

    let header = "Name = \"KType\";\nVariant = \"my_board\";\nLayout = \"Mine\";\nBase = \"Base\";\n\
                  Version = \"1\";\nAuthor = \"me\";\nKLL = \"0.5\";\nDate = \"2024-01-01\";\n\
                  Generator = \"test\";";
    let lowest = "\n\na = \"1\";\nb = \"2\";\n\nU\"ESC\" : U\"A\";\nU\"F1\" : x( 1 );\n\n\n\n# mine\n\n\
                  A[on] <= start;\nA[on, 1] <= P[1](1);\n\n\n";
    assert_eq!(files[0].text, format!("{header}{lowest}"));
    assert_eq!(files[0].name, "KType-Mine-0.kll");
    let next = "\n\nU\"ESC\" : U\"B\";\n\n\n\n# mine too\n\n";
    assert_eq!(files[1].text, format!("{header}{next}"));
    assert_eq!(files[1].name, "KType-Mine-1.kll");
}

#[test]
fn each_partial_layer_has_its_function_map() {
    let keys: [(&str, &[&str]); 2] = [("0x01", &["A", "FUNCTION2", "C"]), ("0x02", &[])];
    let ktype = generated(&layout("KType", "Fn", "Base", &keys), Dialect::Latest);
    assert_eq!(changes(&ktype, 1), [r#"U"ESC" : U"FUNCTION2";"#]);
    assert_eq!(ktype.default_map, "stdFuncMap KType-Fn-0");
    assert_eq!(
        ktype.partial_maps,
        "stdFuncMap KType-Fn-1;stdFuncMap KType-Fn-2"
    );
    assert_eq!(ktype.layers, 3);

    let ergo = generated(&layout("MDErgo1", "Fn", "Blank", &keys), Dialect::Lts);
    let map = "infinity_ergodox/lcdFuncMap";
    assert_eq!(ergo.default_map, format!("{map} MDErgo1-Fn-0"));
    assert_eq!(
        ergo.partial_maps,
        format!("{map} MDErgo1-Fn-1;{map} MDErgo1-Fn-2")
    );
    assert!(ergo.keyboard.is_split());
}

#[test]
fn a_layer_between_two_others_has_a_file_of_its_own() {
    let keys: [(&str, &[&str]); 2] = [("0x01", &["A", "", "C"]), ("0x02", &[])];
    let config = layout("KType", "Gap", "Base", &keys);
    let generated = generated(&config, Dialect::Latest);
    assert_eq!(generated.files.len(), 3);
    assert!(changes(&generated, 1).is_empty());
}

#[test]
fn names_are_safe_and_the_header_keeps_the_persons_words() {
    let keys: [(&str, &[&str]); 2] = [("0x01", &["A"]), ("0x02", &["B"])];
    let generated = generated(
        &layout("mdergo1", "My-Own Layout", "Blank", &keys),
        Dialect::Latest,
    );
    assert_eq!(generated.board, "MDErgo1");
    assert_eq!(generated.layout, "My_Own_Layout");
    assert_eq!(generated.variant, "my_board");
    assert_eq!(generated.files[0].name, "MDErgo1-My_Own_Layout-0.kll");
    let head = "Name = \"mdergo1\";\nVariant = \"my_board\";\nLayout = \"My-Own Layout\";\n";
    assert!(generated.files[0].text.starts_with(head));
}

#[test]
fn a_base_is_found_under_any_name_of_the_board() {
    let keys: [(&str, &[&str]); 2] = [("0x01", &["A"]), ("0x02", &["B"])];
    for (name, base, board) in [
        ("K-Type", "Base", "K-Type"),
        ("k-tYPE", "Base", "K-Type"),
        ("infinity", "Blank", "Infinity"),
    ] {
        assert_eq!(
            generated(&layout(name, "X", base, &keys), Dialect::Latest).board,
            board
        );
    }
    let unknown = layout("KType", "X", "base", &keys);
    assert_eq!(faults(&unknown, Dialect::Latest), ["/header/Base"]);
    let path = layout("KType", "X", "../../KType-Base", &keys);
    assert_eq!(faults(&path, Dialect::Latest), ["/header/Base"]);
}

#[test]
fn whitefox_keys_are_matched_by_scan_code_and_lts_leaves_out_what_it_does_not_know() {
    let keys: [(&str, &[&str]); 2] = [("0x07", &["B"]), ("0x01", &["C"])];
    let config = layout("WhiteFox", "X", "AriaBase", &keys);
    let latest = generated(&config, Dialect::Latest);
    assert_eq!(
        changes(&latest, 0),
        [r#"U"A" : U"B";"#, r#"U"ESC" : U"C";"#]
    );
    let lts = generated(&config, Dialect::Lts);
    assert_eq!(changes(&lts, 0), [r#"U"TAB" : U"C";"#]);

    let keys: [(&str, &[&str]); 2] = [("0x01", &["B"]), ("0x77", &["C"])];
    let config = layout("WhiteFox", "X", "AriaBase", &keys);
    for dialect in Dialect::ALL {
        assert_eq!(faults(&config, dialect), ["/matrix/1/code"]);
    }
}

#[test]
fn custom_text_needs_a_layer_unless_it_says_nothing() {
    let keys: [(&str, &[&str]); 2] = [("0x01", &["A"]), ("0x02", &["B"])];
    let mut config = layout("KType", "X", "Base", &keys);
    config["custom"] = json!({ "1": "", "2": "\n  # looked at, no more\n" });
    assert_eq!(generated(&config, Dialect::Latest).files.len(), 1);
    config["custom"] = json!({ "0": "a;", "1": "# b\nU\"A\" : U\"B\";" });
    assert_eq!(faults(&config, Dialect::Latest), ["/custom/1"]);
}

#[test]
fn lts_has_no_animations() {
    let keys: [(&str, &[&str]); 2] = [("0x01", &["A"]), ("0x02", &["B"])];
    let mut config = layout("KType", "X", "Base", &keys);
    config["animations"] = json!({ "on": { "settings": "start", "frames": ["P[1](1)"] } });
    assert!(
        generated(&config, Dialect::Latest).files[0]
            .text
            .contains("A[on]")
    );
    assert!(
        !generated(&config, Dialect::Lts).files[0]
            .text
            .contains("A[on]")
    );
}

#[test]
fn a_key_with_triggers_does_those_besides() {
    let keys: [(&str, &[&str]); 2] = [("0x01", &["A", "B"]), ("0x02", &[])];
    let mut config = layout("KType", "X", "Base", &keys);
    let trigger = |action: &str| json!({ "action": action, "label": "", "type": "animation" });
    config["matrix"][0]["triggers"] = json!({
        "0": [trigger("A[on](start)"), trigger("#:flashMode()")],
        "1": [],
        "9": [],
    });
    config["matrix"][1]["triggers"] = json!({ "0": trigger("A[on](stop)"), "2": trigger("x") });
    config["custom"] = json!({ "0": "# mine" });
    let files = generated(&config, Dialect::Latest).files;
    let after_the_keys = "U\"ESC\" : U\"A\";\n\nU\"ESC\" :+ A[on](start);\n\
                          U\"ESC\" :+ flashMode();\nU\"F1\" :+ A[on](stop);\n\n# mine\n\n";
    assert!(files[0].text.contains(after_the_keys), "{}", files[0].text);
    assert!(!files[1].text.contains(":+"), "an empty list says nothing");
    assert!(files[2].text.ends_with("\n\n\n\nU\"F1\" :+ x;\n\n"));
    assert_eq!(files.len(), 3, "a layer may have triggers only");

    for file in generated(&config, Dialect::Lts).files {
        assert!(!file.text.contains(":+"), "{}", file.text);
    }
}

#[test]
fn what_is_wrong_with_a_trigger_has_its_place() {
    let keys: [(&str, &[&str]); 2] = [("0x01", &["A"]), ("0x02", &["B"])];
    let mut config = layout("KType", "X", "Base", &keys);
    config["matrix"][0]["triggers"] = json!({
        "0": [{ "action": " ", "label": "", "type": "animation" }, "x", { "action": "x", "label": "", "type": 1 }],
        "1": { "label": "", "type": "animation" },
        "2": "x",
        "one": [],
    });
    config["matrix"][1]["triggers"] = json!([]);
    assert_eq!(
        faults(&config, Dialect::Latest),
        [
            "/matrix/0/triggers/0/0/action",
            "/matrix/0/triggers/0/1",
            "/matrix/0/triggers/0/2/type",
            "/matrix/0/triggers/1/action",
            "/matrix/0/triggers/2",
            "/matrix/0/triggers/one",
            "/matrix/1/triggers",
        ]
    );
}

#[test]
fn all_faults_come_at_once_with_their_places() {
    let mut config = layout(
        "KType",
        "X",
        "Base",
        &[("0x01", &["A\"", "B"]), ("0x02", &["A"]), ("0x03", &["A"])],
    );
    config["header"]["Author"] = json!("me\";");
    config["header"]["KLL"] = json!(0.5);
    config["matrix"][1]["x"] = json!("left");
    config["matrix"][2]["layers"]["-1"] = json!({ "key": "A" });
    config["matrix"][2]["layers"]["32"] = json!({ "key": "A" });
    config["custom"] = json!({ "0": 1, "9": "U\"A\" : U\"B\";" });
    config["leds"] = json!([{ "id": 0.5, "x": 1, "y": null }]);
    config["animations"] = json!({ "a/b": { "frames": ["x", 1] } });
    config["defines"] = json!({});
    assert_eq!(
        faults(&config, Dialect::Latest),
        [
            "/header/Author",
            "/header/KLL",
            "/matrix/0/layers/0/key",
            "/matrix/1/x",
            "/matrix/2/layers/-1",
            "/matrix/2/layers/32",
            "/custom/0",
            "/defines",
            "/animations/a~1b/settings",
            "/animations/a~1b/frames/1",
            "/leds/0/id",
            "/leds/0/y",
            "/custom/9",
        ]
    );

    let mut config = layout("Typewriter", "", "Base", &[]);
    config["canned"] = json!(7);
    let expected = ["/canned", "/matrix", "/header/Layout", "/header/Name"];
    assert_eq!(faults(&config, Dialect::Latest), expected);

    let config = layout("KType", "X", "Base", &[("0x01", &["A"])]);
    assert_eq!(faults(&config, Dialect::Latest), ["/matrix"]);
}

#[test]
fn what_is_missing_is_one_fault_and_not_also_a_misfit() {
    assert_eq!(faults(&json!([]), Dialect::Latest), [""]);
    assert_eq!(faults(&json!({}), Dialect::Latest), ["/header", "/matrix"]);
    let mut config = layout(
        "WhiteFox",
        "X",
        "AriaBase",
        &[("0x01", &["A"]), ("0x07", &["B"])],
    );
    config["matrix"][0] = json!(null);
    config["header"]["Base"] = json!(["AriaBase"]);
    assert_eq!(
        faults(&config, Dialect::Latest),
        ["/header/Base", "/matrix/0"]
    );
}

#[test]
fn members_that_may_be_absent_may_be_null_and_others_do_not_matter() {
    let mut config = layout("KType", "X", "Base", &[("0x01", &["A"]), ("0x02", &["B"])]);
    for name in ["custom", "defines", "animations", "canned", "leds"] {
        config[name] = Value::Null;
    }
    config["header"]["Variant"] = Value::Null;
    config["header"]["Colour"] = json!({ "is": "ours" });
    config["macros"] = json!({ "0": [] });
    config["matrix"][0]["board"] = json!(1);
    config["matrix"][0]["x"] = Value::Null;
    config["matrix"][0]["w"] = json!(1.25);
    config["matrix"][0]["layers"]["0"]["label"] = Value::Null;
    config["matrix"][0]["triggers"] = json!({ "0": { "action": "x", "label": "y", "type": "z" } });
    let generated = generated(&config, Dialect::Latest);
    assert_eq!(generated.variant, "");
    assert!(generated.files[0].text.contains("Variant = \"\";"));
}

#[test]
fn each_line_leads_to_what_it_was_made_of() {
    let mut config = layout(
        "KType",
        "Mine",
        "Base",
        &[("0x01", &["A", "B"]), ("0x02", &["C"])],
    );
    config["matrix"][0]["triggers"] =
        json!({ "0": [{ "action": "A[x](start)", "label": "", "type": "animation" }] });
    config["defines"] = json!([{ "name": "one", "value": "1" }, { "name": "two", "value": "2" }]);
    config["custom"] = json!({ "0": "# mine\nU\"X\" : U\"Y\";" });
    config["animations"] = json!({ "a/b": { "settings": "loop", "frames": ["P[1](1)"] } });
    let generated = generated(&config, Dialect::Latest);
    for (layer, words, pointer, key) in [
        (0, "one = \"1\"", "/defines/0", None),
        (0, "two = \"2\"", "/defines/1", None),
        (
            0,
            "U\"ESC\" : U\"A\"",
            "/matrix/0/layers/0/key",
            Some("ESC"),
        ),
        (0, "U\"F1\" : U\"C\"", "/matrix/1/layers/0/key", Some("F1")),
        (0, ":+ A[x]", "/matrix/0/triggers/0/0/action", Some("ESC")),
        (0, "U\"X\"", "/custom/0", None),
        (0, "A[a/b, 1]", "/animations/a~1b", None),
        (1, "U\"B\"", "/matrix/0/layers/1/key", Some("ESC")),
    ] {
        let file = &generated.files[layer];
        let line = file.text.lines().position(|line| line.contains(words));
        let source = file.source_of(line.unwrap() + 1).unwrap();
        assert_eq!(source.pointer, pointer, "{words}");
        assert_eq!(source.key.as_deref(), key, "{words}");
        assert!(config.pointer(&source.pointer).is_some(), "{pointer}");
    }
    assert_eq!(
        generated.files[0].source_of(1),
        None,
        "the head is nobody's"
    );
}
