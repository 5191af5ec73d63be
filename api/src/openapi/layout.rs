//! What is sent: a layout as the Configurator makes it, described as far as `shared::layout` demands something of it.
//! What we do not know may be there too, and comes back in the zip.
#![expect(
    dead_code,
    unused_qualifications,
    reason = "these types are only described: `shared::layout` reads the document with all of its faults. What is derived names its types in full"
)]

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{OneOfBuilder, RefOr, Schema, schema::ArrayBuilder},
};

use super::{
    describe::reference,
    schemas::{number, text},
};

/// A build that is asked for.
#[derive(ToSchema)]
pub(super) struct BuildRequest {
    config: Layout,
    /// A channel or version of the firmware, as `/v1/versions` names it. `latest` where none is named.
    env: Option<String>,
}

/// A layout, as the Configurator makes it and layout files hold it. It may have further members.
#[derive(ToSchema)]
pub(super) struct Layout {
    header: Header,
    /// The keys, in the order of the base layout.
    matrix: Vec<Key>,
    /// KLL of one's own, by layer.
    custom: Option<BTreeMap<Layer, String>>,
    /// Settings of the firmware.
    defines: Option<Vec<Define>>,
    /// What the LEDs do, by name.
    animations: Option<BTreeMap<AnimationName, Animation>>,
    /// Animations that the Configurator offers to adapt, by name.
    canned: Option<BTreeMap<AnimationName, CannedAnimation>>,
    /// Where the LEDs are.
    leds: Option<Vec<Led>>,
}

/// Which keyboard, which layout, by whom.
#[derive(ToSchema)]
#[schema(as = LayoutHeader)]
#[serde(rename_all = "PascalCase")]
struct Header {
    /// The keyboard's name, one of those in `/v1/keyboards`.
    #[schema(value_type = HeaderText)]
    name: String,
    /// The physical variant of the keyboard.
    #[schema(value_type = Option<HeaderText>)]
    variant: Option<String>,
    /// The layout's name.
    #[schema(value_type = HeaderText)]
    layout: String,
    /// The name of the layout that says what each key is without this one.
    #[schema(value_type = HeaderText)]
    base: String,
    #[schema(value_type = HeaderText)]
    version: String,
    #[schema(value_type = HeaderText)]
    author: String,
    /// The version of KLL.
    #[serde(rename = "KLL")]
    #[schema(value_type = HeaderText)]
    kll: String,
    #[schema(value_type = HeaderText)]
    date: String,
    /// The program that made it.
    #[schema(value_type = HeaderText)]
    generator: String,
}

/// A key, with its place and what it does on each layer.
#[derive(ToSchema)]
struct Key {
    /// The scan code, such as `0x1F`.
    code: String,
    x: Option<f64>,
    y: Option<f64>,
    w: Option<f64>,
    h: Option<f64>,
    /// What it does, by layer.
    layers: BTreeMap<Layer, KeyAction>,
    /// What else happens when it is pressed, by layer: a trigger or a list of them.
    triggers: Option<BTreeMap<Layer, Triggers>>,
}

/// What a key does on one layer.
#[derive(ToSchema)]
struct KeyAction {
    /// The name of the key to send, or KLL after `#:`.
    #[schema(min_length = 1)]
    key: String,
    /// What the Configurator shows on it.
    label: Option<String>,
}

/// An action that a key starts.
#[derive(ToSchema)]
struct Trigger {
    /// As KLL: `A[rain](start)`.
    #[schema(min_length = 1)]
    action: String,
    label: String,
    r#type: String,
}

/// A setting of the firmware.
#[derive(ToSchema)]
struct Define {
    name: String,
    value: String,
}

/// What LEDs show, frame by frame.
#[derive(ToSchema)]
struct Animation {
    r#type: Option<String>,
    settings: String,
    frames: Vec<String>,
}

/// An animation that the Configurator offers to adapt.
#[derive(ToSchema)]
struct CannedAnimation {
    r#type: String,
    settings: String,
    description: String,
    configurable: Vec<AnimationSetting>,
    frames: Vec<String>,
    #[serde(rename = "custom-kll")]
    custom_kll: Option<String>,
}

/// Something that can be chosen about an animation.
#[derive(ToSchema)]
struct AnimationSetting {
    name: String,
    r#type: String,
    #[schema(required = true)]
    default: Value,
    values: Option<Vec<Value>>,
}

/// An LED and its place.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
struct Led {
    #[schema(value_type = LedNumber)]
    id: u64,
    /// The scan code of the key above it.
    scan_code: Option<String>,
    x: f64,
    y: f64,
}

/// Implements a schema that a type's fields cannot tell.
macro_rules! schema {
    ($type:ident, $schema:expr) => {
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                RefOr::T($schema.into())
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                stringify!($type).into()
            }
        }
    };
}

/// The number of a layer, in the plain way of writing it.
struct Layer;
schema!(
    Layer,
    text()
        .pattern(Some("^([12]?[0-9]|3[01])$"))
        .description(Some("The number of a layer, 0 to 31"))
);

/// The number of an LED.
struct LedNumber;
schema!(LedNumber, number(0));

/// What an animation is called.
struct AnimationName;
schema!(AnimationName, text().max_length(Some(64)));

/// Text that stands at the head of each KLL file, between quotation marks.
struct HeaderText;
schema!(
    HeaderText,
    text()
        .max_length(Some(1000))
        .pattern(Some(r#"^[^"\\\u0000-\u001f\u007f-\u009f]*$"#))
        .description(Some(
            "Without quotation marks, backslashes and control characters"
        ))
);

/// One trigger may stand for a list of it alone.
struct Triggers;

impl PartialSchema for Triggers {
    fn schema() -> RefOr<Schema> {
        let one = reference("Trigger");
        let many = ArrayBuilder::new().items(one.clone()).build();
        RefOr::T(OneOfBuilder::new().item(one).item(many).build().into())
    }
}

impl ToSchema for Triggers {
    fn name() -> Cow<'static, str> {
        "Triggers".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push(("Trigger".to_owned(), Trigger::schema()));
    }
}
