//! Which layouts of the library are a keyboard's, and which of them stands for it where one has to.

use serde::Deserialize;

use super::{LayoutFile, Library};
use crate::keyboard::Keyboard;

/// A keyboard's own layout is called so; the first that is there stands for it.
const DEFAULTS: [&str; 2] = ["Standard", "Default"];

/// A layout of a keyboard.
#[derive(Clone, Copy, Debug)]
pub struct Known<'l> {
    /// Its name, from its header.
    pub layout: &'l str,
    /// The file.
    pub file: &'l LayoutFile,
    is_base: bool,
}

/// The part of a layout file that is looked at here.
#[derive(Deserialize)]
struct Part<'l> {
    #[serde(borrow)]
    header: Header<'l>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Header<'l> {
    name: &'l str,
    layout: &'l str,
    base: &'l str,
    variant: Option<&'l str>,
}

/// How a layout is called that only says for others what each key is. No client asks for one, and the K-Type's does not
/// build: its keys control animations that only the layouts above it bring. A blank layout is asked for.
const BASE: &str = "Base";

/// A keyboard's layouts in the order of their names, each once. What is only a base is left out, and so is a file
/// without a variant: its build script would not know which board is meant.
#[must_use]
pub fn layouts_of<'l>(library: &'l Library, keyboard: &Keyboard) -> Vec<Known<'l>> {
    library
        .names()
        .filter_map(|name| library.get(name).filter(|file| file.name == name))
        .filter_map(|file| {
            // What is no layout, or writes these names with escapes, is nobody's.
            let Part { header } = serde_json::from_str(&file.text).ok()?;
            keyboard.spelling(header.name)?;
            header.variant?;
            let is_base = header.base == header.layout;
            (!is_base || !header.layout.ends_with(BASE)).then_some(Known {
                layout: header.layout,
                file,
                is_base,
            })
        })
        .collect()
}

/// The layout that stands for a keyboard: its standard, else the first that is no base, else the first. `None` where
/// the library has none for it.
#[must_use]
pub fn default_of<'l>(library: &'l Library, keyboard: &Keyboard) -> Option<Known<'l>> {
    let all = layouts_of(library, keyboard);
    let named = DEFAULTS
        .iter()
        .find_map(|name| all.iter().find(|known| known.layout == *name));
    named
        .or_else(|| all.iter().find(|known| !known.is_base))
        .or(all.first())
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library() -> Library {
        Library::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../layouts")).unwrap()
    }

    #[test]
    fn each_keyboard_with_layouts_has_one_that_stands_for_it() {
        let library = library();
        let defaults: Vec<_> = Keyboard::all()
            .iter()
            .map(|keyboard| {
                let file = default_of(&library, keyboard).map(|known| known.file.name.as_str());
                (keyboard.names()[0], file)
            })
            .collect();
        assert_eq!(
            defaults,
            [
                ("MD1", Some("MD1-Standard.json")),
                ("MD1.1", Some("MD1.1-Standard.json")),
                ("ICPad", None),
                ("MDErgo1", Some("MDErgo1-Default.json")),
                ("Ergodox", None),
                ("WhiteFox", Some("WhiteFox-AriaBlank.json")),
                ("KType", Some("KType-Standard.json")),
                ("Kira", Some("Kira-Standard.json")),
                ("GeminiDuskDawn", Some("GeminiDuskDawn-Standard.json")),
            ]
        );
    }

    #[test]
    fn what_is_only_a_base_is_no_keyboards_layout_and_a_blank_one_is() {
        let library = library();
        let of = |name| {
            let keyboard = Keyboard::parse(name).unwrap();
            let all = layouts_of(&library, keyboard);
            all.iter().map(|known| known.layout).collect::<Vec<_>>()
        };
        assert_eq!(of("K-Type"), ["NoAnimations", "Standard"]);
        assert_eq!(of("MDErgo1"), ["Blank", "Default"]);
        let whitefox = of("WhiteFox");
        assert_eq!(whitefox.len(), 6, "one for each variant: {whitefox:?}");
        assert!(of("Ergodox").is_empty());
    }
}
