//! What is wrong with a document, and where: all of it at once.

use std::cell::RefCell;
use std::fmt;

use serde::Serialize;

/// More faults than this help nobody, and an answer must not grow with the nonsense that was sent.
const MAX_FAULTS: usize = 100;
/// How much of a person's own text a message repeats.
const MAX_SHOWN: usize = 40;

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where, as a JSON pointer (RFC 6901) into the document, such as `/matrix/3/layers/0/key`.
    pub pointer: String,
    /// What, as a phrase that reads on after the place.
    pub message: String,
}

impl Fault {
    /// A fault at that place.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
        }
    }

    /// Whether both speak of the same place, or one of a part of the other's.
    pub(crate) fn touches(&self, other: &Self) -> bool {
        let (short, long) = if self.pointer.len() < other.pointer.len() {
            (&self.pointer, &other.pointer)
        } else {
            (&other.pointer, &self.pointer)
        };
        long.strip_prefix(short.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.message)
    }
}

/// Collects faults while a document is read, so that the reading can go on.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    found: RefCell<Vec<Fault>>,
    left_out: RefCell<usize>,
}

impl Faults {
    /// Notes a fault. The place is only written out where there is still room.
    pub(crate) fn note(&self, place: impl fmt::Display, message: impl Into<String>) {
        let mut found = self.found.borrow_mut();
        if found.len() < MAX_FAULTS {
            found.push(Fault::new(place.to_string(), message));
        } else {
            *self.left_out.borrow_mut() += 1;
        }
    }

    /// Whether another fault would only be counted.
    pub(crate) fn is_full(&self) -> bool {
        self.found.borrow().len() >= MAX_FAULTS
    }

    /// What was found; where there was too much, the last one says how much is missing.
    pub(crate) fn into_vec(self) -> Vec<Fault> {
        let mut found = self.found.into_inner();
        let left_out = self.left_out.into_inner();
        if left_out > 0 {
            found.push(Fault::new("", format!("has {left_out} more faults")));
        }
        found
    }

    /// The value that was read, where nothing was wrong with it.
    pub(crate) fn unless_any<T>(self, value: T) -> Result<T, Vec<Fault>> {
        let found = self.into_vec();
        if found.is_empty() {
            Ok(value)
        } else {
            Err(found)
        }
    }
}

/// A person's own text, quoted and cut short for a message.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_faults_is_bounded() {
        let faults = Faults::default();
        for place in 0..MAX_FAULTS + 7 {
            faults.note(format_args!("/{place}"), "is wrong");
        }
        let found = faults.into_vec();
        assert_eq!(found.len(), MAX_FAULTS + 1);
        assert_eq!(found[MAX_FAULTS].message, "has 7 more faults");
    }

    #[test]
    fn a_place_touches_its_parts_and_not_its_namesakes() {
        let matrix = Fault::new("/matrix/1", "");
        assert!(matrix.touches(&Fault::new("/matrix/1/code", "")));
        assert!(Fault::new("/matrix/1/code", "").touches(&matrix));
        assert!(matrix.touches(&Fault::new("", "")));
        assert!(!matrix.touches(&Fault::new("/matrix/12", "")));
        assert!(!matrix.touches(&Fault::new("/header", "")));
    }

    #[test]
    fn long_text_is_cut_short_between_characters() {
        assert_eq!(shown("a\"b"), r#""a\"b""#);
        assert_eq!(shown(&"é".repeat(41)).chars().count(), MAX_SHOWN + 3);
    }
}
