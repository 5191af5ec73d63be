//! The names that the compiler and the firmware know, and which of them somebody may have meant.

use std::{collections::HashSet, sync::LazyLock};

use strsim::damerau_levenshtein;

use crate::release::Release;

/// The table from which the kit makes the compiler's names of keys.
const USAGES: &str = include_str!("../../../controllers/kit/hid-io-layouts/usages.txt");

/// A longer name is not compared with others.
const LONGEST_NAME: usize = 40;

/// The functions that layouts can call, by the release that has them first. None has gone since.
///
/// It is the sum of all keyboards: one without LEDs has fewer, and its compiler says so.
const FUNCTIONS: [(&str, &[&str]); 5] = [
    (
        "v0.5.0",
        &[
            "LCDLayerDisplay",
            "LCDLayerDisplayExact",
            "animation",
            "animationIndex",
            "animation_control",
            "consCtrlOut",
            "fade_layer_highlight",
            "fade_set",
            "flashMode",
            "gamma",
            "kbdProtocolBoot",
            "kbdProtocolNKRO",
            "layerLatch",
            "layerLock",
            "layerRotate",
            "layerShift",
            "layerState",
            "ledControl",
            "mouseOut",
            "mouseWheelOut",
            "none",
            "noneOut",
            "pixel",
            "portCross",
            "portSwapInter",
            "portSwapUSB",
            "rotate",
            "storage_control",
            "sysCtrlOut",
            "testThreadSafe",
            "testThreadUnsafe",
            "toggleKbdProtocol",
            "usbKeyOut",
        ],
    ),
    ("v0.5.4", &["ledTest"]),
    ("v0.5.5", &["clearLayers", "fade_control"]),
    (
        "v0.5.6",
        &[
            "hidio_print",
            "ime_layout",
            "open_url",
            "send_trigger_state",
            "unicode_state",
            "unicode_text",
        ],
    ),
    ("v0.5.7", &["releaseUSBKey"]),
];

/// What a name in quotes is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Keyboard,
    Consumer,
    System,
}

impl Page {
    /// The page whose names are written after this word, as in `CONS"Mute"`.
    pub(super) fn of_prefix(word: &str) -> Option<Self> {
        match word {
            "U" => Some(Self::Keyboard),
            "CONS" => Some(Self::Consumer),
            "SYS" => Some(Self::System),
            _ => None,
        }
    }

    fn names(self) -> &'static Names {
        match self {
            Self::Keyboard => &TABLE[0],
            Self::Consumer => &TABLE[1],
            Self::System => &TABLE[2],
        }
    }

    /// Whether the compiler knows a key of that name.
    pub(super) fn has(self, name: &str) -> bool {
        self.names().upper.contains(&name.to_uppercase())
    }

    /// The name that was probably meant.
    pub(super) fn nearest(self, name: &str) -> Option<&'static str> {
        nearest(name, self.names().written.iter().copied())
    }
}

static TABLE: LazyLock<[Names; 3]> =
    LazyLock::new(|| ["keyboard", "consumer", "sysctrl"].map(|section| Names::of(USAGES, section)));

/// The names of one page.
struct Names {
    /// As they are written.
    written: Vec<&'static str>,
    /// All spellings in upper case, as the compiler compares them.
    upper: HashSet<String>,
}

impl Names {
    fn of(table: &'static str, section: &str) -> Self {
        let head = format!("[{section}]");
        let lines = table
            .lines()
            .map(str::trim)
            .skip_while(|&line| line != head);
        let lines = lines.skip(1).take_while(|line| !line.starts_with('['));
        let names = lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .filter_map(|line| line.split_once(char::is_whitespace))
            .flat_map(|(_code, names)| names.split(" | ").flat_map(|entry| entry.split(" = ")))
            .map(|name| unquoted(name.trim()));
        let written: Vec<_> = names.collect();
        let upper = written
            .iter()
            .flat_map(|name| [name.to_uppercase(), name.replace(' ', "").to_uppercase()])
            .collect();
        Self { written, upper }
    }
}

fn unquoted(name: &str) -> &str {
    name.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|inner| !inner.is_empty())
        .unwrap_or(name)
}

/// The functions of a release, those of all its keyboards.
pub(super) fn functions_of(release: &Release) -> impl Iterator<Item = &'static str> {
    let version = release.version;
    FUNCTIONS
        .iter()
        .filter(move |(since, _)| *since <= version)
        .flat_map(|(_, names)| names.iter().copied())
}

/// The function of any release that was probably meant.
pub(super) fn nearest_function(name: &str) -> Option<&'static str> {
    nearest(
        name,
        FUNCTIONS
            .iter()
            .flat_map(|(_, names)| names.iter().copied()),
    )
}

/// The candidate that differs in a third of its letters at most. Case and spaces do not count.
pub(super) fn nearest<'c>(
    name: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    let plain = |name: &str| name.replace([' ', '_'], "").to_uppercase();
    let name = plain(name);
    let length = name.chars().count();
    if !(3..=LONGEST_NAME).contains(&length) {
        return None;
    }
    candidates
        .map(|candidate| (damerau_levenshtein(&name, &plain(candidate)), candidate))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, _)| distance <= length.div_ceil(3).min(3))
        .map(|(_, candidate)| candidate)
}

/// A suggestion as the end of a message.
pub(super) fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean {name:?}?"))
}
