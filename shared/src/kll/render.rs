//! A layer's file as text: header, defines, lines, triggers, custom text, animations.

use std::fmt::Write as _;

use indexmap::IndexMap;

use crate::channel::Dialect;
use crate::layout::document::{Animation, Define, Document, Header};

use super::layers::Layer;
use super::source::{Page, Source};
use super::{action, animation};

/// The file of one layer, and what each part of it was made of. Defines and animations stand in that of layer 0. The
/// empty lines are always there.
pub(super) fn file(
    document: &Document,
    number: usize,
    layer: &Layer<'_>,
    dialect: Dialect,
) -> (String, Vec<Source>) {
    let mut page = Page::with_capacity(1024 + 32 * layer.changes.len());
    push_header(&mut page.text, &document.header);
    page.text.push_str("\n\n");
    if number == 0 {
        push_defines(&mut page, &document.defines);
        page.text.push_str("\n\n");
    }
    for (index, change) in layer.changes.iter().enumerate() {
        if index > 0 {
            page.text.push('\n');
        }
        let place = format!("/matrix/{}/layers/{number}/key", change.place);
        page.begin(place, Some(change.key));
        action::render(&mut page.text, change.key, change.action, dialect);
    }
    page.text.push_str("\n\n");
    // Nearly all start an animation, and the dialect has none.
    if dialect == Dialect::Latest {
        push_triggers(&mut page, number, layer);
    }
    if let Some(custom) = document.custom.get(&number) {
        page.text.push_str("\n\n");
        page.begin(format!("/custom/{number}"), None);
        page.text.push_str(custom);
    }
    page.text.push_str("\n\n");
    if number == 0 {
        if dialect == Dialect::Latest {
            push_animations(&mut page, &document.animations);
        }
        page.text.push_str("\n\n");
    }
    page.done()
}

fn push_triggers(page: &mut Page, number: usize, layer: &Layer<'_>) {
    for (index, trigger) in layer.triggers.iter().enumerate() {
        if index > 0 {
            page.text.push('\n');
        }
        let (place, of_key) = (trigger.place, trigger.index);
        page.begin(
            format!("/matrix/{place}/triggers/{number}/{of_key}/action"),
            Some(trigger.key),
        );
        action::render_trigger(&mut page.text, trigger.key, trigger.action);
    }
}

/// There is an empty line after each that has frames.
fn push_animations(page: &mut Page, animations: &IndexMap<String, Animation>) {
    for (index, (name, animation)) in animations.iter().enumerate() {
        if index > 0 {
            page.text.push('\n');
        }
        let name_in_pointer = name.replace('~', "~0").replace('/', "~1");
        page.begin(format!("/animations/{name_in_pointer}"), None);
        page.text.push_str(&animation::render(name, animation));
    }
}

fn push_header(out: &mut String, header: &Header) {
    let variant = header.variant.as_deref().unwrap_or_default();
    let lines = [
        ("Name", &*header.name),
        ("Variant", &*variant.replace(' ', "_")),
        ("Layout", &header.layout),
        ("Base", &header.base),
        ("Version", &header.version),
        ("Author", &header.author),
        ("KLL", &header.kll),
        ("Date", &header.date),
        ("Generator", &header.generator),
    ];
    for (index, (name, value)) in lines.into_iter().enumerate() {
        push_setting(out, index, name, value);
    }
}

fn push_defines(page: &mut Page, defines: &[Define]) {
    for (index, define) in defines.iter().enumerate() {
        // A setting ends the line before it itself, so that it begins one line further down.
        let next_line = usize::from(index > 0);
        page.begin_after(next_line, format!("/defines/{index}"), None);
        push_setting(&mut page.text, index, &define.name, &define.value);
    }
}

fn push_setting(out: &mut String, index: usize, name: &str, value: &str) {
    let before = if index > 0 { "\n" } else { "" };
    // Writing to a string cannot fail.
    let _ = write!(out, "{before}{name} = \"{value}\";");
}
