//! Text of a person's own as it may stand in a picture: cleaned, escaped, and made to fit its place.

/// Removes what could not be seen, could not stand in XML, or would turn the text around it, and cuts what is too long.
/// Whitespace of any kind becomes one space.
pub(super) fn clean(text: &str, longest: usize) -> String {
    // A legend may be megabytes long; what is behind this cannot be shown anyway.
    let start: String = text.chars().take(16 * longest).collect();
    let words: Vec<String> = start
        .split_whitespace()
        .map(|word| word.chars().filter(|&c| !is_unwanted(c)).collect())
        .filter(|word: &String| !word.is_empty())
        .collect();
    cut(&words.join(" "), longest)
}

/// The text, cut to so many characters with a mark where something is missing.
pub(super) fn cut(text: &str, longest: usize) -> String {
    if text.chars().nth(longest).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// The text as it may stand between tags and between quotes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// Controls, marks that change the direction of text, what has no width, combining marks, which can be piled up over
/// the neighbours, and what XML has no place for.
fn is_unwanted(c: char) -> bool {
    c.is_control()
        || matches!(
            u32::from(c),
            0x00AD
                | 0x0300..=0x036F
                | 0x061C
                | 0x180E
                | 0x1AB0..=0x1AFF
                | 0x1DC0..=0x1DFF
                | 0x200B..=0x200F
                | 0x2028..=0x202E
                | 0x2060..=0x206F
                | 0x20D0..=0x20FF
                | 0xFE00..=0xFE0F
                | 0xFE20..=0xFE2F
                | 0xFEFF
                | 0xFFF0..=0xFFFF
                | 0xE0000..=0xE0FFF
        )
}

/// About how wide the text is, in parts of the font's size. Fonts differ, so this is the width in a wide one.
pub(super) fn width(text: &str) -> f64 {
    text.chars().map(width_of).sum()
}

fn width_of(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '\'' | '|' => 0.29,
        ' ' | '.' | ',' | ':' | ';' | 'I' | 'J' => 0.34,
        'f' | 'r' | 't' | '-' | '/' | '\\' | '(' | ')' | '[' | ']' | '"' => 0.42,
        'm' | 'M' | 'W' | '@' | '%' | '…' => 1.0,
        '+' | '=' | '<' | '>' | '~' | '#' | 'w' | '←' | '→' | '↑' | '↓' => 0.84,
        'A'..='Z' | '&' => 0.72,
        '!'..='~' => 0.63,
        '\u{80}'..='\u{24F}' => 0.72,
        _ => 1.05,
    }
}

/// A line that need not be smaller than this part of its size is not broken.
const LITTLE_SMALLER: f64 = 0.7;

/// Lines of one size that fit a place.
#[derive(Debug, PartialEq)]
pub(super) struct Fitted {
    pub(super) lines: Vec<String>,
    pub(super) size: f64,
}

/// Shrinks the text a little, then breaks it, then shrinks it more until it fits so much width; cuts it where that is
/// not enough.
pub(super) fn fit(text: &str, room: f64, sizes: (f64, f64), most_lines: usize) -> Fitted {
    let (largest, smallest) = sizes;
    let in_one = (room / width(text)).min(largest);
    if in_one >= largest * LITTLE_SMALLER || (most_lines < 2 && in_one >= smallest) {
        let lines = vec![text.to_owned()];
        return Fitted {
            lines,
            size: in_one,
        };
    }
    let broken = broken_in_two(text).filter(|_| most_lines > 1);
    let in_two = broken.map_or(0.0, |halves| (room / longer(halves)).min(largest));
    let size = in_one.max(in_two).max(smallest);
    let lines = match broken {
        Some((first, second)) if in_two >= smallest && in_two > in_one => {
            vec![first.to_owned(), second.to_owned()]
        }
        _ if in_one >= smallest => vec![text.to_owned()],
        _ => vec![cut_to_width(text, room / size)],
    };
    Fitted { lines, size }
}

/// At the space that leaves the shorter of the two longest lines.
fn broken_in_two(text: &str) -> Option<(&str, &str)> {
    let halves = text.match_indices(' ');
    halves
        .map(|(at, _)| (&text[..at], &text[at + 1..]))
        .min_by(|a, b| longer(*a).total_cmp(&longer(*b)))
}

fn longer((first, second): (&str, &str)) -> f64 {
    width(first).max(width(second))
}

fn cut_to_width(text: &str, room: f64) -> String {
    let mut left = room - width("…");
    let kept: String = text
        .chars()
        .take_while(|&c| {
            left -= width_of(c);
            left >= 0.0
        })
        .collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_or_turns_text_around_is_removed() {
        for (text, cleaned) in [
            ("Esc", "Esc"),
            ("  Num \n Enter ", "Num Enter"),
            ("a\u{202e}b\u{2066}c\u{200f}", "abc"),
            ("a\0b\u{1b}[2J", "ab[2J"),
            ("Z\u{300}\u{301}\u{302}", "Z"),
            ("\u{feff}\u{fffe}\u{e0041}", ""),
            ("한/영 ← ¥", "한/영 ← ¥"),
        ] {
            assert_eq!(clean(text, 20), cleaned, "{text:?}");
        }
    }

    #[test]
    fn long_text_is_cut_with_a_mark() {
        assert_eq!(clean("abcdef", 6), "abcdef");
        assert_eq!(clean("abcdefg", 6), "abcde…");
        assert_eq!(clean(&"x".repeat(1_000_000), 6), "xxxxx…");
    }

    #[test]
    fn nothing_in_a_text_ends_its_tag_or_its_quotes() {
        assert_eq!(
            escape(r#"</text><script>&"'"#),
            "&lt;/text&gt;&lt;script&gt;&amp;&quot;&#39;"
        );
    }

    #[test]
    fn a_text_keeps_its_size_where_it_fits_and_is_broken_before_it_is_cut() {
        let fitted = fit("Q", 50.0, (20.0, 8.0), 2);
        assert_eq!((fitted.lines, fitted.size), (vec!["Q".to_owned()], 20.0));

        let fitted = fit("Num Enter", 50.0, (14.0, 8.0), 2);
        assert_eq!(fitted.lines, ["Num", "Enter"]);
        assert_eq!(fitted.size, 14.0);

        let fitted = fit("Num 7", 40.0, (14.0, 8.0), 2);
        assert_eq!(fitted.lines, ["Num 7"], "it need only be a little smaller");
        assert!(fitted.size < 14.0);

        let fitted = fit("Num Enter", 50.0, (14.0, 8.0), 1);
        assert_eq!(fitted.lines, ["Num Enter"]);
        assert!(fitted.size < 14.0);

        let fitted = fit("incomprehensibilities", 50.0, (14.0, 8.0), 2);
        assert_eq!(fitted.size, 8.0);
        assert!(fitted.lines[0].ends_with('…'), "{fitted:?}");
        assert!(width(&fitted.lines[0]) * 8.0 <= 50.0);
    }
}
