//! The keyboards that can be built: what a name means for the firmware tree.

/// One board of the firmware tree, under all the names that people know it by.
#[derive(Debug, PartialEq, Eq)]
pub struct Keyboard {
    names: &'static [&'static str],
    build_script: &'static str,
    split: bool,
    function_map: &'static str,
    matching: KeyMatching,
}

/// How a key of a layout finds its counterpart in the base layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMatching {
    /// The n-th key of the layout is the n-th key of the base.
    ByPlace,
    /// The keys share a scan code: the layouts of the board differ in how many keys they have.
    ByScanCode,
}

const STANDARD_MAP: &str = "stdFuncMap";

/// The split board's function map, for all of its layers. The firmware's guide to its build scripts puts it on every
/// layer; with the compiler of v0.5.0 it also shows the layer on the display, which `stdFuncMap` does not; with that
/// of v0.5.7 the two are equal. Both compilers take it on partial layers, and refuse those layers without a map.
const DISPLAY_MAP: &str = "infinity_ergodox/lcdFuncMap";

static KEYBOARDS: [Keyboard; 9] = [
    board(&["MD1", "Infinity"], "infinity.bash"),
    board(&["MD1.1"], "infinity_led.bash"),
    board(&["ICPad"], "icpad.bash"),
    Keyboard {
        split: true,
        function_map: DISPLAY_MAP,
        ..board(&["MDErgo1"], "ergodox.bash")
    },
    // The old name was never built as two halves, nor with the display's map. It stays so.
    board(&["Ergodox"], "ergodox.bash"),
    Keyboard {
        matching: KeyMatching::ByScanCode,
        ..board(&["WhiteFox"], "whitefox.bash")
    },
    board(&["KType", "K-Type"], "k-type.bash"),
    board(&["Kira"], "kira.bash"),
    board(
        &["GeminiDuskDawn", "GeminiDusk", "GeminiDawn", "Gemini"],
        "geminiduskdawn.bash",
    ),
];

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
    pub fn names(&self) -> &'static [&'static str] {
        self.names
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
        self.build_script
    }

    /// That script without its `.bash`: what a controller calls the keyboard.
    #[must_use]
    pub fn script_stem(&self) -> &'static str {
        self.build_script.trim_end_matches(".bash")
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

const fn board(names: &'static [&'static str], build_script: &'static str) -> Keyboard {
    Keyboard {
        names,
        build_script,
        split: false,
        function_map: STANDARD_MAP,
        matching: KeyMatching::ByPlace,
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
            assert_eq!(keyboard.function_map() == DISPLAY_MAP, is_it);
        }
    }

    #[test]
    fn a_name_is_spelled_our_way() {
        let keyboard = Keyboard::parse("mdergo1").unwrap();
        assert_eq!(keyboard.spelling("mdERGO1"), Some("MDErgo1"));
        assert_eq!(keyboard.spelling("KType"), None);
    }
}
