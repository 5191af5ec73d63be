//! KLL of layouts: one line a key, and nothing else but what a person wrote as KLL.

use harness::{promises, small};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value, json};
use shared::{channel::Dialect, kll::Generated};

use super::{
    one_in,
    values::{text, with_changes},
};

/// What the keys of the small layout's base are, as KLL names them.
const KEYS: [&str; 4] = ["U\"ESC\"", "U\"\\\"", "CONS\"MUTE\"", "U\"A\""];

/// A name that a key can have: anything that stays between its quotes.
fn key_name() -> impl Strategy<Value = String> {
    let page = prop::sample::select(vec!["", "CONS:", "SYS:"]);
    let character = any::<char>().prop_filter("in its quotes", |c| *c != '"' && !c.is_control());
    let name = vec(character, 1..12).prop_map(String::from_iter);
    (page, name)
        .prop_map(|(page, name)| format!("{page}{name}"))
        .prop_filter("a key and no KLL", |name| !name.starts_with("#:"))
}

/// What each of the four keys does on up to four layers. At least one does something.
fn keys(action: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<Vec<Option<String>>>> {
    vec(vec(prop::option::of(action), 0..4), 4).prop_filter("something is to do", |keys| {
        keys.iter().flatten().any(Option::is_some)
    })
}

fn layout(keys: &[Vec<Option<String>>]) -> Value {
    let mut config = small::document();
    for name in ["defines", "custom", "animations"] {
        config[name] = Value::Null;
    }
    for (place, key) in keys.iter().enumerate() {
        let layers: Map<_, _> = key
            .iter()
            .enumerate()
            .filter_map(|(layer, action)| {
                Some((layer.to_string(), json!({ "key": action.as_ref()? })))
            })
            .collect();
        config["matrix"][place]["layers"] = Value::Object(layers);
    }
    config
}

fn generated(config: &Value, dialect: Dialect) -> Generated {
    promises::of_a_layout(config, dialect, &small::library()).unwrap()
}

/// The lines of a layer's file below its header that are not empty.
fn lines(generated: &Generated, layer: usize) -> Vec<&str> {
    let lines = generated.files[layer].text.split('\n').skip(9);
    lines.filter(|line| !line.is_empty()).collect()
}

fn as_kll(name: &str) -> String {
    match name.split_once(':') {
        Some((page @ ("CONS" | "SYS"), name)) => format!("{page}\"{name}\""),
        _ => format!("U\"{name}\""),
    }
}

proptest! {
    #![proptest_config(one_in(1))]

    #[test]
    fn each_key_of_a_layer_is_one_line_and_there_is_no_other(keys in keys(key_name())) {
        for dialect in Dialect::ALL {
            let generated = generated(&layout(&keys), dialect);
            for layer in 0..generated.layers {
                let wanted = |place: usize| {
                    let action = keys[place].get(layer)?.as_ref()?;
                    Some(format!("{} : {};", KEYS[place], as_kll(action)))
                };
                let expected: Vec<_> = (0..4).filter_map(wanted).collect();
                prop_assert_eq!(lines(&generated, layer), expected);
            }
        }
    }

    #[test]
    fn kll_of_a_persons_own_goes_in_as_it_is_and_changes_nothing_else(
        raw in text(), custom in text(), value in text(), name in "[A-Za-z_]{1,9}", frame in "[^#]{1,20}",
    ) {
        let with = |raw: &str, custom: &str, value: &str, frame: &str| {
            let mut config = layout(&[vec![Some(format!("#:{raw}"))], vec![], vec![], vec![Some("B".to_owned())]]);
            config["custom"] = json!({ "0": custom });
            config["defines"] = json!([{ "name": name, "value": value }]);
            config["animations"] = json!({ "on": { "settings": "loop", "frames": [frame] } });
            generated(&config, Dialect::Latest).files[0].text.clone()
        };
        // Four texts that stand nowhere else show where a person's own goes.
        let places = with("@1", "@2", "@3", "@4");
        for mark in ["@1", "@2", "@3", "@4"] {
            prop_assert_eq!(places.matches(mark).count(), 1);
        }
        let expected = places
            .split('@')
            .map(|part| match part.as_bytes()[0] {
                b'1' => format!("{raw}{}", &part[1..]),
                b'2' => format!("{custom}{}", &part[1..]),
                b'3' => format!("{value}{}", &part[1..]),
                b'4' => format!("{frame}{}", &part[1..]),
                _ => part.to_owned(),
            })
            .collect::<String>();
        prop_assert_eq!(with(&raw, &custom, &value, &frame), expected);
    }

    #[test]
    fn no_header_value_leaves_its_quotes(
        field in prop::sample::select(vec!["Variant", "Layout", "Version", "Author", "KLL", "Date", "Generator"]),
        value in text(),
    ) {
        let plain = small::document();
        let mut config = plain.clone();
        config["header"][field] = json!(value);
        let library = small::library();
        let is_good = !value.contains(|c: char| c == '"' || c == '\\' || c.is_control());
        let is_good = is_good && !(field == "Layout" && value.is_empty());
        for dialect in Dialect::ALL {
            let made = promises::of_a_layout(&config, dialect, &library);
            prop_assert_eq!(made.is_some(), is_good);
            let Some(made) = made else { continue };
            let usual = generated(&plain, dialect);
            for layer in 0..made.layers {
                prop_assert_eq!(lines(&made, layer), lines(&usual, layer));
            }
        }
    }

    #[test]
    fn a_layout_that_is_nearly_good_gives_kll_or_faults(config in with_changes(small::document())) {
        for dialect in Dialect::ALL {
            promises::of_a_layout(&config, dialect, &small::library());
        }
    }
}
