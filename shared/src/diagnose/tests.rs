//! Logs as they were captured from real compilers, and layouts as people write them.

use serde_json::{Value, json};

use super::*;
use crate::{channel::Dialect, kll::generate_from, layout::Library, release::Release};

/// A layout of two keys, with two layers and KLL of its own on the second.
fn layout(second_layer: &str, custom: &str) -> Value {
    let mut config = json!({
        "header": {
            "Name": "MD1", "Variant": "", "Layout": "Mine", "Base": "Blank", "Version": "1",
            "Author": "me", "KLL": "0.5", "Date": "2024-01-01", "Generator": "test",
        },
        "matrix": [
            {"code": "0x01", "layers": {"0": {"key": "ESC"}}},
            {"code": "0x02", "layers": {"0": {"key": "A"}, "1": {"key": second_layer}}},
        ],
    });
    if !custom.is_empty() {
        config["custom"] = json!({ "1": custom });
    }
    config
}

fn generated(config: &Value) -> Generated {
    let mut base = layout("B", "");
    base["header"]["Layout"] = json!("Blank");
    let texts = [("MD1-Blank.json".to_owned(), base.to_string())];
    let library = Library::from_texts(texts, []).unwrap();
    generate_from(config, Dialect::Latest, &library).unwrap().1
}

fn of(log: &str, config: &Value) -> Vec<Diagnostic> {
    of_log(log.as_bytes(), &generated(config))
}

/// The one diagnostic of a log, which must lead to the second key on layer 1.
fn of_second_key(log: &str, action: &str) -> Diagnostic {
    let found = of(log, &layout(action, ""));
    let [one] = &found[..] else {
        panic!("not one: {found:?}");
    };
    assert_eq!((one.layer, one.line), (Some(1), Some(11)), "{one:?}");
    assert_eq!(one.key.as_deref(), Some("A"));
    let pointer = one.pointer.as_deref();
    assert_eq!(pointer, Some("/config/matrix/1/layers/1/key"));
    one.clone()
}

#[test]
fn a_name_that_the_compiler_does_not_know_leads_to_its_key() {
    let log = "\u{1b}[5;1;31mERROR\u{1b}[0m: 'ENTR' (Layout(name=default)) is an invalid USB HID Code Lookup...\n\
               \x20 File \"/opt/kiisrv/python/kll/common/parse.py\", line 116, in hidCode\n\
               \u{1b}[1mInvalid dictionary lookup, check syntax.\u{1b}[0m\n\
               \u{1b}[5;1;31mERROR\u{1b}[0m: OperationSpecificsStage:parse -> /tmp/kll/tmpbuild@['MD1-Mine-1']_processed.kll:11\n\
               \u{1b}[5;1;31mERROR\u{1b}[0m: Invalid stage status 'Incomplete' for 'OperationSpecificsStage'.\n";
    let one = of_second_key(log, "Entr");
    assert_eq!(
        one.message,
        r#"there is no key "Entr"; did you mean "Enter"?"#
    );
    assert_eq!(
        one.compiler,
        "ERROR: 'ENTR' (Layout(name=default)) is an invalid USB HID Code Lookup..."
    );
}

#[test]
fn a_function_that_the_firmware_does_not_have_is_found_by_its_name() {
    let log = "Traceback (most recent call last):\n  File \"/opt/kiisrv/python/kll/kiibohd.py\", line 367\n\
               \x20   cap_index = self.capabilities_index[identifier.name]\nKeyError: 'flashMod'\n";
    let one = of_second_key(log, "#:flashMod()");
    assert!(
        one.message.contains("did you mean \"flashMode\""),
        "{one:?}"
    );
    // A firmware without LEDs says the same of a function that others have.
    let one = of_second_key("KeyError: 'ledControl'\n", "#:ledControl( 1, 15 )");
    assert!(!one.message.contains("mean"), "{one:?}");
}

#[test]
fn a_call_with_too_few_arguments_is_found_though_it_is_told_without_blanks() {
    let log = "AssertionError: Invalid arguments\n\
               ERROR: incorrect number of arguments for layerState(1). Expected 2 Got 1\n\
               \tlayerState <= Layer_layerState_capability(layer:2,state:1);\n";
    let one = of_second_key(log, "#:layerState( 1 )");
    assert_eq!(
        one.message,
        "layerState(1): this function takes 2 arguments"
    );
}

#[test]
fn what_is_no_kll_leads_to_its_line_of_the_persons_own_text() {
    let log = "LexerError cannot tokenize data: 1,2: \" %%%\"\n\tU\"W\" : %%%;\n\t       ^\n\
               ERROR: OperationSpecificsStage:tokenize -> /tmp/kll/tmpbuild@['MD1-Mine-1']_processed.kll:16\n";
    let found = of(log, &layout("B", "# mine\nU\"W\" : %%%;"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].pointer.as_deref(), Some("/config/custom/1"));
    assert_eq!(found[0].key.as_deref(), Some("W"));
    assert_eq!(found[0].message, "this is no KLL: U\"W\" : %%%;");
}

#[test]
fn a_c_compilers_words_lead_to_the_animation_that_is_not_there() {
    // Both halves of a split board complain of it.
    let log = "/tmp/build/left/generatedPixelmap.c:260:29: error: 'Animation__rain' undeclared here (not in a function)\n\
               /tmp/build/right/generatedPixelmap.c:260:29: error: 'Animation__rain' undeclared here (not in a function)\n";
    let one = of_second_key(log, "#:A[rain](start)");
    assert_eq!(one.message, "there is no animation \"rain\"");
}

#[test]
fn a_pixel_is_nothing_that_a_key_can_do() {
    let log = "TypeError: Object of type PixelAddressId is not JSON serializable\n\
               ERROR: Unknown identifier(PixelId) -> P[['999']](255)\n";
    let one = of_second_key(log, "#:P[999](255)");
    assert_eq!(one.message, "a key cannot do P[999](255)");
}

#[test]
fn what_leads_nowhere_is_told_in_the_compilers_words() {
    let log = "/controller/src/main.c:12:1: error: expected ';' before '}' token\n\
               ld: macro.c.obj:(.rodata+0x0): undefined reference to `Foo_capability'\n";
    let found = of(log, &layout("B", ""));
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].message, "expected ';' before '}' token");
    assert!(found.iter().all(|one| one.layer.is_none()));
    let found = of("ValueError: it broke\n", &layout("B", ""));
    assert_eq!(found[0].message, "ValueError: it broke");
}

#[test]
fn a_log_of_complaints_without_end_is_cut() {
    let mut log = String::new();
    for number in 0..10_000 {
        log.push_str(&format!(
            "main.c:1:1: error: {number} {}\n",
            "\u{7}é\u{202e}".repeat(5000)
        ));
    }
    let found = of(&log, &layout("B", ""));
    assert_eq!(found.len(), MOST);
    for one in found {
        assert!(one.message.chars().count() <= LONGEST, "{one:?}");
        assert!(!one.compiler.contains(['\u{7}', '\u{202e}']));
    }
}

fn early(config: &Value) -> Vec<(String, String)> {
    let faults = before_queueing(&generated(config), Release::of_version("v0.5.7"));
    let faults = faults.into_iter();
    faults.map(|fault| (fault.pointer, fault.message)).collect()
}

#[test]
fn a_name_is_told_before_it_waits_with_what_was_meant() {
    for (key, expected) in [
        ("Entr", "there is no key \"Entr\"; did you mean \"Enter\"?"),
        (
            "CONS:MUT",
            "there is no key \"MUT\"; did you mean \"Mute\"?",
        ),
        (
            "SYS:SLEPE",
            "there is no key \"SLEPE\"; did you mean \"Sleep\"?",
        ),
        (
            "#:U\"A\" + U\"Left Shfit\"",
            "there is no key \"Left Shfit\"; did you mean \"Left Shift\"?",
        ),
        ("Qwertzuiop", "there is no key \"Qwertzuiop\""),
        (
            "#:flashMod()",
            "v0.5.7 has no function \"flashMod\"; did you mean \"flashMode\"?",
        ),
    ] {
        let found = early(&layout(key, ""));
        let pointer = "/matrix/1/layers/1/key".to_owned();
        assert_eq!(found, [(pointer, expected.to_owned())], "{key}");
    }
}

#[test]
fn text_that_cannot_be_taken_apart_is_told_before_it_waits() {
    for (custom, expected) in [
        ("U\"A\" : flashMode()", "misses a `;`"),
        (
            "U\"A\" : flashMode();\n# more\nU\"B\" : ledControl( 1, 2;",
            "line 3: has a '('",
        ),
        ("U\"A\" : U\"B;", "line 1: has a '\"'"),
        ("U\"A\"] : U\"B\";", "has a ']'"),
        ("U\"A\" : A[x(start);", "has a '['"),
        (
            "U\"A\" : U\"B\"; \t\nU\"Ax\" : U\"B\";",
            "line 2: there is no key \"Ax\"",
        ),
    ] {
        let found = early(&layout("B", custom));
        assert_eq!(found.len(), 1, "{custom}: {found:?}");
        assert_eq!(found[0].0, "/custom/1");
        assert!(found[0].1.contains(expected), "{custom}: {found:?}");
    }
}

/// Each of these was built by the compiler of v0.5.7 and that of v0.5.0.
#[test]
fn what_builds_is_never_refused() {
    for custom in [
        "# ((( \" not closed, in a comment",
        "U\"A\" : flashMode()\nU\"Q\" : U\"A\";\nU\"S\" : U\"D\";",
        "hello world;",
        ";",
        "U\"A\" : 'hello; (';",
        "U\"A\" : U0x04;",
        "U\"A\" : None;",
        "U\"left shift\" : U\"LEFTSHIFT\";",
        "U\"A\" : U\";\";\nU\"B\" : U\"#\";\nU\"C\" : U\"'\";\nU\"D\" : U\"[\";",
        "foo = bar;",
        "U\"A\" : U\"A\" + U\"B\", U\"C\";",
        "U\"A\" : Layer[1];",
        "U\"Function1\" : U\"FUN1\";",
        "U\"A\" : flashMode(); and nothing more",
        "U\"A\" : flashMode());",
        "U\"A\" : U\"A\" + ledControl(1;",
        "U\"A\" : flashMode() foo(;",
        "foo = \"a(b\";",
        "U\"NoSuch\"",
    ] {
        assert_eq!(early(&layout("B", custom)), [], "{custom}");
    }
}

#[test]
fn functions_are_only_judged_where_all_are_known() {
    let unknown = layout("#:myOwn( 1 )", "");
    assert_eq!(early(&unknown).len(), 1);
    assert_eq!(before_queueing(&generated(&unknown), None), []);
    let defined = layout("#:myOwn( 1 )", "myOwn => My_own_capability( x : 1 );");
    assert_eq!(early(&defined), []);
    // What a layer's own text says last counts.
    let taken_back = layout("#:myOwn( 1 )", "U\"A\" : U\"A\";");
    assert_eq!(early(&taken_back), []);
}

#[test]
fn text_that_opens_much_and_closes_nothing_is_read_once() {
    // Searched to its end from each bracket, this would take hours.
    for bracket in [
        "(", "[", "\"(", "'[\"", "#(", " \t", "x:1", "U\"", ";:", "\n",
    ] {
        let custom = bracket.repeat((500 << 10) / bracket.len());
        let found = early(&layout("B", &custom));
        assert!(found.len() <= 101, "{bracket}: {}", found.len());
    }
}
