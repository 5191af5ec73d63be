//! JSON, text and places in JSON, as strategies.

use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Number, Value};

/// Text of any characters, those that steer included.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        '"', '\\', '\n', '\r', '\0', '#', ':', '/', '.', '\u{202e}',
    ]);
    let character = prop_oneof![3 => any::<char>(), 3 => odd, 6 => prop::char::range(' ', '~')];
    vec(character, 0..24).prop_map(String::from_iter)
}

/// Any JSON of moderate size.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        any::<f64>().prop_filter_map("finite", Number::from_f64),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number.prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((text(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// All places in a value, as JSON pointers, its own among them.
pub(crate) fn places(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let below = |part: String, value: &Value| {
        let part = part.replace('~', "~0").replace('/', "~1");
        places(value)
            .into_iter()
            .map(move |place| format!("/{part}{place}"))
    };
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                found.extend(below(name.clone(), value));
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                found.extend(below(index.to_string(), value));
            }
        }
        _ => {}
    }
    found
}

/// The value with something else at some of its places.
pub(crate) fn with_changes(value: Value) -> impl Strategy<Value = Value> {
    vec((any::<prop::sample::Index>(), json()), 1..4).prop_map(move |changes| {
        let mut value = value.clone();
        for (place, new) in changes {
            let places = places(&value);
            *value
                .pointer_mut(&places[place.index(places.len())])
                .unwrap() = new;
        }
        value
    })
}
