//! Schemas in words: what kind of value something is, and what members it has.

use askama::{Template, filters::HtmlSafe};
use serde_json::Value;

use super::{items, members, prose::Prose, text};

/// How the path of a schema begins.
const SCHEMAS: &str = "#/components/schemas/";

/// What kind of value something is, such as "list of `Key` or null". What is in it is escaped here.
#[derive(Template)]
#[template(
    ext = "html",
    source = "{{ before }}{% if let Some(name) = link %}<a href=\"#type-{{ name }}\">{{ name }}</a>{% endif %}{{ words }}"
)]
pub(super) struct Kind {
    before: &'static str,
    /// The type that is described further down.
    link: Option<String>,
    words: String,
}

impl HtmlSafe for Kind {}

/// A schema that has a name.
pub(super) struct Type {
    pub(super) name: String,
    pub(super) about: Prose,
    pub(super) kind: Kind,
    pub(super) members: Vec<Member>,
}

/// A member of an object.
pub(super) struct Member {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) is_optional: bool,
    pub(super) about: Prose,
}

/// All schemas that have a name.
pub(super) fn types(document: &Value) -> Vec<Type> {
    let named = members(&document["components"]["schemas"]);
    named
        .map(|(name, schema)| Type {
            name: name.clone(),
            about: Prose::of(text(schema, "description")),
            kind: kind(schema),
            members: members_of(schema),
        })
        .collect()
}

fn members_of(schema: &Value) -> Vec<Member> {
    members(&schema["properties"])
        .map(|(name, of)| Member {
            name: name.clone(),
            kind: kind(of),
            is_optional: !items(&schema["required"]).any(|one| one.as_str() == Some(name)),
            about: Prose::of(text(of, "description")),
        })
        .collect()
}

/// What kind of value this schema speaks of.
pub(super) fn kind(schema: &Value) -> Kind {
    if let Some(name) = text(schema, "$ref").strip_prefix(SCHEMAS) {
        return Kind {
            before: "",
            link: Some(name.to_owned()),
            words: String::new(),
        };
    }
    let choices: Vec<_> = items(&schema["oneOf"]).collect();
    if let [one, other] = choices[..] {
        let inner = kind(one);
        let words = match text(other, "type") {
            "null" => " or null".to_owned(),
            _ => format!("{}, or a list of those", inner.words),
        };
        return Kind { words, ..inner };
    }
    let inner = |before, of: &Value| {
        let inner = kind(of);
        Kind {
            before,
            words: format!("{}{}", inner.words, or_null(schema)),
            ..inner
        }
    };
    if schema["items"].is_object() {
        return inner("list of ", &schema["items"]);
    }
    if schema["additionalProperties"].is_object() {
        return inner("by name: ", &schema["additionalProperties"]);
    }
    Kind {
        before: "",
        link: None,
        words: plain(schema),
    }
}

fn plain(schema: &Value) -> String {
    let choices: Vec<_> = items(&schema["enum"]).filter_map(Value::as_str).collect();
    if !choices.is_empty() {
        return choices.join(", ");
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| **kind != "null"),
        kind => Some(kind),
    };
    let word = match (kind.and_then(Value::as_str), text(schema, "format")) {
        (Some("string"), "uuid") => "UUID",
        (Some("string"), "date-time") => "time, by RFC 3339",
        (Some("string"), _) => "text",
        (Some("integer"), _) => "whole number",
        (Some("number"), _) => "number",
        (Some("boolean"), _) => "true or false",
        (Some("object"), _) => "object",
        (Some("array"), _) => "list",
        _ => "anything",
    };
    format!("{word}{}", or_null(schema))
}

fn or_null(schema: &Value) -> &'static str {
    let may_be = items(&schema["type"]).any(|kind| kind == "null");
    if may_be { " or null" } else { "" }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kind_is_told_in_words() {
        let of = "#/components/schemas/Key";
        for (schema, words) in [
            (json!({ "type": "string", "format": "uuid" }), "UUID"),
            (
                json!({ "type": ["integer", "null"] }),
                "whole number or null",
            ),
            (json!({ "enum": ["a", "b"] }), "a, b"),
            (json!({ "$ref": of }), "Key"),
            (
                json!({ "type": "array", "items": { "$ref": of } }),
                "list of Key",
            ),
            (
                json!({ "oneOf": [{ "$ref": of }, { "type": "null" }] }),
                "Key or null",
            ),
            (
                json!({ "type": ["object", "null"], "additionalProperties": { "type": "string" } }),
                "by name: text or null",
            ),
            (
                json!({ "oneOf": [{ "$ref": of }, { "type": "array", "items": { "$ref": of } }] }),
                "Key, or a list of those",
            ),
            (json!({}), "anything"),
        ] {
            let Kind {
                before,
                link,
                words: after,
            } = kind(&schema);
            let found = format!("{before}{}{after}", link.unwrap_or_default());
            assert_eq!(found, words);
        }
    }
}
