//! Names that are safe in file names, in environment variables and in what the old client takes apart.

/// Longest safe name, in characters.
const MAX_NAME: usize = 64;
/// How the name of a failed build's zip ends.
const FAILED: &str = "_error";

/// The name with everything but letters, digits, `_` and single inner `.` replaced by `_`.
///
/// A `-` goes too: the old client reads `<board>-<layout>-<hash>` greedily, and would take a `-` of the layout for the
/// board's. A name that ends like a failed build's gets one more `_`.
#[must_use]
pub fn safe_name(name: &str) -> String {
    // No `..` anywhere: controllers refuse what looks like a way up.
    let mut after_dot = true;
    let mut safe: String = name
        .chars()
        .take(MAX_NAME)
        .map(|c| {
            let good = c.is_ascii_alphanumeric() || c == '_' || (c == '.' && !after_dot);
            after_dot = c == '.';
            if good { c } else { '_' }
        })
        .collect();
    if safe.ends_with(FAILED) {
        safe.truncate(MAX_NAME - 1);
        safe.push('_');
    }
    safe
}

/// Whether a layout file may bear this name: `KType-Standard.json`, and nothing that is a path.
#[must_use]
pub(super) fn is_layout_file(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".json") else {
        return false;
    };
    stem.len() <= 2 * MAX_NAME
        && stem.starts_with(|c: char| c.is_ascii_alphanumeric())
        && stem
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_safe_name_is_left_as_it_is() {
        for name in [
            "Standard", "MD1.1", "a_b.c", "Hacker2", "errors", "x_errors",
        ] {
            assert_eq!(safe_name(name), name);
        }
    }

    #[test]
    fn what_could_mislead_is_replaced() {
        for (name, safe) in [
            ("My-Layout", "My_Layout"),
            ("my layout", "my_layout"),
            ("../../etc/passwd", "___.__etc_passwd"),
            ("...", "___"),
            (".hidden.x", "_hidden.x"),
            ("a\0b\nc;d\"e$f", "a_b_c_d_e_f"),
            ("键盘", "__"),
            ("x_error", "x_error_"),
            ("_error", "_error_"),
            ("", ""),
        ] {
            assert_eq!(safe_name(name), safe);
        }
    }

    #[test]
    fn a_long_name_is_cut_and_still_ends_well() {
        assert_eq!(safe_name(&"x".repeat(1000)).len(), MAX_NAME);
        let name = safe_name(&format!("{}_error and more", "x".repeat(MAX_NAME - 6)));
        assert_eq!(name.len(), MAX_NAME);
        assert!(!name.ends_with("_error"), "{name}");
    }

    #[test]
    fn a_layout_file_is_no_path() {
        for name in [
            "KType-Standard.json",
            "MD1.1-Hacker.json",
            "WhiteFox-AriaBase.lts.json",
        ] {
            assert!(is_layout_file(name), "{name}");
        }
        for name in [
            "",
            ".json",
            "..json",
            "../x.json",
            "a/b.json",
            "-x.json",
            "a b.json",
            "x.kll",
        ] {
            assert!(!is_layout_file(name), "{name}");
        }
    }
}
