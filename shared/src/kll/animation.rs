//! LED animations, as KLL.

use std::fmt::Write as _;

use indexmap::IndexMap;

use crate::layout::document::Animation;

/// All animations, with an empty line after each that has frames.
pub(super) fn render(animations: &IndexMap<String, Animation>) -> String {
    let blocks: Vec<_> = animations
        .iter()
        .map(|(name, animation)| render_one(name, animation))
        .collect();
    blocks.join("\n")
}

fn render_one(name: &str, animation: &Animation) -> String {
    let mut out = format!("A[{name}] <= {};\n", animation.settings);
    let mut number = 0;
    for frame in &animation.frames {
        // Writing to a string cannot fail.
        let _ = if frame.starts_with('#') {
            writeln!(out, "{frame}")
        } else {
            number += 1;
            writeln!(out, "A[{name}, {number}] <= {frame};")
        };
    }
    if number == 0 {
        // The compiler takes no animation without frames.
        return format!("### {name} is empty, skipping");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn animation(settings: &str, frames: &[&str]) -> Animation {
        Animation {
            settings: settings.to_owned(),
            frames: frames.iter().copied().map(str::to_owned).collect(),
            kind: None,
        }
    }

    #[test]
    fn frames_are_numbered_and_comments_are_not() {
        let animations = IndexMap::from([
            (
                "on".to_owned(),
                animation("start", &["P[1](1)", "# half", "P[1](2)"]),
            ),
            ("off".to_owned(), animation("loop", &["# nothing"])),
            ("dim".to_owned(), animation("loop", &["P[2](1)"])),
        ]);
        let expected = "A[on] <= start;\nA[on, 1] <= P[1](1);\n# half\nA[on, 2] <= P[1](2);\n\n\
                        ### off is empty, skipping\nA[dim] <= loop;\nA[dim, 1] <= P[2](1);\n";
        assert_eq!(render(&animations), expected);
    }
}
