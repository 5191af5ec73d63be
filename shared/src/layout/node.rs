//! Reading a JSON value without stopping at the first fault: what is missing or wrong is noted, and stands as empty.

use std::fmt;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::fault::{Faults, shown};

/// Layers that one document may have. The function maps reach sixteen.
pub(crate) const MAX_LAYERS: usize = 32;
/// Longest name of an animation: it stands in each of its lines.
const MAX_MEMBER_NAME: usize = 64;

/// A place in the document. It is written out as a pointer only when something is wrong there.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// The whole document.
    Root,
    /// A member of an object.
    Member(&'a Place<'a>, &'a str),
    /// An item of a list.
    Item(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(parent, name) => {
                write!(f, "{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
            }
            Self::Item(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// An object of the document, with its place.
pub(super) struct Object<'a> {
    members: &'a Map<String, Value>,
    place: Place<'a>,
    faults: &'a Faults,
}

/// Takes a value at a place for an object.
pub(super) fn object<'a>(
    value: &'a Value,
    place: Place<'a>,
    faults: &'a Faults,
) -> Option<Object<'a>> {
    let Value::Object(members) = value else {
        note_kind(faults, &place, "an object", value);
        return None;
    };
    Some(Object {
        members,
        place,
        faults,
    })
}

impl<'a> Object<'a> {
    /// A member that must be an object.
    pub(super) fn object<T: Default>(&self, name: &str, read: impl Fn(&Object<'_>) -> T) -> T {
        let place = self.at(name);
        self.required(name)
            .and_then(|value| object(value, place, self.faults))
            .map(|object| read(&object))
            .unwrap_or_default()
    }

    /// A member that must be text.
    pub(super) fn text(&self, name: &str) -> String {
        self.text_that(name, |_| None)
    }

    /// A member that may be text.
    pub(super) fn optional_text(&self, name: &str) -> Option<String> {
        self.optional_text_that(name, |_| None)
    }

    /// A member that must be text in which `fault` finds nothing wrong.
    pub(super) fn text_that(&self, name: &str, fault: fn(&str) -> Option<String>) -> String {
        self.required(name)
            .and_then(|value| self.as_text_that(name, value, fault))
            .unwrap_or_default()
    }

    /// A member that may be text in which `fault` finds nothing wrong.
    pub(super) fn optional_text_that(
        &self,
        name: &str,
        fault: fn(&str) -> Option<String>,
    ) -> Option<String> {
        self.present(name)
            .and_then(|value| self.as_text_that(name, value, fault))
    }

    /// A member that must be a number.
    pub(super) fn number(&self, name: &str) -> f64 {
        self.required(name)
            .and_then(|value| self.as_number(name, value))
            .unwrap_or_default()
    }

    /// A member that may be a number.
    pub(super) fn optional_number(&self, name: &str) -> Option<f64> {
        self.present(name)
            .and_then(|value| self.as_number(name, value))
    }

    /// A member that must be a whole number.
    pub(super) fn whole_number(&self, name: &str) -> u64 {
        let Some(value) = self.required(name) else {
            return 0;
        };
        value.as_u64().unwrap_or_else(|| {
            note_kind(self.faults, &self.at(name), "a whole number", value);
            0
        })
    }

    /// A member that must be there, whatever it is.
    pub(super) fn anything(&self, name: &str) -> Value {
        if !self.members.contains_key(name) {
            self.note(name, "is missing");
        }
        self.members.get(name).cloned().unwrap_or_default()
    }

    /// A member that must be a list of texts.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let place = self.at(name);
        self.items(name, self.required(name), |index, item| {
            let text = item.as_str().map(str::to_owned);
            if text.is_none() {
                note_kind(self.faults, &Place::Item(&place, index), "text", item);
            }
            text
        })
    }

    /// A member that may be a list of anything.
    pub(super) fn optional_values(&self, name: &str) -> Vec<Value> {
        self.items(name, self.present(name), |_, item| Some(item.clone()))
    }

    /// A member that must be a list of objects.
    pub(super) fn list<T: Default>(&self, name: &str, read: impl Fn(&Object<'_>) -> T) -> Vec<T> {
        self.objects(name, self.required(name), read)
    }

    /// A member that may be a list of objects.
    pub(super) fn optional_list<T: Default>(
        &self,
        name: &str,
        read: impl Fn(&Object<'_>) -> T,
    ) -> Vec<T> {
        self.objects(name, self.present(name), read)
    }

    /// A member that may be an object with objects under names of the person's own.
    pub(super) fn optional_by_name<T>(
        &self,
        name: &str,
        read: impl Fn(&Object<'_>) -> T,
    ) -> IndexMap<String, T> {
        let place = self.at(name);
        self.entries(name, self.present(name), |key, value| {
            if key.len() > MAX_MEMBER_NAME {
                let message = format!("has a name that is too long: {}", shown(key));
                self.faults.note(place, message);
                return None;
            }
            let place = Place::Member(&place, key);
            let value = object(value, place, self.faults)?;
            Some((key.to_owned(), read(&value)))
        })
    }

    /// A member that must be an object with one object a layer.
    pub(super) fn by_layer<T>(
        &self,
        name: &str,
        read: impl Fn(&Object<'_>) -> T,
    ) -> IndexMap<usize, T> {
        self.layers(name, self.required(name), |place, value| {
            object(value, place, self.faults).map(|object| read(&object))
        })
    }

    /// A member that may be an object with a list of objects a layer. An object stands for a list with it alone.
    pub(super) fn optional_lists_by_layer<T>(
        &self,
        name: &str,
        read: impl Fn(&Object<'_>) -> T,
    ) -> IndexMap<usize, Vec<T>> {
        let one = |place: Place<'_>, value: &Value| {
            object(value, place, self.faults).map(|object| read(&object))
        };
        self.layers(name, self.present(name), |place, value| {
            Some(match value {
                Value::Array(items) => items
                    .iter()
                    .enumerate()
                    .filter_map(|(index, item)| one(Place::Item(&place, index), item))
                    .collect(),
                other => one(place, other).into_iter().collect(),
            })
        })
    }

    /// A member that may be an object with one text a layer.
    pub(super) fn optional_texts_by_layer(&self, name: &str) -> IndexMap<usize, String> {
        self.layers(name, self.present(name), |place, value| {
            let text = value.as_str().map(str::to_owned);
            if text.is_none() {
                note_kind(self.faults, &place, "text", value);
            }
            text
        })
    }

    /// Notes that a member is wrong.
    pub(super) fn note(&self, name: &str, message: impl Into<String>) {
        self.faults.note(self.at(name), message);
    }

    fn at<'s>(&'s self, name: &'s str) -> Place<'s> {
        Place::Member(&self.place, name)
    }

    /// Null stands for a member that is not there.
    fn present(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn required(&self, name: &str) -> Option<&'a Value> {
        let value = self.members.get(name);
        if value.is_none() {
            self.note(name, "is missing");
        }
        value
    }

    fn as_text_that(
        &self,
        name: &str,
        value: &Value,
        fault: fn(&str) -> Option<String>,
    ) -> Option<String> {
        let Some(text) = value.as_str() else {
            note_kind(self.faults, &self.at(name), "text", value);
            return None;
        };
        if let Some(message) = fault(text) {
            self.note(name, message);
        }
        Some(text.to_owned())
    }

    fn as_number(&self, name: &str, value: &Value) -> Option<f64> {
        if !value.is_number() {
            note_kind(self.faults, &self.at(name), "a number", value);
        }
        value.as_f64()
    }

    /// A broken item stands as an empty one, so that the others keep their places.
    fn objects<T: Default>(
        &self,
        name: &str,
        value: Option<&Value>,
        read: impl Fn(&Object<'_>) -> T,
    ) -> Vec<T> {
        let place = self.at(name);
        self.items(name, value, |index, item| {
            let item = object(item, Place::Item(&place, index), self.faults);
            Some(item.map(|item| read(&item)).unwrap_or_default())
        })
    }

    fn items<T>(
        &self,
        name: &str,
        value: Option<&Value>,
        read: impl Fn(usize, &Value) -> Option<T>,
    ) -> Vec<T> {
        let items = match value {
            Some(Value::Array(items)) => items.as_slice(),
            Some(other) => {
                note_kind(self.faults, &self.at(name), "a list", other);
                &[]
            }
            None => &[],
        };
        let numbered = items.iter().enumerate();
        numbered
            .filter_map(|(index, item)| read(index, item))
            .collect()
    }

    fn layers<T>(
        &self,
        name: &str,
        value: Option<&Value>,
        read: impl Fn(Place<'_>, &Value) -> Option<T>,
    ) -> IndexMap<usize, T> {
        let place = self.at(name);
        self.entries(name, value, |key, value| {
            let place = Place::Member(&place, key);
            let Some(layer) = layer_number(key) else {
                let message = format!("must be the number of a layer, 0 to {}", MAX_LAYERS - 1);
                self.faults.note(place, message);
                return None;
            };
            Some((layer, read(place, value)?))
        })
    }

    fn entries<K: std::hash::Hash + Eq, T>(
        &self,
        name: &str,
        value: Option<&Value>,
        read: impl Fn(&str, &Value) -> Option<(K, T)>,
    ) -> IndexMap<K, T> {
        match value {
            Some(Value::Object(members)) => members
                .iter()
                .filter_map(|(key, value)| read(key, value))
                .collect(),
            Some(other) => {
                note_kind(self.faults, &self.at(name), "an object", other);
                IndexMap::new()
            }
            None => IndexMap::new(),
        }
    }
}

/// Only the plain way of writing a number counts, so that no layer can be there twice.
fn layer_number(key: &str) -> Option<usize> {
    let layer: usize = key.parse().ok()?;
    (layer < MAX_LAYERS && layer.to_string() == key).then_some(layer)
}

fn note_kind(faults: &Faults, place: &Place<'_>, wanted: &str, value: &Value) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    let message = if value.is_number() && wanted.ends_with("number") {
        format!("must be {wanted}")
    } else {
        format!("must be {wanted}, not {kind}")
    };
    faults.note(place, message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_escapes_what_it_must() {
        let root = Place::Root;
        let member = Place::Member(&root, "a/b~c");
        assert_eq!(Place::Item(&member, 3).to_string(), "/a~1b~0c/3");
    }

    #[test]
    fn only_plain_small_numbers_are_layers() {
        assert_eq!(layer_number("0"), Some(0));
        assert_eq!(layer_number("31"), Some(31));
        for key in [
            "32",
            "-1",
            "+1",
            "01",
            "1.0",
            "",
            " 1",
            "99999999999999999999",
        ] {
            assert_eq!(layer_number(key), None, "{key}");
        }
    }
}
