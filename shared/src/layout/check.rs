//! What the text in a document must be like to be safe in a KLL file.
//!
//! A person may write KLL of their own (custom text, actions that begin with `#:`, defines, animations): that is passed
//! on as it is, and the compiler judges it. What we put between quotes ourselves must stay between them.

use super::fault::shown;

/// Longest header value, in characters: it is repeated at the head of each layer's file.
const MAX_HEADER_VALUE: usize = 1000;

/// Marks an action as KLL of the person's own.
pub(crate) const RAW: &str = "#:";

/// What keeps a header value from standing in a KLL string, if anything.
pub(super) fn header_value_fault(value: &str) -> Option<String> {
    if value.chars().nth(MAX_HEADER_VALUE).is_some() {
        return Some(format!("is longer than {MAX_HEADER_VALUE} characters"));
    }
    let bad = value
        .chars()
        .find(|&c| c == '"' || c == '\\' || c.is_control())?;
    Some(format!("must not contain {bad:?}"))
}

/// What keeps a key from standing in a KLL string, if anything. A backslash is the name of a key.
pub(super) fn key_fault(key: &str) -> Option<String> {
    if key.starts_with(RAW) {
        return None;
    }
    let named = key
        .strip_prefix("CONS:")
        .or_else(|| key.strip_prefix("SYS:"))
        .unwrap_or(key);
    if named.is_empty() {
        return Some("must name a key".to_owned());
    }
    let bad = key.chars().find(|&c| c == '"' || c.is_control())?;
    Some(format!("must not contain {bad:?}, as {} does", shown(key)))
}

/// What keeps a trigger's action from being one, if anything. It is KLL, which the compiler judges.
pub(super) fn trigger_fault(action: &str) -> Option<String> {
    let kll = action.strip_prefix(RAW).unwrap_or(action);
    kll.trim()
        .is_empty()
        .then(|| "must say what happens".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_known_layouts_are_good() {
        for key in [
            "A",
            "\\",
            "`",
            "'",
            ";",
            "-",
            "P*",
            "CONS:MUTE",
            "SYS:WAKE UP",
            "U+2318",
            "ISO/",
            "#:A[x](start)",
            "#:'\"'",
            "#:",
        ] {
            assert_eq!(key_fault(key), None, "{key}");
        }
    }

    #[test]
    fn a_key_stays_between_its_quotes() {
        for key in [
            "",
            "\"",
            "A\" : U\"B",
            "A\nB",
            "A\rB",
            "\0",
            "CONS:",
            "SYS:",
            "CONS:\"",
        ] {
            assert!(key_fault(key).is_some(), "{key}");
        }
    }

    #[test]
    fn a_trigger_says_what_happens() {
        for action in ["A[rain](start)", "#:flashMode()", "x"] {
            assert_eq!(trigger_fault(action), None, "{action}");
        }
        for action in ["", " \n", "#:", "#: "] {
            assert!(trigger_fault(action).is_some(), "{action}");
        }
    }

    #[test]
    fn a_header_value_stays_between_its_quotes() {
        for value in [
            "",
            "jbondeson (Jeremy Bondeson) 2017",
            "Ünïcode 键盘",
            "a;b # c",
        ] {
            assert_eq!(header_value_fault(value), None, "{value}");
        }
        for value in ["\"", "a\nb", "a\\", "\u{85}", &"x".repeat(1001)] {
            assert!(header_value_fault(value).is_some(), "{value}");
        }
    }
}
