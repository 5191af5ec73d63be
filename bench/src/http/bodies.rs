//! Layouts to ask for: K-Type's own, each with something of its own in it.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use harness::service::layout;
use serde_json::{Value, json};

/// Where a body differs from all others. It is as long as what takes its place.
const NUMBER: &str = "0000000000";

/// A supply of bodies for `POST /v1/builds`.
pub(crate) struct Bodies {
    before: String,
    behind: String,
    next: AtomicUsize,
}

impl Bodies {
    /// Layouts for this version.
    pub(crate) fn of(version: &str) -> Self {
        Self::with(&layout("KType-Standard.json"), version)
    }

    fn with(config: &Value, version: &str) -> Self {
        let mut config = config.clone();
        // A member that nobody knows travels along untouched, and makes another build of it.
        config["bench"] = json!(NUMBER);
        let text = json!({ "config": config, "env": version }).to_string();
        let (before, behind) = text.split_once(NUMBER).unwrap_or((&text, ""));
        Self {
            before: before.to_owned(),
            behind: behind.to_owned(),
            next: AtomicUsize::new(1),
        }
    }

    /// One that there was not yet.
    pub(crate) fn different(&self) -> Bytes {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{}{number:010}{}", self.before, self.behind).into()
    }

    /// Always the same one.
    pub(crate) fn same(&self) -> Bytes {
        format!("{}{NUMBER}{}", self.before, self.behind).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_as_long_as_each_other_and_differ_in_their_number_alone() {
        let bodies = Bodies::with(&json!({ "header": {} }), "latest");
        let read = |body: Bytes| serde_json::from_slice::<Value>(&body).unwrap();
        let (one, other) = (bodies.different(), bodies.different());
        assert_eq!(one.len(), other.len());
        let (one, other) = (read(one), read(other));
        assert_eq!(one["config"]["bench"], "0000000001");
        assert_eq!(other["config"]["bench"], "0000000002");
        assert_eq!(read(bodies.same())["config"]["bench"], NUMBER);
        assert_eq!(one["env"], "latest");
    }
}
