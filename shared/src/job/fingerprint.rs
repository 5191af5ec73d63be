//! The name of what is built: equal requests have equal fingerprints, and only they.
//!
//! It covers the whole request in a canonical form, the controller's image, and the very KLL text that
//! the compiler will be given. So a layout that is built with another image, another base layout or
//! another generator is another build.

use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::BuildRequest;
use crate::kll::Generated;

/// SHA-256 as 64 hex digits. It is the file's name under `/tmp`, which the old clients take for a hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of a request that will be built by the image with this id.
    #[must_use]
    pub fn of(request: &BuildRequest, image: &str, generated: &Generated) -> Self {
        let mut hash = Sha256::new();
        // The parts cannot run into each other: each is preceded by its length.
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        part("kiisrv build 1");
        part(image);
        part(&canonical(&request.config));
        for text in [
            &generated.variant,
            &generated.default_map,
            &generated.partial_maps,
        ] {
            part(text);
        }
        for file in &generated.files {
            part(&file.name);
            part(&file.text);
        }
        Self(hex::encode(hash.finalize()))
    }

    /// Takes a text for a fingerprint if it has the form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (text.len() == 64 && is_hex).then(|| Self(text.to_owned()))
    }

    /// The name of the comparison with the build of this name: another one, so that it neither joins with anybody's build
    /// nor answers for it.
    #[must_use]
    pub fn cold(&self) -> Self {
        Self(hex::encode(Sha256::digest(format!("cold {}", self.0))))
    }

    /// The 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn canonical(value: &Value) -> String {
    serde_json::to_string(&Canonical(value)).expect("JSON can be written as such")
}

/// Writes members sorted by name, as their order means nothing. The one order that means something, that of
/// the animations, is in the KLL text.
struct Canonical<'v>(&'v Value);

impl Serialize for Canonical<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_unstable_by_key(|(name, _)| *name);
                serializer.collect_map(sorted.into_iter().map(|(name, value)| (name, Self(value))))
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Canonical)),
            other => other.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_members_is_no_difference_and_that_of_items_is() {
        let of = |text: &str| canonical(&serde_json::from_str(text).unwrap());
        assert_eq!(
            of(r#"{"a": {"c": 1, "b": 2}, "d": []}"#),
            of(r#"{"d":[],"a":{"b":2,"c":1}}"#)
        );
        assert_ne!(of("[1, 2]"), of("[2, 1]"));
    }

    #[test]
    fn only_sixty_four_lower_hex_digits_are_a_fingerprint() {
        assert!(Fingerprint::parse(&"a".repeat(64)).is_some());
        assert!(Fingerprint::parse(&"A".repeat(64)).is_none());
        assert!(Fingerprint::parse("../etc").is_none());
    }
}
