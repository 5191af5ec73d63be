//! Readable names of what keys do, for legends that a layout does not bring itself.

use crate::layout::check::RAW;

use super::text::clean;

/// Longest legend, in characters. The longest in the layouts that we come with has ten.
const MAX_LEGEND: usize = 24;

/// Keys whose name in KLL is not what is printed on them. The first name of a line is the usual one.
const KEYS: &[(&[&str], &str)] = &[
    (&["ESC", "ESCAPE"], "Esc"),
    (&["BACKSPACE"], "Bksp"),
    (&["DELETE"], "Del"),
    (&["INSERT"], "Ins"),
    (&["PAGEUP"], "PgUp"),
    (&["PAGEDOWN"], "PgDn"),
    (&["CAPSLOCK"], "Caps"),
    (&["NUMLOCK"], "NumLk"),
    (&["SCROLLLOCK"], "ScrLk"),
    (&["PRINTSCREEN"], "PrtSc"),
    (&["LEFT"], "←"),
    (&["RIGHT"], "→"),
    (&["UP"], "↑"),
    (&["DOWN"], "↓"),
    (&["MINUS", "-"], "-"),
    (&["EQUAL", "EQUALS", "="], "="),
    (&["LBRACE", "LBRACKET", "["], "["),
    (&["RBRACE", "RBRACKET", "]"], "]"),
    (&["BACKSLASH", "\\"], "\\"),
    (&["SEMICOLON", ";"], ";"),
    (&["QUOTE", "'"], "'"),
    (&["BACKTICK", "`"], "`"),
    (&["COMMA", ","], ","),
    (&["PERIOD", "."], "."),
    (&["SLASH", "/"], "/"),
    (&["HASH", "#"], "#"),
    (&["LCTRL", "CTRL"], "LCtrl"),
    (&["RCTRL"], "RCtrl"),
    (&["LSHIFT", "SHIFT"], "LShift"),
    (&["RSHIFT"], "RShift"),
    (&["LALT", "ALT"], "LAlt"),
    (&["RALT"], "RAlt"),
    (&["LGUI", "GUI"], "LGui"),
    (&["RGUI"], "RGui"),
    (&["MENU", "APP"], "Menu"),
    (&["ISO/"], "ISO \\"),
    (&["PENTER"], "Num Enter"),
    (&["P/"], "Num /"),
    (&["P*"], "Num *"),
    (&["P-"], "Num -"),
    (&["P+", "KEYPAD PLUS"], "Num +"),
    (&["P."], "Num ."),
    (&["CONS:VOLUMEUP"], "Vol +"),
    (&["CONS:VOLUMEDOWN"], "Vol -"),
    (&["CONS:PAUSEPLAY", "CONS:PAUSE PLAY"], "Play"),
    (&["CONS:SCANNEXTTRACK", "CONS:SCAN NEXT TRACK"], "Next"),
    (
        &["CONS:SCANPREVIOUSTRACK", "CONS:SCAN PREVIOUS TRACK"],
        "Prev",
    ),
    (&["CONS:CALCULATOR"], "Calc"),
    (&["CONS:INTERNET BROWSER"], "Web"),
    (&["SYS:WAKE UP"], "Wake"),
];

/// Names that end in the number of a layer, and how they are shown before it.
const LAYER_KEYS: &[(&[&str], &str)] = &[
    (&["FUNCTION", "FUN"], "Fn"),
    (&["LOCK", "LCK"], "Lock"),
    (&["LATCH"], "Latch"),
];

/// Functions whose first argument is a layer.
const LAYER_FUNCTIONS: &[(&str, &str)] = &[
    ("layerShift", "Fn"),
    ("layerLock", "Lock"),
    ("layerLatch", "Latch"),
    ("layerToggle", "Toggle"),
];

/// What an action comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It does something.
    Acts,
    /// It takes away what the key did below.
    DoesNothing,
    /// It leaves the key as it is below.
    FallsThrough,
}

/// What an action comes to.
pub(super) fn effect_of(action: &str) -> Effect {
    let Some(kll) = action.strip_prefix(RAW) else {
        return Effect::Acts;
    };
    match kll.trim().to_ascii_lowercase().as_str() {
        "" | "none" | "blocked" => Effect::DoesNothing,
        "passthrough" => Effect::FallsThrough,
        _ => Effect::Acts,
    }
}

/// A short readable name of an action.
pub(super) fn name_of(action: &str) -> String {
    let name = match action.strip_prefix(RAW) {
        Some(kll) => name_of_kll(kll.trim()),
        None => name_of_key(action),
    };
    clean(&name, MAX_LEGEND)
}

/// The legend that a layout brings, or a name where it brings none.
pub(super) fn legend(label: Option<&str>, action: &str) -> String {
    let label = clean(label.unwrap_or_default(), MAX_LEGEND);
    if label.is_empty() {
        name_of(action)
    } else {
        label
    }
}

/// Whether two actions are one, be it under two names.
pub(super) fn are_same(one: &str, other: &str) -> bool {
    let spaceless = |kll: &str| kll.split_whitespace().collect::<String>();
    match (one.strip_prefix(RAW), other.strip_prefix(RAW)) {
        (Some(one), Some(other)) => spaceless(one) == spaceless(other),
        (None, None) => name_of_key(one) == name_of_key(other) && page(one) == page(other),
        _ => false,
    }
}

fn page(key: &str) -> Option<&str> {
    let (page, _) = key.split_once(':')?;
    ["CONS", "SYS"].contains(&page).then_some(page)
}

fn name_of_key(key: &str) -> String {
    let is_it = |name: &&str| name.eq_ignore_ascii_case(key);
    let known = KEYS.iter().find(|(names, _)| names.iter().any(is_it));
    if let Some((_, shown)) = known {
        return (*shown).to_owned();
    }
    for (names, shown) in LAYER_KEYS {
        if let Some(number) = names.iter().find_map(|name| number_behind(key, name)) {
            return format!("{shown} {number}");
        }
    }
    if let Some(digit) = number_behind(key, "P") {
        return format!("Num {digit}");
    }
    let name = page(key).map_or(key, |page| &key[page.len() + 1..]);
    if name.chars().count() <= 2 || number_behind(name, "F").is_some() {
        return name.to_uppercase();
    }
    let words: Vec<_> = name.split_whitespace().map(capitalized).collect();
    words.join(" ")
}

fn number_behind<'k>(key: &'k str, name: &str) -> Option<&'k str> {
    let (start, number) = key.split_at_checked(name.len())?;
    let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    (start.eq_ignore_ascii_case(name) && is_number).then_some(number)
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters.flat_map(char::to_lowercase)).collect()
}

fn name_of_kll(kll: &str) -> String {
    match effect_of_kll(kll) {
        Some(name) => name.to_owned(),
        None => function_name(kll).unwrap_or_else(|| kll.to_owned()),
    }
}

fn effect_of_kll(kll: &str) -> Option<&'static str> {
    match kll.to_ascii_lowercase().as_str() {
        "" | "none" | "blocked" => Some("nothing"),
        "passthrough" => Some("as below"),
        "flashmode()" => Some("Flash"),
        _ => None,
    }
}

/// `layerShift(1)` is a layer, `A[rain](start)` the animation, `U"Mute" + …` the key, `toggleKbdProtocol()` its words.
fn function_name(kll: &str) -> Option<String> {
    if let Some((_, quoted)) = kll.split_once('"').filter(|(head, _)| head.len() <= 4) {
        let (name, _) = quoted.split_once('"')?;
        return Some(name_of_key(name));
    }
    let (head, arguments) = kll.split_once(['(', '['])?;
    if head == "A" {
        return arguments.split_once(']').map(|(name, _)| name.to_owned());
    }
    let layer = || arguments.split([',', ')']).next().map(str::trim);
    let of_layer = LAYER_FUNCTIONS.iter().find(|(name, _)| *name == head);
    if let Some((_, shown)) = of_layer {
        return Some(format!("{shown} {}", layer()?));
    }
    Some(in_words(head))
}

/// `toggleKbdProtocol` and `toggle_kbd_protocol` are "toggle kbd protocol".
fn in_words(name: &str) -> String {
    let mut words = String::new();
    let mut after_small = false;
    for c in name.chars().take(4 * MAX_LEGEND) {
        if c == '_' || (c.is_uppercase() && after_small) {
            words.push(' ');
        }
        if c != '_' {
            words.extend(c.to_lowercase());
        }
        after_small = c.is_lowercase();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_without_a_legend_has_a_readable_name() {
        for (action, name) in [
            ("ESC", "Esc"),
            ("q", "Q"),
            ("F12", "F12"),
            ("SPACE", "Space"),
            ("P7", "Num 7"),
            ("FUNCTION1", "Fn 1"),
            ("FUN12", "Fn 12"),
            ("LCK2", "Lock 2"),
            ("CONS:MUTE", "Mute"),
            ("CONS:BRIGHTNESS INCREMENT", "Brightness Increment"),
            ("SYS:SLEEP", "Sleep"),
            ("#:layerShift(1)", "Fn 1"),
            ("#:layerLock( 2 )", "Lock 2"),
            ("#:flashMode()", "Flash"),
            ("#:toggleKbdProtocol()", "toggle kbd protocol"),
            ("#:animation_control( 4 )", "animation control"),
            ("#:A[rain](start)", "rain"),
            ("#:U\"Mute\" + CONS\"Mute\"", "Mute"),
            ("#:None", "nothing"),
            ("#:", "nothing"),
            ("#:?!", "?!"),
            ("ÉÉ\u{202e}É", "Ééé"),
        ] {
            assert_eq!(name_of(action), name, "{action}");
        }
    }

    #[test]
    fn a_layouts_own_legend_wins_unless_there_is_nothing_to_see_in_it() {
        assert_eq!(legend(Some("Bksp!"), "BACKSPACE"), "Bksp!");
        assert_eq!(legend(Some(" \u{200b}"), "BACKSPACE"), "Bksp");
        assert_eq!(legend(None, "BACKSPACE"), "Bksp");
    }

    #[test]
    fn two_names_of_one_key_are_the_same_and_two_keys_of_one_name_are_not() {
        for (one, other) in [
            ("CTRL", "LCTRL"),
            ("MINUS", "-"),
            ("FUN1", "FUNCTION1"),
            ("q", "Q"),
            ("#:ledControl( 0, 15 )", "#:ledControl(0,15)"),
        ] {
            assert!(are_same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("PAUSE", "CONS:PAUSE"),
            ("A", "B"),
            ("A", "#:A"),
            ("#:x(1)", "#:x(2)"),
        ] {
            assert!(!are_same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn nothing_is_told_from_what_is_left_as_it_was() {
        assert_eq!(effect_of("#: None "), Effect::DoesNothing);
        assert_eq!(effect_of("#:"), Effect::DoesNothing);
        assert_eq!(effect_of("#:Passthrough"), Effect::FallsThrough);
        assert_eq!(effect_of("A"), Effect::Acts);
        assert_eq!(effect_of("#:flashMode()"), Effect::Acts);
    }
}
