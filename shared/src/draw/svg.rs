//! A scene as SVG. Every text of the document's goes through [`escape`], and every number is bounded by the scene.

use super::View;
use super::names::Effect;
use super::scene::{Area, Cap, Legend, Scene, UNIT};
use super::style::STYLE;
use super::text::{Fitted, escape, fit};
use super::words;

/// Pixels of a unit of the matrix. An ordinary key has 64.
const SCALE: f64 = 16.0;
/// Around the keys: room for the LEDs of the edge and for the board to be seen.
const MARGIN: f64 = UNIT / 2.0;
/// Between two keys, half of it at each side.
const GAP: f64 = 4.0;
/// Between a key's edge and its legend.
const PAD: f64 = 5.0;
/// The line below the keyboard that says what is what.
const FOOTER: f64 = 30.0;
/// Where there are few keys, the footer still needs its room.
const NARROWEST: f64 = 420.0;
/// Lines in small that fit below a legend.
const SMALL_LINES: usize = 3;
/// From one small line to the next.
const SMALL_STEP: f64 = 12.0;
/// The number of the layer before a small legend.
const NUMBER: f64 = 9.0;
/// From one line of a legend to the next, in parts of the font's size.
const LINE: f64 = 1.15;

/// What one key shows.
struct Face<'s> {
    main: String,
    is_dim: bool,
    is_struck: bool,
    is_marked: bool,
    small: Vec<&'s Legend>,
}

/// The picture.
pub(super) fn render(scene: &Scene, view: View) -> String {
    let Some(all) = Area::around(scene.boards.iter().copied()) else {
        return String::new();
    };
    let frame = all.grown(MARGIN);
    let width = (frame.w * SCALE).max(NARROWEST);
    let height = frame.h * SCALE + FOOTER;
    let mut out = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" class="kb" viewBox="0 0 {} {}" width="{0}" height="{1}" role="img">"#,
        number(width),
        number(height),
    );
    let (title, description) = (words::title(scene, view), words::description(scene, view));
    out += &format!("\n<title>{}</title>", escape(&title));
    out += &format!("\n<desc>{}</desc>", escape(&description));
    out += &format!("\n<style>{STYLE}</style>\n");
    let page = Area {
        x: 0.0,
        y: 0.0,
        w: width,
        h: height,
    };
    // With a ground of its own its words can be read on every page, whatever that thinks of light and dark.
    push_line(&mut out, &rectangle("kb-page", page, 14.0));
    for board in &scene.boards {
        let board = to_pixels(*board, frame).grown(SCALE);
        push_line(&mut out, &rectangle("kb-case", board, 14.0));
    }
    // Caps, lights, legends: in this order a light is seen on its key, and no legend is behind a light.
    let mut legends = String::new();
    for key in &scene.keys {
        let cap = to_pixels(key.area, frame).grown(-GAP / 2.0);
        let face = face(key, view);
        push_cap(&mut out, key, cap, &face);
        push_legend(
            &mut legends,
            cap,
            &face,
            view == View::AllLayers && scene.layers > 1,
        );
    }
    for &(x, y) in &scene.leds {
        let (x, y) = (number((x - frame.x) * SCALE), number((y - frame.y) * SCALE));
        out += &format!("<circle class=\"kb-led\" cx=\"{x}\" cy=\"{y}\" r=\"8\"/>\n");
    }
    out += &legends;
    push_footer(&mut out, scene, view, (width, height));
    out + "</svg>\n"
}

fn to_pixels(area: Area, frame: Area) -> Area {
    Area {
        x: (area.x - frame.x) * SCALE,
        y: (area.y - frame.y) * SCALE,
        w: area.w * SCALE,
        h: area.h * SCALE,
    }
}

/// With two decimals at most, and none that say nothing.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

fn push_line(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

fn rectangle(class: &str, area: Area, radius: f64) -> String {
    let [x, y, w, h, r] = [area.x, area.y, area.w, area.h, radius].map(number);
    let class = if class.is_empty() {
        String::new()
    } else {
        format!("class=\"{class}\" ")
    };
    format!("<rect {class}x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"{r}\"/>")
}

fn face(key: &Cap, view: View) -> Face<'_> {
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

fn push_cap(out: &mut String, key: &Cap, cap: Area, face: &Face<'_>) {
    *out += &format!(
        "<g class=\"kb-key{}{}\"><title>{}</title>{}",
        states(face),
        if face.is_marked { " kb-own" } else { "" },
        escape(&words::of_key(key)),
        rectangle("", cap, 6.0)
    );
    if face.is_marked {
        let (x, y) = (number(cap.x + cap.w - 9.0), number(cap.y + 9.0));
        *out += &format!("<circle class=\"kb-mark\" cx=\"{x}\" cy=\"{y}\" r=\"4\"/>");
    }
    out.push_str("</g>\n");
}

/// How a key's legend looks; its cap may be marked besides.
fn states(face: &Face<'_>) -> &'static str {
    match (face.is_dim, face.is_struck) {
        (true, true) => " kb-off kb-none",
        (true, false) => " kb-off",
        (false, _) => "",
    }
}

fn push_legend(out: &mut String, cap: Area, face: &Face<'_>, looks_up: bool) {
    *out += &format!("<g class=\"kb-text{}\">", states(face));
    if looks_up {
        let small = small_lines(&face.small, cap.w - PAD - NUMBER - 2.0);
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
        let y = number(first + index as f64 * fitted.size * 1.15);
        *out += &format!(
            "<text class=\"kb-main\" x=\"{}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"{anchor}\">{}</text>",
            number(x),
            escape(line)
        );
    }
}

/// A line in small: the layer where one begins, text, size.
struct Small {
    layer: Option<usize>,
    text: String,
    size: f64,
}

/// A legend may take two lines where there is room for all; what is too much is counted.
fn small_lines(legends: &[&Legend], room: f64) -> Vec<Small> {
    let is_too_much = legends.len() > SMALL_LINES;
    let shown = if is_too_much {
        SMALL_LINES - 1
    } else {
        legends.len()
    };
    let mut spare = SMALL_LINES - legends.len().min(SMALL_LINES);
    let mut lines = Vec::new();
    for legend in &legends[..shown] {
        let text = match legend.effect {
            Effect::Acts => legend.text.as_str(),
            Effect::DoesNothing => "none",
            Effect::FallsThrough => "+",
        };
        let fitted = fit(text, room, (11.0, 8.5), 1 + spare.min(1));
        spare -= fitted.lines.len() - 1;
        let size = fitted.size;
        let numbered = fitted.lines.into_iter().enumerate();
        lines.extend(numbered.map(|(index, text)| Small {
            layer: (index == 0).then_some(legend.layer),
            text,
            size,
        }));
    }
    if is_too_much {
        lines.push(Small {
            layer: None,
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
            number(cap.x + PAD + NUMBER),
            number(line.size),
            escape(&line.text)
        );
    }
}

fn push_footer(out: &mut String, scene: &Scene, view: View, (width, height): (f64, f64)) {
    let y = height - 12.0;
    let mut right = width - 2.0 * SCALE;
    let mut say = |words: &str| {
        *out += &format!(
            "<text class=\"kb-words\" x=\"{}\" y=\"{}\" font-size=\"13\" text-anchor=\"end\">{words}</text>\n",
            number(right),
            number(y),
        );
        right -= 12.0 + 13.0 * super::text::width(words);
    };
    let layers = match (view, scene.layers) {
        (View::AllLayers, 1) => None,
        (View::AllLayers, 2) => Some("in small: layer 1".to_owned()),
        (View::AllLayers, more) => Some(format!("in small: layers 1 to {}", more - 1)),
        (View::Layer(layer), _) => Some(format!("layer {layer}")),
    };
    if let Some(layers) = layers {
        say(&layers);
    }
    let layer = match view {
        View::AllLayers => 0,
        View::Layer(layer) => layer,
    };
    let mut marks = scene.keys.iter().filter_map(|key| key.on(layer));
    if marks.any(|legend| legend.differs) {
        say("● not as in the base");
    }
    let room = right - 2.0 * SCALE;
    let name = fit(&scene.name, room, (13.0, 9.0), 1);
    *out += &format!(
        "<text class=\"kb-words\" x=\"{}\" y=\"{}\" font-size=\"{}\" font-weight=\"700\">{}</text>\n",
        number(2.0 * SCALE),
        number(y),
        number(name.size),
        escape(&name.lines.concat())
    );
}
