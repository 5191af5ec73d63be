//! What a log says of a layout, whatever the log is: little, clean, and with places that are there.

use harness::small;
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use shared::{
    channel::Dialect,
    diagnose::{LONGEST, MOST, before_queueing, of_log},
    kll::{Generated, generate_from},
};

use super::one_in;

fn generated(config: &Value) -> Generated {
    let generated = generate_from(config, Dialect::Latest, &small::library());
    generated.unwrap().1
}

/// Lines as compilers write them, with holes for anything.
fn line() -> impl Strategy<Value = String> {
    let shape = prop::sample::select(vec![
        "{}",
        "ERROR: {}",
        "\u{1b}[31mERROR\u{1b}[0m: {} -> {}:{}",
        "ERROR: OperationSpecificsStage:parse -> /tmp/build/{}.kll:{}",
        "ERROR: FileStage:sort -> x@['{}']_processed.kll:{}",
        "ERROR: '{}' (Layout(name=default)) is an invalid USB HID Code Lookup...",
        "ERROR: incorrect number of arguments for {}. Expected {}",
        "ERROR: Unknown identifier(PixelId) -> {}",
        "ERROR: Unknown animation 'A[{}]'",
        "KeyError: '{}'",
        "NoParseError {}",
        "Not enough tokens left: {}",
        "main.c:1:2: error: {}",
        "main.c:1:2: error: 'Animation__{}' undeclared",
        "undefined reference to `{}'",
    ]);
    let hole = prop_oneof![
        any::<String>(),
        any::<usize>().prop_map(|number| number.to_string()),
        (0_usize..60).prop_map(|number| number.to_string()),
        prop::sample::select(vec!["U", "A", "flashMode", "(", "\"", "é", ""])
            .prop_map(str::to_owned),
        prop::sample::select(stems()),
    ];
    (shape, vec(hole, 4)).prop_map(|(shape, holes)| {
        holes
            .iter()
            .fold(shape.to_owned(), |line, hole| line.replacen("{}", hole, 1))
    })
}

/// The names of the KLL files that the small layout becomes.
fn stems() -> Vec<String> {
    let generated = generated(&small::document());
    let names = generated.files.iter().map(|file| file.name.as_str());
    names.map(|name| name.replace(".kll", "")).collect()
}

proptest! {
    #![proptest_config(one_in(1))]

    #[test]
    fn a_logs_diagnostics_are_few_and_lead_to_places_that_are_there(lines in vec(line(), 0..60)) {
        let config = small::document();
        let generated = generated(&config);
        let found = of_log(lines.join("\n").as_bytes(), &generated);
        prop_assert!(found.len() <= MOST);
        let request = json!({ "config": config });
        for one in found {
            for text in [&one.message, &one.compiler] {
                prop_assert!(text.chars().count() <= LONGEST, "{text}");
                prop_assert!(!text.chars().any(char::is_control), "{text:?}");
            }
            if let Some(pointer) = &one.pointer {
                prop_assert!(request.pointer(pointer).is_some(), "{pointer}");
            }
            if let (Some(layer), Some(line)) = (one.layer, one.line) {
                prop_assert!(generated.files[layer].text.lines().count() >= line);
            }
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_read_without_harm(log in vec(any::<u8>(), 0..4096)) {
        let found = of_log(&log, &generated(&small::document()));
        prop_assert!(found.len() <= MOST);
    }

    #[test]
    fn the_persons_own_text_is_looked_at_without_harm(
        text in prop_oneof![any::<String>(), "[U\"';:=()\\[\\]#A-C \n]{0,80}"]
    ) {
        let mut config = small::document();
        config["custom"] = json!({ "0": text });
        for fault in before_queueing(&generated(&config), None) {
            prop_assert!(config.pointer(&fault.pointer).is_some(), "{fault}");
        }
    }
}
