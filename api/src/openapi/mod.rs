//! The description of the API, by OpenAPI 3.1: made of the types that are written and of what stands beside each route
//! here. The tests compare it with the table of routes, and with every answer that they get.
//!
//! - `describe`: the words in which a route is described.
//! - `schemas`, `layout`: what is written, and what is read.
//! - `builds`, `catalogue`, `operators`, `predecessor`, `service`: the routes, a file for each group.
//! - `flash`: the form of what to do with firmware.
//! - `examples`: what the larger examples show.

mod builds;
mod catalogue;
mod describe;
mod examples;
mod flash;
mod layout;
mod operators;
mod predecessor;
mod schemas;
mod service;

use std::sync::LazyLock;

use utoipa::openapi::{
    ComponentsBuilder, HttpMethod, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem,
    PathsBuilder, Server,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::TagBuilder,
};

use self::describe::Described;
use crate::{error::Body as Problem, routes::Verb};

pub(crate) use flash::{FirmwareFileForm, FlashForm};
pub(crate) use schemas::{DialectWord, ReasonWord, StatusWord};

/// The rights that some routes need, by their names in the description.
const OPERATOR: &str = "operator";
const LEAVE_TOKEN: &str = "leave_token";

const ABOUT: &str = "Builds keyboard firmware on demand: a layout comes in as JSON, a zip goes out.

Every refusal is `application/problem+json` (RFC 9457). Each route with `GET` also answers `HEAD`, and each answers \
`OPTIONS`, so that pages of other origins may ask; a known path with another method is a 405 with `Allow`. Whoever has \
too many connections open is answered 429 everywhere, and a fault of the service is a 500.";

/// The groups, in the order in which a person would read them.
const GROUPS: [(&str, &str); 5] = [
    (
        "builds",
        "From a layout to its firmware: ask for a build, watch it, take its zip.",
    ),
    ("catalogue", "What can be built, and pictures of it."),
    ("service", "Whether the service works, and how it is."),
    (
        "operators",
        "For whoever runs the service, with the token of `KIISRV_OPERATOR_TOKEN`.",
    ),
    (
        "predecessor",
        "For clients of the Kiibohd build server, unchanged. New programs do better with the routes above.",
    ),
];

/// The description as it is served.
pub(crate) static TEXT: LazyLock<String> =
    LazyLock::new(|| serde_json::to_string_pretty(&*DOCUMENT).unwrap_or_default());

/// The description.
pub(crate) static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(document);

fn document() -> OpenApi {
    let mut components = ComponentsBuilder::new()
        .security_scheme(
            OPERATOR,
            bearer("The token of `KIISRV_OPERATOR_TOKEN`. After ten wrong ones a client waits a minute."),
        )
        .security_scheme(
            LEAVE_TOKEN,
            bearer("The `leave_token` of the answer with which one's own build was taken."),
        );
    let mut paths = PathsBuilder::new();
    for route in described() {
        let Described { place, schemas, .. } = &route;
        components = components.schemas_from_iter(schemas.iter().cloned());
        let method = match place.verb {
            Verb::Get => HttpMethod::Get,
            Verb::Post => HttpMethod::Post,
            Verb::Delete => HttpMethod::Delete,
        };
        // A path that is there already gets the further method.
        paths = paths.path(place.path, PathItem::new(method, route.into_operation()));
    }
    let info = InfoBuilder::new()
        .title("kiisrv")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(
            LicenseBuilder::new()
                .name("MIT OR Apache-2.0")
                .identifier(Some("MIT OR Apache-2.0"))
                .build(),
        ));
    let tag = |(name, about)| {
        TagBuilder::new()
            .name(name)
            .description(Some(about))
            .build()
    };
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([Server::new("/")]))
        .tags(Some(GROUPS.map(tag)))
        .paths(paths)
        .components(Some(components.build()))
        .build()
}

/// All routes that are described, group by group.
fn described() -> impl Iterator<Item = Described> {
    let groups = [
        builds::all(),
        catalogue::all(),
        service::all(),
        operators::all(),
        predecessor::all(),
    ];
    let named = GROUPS.iter().zip(groups);
    named.flat_map(|((name, _), routes)| routes.into_iter().map(|route| route.of_group(name)))
}

fn bearer(about: &str) -> SecurityScheme {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    SecurityScheme::Http(scheme.description(Some(about)).build())
}
