//! Pictures of layouts: whatever is sent, there is a small well-formed one, or there are faults.

use harness::{promises, small};
use proptest::prelude::*;
use roxmltree::Document as Xml;
use serde_json::{Value, json};
use shared::draw::{self, MAX_BYTES, Undrawable, View};

use super::{
    one_in,
    values::{text, with_changes},
};

/// That a picture is one, and only that. Gives it back, where there is one.
fn picture_of(config: &Value, view: View) -> Option<String> {
    let picture = match draw::draw_from(config, &small::library(), view) {
        Ok(picture) => picture,
        Err(Undrawable::Faults(faults)) => {
            promises::of_faults(&faults);
            return None;
        }
        Err(Undrawable::NoSuchLayer { .. }) => return None,
    };
    assert!(picture.len() < MAX_BYTES);
    let xml = Xml::parse(&picture).unwrap();
    for node in xml.descendants().filter(roxmltree::Node::is_element) {
        let name = node.tag_name().name();
        let harmless = [
            "svg", "title", "desc", "style", "g", "rect", "circle", "text",
        ];
        assert!(harmless.contains(&name), "{name}");
        for own in node.attributes() {
            assert!(!own.name().starts_with("on") && own.name() != "href");
            let is_number = !["x", "y", "width", "height", "cx", "cy", "font-size"]
                .contains(&own.name())
                || own.value().parse().is_ok_and(f64::is_finite);
            assert!(is_number, "{own:?}");
        }
    }
    Some(picture)
}

proptest! {
    #![proptest_config(one_in(1))]

    #[test]
    fn any_legend_name_and_place_give_a_picture(
        name in "[^\"\\\\\\p{Cc}]{0,30}", code in text(), label in text(), action in text(),
        (x, y) in (-1000.0..1000.0, -1000.0..1000.0), (w, h) in (1.0..100.0, 1.0..100.0), layer in 0usize..32,
    ) {
        let mut config = small::document();
        config["header"]["Layout"] = json!(name);
        let layer = layer.to_string();
        config["matrix"][0] = json!({
            "code": code, "x": x, "y": y, "w": w, "h": h,
            "layers": { layer: { "key": format!("#:{action}"), "label": label } },
        });
        prop_assert!(picture_of(&config, View::AllLayers).is_some());
        prop_assert!(picture_of(&config, View::Layer(0)).is_some());
    }

    #[test]
    fn a_layout_that_is_nearly_good_gives_a_picture_or_faults(
        config in with_changes(small::document()), layer in prop::option::of(0usize..4),
    ) {
        picture_of(&config, layer.map_or(View::AllLayers, View::Layer));
    }
}
