//! Pictures of the layouts that we come with, of some that nobody should send, and of what is refused.

use roxmltree::{Document as Xml, Node};
use serde_json::json;

use super::*;

fn library() -> Library {
    Library::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../layouts")).unwrap()
}

fn config(name: &str) -> Value {
    serde_json::from_str(&library().get(&format!("{name}.json")).unwrap().text).unwrap()
}

fn picture(config: &Value, view: View) -> String {
    draw_from(config, &library(), view).unwrap()
}

/// The elements that bear this class.
fn of_class<'x>(xml: &'x Xml<'x>, class: &str) -> Vec<Node<'x, 'x>> {
    let bears = |node: &Node<'_, '_>| {
        let classes = node.attribute("class").unwrap_or_default();
        classes.split(' ').any(|own| own == class)
    };
    xml.descendants().filter(bears).collect()
}

fn count(picture: &str, class: &str) -> usize {
    of_class(&Xml::parse(picture).unwrap(), class).len()
}

/// All that is told of keys for which this is so.
fn titles(picture: &str, class: &str) -> Vec<String> {
    let xml = Xml::parse(picture).unwrap();
    let keys = of_class(&xml, class).into_iter();
    let titles = keys.filter_map(|key| key.first_element_child()?.text().map(str::to_owned));
    titles.collect()
}

fn faults(config: &Value) -> Vec<String> {
    match draw_from(config, &library(), View::AllLayers) {
        Err(Undrawable::Faults(faults)) => faults.into_iter().map(|fault| fault.pointer).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_layout_with_places_has_a_picture_with_all_its_keys_and_lights() {
    let library = library();
    let mut drawn = 0;
    for name in library.names() {
        let config: Value = serde_json::from_str(&library.get(name).unwrap().text).unwrap();
        let keys = config["matrix"].as_array().unwrap().len();
        let leds = config["leds"].as_array().map_or(0, Vec::len);
        if config["matrix"][0]["x"].is_null() {
            assert_eq!(faults(&config), ["/matrix"], "{name}");
            continue;
        }
        let layers = Document::parse(&config).unwrap().layer_count();
        let views = (0..layers).map(View::Layer).chain([View::AllLayers]);
        for view in views {
            let picture = picture(&config, view);
            assert_eq!(count(&picture, "kb-key"), keys, "{name} {view:?}");
            assert_eq!(count(&picture, "kb-led"), leds, "{name} {view:?}");
            let halves = if name.starts_with("MDErgo1") { 2 } else { 1 };
            assert_eq!(count(&picture, "kb-case"), halves, "{name} {view:?}");
            drawn += 1;
        }
    }
    assert!(drawn > 60, "{drawn}");
}

#[test]
fn no_legend_of_ours_is_cut_and_none_leaves_its_key() {
    let library = library();
    for name in library.names().filter(|name| !name.contains("All")) {
        let config: Value = serde_json::from_str(&library.get(name).unwrap().text).unwrap();
        if config["matrix"][0]["x"].is_null() {
            continue;
        }
        let picture = picture(&config, View::AllLayers);
        let xml = Xml::parse(&picture).unwrap();
        let number = |node: &Node<'_, '_>, name| node.attribute(name).unwrap().parse::<f64>();
        let keys = of_class(&xml, "kb-key").into_iter();
        for (key, legend) in keys.zip(of_class(&xml, "kb-text")) {
            let cap = key
                .children()
                .find(|node| node.has_tag_name("rect"))
                .unwrap();
            let (left, top) = (number(&cap, "x").unwrap(), number(&cap, "y").unwrap());
            let right = left + number(&cap, "width").unwrap();
            let bottom = top + number(&cap, "height").unwrap();
            for text in legend.children() {
                let words = text.text().unwrap_or_default();
                assert!(!words.ends_with('…'), "{name}: {words}");
                let size = number(&text, "font-size").unwrap();
                let (x, y) = (number(&text, "x").unwrap(), number(&text, "y").unwrap());
                let width = text::width(words) * size;
                let start = match text.attribute("text-anchor") {
                    Some("middle") => x - width / 2.0,
                    _ => x,
                };
                assert!(start >= left && start + width <= right, "{name}: {words}");
                assert!(y - 0.7 * size >= top && y <= bottom, "{name}: {words}");
            }
        }
    }
}

#[test]
fn a_light_stands_in_the_middle_of_its_key_also_where_the_board_is_moved() {
    for name in ["KType-Standard", "KType-Base"] {
        let picture = picture(&config(name), View::AllLayers);
        let xml = Xml::parse(&picture).unwrap();
        let first = of_class(&xml, "kb-key")[0];
        let cap = first.children().find(|node| node.has_tag_name("rect"));
        let led = of_class(&xml, "kb-led")[0];
        let number =
            |node: Node<'_, '_>, name| -> f64 { node.attribute(name).unwrap().parse().unwrap() };
        let cap = cap.unwrap();
        let middle = number(cap, "x") + number(cap, "width") / 2.0;
        assert!((number(led, "cx") - middle).abs() < 0.1, "{name}");
    }
}

#[test]
fn what_is_not_as_in_the_base_is_marked_with_a_dot_and_in_words() {
    let mut config = config("MD1-StandardBlank");
    assert_eq!(count(&picture(&config, View::AllLayers), "kb-mark"), 0);

    config["matrix"][0]["layers"]["0"] = json!({ "key": "B", "label": "Bee" });
    let changed = picture(&config, View::AllLayers);
    assert_eq!(count(&changed, "kb-mark"), 1);
    assert_eq!(
        titles(&changed, "kb-own"),
        ["layer 0: Bee (B); base: Esc; scan code 0x00"]
    );
    assert!(changed.contains("On layer 0, 1 key differs from the base: Esc is Bee."));
    assert!(changed.contains("not as in the base"));

    // Another name of the same key is no difference, whatever is printed on it.
    config["matrix"][0]["layers"]["0"] = json!({ "key": "ESCAPE", "label": "Out" });
    assert_eq!(count(&picture(&config, View::AllLayers), "kb-mark"), 0);
}

#[test]
fn a_layer_shows_what_it_changes_and_dims_what_it_leaves() {
    let config = config("KType-Standard");
    let picture = picture(&config, View::Layer(1));
    assert_eq!(count(&picture, "kb-own"), 15);
    // Once each for the cap and for its legend.
    assert_eq!(count(&picture, "kb-off"), 2 * (87 - 15));
    assert!(picture.contains("Layer 1 changes 15 keys: Esc is Flash, "));
    let beyond = draw_from(&config, &library(), View::Layer(2));
    assert_eq!(beyond, Err(Undrawable::NoSuchLayer { layers: 2 }));
}

#[test]
fn a_key_that_does_nothing_on_a_layer_shows_what_it_was_struck_out() {
    let mut config = config("MD1-StandardBlank");
    config["matrix"][0]["layers"]["1"] = json!({ "key": "#:None", "label": "" });
    config["matrix"][1]["layers"]["1"] = json!({ "key": "#:Passthrough" });
    let picture = picture(&config, View::Layer(1));
    let xml = Xml::parse(&picture).unwrap();
    let struck = of_class(&xml, "kb-none");
    assert_eq!(struck.len(), 2, "its cap and its legend");
    assert_eq!(struck[1].text_all(), "Esc");
    assert_eq!(count(&picture, "kb-mark"), 1);
    assert!(titles(&picture, "kb-none")[0].contains("layer 1: nothing (#:None)"));
}

#[test]
fn what_a_key_does_besides_is_told() {
    let mut config = config("KType-Standard");
    config["matrix"][0]["triggers"] =
        json!({ "0": [{ "action": "A[rain](start)", "label": "Rain", "type": "animation" }] });
    let picture = picture(&config, View::AllLayers);
    let marked = titles(&picture, "kb-own");
    assert!(
        marked[0].starts_with("layer 0: Esc, and besides Rain;"),
        "{marked:?}"
    );
}

#[test]
fn more_layers_than_a_key_has_room_for_are_counted_and_told() {
    let mut config = config("MD1-Standard");
    let layers = (0..12).map(|layer| {
        (
            layer.to_string(),
            json!({ "key": format!("F{}", layer + 1) }),
        )
    });
    config["matrix"][0]["layers"] = Value::Object(layers.collect());
    let picture = picture(&config, View::AllLayers);
    let xml = Xml::parse(&picture).unwrap();
    let legend = of_class(&xml, "kb-text")[0].text_all();
    assert_eq!(legend, "F11F22F3+9 more");
    assert!(titles(&picture, "kb-own")[0].contains("layer 7: F8; 4 more layers;"));

    // Nothing stands outside of a flat key.
    config["matrix"][0]["h"] = json!(2);
    let picture = self::picture(&config, View::AllLayers);
    let xml = Xml::parse(&picture).unwrap();
    assert_eq!(of_class(&xml, "kb-text")[0].text_all(), "F1");
}

#[test]
fn a_layout_for_no_keyboard_of_ours_is_drawn_without_marks() {
    let mut config = config("MD1-Standard");
    config["header"]["Name"] = json!("Mine");
    let picture = picture(&config, View::AllLayers);
    assert_eq!(
        (count(&picture, "kb-key"), count(&picture, "kb-mark")),
        (63, 0)
    );
    assert!(picture.contains("Its base is not known here"));
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "</text><script>\u{202e}\0&\"";
    let mut config = config("MD1-StandardBlank");
    config["header"]["Layout"] = json!("</title><script>");
    config["matrix"][0]["layers"]["0"] = json!({ "key": "#:</title>", "label": hostile });
    config["matrix"][0]["code"] = json!("\"><script>");
    for view in [View::AllLayers, View::Layer(0)] {
        let picture = picture(&config, view);
        let xml = Xml::parse(&picture).unwrap();
        let allowed = [
            "svg", "title", "desc", "style", "rect", "circle", "g", "text",
        ];
        for node in xml.descendants().filter(Node::is_element) {
            assert!(allowed.contains(&node.tag_name().name()), "{node:?}");
            assert!(!node.attributes().any(|own| own.name().starts_with("on")));
        }
        assert!(!picture.contains(['\u{202e}', '\0']));
        assert!(titles(&picture, "kb-own")[0].contains("</text><script>&\""));
    }
}

#[test]
fn what_cannot_be_drawn_is_refused_with_its_place() {
    let mut far = config("MD1-Standard");
    far["matrix"][3]["x"] = json!(1e300);
    far["matrix"][4]["w"] = json!(0);
    assert_eq!(faults(&far), ["/matrix/3/x", "/matrix/4/w"]);

    let mut many = config("MD1-Standard");
    let key = many["matrix"][0].clone();
    many["matrix"] = Value::from(vec![key; MAX_KEYS + 1]);
    assert_eq!(faults(&many), ["/matrix"]);

    let mut lights = config("MD1-Standard");
    lights["leds"] = Value::from(vec![json!({ "id": 1, "x": 0, "y": 0 }); MAX_LEDS + 1]);
    assert_eq!(faults(&lights), ["/leds"]);

    assert!(faults(&json!({})).contains(&"/header".to_owned()));
}

#[test]
fn the_largest_picture_has_its_bound() {
    let text = "&".repeat(1000);
    let layers = (0..32).map(|layer| {
        let action = json!({ "key": format!("#:{text}"), "label": text });
        (layer.to_string(), action)
    });
    let layers = Value::Object(layers.collect());
    let keys = (0..MAX_KEYS).map(|n| json!({ "code": text, "x": n, "y": 0, "layers": layers }));
    let leds = (0..MAX_LEDS).map(|n| json!({ "id": n, "x": n, "y": 0 }));
    let mut config = config("MD1-Standard");
    config["matrix"] = keys.collect();
    config["leds"] = leds.collect();
    let largest = picture(&config, View::AllLayers).len();
    assert!(largest < MAX_BYTES, "{largest}");
    assert!(largest > MAX_BYTES / 8, "the bound says nothing: {largest}");
}

trait TextAll {
    fn text_all(&self) -> String;
}

impl TextAll for Node<'_, '_> {
    fn text_all(&self) -> String {
        let texts = self.descendants().filter(Node::is_text);
        texts.filter_map(|text| text.text()).collect()
    }
}

#[test]
fn a_picture_within_a_page_has_no_style_and_marks_a_key_on_its_layer_alone() {
    let mut config = config("MD1-Hacker");
    config["matrix"][16]["layers"]["1"]["key"] = json!("CONS:MUT");
    let fault = Fault::new("/matrix/16/layers/1/key", "no key <b>MUT</b>");
    let marks = [Mark::of(&fault).unwrap()];
    let drawing = Drawing::of(&config, &library()).unwrap();
    for (view, marked) in [
        (View::AllLayers, 1),
        (View::Layer(0), 0),
        (View::Layer(1), 1),
    ] {
        let picture = drawing.picture(view, &marks);
        assert!(!picture.svg.contains("style"), "{}", picture.svg);
        assert_eq!(count(&picture.svg, "kb-fault"), marked, "{view:?}");
        assert_eq!(count(&picture.svg, "kb-badge"), marked, "{view:?}");
        assert_eq!(picture.svg.contains("Marked as at fault"), marked > 0);
        let told = titles(&picture.svg, "kb-fault");
        assert!(told.iter().all(|words| words.contains("no key <b>MUT</b>")));
    }
    assert_eq!(drawing.key(16).as_deref(), Some("Q"));
    assert_eq!(drawing.key(9999), None);
}

#[test]
fn a_mark_is_made_of_a_pointer_to_a_key_and_of_no_other() {
    let of = |pointer: &str| Mark::of(&Fault::new(pointer, "")).map(|mark| (mark.key, mark.layer));
    assert_eq!(of("/matrix/3/layers/2/key"), Some((3, Some(2))));
    assert_eq!(of("/matrix/3/triggers/1/0/action"), Some((3, Some(1))));
    assert_eq!(of("/matrix/3/code"), Some((3, None)));
    for other in ["", "/matrix", "/matrix/x", "/custom/1", "/header/Name"] {
        assert_eq!(of(other), None, "{other}");
    }
}

#[test]
fn a_layout_with_faults_is_drawn_within_a_page_as_far_as_it_can_be() {
    let mut config = config("KType-Standard");
    config["header"]["Author"] = json!(["no text"]);
    config["matrix"][3]["layers"]["0"]["key"] = json!(12);
    assert!(draw_from(&config, &library(), View::AllLayers).is_err());
    let drawing = Drawing::of(&config, &library()).unwrap();
    let picture = drawing.picture(View::AllLayers, &[]);
    assert!(count(&picture.svg, "kb-key") > 80);
}
