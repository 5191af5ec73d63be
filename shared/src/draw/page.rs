//! Pictures that stand within a page: no style of their own, as the page has [`STYLE`](crate::draw::STYLE) and
//! [`FAULT_STYLE`], and with the keys marked that something is wrong with.

use serde_json::Value;

use super::{View, scene, scene::Scene, svg, words};
use crate::layout::{Document, Fault, Library};

/// What a marked key looks like. No file needs it.
pub const FAULT_STYLE: &str = "\
.kb-fault rect{stroke:#b3261e;stroke-width:4}
.kb-badge circle{fill:#b3261e}
.kb-badge text{fill:#fff;font-weight:700}
.kb-badge{pointer-events:none}
@media (prefers-color-scheme:dark){
.kb-fault rect{stroke:#ff9d94}
.kb-badge circle{fill:#ff9d94}
.kb-badge text{fill:#1b1e24}
}
";

/// A key that something is wrong with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its place in the matrix, from 0.
    pub key: usize,
    /// The layer; `None` where it is wrong on all of them.
    pub layer: Option<usize>,
    /// What is wrong, for people.
    pub message: String,
}

impl Mark {
    /// The mark for a fault, where its pointer (into the layout) leads to a key.
    #[must_use]
    pub fn of(fault: &Fault) -> Option<Self> {
        let mut parts = fault.pointer.strip_prefix("/matrix/")?.split('/');
        let key = parts.next()?.parse().ok()?;
        let layer = match parts.next() {
            Some("layers" | "triggers") => parts.next().and_then(|layer| layer.parse().ok()),
            _ => None,
        };
        Some(Self {
            key,
            layer,
            message: fault.message.clone(),
        })
    }

    /// Whether it is seen in this view.
    pub(super) fn is_in(&self, view: View) -> bool {
        match (view, self.layer) {
            (View::AllLayers, _) | (View::Layer(_), None) => true,
            (View::Layer(shown), Some(layer)) => shown == layer,
        }
    }
}

/// A picture within a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// An `svg` element.
    pub svg: String,
    /// What it shows, in sentences.
    pub words: String,
}

/// A layout that can be drawn, layer by layer.
pub struct Drawing(Scene);

impl Drawing {
    /// Reads what can be read of a layout, also of one with faults: they are what its reader looks for.
    ///
    /// # Errors
    /// What keeps it from being drawn at all.
    pub fn of(config: &Value, library: &Library) -> Result<Self, Vec<Fault>> {
        let (document, _) = Document::read(config);
        scene::of(&document, library).map(Self)
    }

    /// How many layers it has.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.0.layers
    }

    /// The name of the keyboard and of the layout.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How a key is called: what it is without this layout, or what it does on its lowest layer.
    #[must_use]
    pub fn key(&self, place: usize) -> Option<String> {
        let key = self.0.keys.iter().find(|key| key.place == place)?;
        let name = key.base.clone().unwrap_or_else(|| words::below(key));
        (!name.is_empty()).then_some(name)
    }

    /// The picture of one view.
    #[must_use]
    pub fn picture(&self, view: View, marks: &[Mark]) -> Picture {
        Picture {
            svg: svg::within_a_page(&self.0, view, marks),
            words: words::description(&self.0, view),
        }
    }
}
