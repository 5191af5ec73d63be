//! A scene as SVG. Every text of the document's goes through `escape`, and every number is bounded by the scene.

use super::legend::{Face, face, push_legend, states};
use super::place::{Area, UNIT};
use super::scene::{Cap, Scene};
use super::style::STYLE;
use super::text::{escape, fit};
use super::words;
use super::{Mark, View};

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

/// The picture as a file of its own.
pub(super) fn render(scene: &Scene, view: View) -> String {
    drawn(scene, view, None)
}

/// The picture as a part of a page that has the style, with marks on keys.
pub(super) fn within_a_page(scene: &Scene, view: View, marks: &[Mark]) -> String {
    drawn(scene, view, Some(marks))
}

/// Marks are for pages alone.
fn drawn(scene: &Scene, view: View, marks: Option<&[Mark]>) -> String {
    let Some(all) = Area::around(scene.boards.iter().copied()) else {
        return String::new();
    };
    let frame = all.grown(MARGIN);
    let width = (frame.w * SCALE).max(NARROWEST);
    let height = frame.h * SCALE + FOOTER;
    let mut out = head(scene, view, (width, height), marks);
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
    let (mut legends, mut badges) = (String::new(), String::new());
    for key in &scene.keys {
        let cap = to_pixels(key.area, frame).grown(-GAP / 2.0);
        let face = face(key, view);
        let faults = faults_of(key, view, marks.unwrap_or_default());
        push_cap(&mut out, key, cap, &face, &faults);
        if !faults.is_empty() {
            push_badge(&mut badges, cap);
        }
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
    out += &badges;
    push_footer(&mut out, scene, view, (width, height));
    out + "</svg>\n"
}

/// A file says how large it is and what it looks like; within a page the page says it.
fn head(scene: &Scene, view: View, size: (f64, f64), marks: Option<&[Mark]>) -> String {
    let (width, height) = (number(size.0), number(size.1));
    let size = match marks {
        None => format!(r#" width="{width}" height="{height}""#),
        Some(_) => String::new(),
    };
    let mut out = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" class="kb" viewBox="0 0 {width} {height}"{size} role="img">"#
    );
    let (title, description) = (words::title(scene, view), words::description(scene, view));
    let faults = words::faults(scene, view, marks.unwrap_or_default());
    out += &format!("\n<title>{}</title>", escape(&title));
    out += &format!("\n<desc>{}</desc>\n", escape(&(faults + &description)));
    if marks.is_none() {
        out += &format!("<style>{STYLE}</style>\n");
    }
    out
}

/// What is wrong with a key in this view.
pub(super) fn faults_of<'m>(key: &Cap, view: View, marks: &'m [Mark]) -> Vec<&'m str> {
    let of_key = marks.iter().filter(|mark| mark.key == key.place);
    let seen = of_key.filter(|mark| mark.is_in(view));
    seen.map(|mark| mark.message.as_str()).collect()
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

fn push_cap(out: &mut String, key: &Cap, cap: Area, face: &Face<'_>, faults: &[&str]) {
    let own = if face.is_marked { " kb-own" } else { "" };
    let fault = if faults.is_empty() { "" } else { " kb-fault" };
    let about = [faults, &[&*words::of_key(key)]].concat().join("; ");
    *out += &format!(
        "<g class=\"kb-key{}{own}{fault}\"><title>{}</title>{}",
        states(face),
        escape(&about),
        rectangle("", cap, 6.0)
    );
    if face.is_marked && faults.is_empty() {
        let (x, y) = (number(cap.x + cap.w - 9.0), number(cap.y + 9.0));
        *out += &format!("<circle class=\"kb-mark\" cx=\"{x}\" cy=\"{y}\" r=\"4\"/>");
    }
    out.push_str("</g>\n");
}

/// A sign at a key's corner, as colour alone is nothing to some eyes.
fn push_badge(out: &mut String, cap: Area) {
    let (x, y) = (cap.x + cap.w - 7.0, cap.y + 7.0);
    *out += &format!(
        "<g class=\"kb-badge\"><circle cx=\"{0}\" cy=\"{1}\" r=\"11\"/>\
         <text x=\"{0}\" y=\"{2}\" font-size=\"16\" text-anchor=\"middle\">!</text></g>\n",
        number(x),
        number(y),
        number(y + 5.5)
    );
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
