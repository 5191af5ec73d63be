//! The routes that tell what can be built, described.

use serde_json::json;

use super::{
    builds::refusing_bodies,
    describe::{Answer, Described, get, post},
    examples,
    layout::Layout,
    schemas::{number, text},
};
use crate::handlers::{keyboards, layouts::Catalogue, versions};

const PICTURE: &str =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 60 20\" role=\"img\">…</svg>";

/// All of them.
pub(super) fn all() -> Vec<Described> {
    vec![keyboards(), versions(), layouts(), draw(), picture()]
}

fn keyboards() -> Described {
    let example = json!({ "keyboards": [{
        "name": "MDErgo1", "names": ["MDErgo1", "ErgoDox"], "split": true, "script": "ergodox.bash",
        "layouts": ["Blank", "Default"]
    }] });
    let all = Answer::json::<keyboards::List>("All keyboards", example);
    get("/v1/keyboards", "keyboards")
        .does(
            "Lists the keyboards",
            "With the layouts that are here for each.",
        )
        .answers(200, all)
}

fn versions() -> Described {
    let example = json!({ "versions": [{
        "name": "latest", "channel": "stable", "controller": "057", "available": true, "disabled": false,
        "previous": null, "moved_at": null, "cold_keyboards": [], "dialect": "latest", "protocol": 2, "version": "v0.5.7",
        "revision": "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f", "created": "2019-09-15T03:21:12Z", "commits": 1222,
        "image": "sha256:1234", "keyboards": ["MD1", "MDErgo1"]
    }] });
    get("/v1/versions", "versions")
        .does(
            "Lists the versions",
            "Everything that may be sent as `env`, also what cannot be built just now.",
        )
        .answers(200, Answer::json::<versions::List>("All versions", example))
        .refuses(503, "The queue cannot be used just now.")
}

fn layouts() -> Described {
    let example = json!({ "layouts": [{
        "name": "MD1-Standard.json", "keyboard": "MD1", "layout": "Standard", "url": "/layouts/MD1-Standard.json",
        "base": "StandardBlank", "alias_of": null,
        "sha256": "0f5c2b7d9e1a48c6b3d07f2e6a95c814d7b3e02f61c98a4572de10b7f84c3a96"
    }] });
    get("/v1/layouts", "layouts")
        .does("Lists the layout files", "Also their further names.")
        .answers(200, Answer::json::<Catalogue>("All layouts", example))
}

fn draw() -> Described {
    refusing_bodies(post("/v1/layouts/svg", "draw_layout"))
        .does("Draws a layout that is sent", "Nothing of it is kept.")
        .query("layer", LAYER, number(0).into(), 0)
        .takes::<Layout>("The layout", examples::layout())
        .answers(200, Answer::text("The picture", SVG, PICTURE))
        .refuses(
            422,
            "It cannot be drawn: `errors` has every fault with its place.",
        )
        .refuses(503, "Too much is being sent just now.")
}

fn picture() -> Described {
    get("/layouts/{name}.svg", "layout_picture")
        .does("Draws a layout file", "")
        .path(
            "name",
            "The layout file's name without its ending",
            text().into(),
            "MD1-Standard",
        )
        .query("layer", LAYER, number(0).into(), 0)
        .header(
            "If-None-Match",
            "The `ETag` of a picture that is there already.",
            text().into(),
            "\"0f5c2b7d9e1a48c6\"",
        )
        .answers(
            200,
            Answer::text("The picture", SVG, PICTURE).header("ETag", "The picture's SHA-256"),
        )
        .answers(304, Answer::empty("It is there already."))
        .refuses(400, "`layer` is no number.")
        .refuses(
            404,
            "There is no layout of that name, or it has no such layer.",
        )
}

const SVG: &str = "image/svg+xml; charset=utf-8";
const LAYER: &str = "The layer to show, from 0. All of them, where none is named.";
