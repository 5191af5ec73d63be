//! What a layout is to one that builds on it: its keys, and what the lowest layer has on each.

use serde::Deserialize;

/// A layout that others build on.
#[derive(Deserialize)]
pub(super) struct BaseLayout {
    pub(super) matrix: Vec<BaseKey>,
}

/// A key of a layout, as one that builds on it needs it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct BaseKey {
    /// The scan code.
    pub(crate) code: String,
    layers: BaseLayers,
}

/// Of the layers of a base only the lowest counts.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct BaseLayers {
    #[serde(rename = "0")]
    lowest: Option<BaseAction>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct BaseAction {
    key: String,
}

impl BaseKey {
    /// What it does without any layout.
    pub(crate) fn default(&self) -> Option<&str> {
        let lowest = self.layers.lowest.as_ref()?;
        Some(&lowest.key)
    }
}
