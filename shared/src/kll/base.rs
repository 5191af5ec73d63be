//! The base layout that a document builds on: what each key is before anybody changes it.

use std::collections::HashMap;

use crate::channel::Dialect;
use crate::keyboard::{KeyMatching, Keyboard};
use crate::layout::base::BaseKey;
use crate::layout::document::Header;
use crate::layout::fault::{Faults, shown};
use crate::layout::library::{LayoutFile, Library};

const PLACE: &str = "/header/Base";

/// A base layout, read.
pub(crate) struct Base<'l> {
    file: &'l LayoutFile,
    keys: &'l [BaseKey],
    /// Scan codes that the board has, and the dialect's own base does not know.
    unknown_here: Vec<String>,
}

impl<'l> Base<'l> {
    /// Finds and reads the base that the header names; notes what is missing.
    pub(crate) fn find(
        keyboard: &Keyboard,
        header: &Header,
        dialect: Dialect,
        library: &'l Library,
        faults: &Faults,
    ) -> Option<Self> {
        let base = Self::read(
            find_file(keyboard, header, ".json", library, faults)?,
            faults,
        )?;
        if dialect == Dialect::Latest || keyboard.key_matching() == KeyMatching::ByPlace {
            return Some(base);
        }
        // The scan codes of this board changed after v0.5.0, so that its base is another one there.
        let own = find_file(keyboard, header, ".lts.json", library, faults)?;
        let mut own = Self::read(own, faults)?;
        let codes = own.by_code();
        let unknown_here = base
            .keys
            .iter()
            .map(|key| &key.code)
            .filter(|code| !codes.contains_key(code.as_str()))
            .cloned()
            .collect();
        own.unknown_here = unknown_here;
        Some(own)
    }

    fn read(file: &'l LayoutFile, faults: &Faults) -> Option<Self> {
        match file.keys() {
            Ok(keys) => Some(Self {
                file,
                keys,
                unknown_here: Vec::new(),
            }),
            Err(error) => {
                let message = format!("names {}, which is no layout: {error}", file.name);
                faults.note(PLACE, message);
                None
            }
        }
    }

    /// The name of its file.
    pub(crate) fn name(&self) -> &str {
        &self.file.name
    }

    /// How many keys it has.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key that stands at a place without any layout, if there is one.
    pub(crate) fn key_at(&self, place: usize) -> Option<&str> {
        self.keys.get(place)?.default()
    }

    /// All keys that it knows, by scan code. Where a code is there twice, the first counts.
    pub(crate) fn by_code(&self) -> HashMap<&str, Option<&str>> {
        let mut keys = HashMap::with_capacity(self.keys.len());
        for key in self.keys {
            keys.entry(key.code.as_str()).or_insert(key.default());
        }
        keys
    }

    /// Whether the board has that scan code, though this dialect's base does not know it.
    pub(crate) fn is_unknown_here(&self, code: &str) -> bool {
        self.unknown_here.iter().any(|unknown| unknown == code)
    }
}

/// The file may be named as the header spells the board, or as we spell any of its names.
fn find_file<'l>(
    keyboard: &Keyboard,
    header: &Header,
    ending: &str,
    library: &'l Library,
    faults: &Faults,
) -> Option<&'l LayoutFile> {
    let spelled = keyboard.spelling(&header.name);
    let names = [header.name.as_str()].into_iter().chain(spelled);
    let found = names
        .chain(keyboard.names().iter().copied())
        .find_map(|name| library.get(&format!("{name}-{}{ending}", header.base)));
    if found.is_none() {
        let name = format!("{}-{}{ending}", header.name, header.base);
        faults.note(PLACE, format!("there is no layout {}", shown(&name)));
    }
    found
}
