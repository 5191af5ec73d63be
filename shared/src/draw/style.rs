//! The picture's colours, in light and in dark. Names begin with `kb-`, as the picture may stand within a page.

/// What each part of a picture looks like. Every text has a contrast of at least 4.5 to what it stands on.
///
/// A page that shows pictures inline, and forbids inline style, may serve this as a style of its own.
pub const STYLE: &str = "\
.kb{font-family:system-ui,'Segoe UI','Helvetica Neue','Noto Sans','DejaVu Sans',sans-serif}
.kb-page{fill:#f6f7f9}
.kb-case{fill:#d5d8de}
.kb-key rect{fill:#fff;stroke:#7d848f;stroke-width:1}
.kb-off rect{fill:#eceef1}
.kb-own rect{stroke:#1550a8;stroke-width:3}
.kb-mark{fill:#1550a8}
.kb-main{fill:#16191d}
.kb-off .kb-main{fill:#4d545e}
.kb-none .kb-main{text-decoration:line-through}
.kb-small{fill:#30353d}
.kb-n1{fill:#8c2b0b}
.kb-n2{fill:#14632f}
.kb-n3{fill:#6b21a8}
.kb-n{font-weight:700}
.kb-led{fill:#f0b000;fill-opacity:.3;pointer-events:none}
.kb-text{pointer-events:none}
.kb-words{fill:#30353d}
@media (prefers-color-scheme:dark){
.kb-page{fill:#1b1e24}
.kb-case{fill:#0e1013}
.kb-key rect{fill:#2b2f37;stroke:#747c8a}
.kb-off rect{fill:#1f2229}
.kb-own rect{stroke:#8ab8ff}
.kb-mark{fill:#8ab8ff}
.kb-main{fill:#f3f5f7}
.kb-off .kb-main{fill:#b4bbc6}
.kb-small{fill:#d5dae1}
.kb-n1{fill:#fdba74}
.kb-n2{fill:#86efac}
.kb-n3{fill:#d8b4fe}
.kb-led{fill:#ffc933;fill-opacity:.2}
.kb-words{fill:#d5dae1}
}
";

#[cfg(test)]
mod tests {
    use super::STYLE;

    type Colour = [f64; 3];

    /// The colours of a part, in light and in dark.
    fn fills(part: &str) -> Vec<Colour> {
        let found = STYLE.lines().filter_map(|line| {
            let fill = line.strip_prefix(part)?.strip_prefix("{fill:#")?;
            let hex: String = fill.chars().take_while(char::is_ascii_hexdigit).collect();
            let doubled = hex.chars().flat_map(|digit| [digit, digit]);
            let hex: String = if hex.len() == 3 {
                doubled.collect()
            } else {
                hex
            };
            let channel = |at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
            Some([channel(0), channel(2), channel(4)])
        });
        found.collect()
    }

    fn with_light_on_it(ground: Colour, light: Colour, part: f64) -> Colour {
        [0, 1, 2].map(|i| ground[i] * (1.0 - part) + light[i] * part)
    }

    /// As WCAG 2 has it.
    fn luminance(colour: Colour) -> f64 {
        let [r, g, b] = colour.map(|channel| {
            let channel = channel / 255.0;
            if channel <= 0.04045 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn contrast(one: Colour, other: Colour) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn every_text_can_be_read_in_light_and_in_dark_also_on_a_lit_key() {
        for (text, ground) in [
            (".kb-main", ".kb-key rect"),
            (".kb-small", ".kb-key rect"),
            (".kb-n1", ".kb-key rect"),
            (".kb-n2", ".kb-key rect"),
            (".kb-n3", ".kb-key rect"),
            (".kb-off .kb-main", ".kb-off rect"),
            (".kb-small", ".kb-off rect"),
            (".kb-words", ".kb-page"),
        ] {
            let (texts, grounds, leds) = (fills(text), fills(ground), fills(".kb-led"));
            assert_eq!((texts.len(), grounds.len(), leds.len()), (2, 2, 2));
            for (scheme, opacity) in [(0, 0.3), (1, 0.2)] {
                let lit = with_light_on_it(grounds[scheme], leds[scheme], opacity);
                for ground_colour in [grounds[scheme], lit] {
                    let contrast = contrast(texts[scheme], ground_colour);
                    assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.2}");
                }
            }
        }
    }
}
