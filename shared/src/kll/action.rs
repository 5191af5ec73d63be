//! What a key does, as one line of KLL.

use crate::channel::Dialect;
use crate::layout::check::RAW;

/// How actions on all LEDs are written for v0.5.0; the spaces do not count in the first.
///
/// The modes are the predecessor's. It gave a third argument as well, which v0.5.0 refuses.
const LTS_LED_CONTROL: [(&str, &str); 3] = [
    ("ledControl(0,15)", "ledControl( 3, 15 )"),
    ("ledControl(1,15)", "ledControl( 4, 15 )"),
    ("ledControl(3,0)", "ledControl( 5, 0 )"),
];

/// Appends `<key> : <action>;`, commented out where the dialect knows no such action.
pub(super) fn render(out: &mut String, key: &str, action: &str, dialect: Dialect) {
    match dialect {
        Dialect::Latest => render_line(out, key, action),
        Dialect::Lts => render_lts_line(out, key, action),
    }
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

fn render_lts_line(out: &mut String, key: &str, action: &str) {
    let is_raw = action.starts_with(RAW);
    if is_raw && action.contains("ledControl") {
        let dense = action.replace(' ', "");
        let known = LTS_LED_CONTROL
            .iter()
            .find(|(latest, _)| dense.contains(latest));
        match known {
            Some((_, lts)) => {
                push_key(out, key);
                out.push_str(" : ");
                out.push_str(lts);
                out.push(';');
            }
            None => comment_out(out, key, action),
        }
    } else if is_raw && action.contains("animation_control") {
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
    fn lts_has_two_arguments_for_its_leds() {
        for (action, expected) in [
            ("#:ledControl( 0, 15 )", r#"U"A" : ledControl( 3, 15 );"#),
            ("#:ledControl(1,15)", r#"U"A" : ledControl( 4, 15 );"#),
            ("#:ledControl( 3, 0 )", r#"U"A" : ledControl( 5, 0 );"#),
        ] {
            assert_eq!(line(action, Dialect::Lts), expected);
        }
        let latest = line("#:ledControl( 0, 15 )", Dialect::Latest);
        assert_eq!(latest, r#"U"A" : ledControl( 0, 15 );"#);
    }

    #[test]
    fn what_lts_does_not_know_is_a_comment() {
        let unknown = line("#:ledControl( 4, 255 )", Dialect::Lts);
        assert_eq!(unknown, r##"#U"A" : #:ledControl( 4, 255 );"##);
        let lines = line("#:animation_control( 2 ),\nx", Dialect::Lts);
        assert_eq!(lines, "#U\"A\" : #:animation_control( 2 ),\n#x;");
    }
}
