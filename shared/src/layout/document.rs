//! The Configurator's document as types. What we do not know is left to others: the zip returns the request's own text.

use indexmap::IndexMap;
use serde_json::Value;

use super::check::{header_value_fault, key_fault, trigger_fault};
use super::fault::{Fault, Faults};
use super::node::{self, Object, Place};

/// A layout as the Configurator sends it, and as layout files hold it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    /// Which keyboard, which layout, by whom.
    pub header: Header,
    /// The keys, in the order of the base layout.
    pub matrix: Vec<MatrixKey>,
    /// KLL of the person's own, by layer.
    pub custom: IndexMap<usize, String>,
    /// Settings of the firmware.
    pub defines: Vec<Define>,
    /// What the LEDs do.
    pub animations: IndexMap<String, Animation>,
    /// Animations that the Configurator offers to adapt.
    pub canned: IndexMap<String, CannedAnimation>,
    /// Where the LEDs are.
    pub leds: Vec<Led>,
}

/// Which keyboard, which layout, by whom. All of it stands at the head of each KLL file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// The keyboard's name.
    pub name: String,
    /// The physical variant of the keyboard, as its build script knows it.
    pub variant: Option<String>,
    /// The layout's name.
    pub layout: String,
    /// The name of the layout that says what each key is without this one.
    pub base: String,
    /// The layout's version.
    pub version: String,
    /// Who made it.
    pub author: String,
    /// The version of KLL.
    pub kll: String,
    /// When it was made.
    pub date: String,
    /// The program that made it.
    pub generator: String,
}

/// A key of the keyboard, with its place and what it does on each layer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MatrixKey {
    /// The scan code, such as `0x1F`. On a split board each hand counts anew.
    pub code: String,
    /// Distance from the left.
    pub x: Option<f64>,
    /// Distance from the top.
    pub y: Option<f64>,
    /// Width.
    pub w: Option<f64>,
    /// Height.
    pub h: Option<f64>,
    /// What it does, by layer.
    pub layers: IndexMap<usize, KeyAction>,
    /// What else happens when it is pressed, by layer.
    pub triggers: IndexMap<usize, Vec<Trigger>>,
}

impl MatrixKey {
    /// The layers on which it does anything at all.
    pub(crate) fn layers_in_use(&self) -> impl Iterator<Item = usize> {
        let triggers = self.triggers.iter().filter(|(_, list)| !list.is_empty());
        self.layers
            .keys()
            .chain(triggers.map(|(layer, _)| layer))
            .copied()
    }
}

/// What a key does on one layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyAction {
    /// The key to send, or KLL after `#:`.
    pub key: String,
    /// What the Configurator shows on it.
    pub label: Option<String>,
}

/// An action that a key starts on one layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trigger {
    /// The action, as KLL: `A[rain](start)`.
    pub action: String,
    /// What the Configurator shows.
    pub label: String,
    /// Its kind. The one that the Configurator has made is `animation`.
    pub kind: String,
}

/// A setting of the firmware.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Define {
    /// The setting's name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What LEDs show, frame by frame.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Animation {
    /// Its kind.
    pub kind: Option<String>,
    /// How it plays.
    pub settings: String,
    /// Its frames; one that begins with `#` is a comment.
    pub frames: Vec<String>,
}

/// An animation that the Configurator offers to adapt.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CannedAnimation {
    /// Its kind.
    pub kind: String,
    /// How it plays.
    pub settings: String,
    /// What it is, for people.
    pub description: String,
    /// What can be chosen.
    pub configurable: Vec<AnimationSetting>,
    /// Its frames, with places for what was chosen.
    pub frames: Vec<String>,
    /// KLL to go with it.
    pub custom_kll: Option<String>,
}

/// Something that can be chosen about a canned animation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AnimationSetting {
    /// Its name.
    pub name: String,
    /// Its kind, such as `color`.
    pub kind: String,
    /// What it is when nothing is chosen.
    pub default: Value,
    /// What there is to choose from.
    pub values: Vec<Value>,
}

/// An LED and its place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Led {
    /// Its number.
    pub id: u64,
    /// The scan code of the key above it.
    pub scan_code: Option<String>,
    /// Distance from the left.
    pub x: f64,
    /// Distance from the top.
    pub y: f64,
}

impl Document {
    /// Reads a document, or says all that is wrong with it.
    ///
    /// # Errors
    ///
    /// Every fault of the document's own, with its place. Whether it fits its keyboard is for [`crate::kll`] to say.
    pub fn parse(config: &Value) -> Result<Self, Vec<Fault>> {
        let (document, faults) = Self::read(config);
        faults.unless_any(document)
    }

    /// Reads what can be read; what is broken stands as empty.
    pub(crate) fn read(config: &Value) -> (Self, Faults) {
        let faults = Faults::default();
        let document = node::object(config, Place::Root, &faults)
            .map(|config| read_document(&config))
            .unwrap_or_default();
        (document, faults)
    }

    /// How many layers its keys have: one more than the highest that is named.
    #[must_use]
    pub fn layer_count(&self) -> usize {
        let layers = self.matrix.iter().flat_map(MatrixKey::layers_in_use);
        layers.max().map_or(0, |highest| highest + 1)
    }
}

fn read_document(config: &Object<'_>) -> Document {
    Document {
        header: config.object("header", read_header),
        matrix: config.list("matrix", read_matrix_key),
        custom: config.optional_texts_by_layer("custom"),
        defines: config.optional_list("defines", |define| Define {
            name: define.text("name"),
            value: define.text("value"),
        }),
        animations: config.optional_by_name("animations", |animation| Animation {
            kind: animation.optional_text("type"),
            settings: animation.text("settings"),
            frames: animation.texts("frames"),
        }),
        canned: config.optional_by_name("canned", read_canned),
        leds: config.optional_list("leds", |led| Led {
            id: led.whole_number("id"),
            scan_code: led.optional_text("scanCode"),
            x: led.number("x"),
            y: led.number("y"),
        }),
    }
}

fn read_header(header: &Object<'_>) -> Header {
    let text = |name: &str| header.text_that(name, header_value_fault);
    Header {
        name: text("Name"),
        variant: header.optional_text_that("Variant", header_value_fault),
        layout: text("Layout"),
        base: text("Base"),
        version: text("Version"),
        author: text("Author"),
        kll: text("KLL"),
        date: text("Date"),
        generator: text("Generator"),
    }
}

fn read_matrix_key(key: &Object<'_>) -> MatrixKey {
    MatrixKey {
        code: key.text("code"),
        x: key.optional_number("x"),
        y: key.optional_number("y"),
        w: key.optional_number("w"),
        h: key.optional_number("h"),
        layers: key.by_layer("layers", read_key_action),
        triggers: key.optional_lists_by_layer("triggers", |trigger| Trigger {
            action: trigger.text_that("action", trigger_fault),
            label: trigger.text("label"),
            kind: trigger.text("type"),
        }),
    }
}

fn read_key_action(action: &Object<'_>) -> KeyAction {
    KeyAction {
        key: action.text_that("key", key_fault),
        label: action.optional_text("label"),
    }
}

fn read_canned(canned: &Object<'_>) -> CannedAnimation {
    CannedAnimation {
        kind: canned.text("type"),
        settings: canned.text("settings"),
        description: canned.text("description"),
        configurable: canned.list("configurable", |setting| AnimationSetting {
            name: setting.text("name"),
            kind: setting.text("type"),
            default: setting.anything("default"),
            values: setting.optional_values("values"),
        }),
        frames: canned.texts("frames"),
        custom_kll: canned.optional_text("custom-kll"),
    }
}
