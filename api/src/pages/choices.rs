//! What people choose from on the first page: layouts by keyboard, and versions.

use shared::{
    keyboard::Keyboard,
    layout::{Library, of_keyboard::layouts_of},
    store::versions::Version,
};

/// What is drawn where nothing was chosen: the keyboard that has the most to show.
const FIRST_SHOWN: &str = "KType-Standard.json";

/// The version that is meant where none was chosen.
const LATEST: &str = "latest";

/// The layouts that people choose from, made once.
#[derive(Debug)]
pub(crate) struct Choices(Vec<Group>);

/// A keyboard's.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) keyboard: &'static str,
    pub(super) layouts: Vec<Choice>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) file: String,
    pub(super) layout: String,
}

impl Choices {
    /// What this library has for each keyboard.
    pub(crate) fn of(library: &Library) -> Self {
        let groups = Keyboard::all().iter().filter_map(|keyboard| {
            let layouts: Vec<_> = layouts_of(library, keyboard)
                .into_iter()
                .map(|known| Choice {
                    file: known.file.name.clone(),
                    layout: known.layout.to_owned(),
                })
                .collect();
            (!layouts.is_empty()).then_some(Group {
                keyboard: keyboard.names().first()?,
                layouts,
            })
        });
        Self(groups.collect())
    }

    /// All, keyboard by keyboard.
    pub(super) fn groups(&self) -> &[Group] {
        &self.0
    }

    /// Whether this file is one of them.
    pub(super) fn has(&self, file: &str) -> bool {
        let mut all = self.0.iter().flat_map(|group| &group.layouts);
        all.any(|choice| choice.file == file)
    }

    /// What is drawn where nothing was chosen.
    pub(super) fn first(&self) -> &str {
        let first = self.0.first().and_then(|group| group.layouts.first());
        match first {
            Some(first) if !self.has(FIRST_SHOWN) => &first.file,
            _ => FIRST_SHOWN,
        }
    }
}

/// A version to choose.
pub(super) struct Offer {
    pub(super) name: String,
    /// What it stands for.
    pub(super) about: String,
    pub(super) is_there: bool,
}

impl From<Version> for Offer {
    fn from(version: Version) -> Self {
        let there = version.controller.as_ref();
        let release = there.and_then(|there| there.version.clone());
        let date = there.and_then(|there| there.created.as_deref()?.get(..10).map(str::to_owned));
        let about = match (release, date) {
            _ if there.is_none() => "not there just now".to_owned(),
            (Some(release), Some(date)) if release != version.name => {
                format!("{release} of {date}")
            }
            (Some(release), None) if release != version.name => release,
            (_, Some(date)) => format!("of {date}"),
            _ => format!("controller {}", version.controller_name),
        };
        Self {
            is_there: there.is_some(),
            name: version.name,
            about,
        }
    }
}

/// The one that was chosen, else the latest, else one that is there.
pub(super) fn version_among(offers: &[Offer], chosen: String) -> String {
    let is_there = |name: &str| {
        offers
            .iter()
            .any(|offer| offer.is_there && offer.name == name)
    };
    if is_there(&chosen) {
        chosen
    } else if is_there(LATEST) {
        LATEST.to_owned()
    } else {
        let first = offers.iter().find(|offer| offer.is_there);
        first.map(|offer| offer.name.clone()).unwrap_or_default()
    }
}
