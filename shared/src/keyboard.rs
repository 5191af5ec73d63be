//! The keyboards that can be built: what a name means for the firmware tree. The list is data, `shared/keyboards.json`;
//! `docs/controllers.md` says how to add one.

use std::sync::LazyLock;

use serde::Deserialize;

/// One board of the firmware tree, under all the names that people know it by.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyboard {
    #[serde(borrow = "'static")]
    names: Vec<&'static str>,
    script: &'static str,
    /// The old name Ergodox was never built as two halves, nor with the display's map. It stays so.
    #[serde(default)]
    split: bool,
    /// The split board has its own, for all of its layers. The firmware's guide to its build scripts puts it on every
    /// layer; with the compiler of v0.5.0 it also shows the layer on the display, which the standard one does not;
    /// with that of v0.5.7 the two are equal. Both compilers take it on partial layers, and refuse those layers
    /// without a map.
    #[serde(default = "standard_map")]
    function_map: &'static str,
    #[serde(default)]
    matching: KeyMatching,
}

/// How a key of a layout finds its counterpart in the base layout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyMatching {
    /// The n-th key of the layout is the n-th key of the base.
    #[default]
    ByPlace,
    /// The keys share a scan code: the layouts of the board differ in how many keys they have.
    ByScanCode,
}

#[expect(
    clippy::expect_used,
    reason = "the file is a part of the program, and a test reads it"
)]
static KEYBOARDS: LazyLock<Vec<Keyboard>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../keyboards.json"))
        .expect("keyboards.json is a list of them")
});

fn standard_map() -> &'static str {
    "stdFuncMap"
}

impl Keyboard {
    /// The keyboard of that name. Case does not matter.
    #[must_use]
    pub fn parse(name: &str) -> Option<&'static Self> {
        KEYBOARDS
            .iter()
            .find(|keyboard| keyboard.spelling(name).is_some())
    }

    /// All keyboards.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &KEYBOARDS
    }

    /// The names it is known by; the first is the one its layouts are filed under.
    #[must_use]
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// One of its names, spelled as we spell it, whatever the case it was written in.
    #[must_use]
    pub fn spelling(&self, name: &str) -> Option<&'static str> {
        self.names
            .iter()
            .copied()
            .find(|known| known.eq_ignore_ascii_case(name))
    }

    /// The script in the firmware tree that builds it, such as `k-type.bash`.
    #[must_use]
    pub fn build_script(&self) -> &'static str {
        self.script
    }

    /// That script without its `.bash`: what a controller calls the keyboard.
    #[must_use]
    pub fn script_stem(&self) -> &'static str {
        self.script.trim_end_matches(".bash")
    }

    /// Whether its firmware is two files, one for each hand.
    #[must_use]
    pub fn is_split(&self) -> bool {
        self.split
    }

    /// The KLL file that gives the `FUNCTION` keys of each layer their meaning.
    #[must_use]
    pub fn function_map(&self) -> &'static str {
        self.function_map
    }

    /// How keys of its layouts are matched with the base layout's.
    #[must_use]
    pub fn key_matching(&self) -> KeyMatching {
        self.matching
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_finds_its_script_in_any_case() {
        let expected = [
            ("MD1", "infinity.bash"),
            ("infinity", "infinity.bash"),
            ("md1.1", "infinity_led.bash"),
            ("IcPad", "icpad.bash"),
            ("mdergo1", "ergodox.bash"),
            ("Ergodox", "ergodox.bash"),
            ("WHITEFOX", "whitefox.bash"),
            ("KType", "k-type.bash"),
            ("k-type", "k-type.bash"),
            ("Kira", "kira.bash"),
            ("gemini", "geminiduskdawn.bash"),
            ("GeminiDusk", "geminiduskdawn.bash"),
            ("GeminiDawn", "geminiduskdawn.bash"),
            ("GeminiDuskDawn", "geminiduskdawn.bash"),
        ];
        for (name, script) in expected {
            let keyboard = Keyboard::parse(name).unwrap();
            assert_eq!(keyboard.build_script(), script, "{name}");
        }
    }

    #[test]
    fn no_name_means_two_keyboards() {
        let mut names: Vec<_> = Keyboard::all()
            .iter()
            .flat_map(|keyboard| keyboard.names())
            .map(|name| name.to_ascii_lowercase())
            .collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn names_and_scripts_are_fit_for_files_and_for_the_job() {
        let plain = |text: &str| {
            let mut all = text.bytes();
            !text.starts_with(['-', '.'])
                && all.all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        for keyboard in Keyboard::all() {
            assert!(!keyboard.names().is_empty());
            assert!(keyboard.names().iter().all(|name| plain(name)));
            assert!(plain(keyboard.build_script()) && keyboard.build_script().ends_with(".bash"));
        }
    }

    #[test]
    fn an_unknown_name_is_no_keyboard() {
        for name in ["", " MD1", "MD2", "../MD1", "Fokal"] {
            assert_eq!(Keyboard::parse(name), None, "{name}");
        }
    }

    #[test]
    fn only_mdergo1_is_split_and_has_the_display_map() {
        for keyboard in Keyboard::all() {
            let is_it = keyboard.names().contains(&"MDErgo1");
            assert_eq!(keyboard.is_split(), is_it);
            let map = keyboard.function_map();
            assert_eq!(map == "infinity_ergodox/lcdFuncMap", is_it);
            assert_eq!(map == "stdFuncMap", !is_it);
        }
    }

    #[test]
    fn a_name_is_spelled_our_way() {
        let keyboard = Keyboard::parse("mdergo1").unwrap();
        assert_eq!(keyboard.spelling("mdERGO1"), Some("MDErgo1"));
        assert_eq!(keyboard.spelling("KType"), None);
    }
}
