//! The routes of the description: where each is, what it takes, what it answers, and how to ask with curl.

use serde_json::Value;

use super::{
    items,
    kinds::{Kind, kind},
    members,
    prose::Prose,
    text,
};

/// Where the examples ask.
const HOST: &str = "localhost:3001";

/// Routes that belong together.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) about: Prose,
    pub(super) operations: Vec<Operation>,
}

/// A route.
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) summary: String,
    pub(super) about: Prose,
    /// The name of the right that it needs, and where it comes from.
    pub(super) needs: Option<(String, Prose)>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Told>,
    pub(super) curl: String,
}

/// A part of a request.
pub(super) struct Parameter {
    pub(super) name: String,
    /// `path`, `query` or `header`.
    pub(super) place: String,
    pub(super) kind: Kind,
    pub(super) about: Prose,
}

/// What is sent.
pub(super) struct Body {
    pub(super) about: Prose,
    pub(super) kind: Kind,
    pub(super) example: String,
}

/// One of the answers.
pub(super) struct Told {
    pub(super) status: String,
    pub(super) about: Prose,
    pub(super) headers: Vec<String>,
    pub(super) contents: Vec<Content>,
}

/// A form of an answer.
pub(super) struct Content {
    pub(super) media: String,
    pub(super) kind: Option<Kind>,
    /// Only of what is no problem: those look all alike.
    pub(super) example: Option<String>,
}

/// All groups, with the routes of each in the order of the description.
pub(super) fn groups(document: &Value) -> Vec<Group> {
    let group = |tag| {
        let name = text(tag, "name");
        let operations = operations(document).filter(|(_, _, operation)| {
            let mut tags = items(&operation["tags"]);
            tags.any(|tag| tag.as_str() == Some(name))
        });
        Group {
            name: name.to_owned(),
            about: Prose::of(text(tag, "description")),
            operations: operations
                .map(|(path, method, operation)| Operation::of(document, path, method, operation))
                .collect(),
        }
    };
    items(&document["tags"]).map(group).collect()
}

fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    members(&document["paths"])
        .flat_map(|(path, item)| members(item).map(move |(method, one)| (path, method, one)))
}

impl Operation {
    fn of(document: &Value, path: &str, method: &str, operation: &Value) -> Self {
        let scheme = items(&operation["security"]).find_map(|needed| members(needed).next());
        let schemes = &document["components"]["securitySchemes"];
        let body = members(&operation["requestBody"]["content"]).next();
        let method = method.to_uppercase();
        Self {
            id: text(operation, "operationId").to_owned(),
            path: path.to_owned(),
            summary: text(operation, "summary").to_owned(),
            about: Prose::of(text(operation, "description")),
            needs: scheme.map(|(name, _)| {
                let about = Prose::of(text(&schemes[name], "description"));
                (name.clone(), about)
            }),
            parameters: items(&operation["parameters"]).map(Parameter::of).collect(),
            body: body.map(|(_, content)| Body {
                about: Prose::of(text(&operation["requestBody"], "description")),
                kind: kind(&content["schema"]),
                example: shown(&content["example"]),
            }),
            answers: members(&operation["responses"])
                .map(|(status, response)| Told::of(status, response))
                .collect(),
            curl: curl(path, &method, operation),
            method,
        }
    }
}

impl Parameter {
    fn of(parameter: &Value) -> Self {
        Self {
            name: text(parameter, "name").to_owned(),
            place: text(parameter, "in").to_owned(),
            kind: kind(&parameter["schema"]),
            about: Prose::of(text(parameter, "description")),
        }
    }
}

impl Told {
    fn of(status: &str, response: &Value) -> Self {
        let content = |(media, content): (&String, &Value)| {
            let schema = &content["schema"];
            let is_problem = media == "application/problem+json";
            Content {
                media: media.clone(),
                kind: schema.is_object().then(|| kind(schema)),
                example: (!is_problem && !content["example"].is_null())
                    .then(|| shown(&content["example"])),
            }
        };
        Self {
            status: status.to_owned(),
            about: Prose::of(text(response, "description")),
            headers: members(&response["headers"])
                .map(|(name, _)| name.clone())
                .collect(),
            contents: members(&response["content"]).map(content).collect(),
        }
    }
}

/// An example as people read it.
fn shown(example: &Value) -> String {
    match example {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

/// How to ask with curl: with what must be there, and the first of what may be.
fn curl(path: &str, method: &str, operation: &Value) -> String {
    let mut url = format!("{HOST}{path}");
    let mut options = Vec::new();
    match method {
        "GET" => {}
        "POST" if operation["requestBody"].is_object() => {}
        other => options.push(format!("-X {other}")),
    }
    if let Some((name, _)) = items(&operation["security"]).find_map(|needed| members(needed).next())
    {
        options.push(format!(
            "-H \"Authorization: Bearer ${}\"",
            name.to_uppercase()
        ));
    }
    if operation["requestBody"].is_object() {
        let schema = &members(&operation["requestBody"]["content"]).next();
        let schema = schema.map_or("", |(_, content)| text(&content["schema"], "$ref"));
        let file = if schema.ends_with("/Layout") {
            "layout"
        } else {
            "build"
        };
        options.push(format!("--data-binary @{file}.json"));
    }
    for parameter in items(&operation["parameters"]) {
        let (name, example) = (text(parameter, "name"), plain(&parameter["example"]));
        match text(parameter, "in") {
            "path" => url = url.replace(&format!("{{{name}}}"), &example),
            "query" if !url.contains('?') => url = format!("{url}?{name}={example}"),
            _ => {}
        }
    }
    // The shell would look for files of this name.
    let url = if url.contains('?') {
        format!("'{url}'")
    } else {
        url
    };
    options.insert(0, format!("curl {url}"));
    options.join(" \\\n  ")
}

fn plain(example: &Value) -> String {
    match example {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
