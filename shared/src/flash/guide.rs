//! What is known of each keyboard's bootloader. The facts are data, `shared/flash.json`, each with where it was found.

use std::{fmt, str::FromStr, sync::LazyLock};

use serde::{Deserialize, Serialize};

/// What is known of one keyboard's bootloader.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Guide {
    /// The first of its names.
    pub(super) keyboard: &'static str,
    /// The bootloaders that were made for it, whichever this one has: by age.
    pub(super) bootloaders: Vec<UsbId>,
    /// What its zip holds to be flashed, in this order.
    pub(super) files: Vec<GuideFile>,
    /// Where the button is that always works, as words that follow on "then".
    #[serde(borrow = "'static")]
    pub(super) button: Option<&'static str>,
    /// The keys that do the same, where the layout on the keyboard has them.
    pub(super) chord: Option<Chord>,
    /// How one sees that the keyboard is ready to be flashed.
    #[serde(borrow = "'static")]
    pub(super) sign: Option<&'static str>,
    /// How to leave without flashing, besides unplugging it.
    #[serde(borrow = "'static")]
    pub(super) leave: Option<&'static str>,
    /// What is odd about this keyboard.
    #[serde(borrow = "'static")]
    pub(super) hint: Option<&'static str>,
    /// What nobody says.
    #[serde(borrow = "'static")]
    pub(super) unknown: Option<&'static str>,
    /// Where all of this was found. For whoever keeps the file; people are not shown it.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a test reads it, and people do")
    )]
    #[serde(borrow = "'static")]
    pub(super) from: Vec<&'static str>,
}

/// A file of the zip.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GuideFile {
    pub(super) name: &'static str,
    pub(super) hand: Option<Hand>,
}

/// Keys that are held together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chord {
    #[serde(borrow = "'static")]
    pub(super) keys: Vec<&'static str>,
    /// The layouts of ours that have it.
    #[serde(borrow = "'static")]
    pub(super) layouts: Vec<&'static str>,
}

/// Which half of a split keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hand {
    /// The left one.
    Left,
    /// The right one.
    Right,
}

impl fmt::Display for Hand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Right => "right",
        })
    }
}

/// How a device names itself on the bus: vendor and product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "&str", into = "String")]
pub struct UsbId {
    /// The vendor.
    pub vendor: u16,
    /// The product.
    pub product: u16,
}

impl FromStr for UsbId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "it must be two numbers of four hex digits with a colon between";
        let number = |text: &str| {
            let is_one = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_one.then(|| u16::from_str_radix(text, 16).ok()).flatten()
        };
        let (vendor, product) = text.split_once(':').ok_or(FORM)?;
        Ok(Self {
            vendor: number(vendor).ok_or(FORM)?,
            product: number(product).ok_or(FORM)?,
        })
    }
}

impl TryFrom<&str> for UsbId {
    type Error = &'static str;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<UsbId> for String {
    fn from(id: UsbId) -> Self {
        id.to_string()
    }
}

/// As `lsusb` writes it and as `dfu-util` reads it.
impl fmt::Display for UsbId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:04x}", self.vendor, self.product)
    }
}

#[expect(
    clippy::expect_used,
    reason = "the file is a part of the program, and a test reads it"
)]
static GUIDES: LazyLock<Vec<Guide>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../flash.json")).expect("flash.json is a list of guides")
});

impl Guide {
    /// All of them.
    pub(super) fn all() -> &'static [Self] {
        &GUIDES
    }

    /// That of the keyboard whose first name this is.
    pub(super) fn of(keyboard: &str) -> Option<&'static Self> {
        Self::all().iter().find(|guide| guide.keyboard == keyboard)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::keyboard::Keyboard;

    #[test]
    fn every_keyboard_has_a_guide_and_what_is_not_said_is_named() {
        for keyboard in Keyboard::all() {
            let name = keyboard.names()[0];
            let guide = Guide::of(name).unwrap_or_else(|| panic!("{name} has no guide"));
            assert!(
                !guide.bootloaders.is_empty() && !guide.from.is_empty(),
                "{name}"
            );
            assert!(guide.button.is_some() || guide.unknown.is_some(), "{name}");
            let hands: Vec<_> = guide.files.iter().filter_map(|file| file.hand).collect();
            let expected: &[_] = if keyboard.is_split() {
                &[Hand::Left, Hand::Right]
            } else {
                &[]
            };
            assert_eq!(hands, expected, "{name}");
        }
        assert_eq!(Guide::all().len(), Keyboard::all().len(), "one guide each");
    }

    #[test]
    fn a_usb_id_is_two_numbers_of_four_hex_digits() {
        let id: UsbId = "308F:000c".parse().unwrap();
        assert_eq!((id.vendor, id.product), (0x308f, 0x000c));
        assert_eq!(id.to_string(), "308f:000c");
        for wrong in [
            "",
            "308f",
            "308f:",
            "308f:c",
            "0x308f:000c",
            "308f:+00c",
            "308f:000c:1",
        ] {
            assert!(wrong.parse::<UsbId>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_keys_that_a_guide_names_are_in_the_layouts_that_it_names() {
        let layouts = concat!(env!("CARGO_MANIFEST_DIR"), "/../layouts");
        for guide in Guide::all() {
            let Some(chord) = &guide.chord else { continue };
            assert!(!chord.layouts.is_empty(), "{}", guide.keyboard);
            for layout in &chord.layouts {
                let text = std::fs::read_to_string(format!("{layouts}/{layout}.json")).unwrap();
                let layout: Value = serde_json::from_str(&text).unwrap();
                let label = |key: &Value, layer: &str| key["layers"][layer]["label"].clone();
                let keys = layout["matrix"].as_array().unwrap();
                let last = *chord.keys.last().unwrap();
                let flashes = keys.iter().any(|key| {
                    let layers = key["layers"].as_object().unwrap();
                    let is_flash = |layer: &Value| layer["key"] == "#:flashMode()";
                    label(key, "0")
                        .as_str()
                        .is_some_and(|text| text.eq_ignore_ascii_case(last))
                        && layers.values().any(is_flash)
                });
                assert!(flashes, "{} of {}", last, guide.keyboard);
            }
        }
    }
}
