//! Sentences of the description, in which code stands between backticks.

use askama::{Template, filters::HtmlSafe};

/// A text. What is in it is escaped here.
#[derive(Template)]
#[template(
    ext = "html",
    source = "{% for (text, is_code) in pieces %}{% if *is_code %}<code>{{ text }}</code>{% else %}{{ text }}{% endif %}{% endfor %}"
)]
pub(super) struct Prose {
    pieces: Vec<(String, bool)>,
}

impl HtmlSafe for Prose {}

impl Prose {
    /// The text with its code.
    pub(super) fn of(text: &str) -> Self {
        let parts = text.split('`').enumerate();
        let pieces = parts.map(|(place, text)| (text.to_owned(), place % 2 == 1));
        Self {
            pieces: pieces.filter(|(text, _)| !text.is_empty()).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code_and_all_is_escaped() {
        let html = Prose::of("`a` and `<b>` < c.").to_string();
        assert_eq!(html, "<code>a</code> and <code>&#60;b&#62;</code> &#60; c.");
        assert!(Prose::of("").is_empty());
    }
}
