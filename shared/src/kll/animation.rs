//! LED animations, as KLL.

use std::fmt::Write as _;

use crate::layout::document::Animation;

/// One animation; where it has frames, its last line is ended.
pub(super) fn render(name: &str, animation: &Animation) -> String {
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
        for (name, animation, expected) in [
            (
                "on",
                animation("start", &["P[1](1)", "# half", "P[1](2)"]),
                "A[on] <= start;\nA[on, 1] <= P[1](1);\n# half\nA[on, 2] <= P[1](2);\n",
            ),
            (
                "off",
                animation("loop", &["# nothing"]),
                "### off is empty, skipping",
            ),
        ] {
            assert_eq!(render(name, &animation), expected);
        }
    }
}
