//! Places: of the board or its halves around the keys, and of LEDs, which are measured otherwise.

use std::collections::HashMap;

use crate::layout::document::Document;

use super::{MAX_KEYS, MAX_LEDS};

/// From the middle of a key to the middle of the next, in the millimetres of LEDs.
const PITCH_MM: f64 = 19.05;
/// LEDs around the edge stand closer than this to a key.
const EDGE: f64 = UNIT;
/// A key of ordinary width, in the matrix's units.
pub(super) const UNIT: f64 = 4.0;

/// A rectangle, in the matrix's units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) w: f64,
    pub(super) h: f64,
}

impl Area {
    fn right(self) -> f64 {
        self.x + self.w
    }

    fn bottom(self) -> f64 {
        self.y + self.h
    }

    /// The smallest that holds all of them.
    pub(super) fn around(areas: impl IntoIterator<Item = Self>) -> Option<Self> {
        areas.into_iter().reduce(|a, b| {
            let (x, y) = (a.x.min(b.x), a.y.min(b.y));
            Self {
                x,
                y,
                w: a.right().max(b.right()) - x,
                h: a.bottom().max(b.bottom()) - y,
            }
        })
    }

    /// The same with so much more at each side.
    pub(super) fn grown(self, by: f64) -> Self {
        Self {
            x: self.x - by,
            y: self.y - by,
            w: self.w + 2.0 * by,
            h: self.h + 2.0 * by,
        }
    }

    fn holds(self, (x, y): (f64, f64)) -> bool {
        (self.x..=self.right()).contains(&x) && (self.y..=self.bottom()).contains(&y)
    }
}

/// A split board stands in two halves, to the left and to the right of its widest gap.
pub(super) fn boards(mut areas: Vec<Area>, is_split: bool) -> Vec<Area> {
    areas.sort_by(|a, b| a.x.total_cmp(&b.x));
    let mut reach = f64::NEG_INFINITY;
    let mut gaps = Vec::new();
    for (index, area) in areas.iter().enumerate() {
        gaps.push((area.x - reach, index));
        reach = reach.max(area.right());
    }
    let inner = gaps.into_iter().skip(1).filter(|(gap, _)| *gap > 0.0);
    let widest = inner.max_by(|(a, _), (b, _)| a.total_cmp(b));
    let (left, right) = match widest {
        Some((_, index)) if is_split => areas.split_at(index),
        _ => (areas.as_slice(), [].as_slice()),
    };
    let halves = [left, right].map(|half| Area::around(half.iter().copied()));
    halves.into_iter().flatten().collect()
}

/// LEDs count from the middle of the first key, in millimetres.
pub(super) fn leds(document: &Document, boards: &[Area]) -> Vec<(f64, f64)> {
    let in_units = |mm: f64| mm / PITCH_MM * UNIT;
    let keys = document.matrix.iter().take(MAX_KEYS).rev();
    // Where a code is there twice, the first counts, as in a base.
    let by_code: HashMap<_, _> = keys.map(|key| (key.code.as_str(), key)).collect();
    let (mut across, mut down): (Vec<_>, Vec<_>) = document
        .leds
        .iter()
        .take(MAX_LEDS)
        .filter_map(|led| {
            let code = led.scan_code.as_ref()?;
            let key = by_code.get(code.as_str())?;
            let x = key.x? + key.w.unwrap_or(UNIT) / 2.0;
            let y = key.y? + key.h.unwrap_or(UNIT) / 2.0;
            Some((x - in_units(led.x), y - in_units(led.y)))
        })
        .unzip();
    // One key that is drawn beside its LED must not move all of them.
    let (left, top) = (median(&mut across), median(&mut down));
    let leds = document.leds.iter().take(MAX_LEDS);
    leds.map(|led| (in_units(led.x) + left, in_units(led.y) + top))
        .filter(|&led| boards.iter().any(|board| board.grown(EDGE).holds(led)))
        .collect()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(UNIT / 2.0)
}
