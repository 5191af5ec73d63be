//! The routes of the predecessor's clients, described.

use std::borrow::Cow;

use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, schema::Type},
};

use super::{
    builds::{refusing_bodies, zip},
    describe::{Answer, Described, get, post, reference},
    examples,
    layout::BuildRequest,
    schemas::text,
};
use crate::handlers::{predecessor::Ended, stats, versions::Release};

/// All of them.
pub(super) fn all() -> Vec<Described> {
    vec![
        build_and_wait(post("/download.php", "build_and_wait")),
        build_and_wait(post("/", "build_and_wait_at_root")),
        file(),
        layout(),
        releases(),
        stats(),
    ]
}

fn build_and_wait(route: Described) -> Described {
    let ended = json!({
        "filename":
            "./tmp/WhiteFox-Mine-0f5c2b7d9e1a48c6b3d07f2e6a95c814d7b3e02f61c98a4572de10b7f84c3a96.zip",
        "success": true
    });
    refusing_bodies(route)
        .does(
            "Asks for a build and waits for its end",
            "Whoever leaves takes nothing along, and joins the same build by asking again. A version that nobody \
             knows is `latest`.",
        )
        .takes::<BuildRequest>(
            "The layout, and the version of the firmware",
            examples::request(),
        )
        .answers(
            200,
            Answer::json::<Ended>("It has ended, also where it did not compile.", ended),
        )
        .refuses(
            422,
            "It cannot be built: `errors` has every fault with its place.",
        )
        .refuses(429, "Too many builds or requests of this client wait already.")
        .refuses(
            503,
            "It ended through no fault of the layout's, it cannot be built just now, or the service stops.",
        )
        .refuses(504, "It has not ended yet.")
        .refuses(507, "There is no room on the disk.")
}

fn file() -> Described {
    let name = "WhiteFox-Mine-0f5c2b7d9e1a48c6b3d07f2e6a95c814d7b3e02f61c98a4572de10b7f84c3a96.zip";
    let route = get("/tmp/{file}", "zip_by_name");
    zip(route.path("file", "The file's name", text().into(), name))
        .does("Gives the zip of that name", "")
        .refuses(404, "There is no such zip.")
        .refuses(410, "The zip is kept no longer: ask for the build again.")
}

fn layout() -> Described {
    get("/layouts/{file}", "layout_file")
        .does("Gives a layout file", "")
        .path(
            "file",
            "The file's name",
            text().into(),
            "MD1-Standard.json",
        )
        .header(
            "If-None-Match",
            "The `ETag` of a file that is there already.",
            text().into(),
            "\"0f5c2b7d9e1a48c6\"",
        )
        .answers(
            200,
            Answer::any_json("The layout", examples::layout()).header("ETag", "The file's SHA-256"),
        )
        .answers(304, Answer::empty("It is there already."))
        .refuses(404, "There is no layout of that name.")
}

fn releases() -> Described {
    let example = json!({
        "latest": {
            "commit": 1222, "date": "2019-09-15T03:21:12Z", "hash": "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
            "bcd": "4.c6", "notes": ""
        },
        "lts": null
    });
    let all = Answer::json::<Releases>("Each version that can be built, by its name", example);
    get("/versions", "releases")
        .does(
            "Tells of the releases",
            "Null where a version's release is not known.",
        )
        .answers(200, all)
        .refuses(503, "The queue cannot be used just now.")
}

fn stats() -> Described {
    let example = json!({
        "builds": 7, "unique_builds": 2, "users": 3, "layers": 14, "build_ms": 5000, "os": { "Linux": 7 },
        "platforms": { "Firefox": 7 }, "keyboards": { "WhiteFox-Mine": 7 }, "versions": { "057": 7 }
    });
    get("/stats", "stats")
        .does("Counts", "Text, or JSON where `Accept` names it.")
        .header(
            "Accept",
            "The form that is wanted.",
            text().into(),
            "application/json",
        )
        .answers(
            200,
            Answer::json::<stats::View>("What was counted", example).or_text(
                "text/plain; charset=utf-8",
                "Builds: 7 (2 unique)\nCache ratio: 3.5\n…\n",
            ),
        )
        .refuses(503, "The queue cannot be used just now.")
}

/// Releases by the names of versions, null where one is not known.
struct Releases;

impl PartialSchema for Releases {
    fn schema() -> RefOr<Schema> {
        let unknown = ObjectBuilder::new().schema_type(Type::Null);
        let release = OneOfBuilder::new().item(reference("Release")).item(unknown);
        let all = ObjectBuilder::new().additional_properties(Some(Schema::from(release.build())));
        RefOr::T(all.build().into())
    }
}

impl ToSchema for Releases {
    fn name() -> Cow<'static, str> {
        "Releases".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push(("Release".to_owned(), Release::schema()));
    }
}
