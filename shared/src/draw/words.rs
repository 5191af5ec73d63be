//! The picture in words: for those who do not see it, and for the pointer over a key.

use super::names::Effect;
use super::scene::{Cap, Legend, Scene};
use super::text::cut;
use super::{Mark, View};

/// Changes of one kind that are told one by one: a description is listened to from its beginning.
const MOST_TOLD: usize = 30;
/// A key has rarely more layers than this.
const MOST_LAYERS_TOLD: usize = 8;

/// The picture's title.
pub(super) fn title(scene: &Scene, view: View) -> String {
    let name = &scene.name;
    match view {
        View::AllLayers if scene.layers > 1 => format!("{name}: layer 0 and what others change"),
        View::AllLayers => name.clone(),
        View::Layer(layer) => format!("{name}: layer {layer}"),
    }
}

/// What can be seen, in sentences.
pub(super) fn description(scene: &Scene, view: View) -> String {
    let mut sentences = vec![match (scene.keys.len(), scene.leds.len()) {
        (keys, 0) => format!("A keyboard of {keys} keys."),
        (keys, leds) => format!("A keyboard of {keys} keys and {leds} LEDs."),
    }];
    if scene.boards.len() == 2 {
        sentences.push("It has a left and a right half.".to_owned());
    }
    sentences.push(match &scene.base {
        Some(base) => format!("Its base is {base}."),
        None => "Its base is not known here, so that no difference is marked.".to_owned(),
    });
    if scene.without_place > 0 {
        sentences.push(format!(
            "{} keys have no place and are not shown.",
            scene.without_place
        ));
    }
    let layers = match view {
        View::Layer(layer) => layer..layer + 1,
        View::AllLayers => 0..scene.layers.min(MOST_LAYERS_TOLD),
    };
    sentences.extend(layers.filter_map(|layer| changes(scene, layer)));
    sentences.join(" ")
}

/// Which keys something is wrong with, before all else; nothing where nothing is.
pub(super) fn faults(scene: &Scene, view: View, marks: &[Mark]) -> String {
    let is_at_fault = |key: &&Cap| {
        let mut own = marks.iter().filter(|mark| mark.key == key.place);
        own.any(|mark| mark.is_in(view))
    };
    let keys = scene.keys.iter().filter(is_at_fault);
    let names: Vec<_> = keys
        .map(|key| key.base.clone().unwrap_or_else(|| below(key)))
        .take(MOST_TOLD)
        .collect();
    if names.is_empty() {
        return String::new();
    }
    format!("Marked as at fault: {}. ", names.join(", "))
}

fn changes(scene: &Scene, layer: usize) -> Option<String> {
    let changed: Vec<_> = scene
        .keys
        .iter()
        .filter_map(|key| {
            let legend = key.on(layer).filter(|legend| layer > 0 || legend.differs)?;
            let was = if layer == 0 {
                key.base.clone().unwrap_or_default()
            } else {
                below(key)
            };
            Some(format!("{was} is {}", effect_in_words(legend)))
        })
        .collect();
    if changed.is_empty() {
        return None;
    }
    let count = match changed.len() {
        1 => "1 key".to_owned(),
        more => format!("{more} keys"),
    };
    let mut told = changed[..changed.len().min(MOST_TOLD)].join(", ");
    if changed.len() > MOST_TOLD {
        told += &format!(", and {} more", changed.len() - MOST_TOLD);
    }
    Some(match layer {
        0 if changed.len() == 1 => format!("On layer 0, {count} differs from the base: {told}."),
        0 => format!("On layer 0, {count} differ from the base: {told}."),
        _ => format!("Layer {layer} changes {count}: {told}."),
    })
}

/// What a key does where no higher layer says anything of it.
pub(super) fn below(key: &Cap) -> String {
    let lowest = key.on(0).filter(|legend| legend.effect == Effect::Acts);
    let legend = lowest.map(|legend| legend.text.clone());
    legend.or_else(|| key.base.clone()).unwrap_or_default()
}

/// All about one key, for the pointer over it.
pub(super) fn of_key(key: &Cap) -> String {
    let mut parts: Vec<_> = key
        .legends
        .iter()
        .take(MOST_LAYERS_TOLD)
        .map(|legend| format!("layer {}: {}", legend.layer, exactly(legend)))
        .collect();
    let left_out = key.legends.len().saturating_sub(MOST_LAYERS_TOLD);
    if left_out > 0 {
        parts.push(format!("{left_out} more layers"));
    }
    if let Some(base) = &key.base {
        parts.push(format!("base: {base}"));
    }
    parts.push(format!("scan code {}", key.code));
    parts.join("; ")
}

/// The legend, and the action itself where the legend does not say it.
fn exactly(legend: &Legend) -> String {
    let shown = effect_in_words(legend);
    let is_plain = legend.action.is_empty() || legend.action.eq_ignore_ascii_case(&legend.text);
    if is_plain {
        shown
    } else {
        format!("{shown} ({})", cut(&legend.action, 40))
    }
}

fn effect_in_words(legend: &Legend) -> String {
    let does = match legend.effect {
        Effect::Acts => legend.text.clone(),
        Effect::DoesNothing => "nothing".to_owned(),
        Effect::FallsThrough => "as below".to_owned(),
    };
    if legend.besides.is_empty() {
        does
    } else {
        format!("{does}, and besides {}", legend.besides.join(", "))
    }
}
