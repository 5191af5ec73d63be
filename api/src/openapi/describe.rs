//! How a route is described: where it is, what it takes, and everything that it answers.

use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, Object, Ref, RefOr, Required, ResponseBuilder, Schema,
        header::HeaderBuilder,
        link::LinkBuilder,
        path::{Operation, OperationBuilder, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        security::SecurityRequirement,
    },
};

use super::{Problem, schemas::Schemas};
use crate::routes::{Place, Verb};

/// A route's description.
pub(super) struct Described {
    pub(super) place: Place,
    pub(super) schemas: Schemas,
    operation: OperationBuilder,
}

/// One of the answers of a route.
pub(super) struct Answer {
    response: ResponseBuilder,
    schemas: Schemas,
}

/// The description of `GET`.
pub(super) fn get(path: &'static str, name: &str) -> Described {
    Described::of(Verb::Get, path, name)
}

/// The description of `POST`.
pub(super) fn post(path: &'static str, name: &str) -> Described {
    Described::of(Verb::Post, path, name)
}

/// The description of `DELETE`.
pub(super) fn delete(path: &'static str, name: &str) -> Described {
    Described::of(Verb::Delete, path, name)
}

impl Described {
    fn of(verb: Verb, path: &'static str, name: &str) -> Self {
        Self {
            place: Place { verb, path },
            schemas: Schemas::default(),
            operation: OperationBuilder::new().operation_id(Some(name)),
        }
    }

    /// What it does, in a few words and in a few sentences.
    pub(super) fn does(mut self, summary: &str, description: &str) -> Self {
        let description = (!description.is_empty()).then_some(description);
        self.operation = self
            .operation
            .summary(Some(summary))
            .description(description);
        self
    }

    /// The group that it belongs to.
    pub(super) fn of_group(mut self, group: &str) -> Self {
        self.operation = self.operation.tag(group);
        self
    }

    /// The right that it needs.
    pub(super) fn for_holders_of(mut self, scheme: &str) -> Self {
        let needed = SecurityRequirement::new(scheme, Vec::<String>::new());
        self.operation = self.operation.security(needed);
        self
    }

    /// The part of the path that stands between braces.
    pub(super) fn path(self, name: &str, about: &str, schema: Schema, example: &str) -> Self {
        let parameter = parameter(name, about, schema, example);
        self.takes_in(ParameterIn::Path, Required::True, parameter)
    }

    /// A part of the query, which may be missing.
    pub(super) fn query(
        self,
        name: &str,
        about: &str,
        schema: Schema,
        example: impl Into<Value>,
    ) -> Self {
        let parameter = parameter(name, about, schema, example);
        self.takes_in(ParameterIn::Query, Required::False, parameter)
    }

    /// A header, which may be missing.
    pub(super) fn header(self, name: &str, about: &str, schema: Schema, example: &str) -> Self {
        let parameter = parameter(name, about, schema, example);
        self.takes_in(ParameterIn::Header, Required::False, parameter)
    }

    fn takes_in(
        mut self,
        place: ParameterIn,
        required: Required,
        parameter: ParameterBuilder,
    ) -> Self {
        let parameter = parameter.parameter_in(place).required(required);
        self.operation = self.operation.parameter(parameter);
        self
    }

    /// The JSON that is sent.
    pub(super) fn takes<T: ToSchema>(mut self, about: &str, example: Value) -> Self {
        let mut content = Content::new(Some(self.schemas.reference::<T>()));
        content.example = Some(example);
        let body = RequestBodyBuilder::new()
            .description(Some(about))
            .required(Some(Required::True))
            .content("application/json", content);
        self.operation = self.operation.request_body(Some(body.build()));
        self
    }

    /// An answer.
    pub(super) fn answers(mut self, status: u16, answer: Answer) -> Self {
        self.schemas.extend(answer.schemas);
        let (status, response) = (status.to_string(), answer.response.build());
        self.operation = self.operation.response(status, response);
        self
    }

    /// A problem, with when it comes.
    pub(super) fn refuses(self, status: u16, when: &str) -> Self {
        let example = json!(Problem::example(status, when));
        let answer = Answer::of::<Problem>(when, "application/problem+json", example);
        let answer = match status {
            401 => answer.header("WWW-Authenticate", "`Bearer`"),
            416 => answer.header("Content-Range", "How long it is: `bytes */1234`"),
            429 | 503 => answer.header("Retry-After", "When to ask again, in seconds"),
            _ => answer,
        };
        self.answers(status, answer)
    }

    pub(super) fn into_operation(self) -> Operation {
        self.operation.build()
    }
}

impl Answer {
    /// Nothing but the status and headers.
    pub(super) fn empty(about: &str) -> Self {
        Self {
            response: ResponseBuilder::new().description(about),
            schemas: Schemas::default(),
        }
    }

    /// JSON of this type.
    pub(super) fn json<T: ToSchema>(about: &str, example: Value) -> Self {
        Self::of::<T>(about, "application/json", example)
    }

    /// JSON that has its description elsewhere.
    pub(super) fn any_json(about: &str, example: Value) -> Self {
        let mut content = Content::new(Some(Schema::from(Object::new())));
        content.example = Some(example);
        Self::empty(about).content("application/json", content)
    }

    fn of<T: ToSchema>(about: &str, kind: &str, example: Value) -> Self {
        let mut schemas = Schemas::default();
        let mut content = Content::new(Some(schemas.answered::<T>()));
        content.example = Some(example);
        Self {
            response: ResponseBuilder::new()
                .description(about)
                .content(kind, content),
            schemas,
        }
    }

    /// Text of this kind.
    pub(super) fn text(about: &str, kind: &str, example: &str) -> Self {
        let mut content = Content::new(Some(String::schema()));
        content.example = Some(example.into());
        Self::empty(about).content(kind, content)
    }

    /// Bytes of this kind.
    pub(super) fn bytes(about: &str, kind: &str) -> Self {
        // What is no JSON and has no schema is bytes, by OpenAPI 3.1.
        Self::empty(about).content(kind, Content::new(None::<RefOr<Schema>>))
    }

    /// Text that comes piece by piece, each of its own form: no schema speaks of that.
    pub(super) fn stream(about: &str, kind: &str, example: &str) -> Self {
        let mut content = Content::new(None::<RefOr<Schema>>);
        content.example = Some(example.into());
        Self::empty(about).content(kind, content)
    }

    fn content(mut self, kind: &str, content: Content) -> Self {
        self.response = self.response.content(kind, content);
        self
    }

    /// The same answer in another form, for whoever asks for that.
    pub(super) fn or_text(self, kind: &str, example: &str) -> Self {
        let mut content = Content::new(Some(String::schema()));
        content.example = Some(example.into());
        self.content(kind, content)
    }

    /// A header that comes along.
    pub(super) fn header(mut self, name: &str, about: &str) -> Self {
        let header = HeaderBuilder::new()
            .schema(Some(String::schema()))
            .description(Some(about));
        self.response = self.response.header(name, header.build());
        self
    }

    /// That the answer's `id` leads to these further routes.
    pub(super) fn leads_to(mut self, names: &[&str]) -> Self {
        for name in names {
            let link = LinkBuilder::new()
                .operation_id(*name)
                .parameter("id", "$response.body#/id");
            self.response = self.response.link(*name, link.build());
        }
        self
    }
}

fn parameter(
    name: &str,
    about: &str,
    schema: Schema,
    example: impl Into<Value>,
) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .description(Some(about))
        .schema(Some(schema))
        .example(Some(example.into()))
}

/// The reference to a schema of this name.
pub(super) fn reference(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}
