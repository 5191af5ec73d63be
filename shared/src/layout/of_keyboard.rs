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

/// A keyboard's layouts in the order of their names, each once. A file without a variant is left out: it only says
/// for others what each key is, and its build script would not know which board is meant.
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
            Some(Known {
                layout: header.layout,
                file,
                is_base: header.base == header.layout,
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
    fn every_file_is_one_keyboards_or_has_no_variant() {
        let library = library();
        let mut all: Vec<_> = Keyboard::all()
            .iter()
            .flat_map(|keyboard| layouts_of(&library, keyboard))
            .map(|known| known.file.name.as_str())
            .collect();
        all.extend(["WhiteFox-AllBlank.json", "WhiteFox-Blank.json"]);
        all.sort_unstable();
        let files: Vec<_> = library
            .names()
            .filter(|name| library.get(name).is_some_and(|file| file.name == *name))
            .collect();
        assert_eq!(all, files);
    }
}
