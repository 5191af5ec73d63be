//! What stands on one key: its legend, and in small what it does on other layers.

use super::View;
use super::names::Effect;
use super::place::Area;
use super::scene::{Cap, Legend};
use super::svg::number;
use super::text::{Fitted, escape, fit};
use super::words;

/// Between a key's edge and its legend.
const PAD: f64 = 5.0;
/// Lines in small that fit below a legend.
const SMALL_LINES: usize = 3;
/// From one small line to the next.
const SMALL_STEP: f64 = 12.0;
/// What a legend leaves above small lines for itself.
const ABOVE: f64 = 22.0;
/// From one line of a legend to the next, in parts of the font's size.
const LINE: f64 = 1.15;

/// What one key shows.
pub(super) struct Face<'s> {
    main: String,
    is_dim: bool,
    is_struck: bool,
    pub(super) is_marked: bool,
    small: Vec<&'s Legend>,
}

/// What a key shows in a view.
pub(super) fn face(key: &Cap, view: View) -> Face<'_> {
    let layer = match view {
        View::AllLayers => 0,
        View::Layer(layer) => layer,
    };
    let here = key.on(layer);
    let acts = here.filter(|legend| legend.effect == Effect::Acts);
    let above = key.legends.iter().filter(|legend| legend.layer > 0);
    Face {
        main: acts.map_or_else(|| words::below(key), |legend| legend.text.clone()),
        is_dim: acts.is_none(),
        is_struck: here.is_some_and(|legend| legend.effect == Effect::DoesNothing),
        is_marked: here.is_some_and(|legend| legend.differs),
        small: match view {
            View::AllLayers => above.collect(),
            View::Layer(_) => Vec::new(),
        },
    }
}

/// How a key's legend looks; its cap may be marked besides.
pub(super) fn states(face: &Face<'_>) -> &'static str {
    match (face.is_dim, face.is_struck) {
        (true, true) => " kb-off kb-none",
        (true, false) => " kb-off",
        (false, _) => "",
    }
}

/// Writes it; `looks_up` leaves room for what other layers do.
pub(super) fn push_legend(out: &mut String, cap: Area, face: &Face<'_>, looks_up: bool) {
    *out += &format!("<g class=\"kb-text{}\">", states(face));
    if looks_up {
        let small = small_lines(&face.small, cap);
        push_main_above(out, face, cap, small.len());
        push_small(out, &small, cap);
    } else {
        push_main(out, face, cap);
    }
    out.push_str("</g>\n");
}

/// In the middle of the key.
fn push_main(out: &mut String, face: &Face<'_>, cap: Area) {
    let fitted = fit(&face.main, cap.w - 2.0 * PAD, (20.0, 9.0), 2);
    let step = fitted.size * LINE;
    let lines = fitted.lines.len() as f64;
    let first = cap.y + cap.h / 2.0 + fitted.size * 0.36 - (lines - 1.0) / 2.0 * step;
    push_lines(out, &fitted, (cap.x + cap.w / 2.0, first), "middle");
}

/// At the key's upper left, above the small lines.
fn push_main_above(out: &mut String, face: &Face<'_>, cap: Area, small: usize) {
    // What is marked has a dot in its upper right.
    let dot = if face.is_marked { 9.0 } else { 0.0 };
    let width = cap.w - 2.0 * PAD - dot;
    let height = cap.h - 2.0 * PAD - small as f64 * SMALL_STEP;
    let lines = if height > 2.0 * LINE * 11.0 { 2 } else { 1 };
    let mut fitted = fit(&face.main, width, (height.clamp(14.0, 18.0), 8.5), lines);
    if fitted.lines.len() > 1 {
        fitted.size = fitted.size.min(height / 2.0 / LINE);
    }
    let top = cap.y + 4.0 + fitted.size * 0.9;
    push_lines(out, &fitted, (cap.x + PAD, top), "start");
}

fn push_lines(out: &mut String, fitted: &Fitted, (x, first): (f64, f64), anchor: &str) {
    let size = number(fitted.size);
    for (index, line) in fitted.lines.iter().enumerate() {
        let y = number(first + index as f64 * fitted.size * LINE);
        *out += &format!(
            "<text class=\"kb-main\" x=\"{}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"{anchor}\">{}</text>",
            number(x),
            escape(line)
        );
    }
}

/// Room for the layer's number before a small legend.
fn indent(layer: usize) -> f64 {
    if layer < 10 { 9.0 } else { 16.0 }
}

/// A line in small: the layer where one begins, and its text behind that.
struct Small {
    layer: Option<usize>,
    indent: f64,
    text: String,
    size: f64,
}

/// A legend may take two lines where there is room for all; what is too much is counted.
fn small_lines(legends: &[&Legend], cap: Area) -> Vec<Small> {
    // A flat key has room for fewer, or for none.
    let most = (((cap.h - ABOVE) / SMALL_STEP).max(0.0) as usize).min(SMALL_LINES);
    if most == 0 {
        return Vec::new();
    }
    let is_too_much = legends.len() > most;
    let shown = if is_too_much { most - 1 } else { legends.len() };
    let mut spare = most - legends.len().min(most);
    let mut lines = Vec::new();
    for legend in &legends[..shown] {
        let text = match legend.effect {
            Effect::Acts => legend.text.as_str(),
            Effect::DoesNothing => "none",
            Effect::FallsThrough => "+",
        };
        let room = cap.w - PAD - indent(legend.layer) - 2.0;
        let fitted = fit(text, room, (11.0, 8.5), 1 + spare.min(1));
        spare -= fitted.lines.len() - 1;
        let size = fitted.size;
        let numbered = fitted.lines.into_iter().enumerate();
        lines.extend(numbered.map(|(index, text)| Small {
            layer: (index == 0).then_some(legend.layer),
            indent: indent(legend.layer),
            text,
            size,
        }));
    }
    if is_too_much {
        lines.push(Small {
            layer: None,
            indent: indent(0),
            text: format!("+{} more", legends.len() - shown),
            size: 9.0,
        });
    }
    lines
}

fn push_small(out: &mut String, lines: &[Small], cap: Area) {
    for (index, line) in lines.iter().enumerate() {
        let below = (lines.len() - 1 - index) as f64;
        let y = number(cap.y + cap.h - 5.5 - below * SMALL_STEP);
        if let Some(layer) = line.layer {
            *out += &format!(
                "<text class=\"kb-n kb-n{}\" x=\"{}\" y=\"{y}\" font-size=\"10\">{layer}</text>",
                (layer + 2) % 3 + 1,
                number(cap.x + PAD),
            );
        }
        *out += &format!(
            "<text class=\"kb-small\" x=\"{}\" y=\"{y}\" font-size=\"{}\">{}</text>",
            number(cap.x + PAD + line.indent),
            number(line.size),
            escape(&line.text)
        );
    }
}
