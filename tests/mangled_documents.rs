//! Whatever is sent to us as a layout, it gives KLL or faults: never a panic, and never a line that breaks out of its place.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::path::Path;

use harness::promises;
use serde_json::{Map, Value, json};
use shared::channel::Dialect;
use shared::kll::generate_from;
use shared::layout::Library;

/// Enough to reach each member of the document many times; some seconds without optimization.
const ROUNDS: u64 = 6_000;

/// Values that are somebody's idea of a layout.
const ODD_TEXTS: [&str; 14] = [
    "",
    "\"",
    "\n",
    "\\",
    "#:",
    "#",
    "..",
    "/etc/passwd",
    "x_error",
    "\u{0}\u{1b}[2J",
    "é键\u{202e}",
    "99999999999999999999999",
    "CONS:",
    "ledControl(0,15)",
];

#[test]
fn no_mangled_document_makes_us_stop() {
    let library = library();
    let real = |name: &str| serde_json::from_str(&library.get(name).unwrap().text).unwrap();
    let small: Value = real("MD1.1-Standard.json");
    let by_code: Value = real("WhiteFox-TrueFoxBlank.json");
    let (mut built, mut refused) = (0, 0);
    for seed in 0..ROUNDS {
        let mut dice = Dice(seed);
        let mut config = match seed % 12 {
            10 => small.clone(),
            11 => by_code.clone(),
            even if even % 2 == 0 => document("KType"),
            _ => document("WhiteFox"),
        };
        for _ in 0..=dice.roll(3) {
            mangle(&mut config, &mut dice);
        }
        for dialect in Dialect::ALL {
            match generate_from(&config, dialect, &library) {
                Ok((_, generated)) => {
                    promises::of_generated(&generated);
                    built += 1;
                }
                Err(faults) => {
                    promises::of_faults(&faults);
                    refused += 1;
                }
            }
        }
    }
    // Both ways must have been walked, else the mangling is too weak or too strong to prove anything.
    assert!(built > ROUNDS / 10, "{built} of {ROUNDS} were built");
    assert!(refused > ROUNDS / 10, "{refused} of {ROUNDS} were refused");
}

#[test]
fn the_document_itself_is_good() {
    for board in ["KType", "WhiteFox"] {
        for dialect in Dialect::ALL {
            let generated = generate_from(&document(board), dialect, &library())
                .unwrap()
                .1;
            assert_eq!(generated.layers, 2, "{board}, {dialect}");
        }
    }
}

#[test]
fn a_huge_document_is_refused_with_a_bounded_answer() {
    let mut config = document("KType");
    let key = json!({ "code": 1, "layers": { "7777": {}, "0": { "key": "\"" } } });
    config["matrix"] = Value::Array(vec![key; 20_000]);
    config["animations"] = json!({ "x".repeat(1 << 20): { "frames": vec![1; 10_000] } });
    let faults = generate_from(&config, Dialect::Latest, &library()).unwrap_err();
    let bytes: usize = faults
        .iter()
        .map(|fault| fault.pointer.len() + fault.message.len())
        .sum();
    assert!(bytes < 100_000, "{bytes} bytes of faults");
}

/// Does one random thing to one random value of the document.
fn mangle(value: &mut Value, dice: &mut Dice) {
    // Sometimes stops on the way down, so that large parts are hit as well as leaves.
    let goes_down = dice.roll(12) > 0;
    match value {
        Value::Object(members) if goes_down && !members.is_empty() => {
            let index = dice.roll(members.len());
            mangle(members.values_mut().nth(index).unwrap(), dice);
        }
        Value::Array(items) if goes_down && !items.is_empty() => {
            let index = dice.roll(items.len());
            mangle(&mut items[index], dice);
        }
        here => strike(here, dice),
    }
}

fn strike(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Object(members) if dice.roll(2) == 0 => mangle_object(members, dice),
        Value::Array(items) if dice.roll(2) == 0 => mangle_list(items, dice),
        Value::String(text) if dice.roll(2) == 0 => {
            let odd = ODD_TEXTS[dice.roll(ODD_TEXTS.len())];
            text.push_str(odd);
        }
        other => *other = odd_value(dice),
    }
}

fn mangle_object(members: &mut Map<String, Value>, dice: &mut Dice) {
    if members.is_empty() || dice.roll(2) == 0 {
        members.insert(
            ODD_TEXTS[dice.roll(ODD_TEXTS.len())].to_owned(),
            odd_value(dice),
        );
        return;
    }
    let name = members
        .keys()
        .nth(dice.roll(members.len()))
        .unwrap()
        .clone();
    let value = members.shift_remove(&name).unwrap();
    if dice.roll(2) == 0 {
        members.insert(dice.roll(40).to_string(), value);
    }
}

fn mangle_list(items: &mut Vec<Value>, dice: &mut Dice) {
    match dice.roll(3) {
        0 => items.truncate(dice.roll(items.len() + 1)),
        1 => items.push(odd_value(dice)),
        _ => items.extend_from_within(..),
    }
}

fn odd_value(dice: &mut Dice) -> Value {
    match dice.roll(9) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(1e300),
        4 => json!(u64::MAX),
        5 => json!([]),
        6 => json!({}),
        7 => json!("x".repeat(dice.roll(2000))),
        _ => json!(ODD_TEXTS[dice.roll(ODD_TEXTS.len())]),
    }
}

/// A small generator of numbers, the same in each run: a fault found once is found again.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % sides as u64).unwrap()
    }
}

/// A document with each member that we know.
fn document(board: &str) -> Value {
    let action = |key: &str| json!({ "key": key, "label": "Label" });
    let key = |code: &str, wanted: &str| {
        json!({
            "code": code, "x": 0, "y": 4.5, "w": 4, "h": 4, "board": 0,
            "layers": { "0": action(wanted), "1": action("#:ledControl( 0, 15 )") },
            "triggers": { "0": { "action": "x", "label": "y", "type": "z" } },
        })
    };
    let colour = json!({ "name": "c", "type": "color", "default": { "r": 1 }, "values": [1, "x"] });
    json!({
        "header": {
            "Name": board, "Variant": "standard", "Layout": "Standard", "Base": "Base",
            "Version": "0.1", "Author": "nobody", "KLL": "0.5", "Date": "2024-01-01", "Generator": "us",
        },
        "matrix": [key("0x01", "ESC"), key("0x02", "\\"), key("0x03", "CONS:MUTE"), key("0x04", "#:x()")],
        "defines": [{ "name": "a", "value": "b" }],
        "custom": { "0": "# nothing", "1": "U\"A\" : U\"B\";" },
        "animations": {
            "on": { "type": "custom", "settings": "start", "frames": ["P[1](1)", "# half", "P[2](2)"] },
        },
        "canned": {
            "wave": {
                "settings": "", "type": "animation", "description": "", "configurable": [colour],
                "frames": ["a", "b"], "custom-kll": "",
            },
        },
        "leds": [{ "id": 1, "x": 0.5, "y": 1, "scanCode": "0x01" }, { "id": 2, "x": 0, "y": 0 }],
    })
}

/// Our own layouts, and bases for the document above.
fn library() -> Library {
    let ours = Library::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("../layouts")).unwrap();
    let text = |name: &str| (name.to_owned(), ours.get(name).unwrap().text.to_string());
    let base = |name: &str| (name.to_owned(), document("Any").to_string());
    let texts = [
        text("MD1.1-Standard.json"),
        text("MD1.1-StandardBlank.json"),
        text("WhiteFox-TrueFoxBlank.json"),
        text("WhiteFox-TheTrueFoxBase.json"),
        text("WhiteFox-AllBlank.json"),
        base("KType-Base.json"),
        base("WhiteFox-Base.json"),
        base("WhiteFox-Base.lts.json"),
    ];
    let older = (
        "WhiteFox-TheTrueFoxBase.lts.json".to_owned(),
        "WhiteFox-AllBlank.json".to_owned(),
    );
    Library::from_texts(texts, [older]).unwrap()
}
