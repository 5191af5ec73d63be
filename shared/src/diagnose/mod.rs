//! What is wrong with a layout, in words for people and with its place: text in, values out.
//!
//! What is certain is said [before it waits](before_queueing), the rest is read [from a failed build's log](of_log).
//! Both know from the generator which part of the document each line was made of.

/// What can be said before anything is compiled.
mod early;
/// A compiler's log as complaints.
mod log;
/// The names that the compiler and the firmware know.
mod names;
/// Where in the KLL files a complaint is at home.
mod place;
/// KLL taken apart into statements, as the compiler does it.
mod statements;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::kll::Generated;

pub use early::before_queueing;

/// More than these help nobody: the first mistakes are the causes of the later ones.
pub const MOST: usize = 20;
/// Longest text of a diagnostic, in characters.
pub const LONGEST: usize = 400;

/// One thing that the compiler complains of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The layer, where it is known.
    pub layer: Option<usize>,
    /// The line of that layer's KLL file.
    pub line: Option<usize>,
    /// The key, as the base layout names it.
    pub key: Option<String>,
    /// The place in the request, as a JSON pointer.
    pub pointer: Option<String>,
    /// What is wrong, for people.
    pub message: String,
    /// The compiler's own words.
    pub compiler: String,
}

impl Diagnostic {
    /// Whether both tell people the same; the compiler's words may differ.
    fn says_the_same(&self, other: &Self) -> bool {
        (&self.message, &self.pointer) == (&other.message, &other.pointer)
            && (self.layer, self.line) == (other.layer, other.line)
    }
}

/// What a failed build's log complains of, each thing once and with its place where there is one.
///
/// The work is bounded by the log's length, and the log may be anything.
#[must_use]
pub fn of_log(log: &[u8], generated: &Generated) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for complaint in log::complaints(log) {
        for diagnostic in place::find(&complaint, generated) {
            if found.len() == MOST {
                return found;
            }
            // Both halves of a split board complain of the same, each with its own paths.
            if !found.iter().any(|other| other.says_the_same(&diagnostic)) {
                found.push(diagnostic);
            }
        }
    }
    found
}

/// Text from outside as one line: no control characters, nothing that changes the direction of writing, not too long.
fn clean(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain = text
        .chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .filter(|&c| !c.is_control() && !turns(c));
    let mut line: String = plain.take(LONGEST + 1).collect();
    if let Some((end, _)) = line.char_indices().nth(LONGEST - 1)
        && line.chars().nth(LONGEST).is_some()
    {
        line.truncate(end);
        line.push('…');
    }
    line.trim().to_owned()
}
