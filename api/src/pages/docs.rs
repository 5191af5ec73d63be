//! The description of the API for people: the same that programs get, as a page.

mod kinds;
mod operations;
mod prose;

use std::sync::LazyLock;

use askama::Template;
use serde_json::Value;

use self::{
    kinds::{Type, types},
    operations::{Group, groups},
    prose::Prose,
};
use super::page;
use crate::{error::Answer, openapi};

/// The page. The description is the same as long as the process runs, and so is this.
static DOCS: LazyLock<Docs> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(&openapi::TEXT).unwrap_or_default();
    Docs::of(&document)
});

#[derive(Template)]
#[template(path = "docs.html")]
struct Docs {
    about: Vec<Prose>,
    groups: Vec<Group>,
    types: Vec<Type>,
}

/// Shows the description.
pub(crate) fn docs() -> Answer {
    page(&*DOCS)
}

impl Docs {
    fn of(document: &Value) -> Self {
        let about = text(&document["info"], "description");
        Self {
            about: about.split("\n\n").map(Prose::of).collect(),
            groups: groups(document),
            types: types(document),
        }
    }
}

/// A member that is text, empty where it is not there.
fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

/// The members of an object, in their order; none where it is no object.
fn members(of: &Value) -> impl Iterator<Item = (&String, &Value)> {
    of.as_object().into_iter().flatten()
}

/// The items of a list; none where it is no list.
fn items(of: &Value) -> impl Iterator<Item = &Value> {
    of.as_array().into_iter().flatten()
}
