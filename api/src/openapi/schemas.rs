//! The schemas that the description names: derived from what is read and written, and of the words in it.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema,
        schema::{SchemaFormat, Type},
    },
};

use shared::{
    channel::Dialect,
    job::{Reason, Status},
};

use super::describe::reference;

/// Members that are left out where they have nothing to say; every other one is there, if only as null.
const SOMETIMES: [&str; 9] = [
    "leave_token",
    "errors",
    "files",
    "flash",
    "command",
    "commands",
    "file",
    "hand",
    "sha256",
];

/// Schemas by their names.
#[derive(Default)]
pub(super) struct Schemas(Vec<(String, RefOr<Schema>)>);

impl Schemas {
    /// The schema of what we read, and of everything in it.
    pub(super) fn reference<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let name = T::name().into_owned();
        self.0.push((name.clone(), T::schema()));
        T::schemas(&mut self.0);
        reference(&name)
    }

    /// The schema of what we write: serde writes every member of a type, also one that is null.
    pub(super) fn answered<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let reference = self.reference::<T>();
        for (_, schema) in &mut self.0 {
            if let RefOr::T(Schema::Object(object)) = schema {
                let all = object.properties.keys();
                let always = all.filter(|name| !SOMETIMES.contains(&name.as_str()));
                object.required = always.cloned().collect();
            }
        }
        reference
    }

    pub(super) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(String, RefOr<Schema>)> {
        self.0.iter()
    }
}

/// The id of a build.
pub(super) fn uuid() -> Schema {
    let format = SchemaFormat::Custom("uuid".to_owned());
    text().format(Some(format)).into()
}

/// The id of a build, or nothing.
pub(super) fn maybe_uuid() -> Schema {
    text()
        .pattern(Some(
            "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$",
        ))
        .into()
}

/// Any text.
pub(super) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A whole number from `least` on.
pub(super) fn number(least: usize) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(least))
}

/// One of these words.
pub(super) fn word<W: PartialSchema>() -> Schema {
    match W::schema() {
        RefOr::T(words) => words,
        RefOr::Ref(_) => text().into(),
    }
}

/// A closed list of words that somebody else has, as a type with a schema.
macro_rules! words {
    ($type:ident, $of:ident, $name:literal, $about:literal) => {
        #[doc = $about]
        pub(crate) struct $type;

        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let words = $of::ALL.iter().map(|word| word.as_str());
                let schema = text().enum_values(Some(words));
                RefOr::T(schema.description(Some($about)).into())
            }
        }

        impl ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
        }
    };
}

words!(StatusWord, Status, "Status", "Where a build is.");
words!(
    ReasonWord,
    Reason,
    "Reason",
    "Why a build ended without firmware."
);
words!(
    DialectWord,
    Dialect,
    "Dialect",
    "The dialect of KLL that a firmware's compiler takes."
);
