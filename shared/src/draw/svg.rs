//! A scene as SVG. Every text of the document's goes through `escape`, and every number is bounded by the scene.

use super::View;
use super::legend::{Face, face, push_legend, states};
use super::place::{Area, UNIT};
use super::scene::{Cap, Scene};
use super::style::STYLE;
use super::text::{escape, fit};
use super::words;

/// Pixels of a unit of the matrix. An ordinary key has 64.
const SCALE: f64 = 16.0;
/// Around the keys: room for the LEDs of the edge and for the board to be seen.
const MARGIN: f64 = UNIT / 2.0;
/// Between two keys, half of it at each side.
const GAP: f64 = 4.0;
/// The line below the keyboard that says what is what.
const FOOTER: f64 = 30.0;
/// Where there are few keys, the footer still needs its room.
const NARROWEST: f64 = 420.0;

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
pub(super) fn number(value: f64) -> String {
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
