//! The KLL that we make is byte for byte what is known to build.
//!
//! Our own golden files lie in `tests/golden`; `UPDATE_GOLDEN=1` accepts what is made now. The predecessor's are
//! reference data beside the repository, and are compared where they are there.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use shared::channel::Dialect;
use shared::kll::{Generated, generate_from};
use shared::layout::Library;

/// For `lts` a few layouts tell enough: one with LEDs, one split, one matched by scan code, one plain.
const OWN_LTS: [&str; 4] = [
    "MD1.1-Standard",
    "MDErgo1-Default",
    "WhiteFox-Vanilla",
    "MD1-Hacker",
];

/// A directory with the files that are expected of one layout.
enum Golden {
    /// In the repository: may be accepted anew.
    Ours(PathBuf),
    /// The predecessor's: never written.
    Reference(PathBuf),
}

/// Files by name.
type Files = BTreeMap<String, String>;

#[test]
fn our_layouts_give_our_golden_files() {
    let library = Library::open(repository().join("layouts")).unwrap();
    let latest: Vec<_> = library
        .names()
        .filter_map(|name| name.strip_suffix(".json"))
        // A base only says what keys there are: nobody builds it.
        .filter(|stem| !stem.ends_with("Base") && !stem.ends_with(".lts"))
        .filter(|stem| library.get(&format!("{stem}.json")).unwrap().name == format!("{stem}.json"))
        .collect();
    assert!(!latest.is_empty());
    let lts = OWN_LTS.map(|stem| (stem, Dialect::Lts));
    for (layout, dialect) in latest
        .into_iter()
        .map(|stem| (stem, Dialect::Latest))
        .chain(lts)
    {
        let golden = repository().join("tests/golden").join(dialect.as_str());
        check(
            &library,
            layout,
            dialect,
            &Golden::Ours(golden.join(layout)),
        );
    }
}

#[test]
fn the_predecessors_layouts_give_the_predecessors_files() {
    let Some((reference, library)) = reference() else {
        return;
    };
    for dialect in Dialect::ALL {
        let golden = reference.join("golden").join(dialect.as_str());
        let mut compared = 0;
        for entry in fs::read_dir(&golden).unwrap() {
            let layout = entry.unwrap().file_name().into_string().unwrap();
            let files = Golden::Reference(golden.join(&layout));
            check(&library, &layout, dialect, &files);
            compared += 1;
        }
        assert!(
            compared > 10,
            "only {compared} golden layouts for {dialect}"
        );
    }
}

#[test]
fn the_largest_layout_takes_a_few_milliseconds() {
    let library = Library::open(repository().join("layouts")).unwrap();
    let config: Value =
        serde_json::from_str(&library.get("Kira-Standard.json").unwrap().text).unwrap();
    let fastest = (0..10)
        .map(|_| {
            let start = Instant::now();
            generate_from(&config, Dialect::Latest, &library).unwrap();
            start.elapsed()
        })
        .min()
        .unwrap();
    say(&format!("Kira-Standard takes {fastest:?}"));
    // Without optimization it is some ten times slower, and a busy machine slower still.
    let limit = if cfg!(debug_assertions) { 500 } else { 5 };
    assert!(fastest < Duration::from_millis(limit), "{fastest:?}");
}

/// One layout in one dialect, against the files in a directory.
fn check(library: &Library, layout: &str, dialect: Dialect, golden: &Golden) {
    let file = library.get(&format!("{layout}.json"));
    let file = file.unwrap_or_else(|| panic!("there is no layout {layout}"));
    let config = serde_json::from_str(&file.text).unwrap();
    let (_, generated) = generate_from(&config, dialect, library)
        .unwrap_or_else(|faults| panic!("{layout}, {dialect}: {faults:?}"));
    let expected = match golden {
        Golden::Ours(dir) => {
            if accepts() {
                accept(&generated, dir);
            }
            read(dir)
        }
        Golden::Reference(dir) => read(dir),
    };
    assert!(
        !expected.is_empty(),
        "{layout}, {dialect}: no golden files; UPDATE_GOLDEN=1 makes them, a person reads them"
    );
    let made: Files = generated
        .files
        .into_iter()
        .map(|file| (file.name, file.text))
        .collect();
    assert_eq!(
        made.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "{layout}, {dialect}"
    );
    // The predecessor's lines for v0.5.0 have an argument too many, and other modes than were asked for.
    let skips_led_control = matches!(golden, Golden::Reference(_)) && dialect == Dialect::Lts;
    for (name, text) in &made {
        let expected = &expected[name];
        if skips_led_control {
            let (made, expected) = (without_led_control(text), without_led_control(expected));
            assert_eq!(made, expected, "{layout}, {dialect}: {name}");
        } else {
            assert_eq!(text, expected, "{layout}, {dialect}: {name}");
        }
    }
}

/// The text with nothing but key and name left of each action on the LEDs, be it a comment or not.
fn without_led_control(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let action = line.split_once(" : ledControl(");
        match action.or_else(|| line.split_once(" : #:ledControl(")) {
            Some((key, _)) => format!("{} : ledControl\n", key.trim_start_matches('#')),
            None => line.to_owned(),
        }
    });
    lines.collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a switch of this test, no setting of the program"
)]
fn accepts() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1")
}

fn accept(generated: &Generated, golden: &Path) {
    if golden.is_dir() {
        fs::remove_dir_all(golden).unwrap();
    }
    fs::create_dir_all(golden).unwrap();
    for file in &generated.files {
        fs::write(golden.join(&file.name), &file.text).unwrap();
    }
}

fn read(dir: &Path) -> Files {
    let Ok(entries) = fs::read_dir(dir) else {
        return Files::new();
    };
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            let text = fs::read_to_string(entry.path()).unwrap();
            (entry.file_name().into_string().unwrap(), text)
        })
        .collect()
}

/// The reference data beside the repository. A link is there a file that holds the other's name.
fn reference() -> Option<(PathBuf, Library)> {
    let reference = repository().join("../shared/kiibohd");
    if !reference.is_dir() {
        say(&format!(
            "SKIPPED: the predecessor's golden files are not at {}",
            reference.display()
        ));
        return None;
    }
    let files = read(&reference.join("layouts"));
    let (aliases, texts): (Files, Files) = files
        .into_iter()
        .partition(|(_, text)| !text.trim_start().starts_with('{'));
    let aliases = aliases
        .into_iter()
        .map(|(alias, target)| (alias, target.trim_end().to_owned()));
    Some((reference, Library::from_texts(texts, aliases).unwrap()))
}

/// Not by a macro: what those write is only shown for tests that fail.
fn say(line: &str) {
    let line = format!("{line}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
