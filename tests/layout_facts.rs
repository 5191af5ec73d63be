//! Our layouts are of the boards that people have: codes, places, default keys and LEDs are facts, not taste.
//!
//! Facts are held against the reference data beside the repository where it is there; that the layouts fit
//! each other is checked always.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use shared::channel::Dialect;
use shared::kll::generate_from;
use shared::layout::Library;

/// Not ours: `layouts/README.md` says why.
const LEFT_OUT: &str = "Azio-Fokal-Standard.json";

/// LEDs of which the board's own facts say that they are under a key which its matrix does not have.
const LEDS_WITHOUT_A_KEY: [(&str, u64, u64); 2] = [("KType", 38, 0x20), ("Kira", 50, 0xA8)];

/// What the Configurator asks for by name.
const ASKED_FOR: [&str; 26] = [
    "MDErgo1-Default",
    "MDErgo1-Blank",
    "MD1.1-Standard",
    "MD1.1-Hacker",
    "MD1.1-Alphabet",
    "MD1.1-StandardBlank",
    "MD1.1-HackerBlank",
    "MD1.1-AlphabetBlank",
    "MD1-Standard",
    "MD1-Hacker",
    "MD1-StandardBlank",
    "MD1-HackerBlank",
    "WhiteFox-TheTrueFox",
    "WhiteFox-Aria",
    "WhiteFox-Iso",
    "WhiteFox-Vanilla",
    "WhiteFox-JackofAllTrades",
    "WhiteFox-Winkeyless",
    "KType-Standard",
    "KType-NoAnimations",
    "K-Type-Standard",
    "K-Type-NoAnimations",
    "Kira-Standard",
    "GeminiDusk-Standard",
    "GeminiDawn-Standard",
    "GeminiDuskDawn-Standard",
];

/// A layout's facts, in a form in which equal ones are equal.
#[derive(Debug, PartialEq)]
struct Facts {
    header: Vec<Value>,
    keys: Vec<Key>,
    leds: Vec<(u64, f64, f64, Option<u64>)>,
}

#[derive(Debug, PartialEq)]
struct Key {
    code: u64,
    half: Option<u64>,
    place: [Option<f64>; 4],
    /// What it does on each layer. The labels are for people, and our own.
    actions: BTreeMap<String, String>,
}

#[test]
fn every_layout_has_the_facts_of_the_reference() {
    let Some(reference) = reference() else { return };
    let ours = files(&repository().join("layouts"));
    let theirs = files(&reference);
    let mut compared = BTreeSet::new();
    // A link is there a file that holds the other's name.
    for (name, text) in theirs.iter().filter(|(_, text)| text.starts_with('{')) {
        if name == LEFT_OUT {
            continue;
        }
        let own = ours
            .get(name)
            .unwrap_or_else(|| panic!("there is no {name}"));
        let (own, their) = (facts(own), facts(text));
        assert_eq!(own.header, their.header, "{name}");
        assert_eq!(own.keys.len(), their.keys.len(), "{name}: keys");
        for (place, (own, their)) in own.keys.iter().zip(&their.keys).enumerate() {
            assert_eq!(own, their, "{name}: key {place}");
        }
        assert_eq!(own.leds, their.leds, "{name}");
        compared.insert(name.as_str());
    }
    assert!(!compared.is_empty());
    let aliases = aliases();
    for (name, target) in theirs.iter().filter(|(_, text)| !text.starts_with('{')) {
        let own = aliases.get(name).map(String::as_str);
        assert_eq!(own, Some(target.trim_end()), "{name}");
    }
    say(&format!(
        "{} layouts compared with the reference",
        compared.len()
    ));
}

#[test]
fn every_name_that_old_clients_ask_for_is_there() {
    let library = library();
    for name in ASKED_FOR {
        assert!(library.get(&format!("{name}.json")).is_some(), "{name}");
    }
}

#[test]
fn every_further_name_leads_to_a_layout() {
    let library = library();
    for (alias, target) in aliases() {
        assert_eq!(library.get(&alias).unwrap().name, target, "{alias}");
    }
}

#[test]
fn every_layout_is_filed_under_its_own_name_and_has_its_base() {
    let library = library();
    for (file, text) in files(&repository().join("layouts")) {
        let config: Value = serde_json::from_str(&text).unwrap();
        let text_of = |member: &str| config["header"][member].as_str().unwrap().to_owned();
        let (name, layout, base) = (text_of("Name"), text_of("Layout"), text_of("Base"));
        let own_names = [
            format!("{name}-{layout}.json"),
            format!("{name}-{base}.json"),
        ];
        let asked: Vec<_> = aliases()
            .into_iter()
            .filter(|(_, target)| *target == file)
            .map(|(alias, _)| alias)
            .chain([file.clone()])
            .collect();
        assert!(asked.contains(&own_names[0]), "{file} is {}", own_names[0]);
        assert!(library.get(&own_names[1]).is_some(), "{file}: {base}");
    }
}

#[test]
fn every_layout_gives_kll_for_the_latest_firmware() {
    let library = library();
    for (file, text) in files(&repository().join("layouts")) {
        let config = serde_json::from_str(&text).unwrap();
        let generated = generate_from(&config, Dialect::Latest, &library);
        assert!(generated.is_ok(), "{file}: {:?}", generated.err());
    }
}

#[test]
fn every_led_is_under_a_key_of_its_layout() {
    for (file, text) in files(&repository().join("layouts")) {
        let facts = facts(&text);
        let board = facts.header[0].as_str().unwrap();
        let codes: BTreeSet<_> = facts.keys.iter().map(|key| key.code).collect();
        for (id, _, _, code) in facts.leds {
            let Some(code) = code else { continue };
            let known = LEDS_WITHOUT_A_KEY.contains(&(board, id, code));
            assert!(
                known || codes.contains(&code),
                "{file}: LED {id}, {code:#x}"
            );
        }
    }
}

fn facts(text: &str) -> Facts {
    let config: Value = serde_json::from_str(text).unwrap();
    let header = ["Name", "Variant", "Layout", "Base"].map(|name| config["header"][name].clone());
    let leds = config["leds"].as_array().into_iter().flatten();
    Facts {
        header: header.to_vec(),
        keys: config["matrix"]
            .as_array()
            .unwrap()
            .iter()
            .map(key)
            .collect(),
        leds: leds
            .map(|led| {
                let number = |name: &str| led[name].as_f64().unwrap();
                let above = led["scanCode"].as_str().map(code);
                (led["id"].as_u64().unwrap(), number("x"), number("y"), above)
            })
            .collect(),
    }
}

fn key(key: &Value) -> Key {
    let layers = key["layers"].as_object().unwrap().iter();
    Key {
        code: code(key["code"].as_str().unwrap()),
        half: key["board"].as_u64(),
        place: ["x", "y", "w", "h"].map(|name| key[name].as_f64()),
        actions: layers
            .map(|(layer, action)| (layer.clone(), action["key"].as_str().unwrap().to_owned()))
            .collect(),
    }
}

/// A scan code as a number: it is written in either case.
fn code(text: &str) -> u64 {
    let digits = text.to_ascii_lowercase();
    u64::from_str_radix(digits.strip_prefix("0x").unwrap(), 16).unwrap()
}

/// The layout files of a directory by name; the list of further names is none.
fn files(dir: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .filter(|path| !path.ends_with("aliases.json"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn aliases() -> BTreeMap<String, String> {
    let text = fs::read_to_string(repository().join("layouts/aliases.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn library() -> Library {
    Library::open(repository().join("layouts")).unwrap()
}

/// The reference layouts beside the repository, where they are there.
fn reference() -> Option<PathBuf> {
    let reference = repository().join("../shared/kiibohd/layouts");
    if reference.is_dir() {
        return Some(reference);
    }
    say(&format!(
        "SKIPPED: the reference layouts are not at {}",
        reference.display()
    ));
    None
}

/// Not by a macro: what those write is only shown for tests that fail.
fn say(line: &str) {
    let line = format!("{line}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
