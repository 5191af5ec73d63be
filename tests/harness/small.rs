//! A small layout with each member that we know, and a library in which it builds.

use std::{path::Path, sync::LazyLock};

use serde_json::{Value, json};
use shared::layout::Library;

/// Our own layouts, and a base for [`document`] on a board that has none of ours. Read once, cheap to ask for.
#[must_use]
pub fn library() -> Library {
    static LIBRARY: LazyLock<Library> = LazyLock::new(read);
    LIBRARY.clone()
}

fn read() -> Library {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../layouts");
    let ours = Library::open(directory).expect("our own layouts");
    let (files, aliases): (Vec<_>, Vec<_>) = ours
        .names()
        .filter_map(|name| Some((name.to_owned(), ours.get(name)?)))
        .partition(|(name, file)| *name == file.name);
    let mut base = document();
    for name in ["custom", "animations", "defines"] {
        base[name] = Value::Null;
    }
    let texts = files
        .into_iter()
        .map(|(name, file)| (name, file.text.to_string()))
        .chain([("Ergodox-Base.json".to_owned(), base.to_string())]);
    let aliases = aliases
        .into_iter()
        .map(|(alias, file)| (alias, file.name.clone()));
    Library::from_texts(texts, aliases).expect("a library")
}

/// A layout of four keys and two layers, which builds in both dialects.
#[must_use]
pub fn document() -> Value {
    let key = |code: &str, wanted: &str| {
        json!({
            "code": code, "x": 0, "y": 4.5,
            "layers": { "0": { "key": wanted, "label": "Label" }, "1": { "key": "#:ledControl( 0, 15 )" } },
        })
    };
    json!({
        "header": {
            "Name": "Ergodox", "Variant": "standard", "Layout": "Small", "Base": "Base", "Version": "0.1",
            "Author": "nobody", "KLL": "0.5", "Date": "2024-01-01", "Generator": "us",
        },
        "matrix": [key("0x01", "ESC"), key("0x02", "\\"), key("0x03", "CONS:MUTE"), key("0x04", "A")],
        "defines": [{ "name": "a", "value": "b" }],
        "custom": { "1": "U\"A\" : U\"B\";" },
        "animations": { "on": { "settings": "start", "frames": ["P[1](1)", "# half"] } },
    })
}

/// The document with the members of `changes` in place of its own; those of its header one by one.
#[must_use]
pub fn changed(mut document: Value, changes: &Value) -> Value {
    let Value::Object(members) = changes else {
        return document;
    };
    for (name, value) in members {
        document[name] = match (name.as_str(), value) {
            ("header", Value::Object(_)) => changed(document[name].clone(), value),
            _ => value.clone(),
        };
    }
    document
}
