//! What a key does, as one line of KLL.

use crate::channel::Dialect;
use crate::layout::check::RAW;

/// Appends `<key> : <action>;`, commented out where the dialect knows no such action.
pub(super) fn render(out: &mut String, key: &str, action: &str, dialect: Dialect) {
    match dialect {
        Dialect::Latest => render_line(out, key, action),
        Dialect::Lts => render_lts_line(out, key, action),
    }
}

/// Appends `<key> :+ <action>;`: the key does this besides.
pub(super) fn render_trigger(out: &mut String, key: &str, action: &str) {
    push_key(out, key);
    out.push_str(" :+ ");
    out.push_str(action.strip_prefix(RAW).unwrap_or(action));
    out.push(';');
}

fn render_line(out: &mut String, key: &str, action: &str) {
    push_key(out, key);
    out.push_str(" : ");
    match action.strip_prefix(RAW) {
        Some(raw) => out.push_str(raw),
        None => push_key(out, action),
    }
    out.push(';');
}

/// Animations are left out for `lts`, so that there is nothing to control. All else is passed on as it was written:
/// `ledControl` has the same modes and arguments in v0.5.0 as today (`docs/decisions/0006-lts-leds.md`).
fn render_lts_line(out: &mut String, key: &str, action: &str) {
    if action.starts_with(RAW) && action.contains("animation_control") {
        comment_out(out, key, action);
    } else {
        render_line(out, key, action);
    }
}

fn comment_out(out: &mut String, key: &str, action: &str) {
    out.push('#');
    push_key(out, key);
    out.push_str(" : ");
    // An action may have several lines, and a comment ends with its own.
    out.push_str(&action.replace('\n', "\n#"));
    out.push(';');
}

/// A key by name: of the consumer page, of the system page, or of the keyboard page.
fn push_key(out: &mut String, key: &str) {
    let (page, name) = if let Some(name) = key.strip_prefix("CONS:") {
        ("CONS", name)
    } else if let Some(name) = key.strip_prefix("SYS:") {
        ("SYS", name)
    } else {
        ("U", key)
    };
    out.push_str(page);
    out.push('"');
    out.push_str(name);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(action: &str, dialect: Dialect) -> String {
        let mut out = String::new();
        render(&mut out, "A", action, dialect);
        out
    }

    #[test]
    fn a_key_is_named_on_its_page() {
        for (action, expected) in [
            ("B", r#"U"A" : U"B";"#),
            ("\\", r#"U"A" : U"\";"#),
            ("CONS:MUTE", r#"U"A" : CONS"MUTE";"#),
            ("SYS:WAKE UP", r#"U"A" : SYS"WAKE UP";"#),
            ("#:flashMode()", r#"U"A" : flashMode();"#),
            ("#:", r#"U"A" : ;"#),
        ] {
            for dialect in Dialect::ALL {
                assert_eq!(line(action, dialect), expected);
            }
        }
    }

    #[test]
    fn actions_on_leds_mean_the_same_in_both_dialects() {
        for (action, expected) in [
            ("#:ledControl( 0, 15 )", r#"U"A" : ledControl( 0, 15 );"#),
            ("#:ledControl(1,15)", r#"U"A" : ledControl(1,15);"#),
            ("#:ledControl( 3, 0 )", r#"U"A" : ledControl( 3, 0 );"#),
            ("#:ledControl( 4, 255 )", r#"U"A" : ledControl( 4, 255 );"#),
            ("#:ledControl( 7, 1 )", r#"U"A" : ledControl( 7, 1 );"#),
        ] {
            for dialect in Dialect::ALL {
                assert_eq!(line(action, dialect), expected);
            }
        }
    }

    #[test]
    fn what_controls_animations_is_a_comment_for_lts() {
        let lines = line("#:animation_control( 2 ),\nx", Dialect::Lts);
        assert_eq!(lines, "#U\"A\" : #:animation_control( 2 ),\n#x;");
        let latest = line("#:animation_control( 2 )", Dialect::Latest);
        assert_eq!(latest, r#"U"A" : animation_control( 2 );"#);
    }
}
