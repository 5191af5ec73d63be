//! A layer's file as text: header, defines, lines, triggers, custom text, animations.

use std::fmt::Write as _;

use crate::channel::Dialect;
use crate::layout::document::{Define, Document, Header};

use super::layers::Layer;
use super::{action, animation};

/// The file of one layer. Defines and animations stand in that of layer 0. The empty lines are always there.
pub(super) fn file(
    document: &Document,
    number: usize,
    layer: &Layer<'_>,
    dialect: Dialect,
) -> String {
    let mut out = String::with_capacity(1024 + 32 * layer.changes.len());
    push_header(&mut out, &document.header);
    out.push_str("\n\n");
    if number == 0 {
        push_defines(&mut out, &document.defines);
        out.push_str("\n\n");
    }
    for (index, change) in layer.changes.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        action::render(&mut out, change.key, change.action, dialect);
    }
    out.push_str("\n\n");
    // Nearly all start an animation, and the dialect has none.
    if dialect == Dialect::Latest {
        for (index, trigger) in layer.triggers.iter().enumerate() {
            if index > 0 {
                out.push('\n');
            }
            action::render_trigger(&mut out, trigger.key, trigger.action);
        }
    }
    if let Some(custom) = document.custom.get(&number) {
        out.push_str("\n\n");
        out.push_str(custom);
    }
    out.push_str("\n\n");
    if number == 0 {
        if dialect == Dialect::Latest {
            out.push_str(&animation::render(&document.animations));
        }
        out.push_str("\n\n");
    }
    out
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

fn push_defines(out: &mut String, defines: &[Define]) {
    for (index, define) in defines.iter().enumerate() {
        push_setting(out, index, &define.name, &define.value);
    }
}

fn push_setting(out: &mut String, index: usize, name: &str, value: &str) {
    let before = if index > 0 { "\n" } else { "" };
    // Writing to a string cannot fail.
    let _ = write!(out, "{before}{name} = \"{value}\";");
}
