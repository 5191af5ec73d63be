//! What will be seen of each key and LED: places, legends, and what differs from the base. No SVG yet.

use crate::channel::Dialect;
use crate::keyboard::{KeyMatching, Keyboard};
use crate::kll::base::Base;
use crate::layout::document::{Document, MatrixKey};
use crate::layout::fault::{Fault, Faults};
use crate::layout::library::Library;

use super::names::{self, Effect};
use super::place::{Area, UNIT, boards, leds};
use super::text::clean;
use super::{MAX_KEYS, MAX_LEDS};

/// How far from the origin a key may be: ten times the largest keyboard that we know.
const FARTHEST: f64 = 1000.0;
/// The longest key, longer than every space bar.
const LONGEST: f64 = 100.0;

/// A keyboard with a layout on it.
pub(super) struct Scene {
    pub(super) name: String,
    pub(super) layers: usize,
    pub(super) keys: Vec<Cap>,
    /// The middles of LEDs.
    pub(super) leds: Vec<(f64, f64)>,
    /// What the keys stand on: one board, or two halves.
    pub(super) boards: Vec<Area>,
    /// The base that was found for it.
    pub(super) base: Option<String>,
    /// Keys that the document gives no place.
    pub(super) without_place: usize,
}

/// A key.
pub(super) struct Cap {
    /// Its place in the document's matrix.
    pub(super) place: usize,
    pub(super) area: Area,
    pub(super) code: String,
    /// What it does on the layers that say something of it, lowest first.
    pub(super) legends: Vec<Legend>,
    /// What it is in the base, where that is known.
    pub(super) base: Option<String>,
}

/// What a key does on one layer.
pub(super) struct Legend {
    pub(super) layer: usize,
    pub(super) text: String,
    /// The action itself, as the document has it.
    pub(super) action: String,
    pub(super) effect: Effect,
    /// Whether it is something else than in the base.
    pub(super) differs: bool,
    /// What happens besides.
    pub(super) besides: Vec<String>,
}

impl Cap {
    /// What it does on a layer that says something of it.
    pub(super) fn on(&self, layer: usize) -> Option<&Legend> {
        self.legends.iter().find(|legend| legend.layer == layer)
    }
}

/// The scene of a document, or what keeps it from being drawn.
pub(super) fn of(document: &Document, library: &Library) -> Result<Scene, Vec<Fault>> {
    let faults = Faults::default();
    check_numbers(document, &faults);
    let header = &document.header;
    let keyboard = Keyboard::parse(&header.name);
    // A layout for no keyboard of ours, or for a base that is not here, is a picture without marks.
    let base = keyboard.and_then(|keyboard| {
        let found = Base::find(
            keyboard,
            header,
            Dialect::Latest,
            library,
            &Faults::default(),
        )?;
        Some((found, keyboard.key_matching()))
    });
    let base = base.filter(|(base, matching)| {
        *matching == KeyMatching::ByScanCode || base.len() == document.matrix.len()
    });
    let keys = caps(document, base.as_ref(), &faults);
    if keys.is_empty() {
        faults.note(
            "/matrix",
            "has no key with a place, so that it cannot be drawn",
        );
    }
    let is_split = keyboard.is_some_and(Keyboard::is_split);
    let areas = keys.iter().map(|key| key.area).collect();
    let boards = boards(areas, is_split);
    let scene = Scene {
        name: clean(&format!("{} {}", header.name, header.layout), 60),
        layers: document.layer_count().max(1),
        leds: leds(document, &boards),
        boards,
        base: base.map(|(base, _)| clean(base.name().trim_end_matches(".json"), 60)),
        without_place: document.matrix.len() - keys.len(),
        keys,
    };
    faults.unless_any(scene)
}

fn check_numbers(document: &Document, faults: &Faults) {
    for (place, found, most) in [
        ("/matrix", document.matrix.len(), MAX_KEYS),
        ("/leds", document.leds.len(), MAX_LEDS),
    ] {
        if found > most {
            let message = format!("has {found} entries, and {most} are the most that are drawn");
            faults.note(place, message);
        }
    }
}

fn caps(document: &Document, base: Option<&(Base<'_>, KeyMatching)>, faults: &Faults) -> Vec<Cap> {
    let by_code = base.map(|(base, _)| base.by_code()).unwrap_or_default();
    let default_of = |place: usize, key: &MatrixKey| match base? {
        (base, KeyMatching::ByPlace) => base.key_at(place),
        (_, KeyMatching::ByScanCode) => by_code.get(key.code.as_str()).copied().flatten(),
    };
    let keys = document.matrix.iter().take(MAX_KEYS).enumerate();
    let placed = keys.filter_map(|(place, key)| {
        let area = area_of(place, key, faults)?;
        Some(Cap {
            place,
            ..cap(area, key, default_of(place, key))
        })
    });
    placed.collect()
}

/// A key without a place is not drawn; one with an impossible place is a fault.
fn area_of(place: usize, key: &MatrixKey, faults: &Faults) -> Option<Area> {
    let bounded = |name: &str, value: f64, least: f64, most: f64| {
        if !(least..=most).contains(&value) {
            let message = format!("must be from {least} to {most} to be drawn");
            faults.note(format_args!("/matrix/{place}/{name}"), message);
        }
        value.clamp(least, most)
    };
    Some(Area {
        x: bounded("x", key.x?, -FARTHEST, FARTHEST),
        y: bounded("y", key.y?, -FARTHEST, FARTHEST),
        w: bounded("w", key.w.unwrap_or(UNIT), 1.0, LONGEST),
        h: bounded("h", key.h.unwrap_or(UNIT), 1.0, LONGEST),
    })
}

fn cap(area: Area, key: &MatrixKey, default: Option<&str>) -> Cap {
    let mut layers: Vec<_> = key.layers_in_use().collect();
    layers.sort_unstable();
    layers.dedup();
    let legends = layers
        .into_iter()
        .map(|layer| legend(key, layer, default))
        .collect();
    Cap {
        place: 0,
        area,
        code: clean(&key.code, 12),
        legends,
        base: default.map(names::name_of),
    }
}

fn legend(key: &MatrixKey, layer: usize, default: Option<&str>) -> Legend {
    let besides = key.triggers.get(&layer).into_iter().flatten();
    let besides: Vec<_> = besides
        .take(3)
        .map(|trigger| names::legend(Some(&trigger.label), &trigger.action))
        .collect();
    // A layer that only adds something leaves the key's own action alone.
    let Some(action) = key.layers.get(&layer) else {
        return Legend {
            layer,
            text: String::new(),
            action: String::new(),
            effect: Effect::FallsThrough,
            differs: default.is_some(),
            besides,
        };
    };
    let effect = names::effect_of(&action.key);
    let is_other =
        |default: &str| effect != Effect::FallsThrough && !names::are_same(default, &action.key);
    Legend {
        layer,
        text: names::legend(action.label.as_deref(), &action.key),
        action: clean(&action.key, 60),
        effect,
        differs: default.is_some_and(|default| is_other(default) || !besides.is_empty()),
        besides,
    }
}
