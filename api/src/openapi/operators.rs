//! The operators' routes, described.

use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, OneOfBuilder, RefOr, Schema,
        schema::{AdditionalProperties, AnyOfBuilder, SchemaFormat},
    },
};

use super::{
    OPERATOR,
    builds::{of_build, refusing_bodies},
    describe::{Answer, Described, get, post},
    examples::{self, ID},
    schemas::{StatusWord, maybe_uuid, number, text, uuid, word},
};
use crate::handlers::{attempts, builds, forget, operator, queue};

/// All of them.
pub(super) fn all() -> Vec<Described> {
    let all = [
        queue(),
        workers(),
        attempts(),
        inputs(),
        cancel(),
        retry(),
        pause(),
        resume(),
        drain(),
        undrain(),
        forget(),
    ];
    all.into_iter().map(for_operators).collect()
}

fn for_operators(route: Described) -> Described {
    route
        .for_holders_of(OPERATOR)
        .refuses(401, "No token is shown.")
        .refuses(
            403,
            "It is not the operators' token, or the service has none.",
        )
        .refuses(429, "Too many wrong tokens came from this client.")
        .refuses(503, "The queue cannot be used just now.")
}

/// A route that changes something, which is written down with who did it.
fn acting(route: Described) -> Described {
    route.header(
        "X-Kiisrv-By",
        "For whom the program acts: the audit has this name.",
        text().into(),
        "somebody",
    )
}

fn queue() -> Described {
    let line = json!({
        "id": ID, "status": "queued", "position": 1, "reason": null, "keyboard": "WhiteFox", "layout": "Mine",
        "version": "latest", "controller": "057", "client": "5d41402abc4b2a76", "worker": null, "attempts": 0,
        "compares": null, "doubted_by": null, "created_at": "2026-11-23T10:00:00.000Z", "started_at": null, "finished_at": null
    });
    let example = json!({
        "paused": false, "paused_at": null,
        "counts": { "queued": 1, "running": 0, "succeeded": 7, "failed": 1, "cancelled": 0 },
        "since": "2026-11-22T10:00:01.000Z", "oldest_waiting_at": "2026-11-23T10:00:00.000Z",
        "waiting": [line], "running": [], "recent": [], "next": null
    });
    get("/v1/queue", "queue")
        .does(
            "Shows the queue",
            "What waits, what runs, and what has ended.",
        )
        .query(
            "status",
            "Only builds of this status.",
            word::<StatusWord>(),
            "failed",
        )
        .query(
            "keyboard",
            "Only builds for this keyboard.",
            text().into(),
            "WhiteFox",
        )
        .query(
            "client",
            "Only builds of this client: an address, or as it stands in the lines.",
            text().into(),
            "192.0.2.7",
        )
        .query(
            "q",
            "Only builds that have this in their id or client.",
            text().into(),
            "e35d",
        )
        .query(
            "limit",
            "How many of each kind; more than 500 are 500.",
            number(1).into(),
            50,
        )
        .query(
            "before",
            "Only what was asked for before this build: the `next` of the last answer.",
            maybe_uuid(),
            ID,
        )
        .answers(200, Answer::json::<queue::View>("The queue", example))
        .refuses(400, "A part of the query cannot be understood.")
}

fn workers() -> Described {
    let example = json!({ "workers": [{
        "id": "worker-1", "host": "builder", "engine": "5d41402abc4b2a76", "slots": 2, "busy": 1,
        "controllers": ["057"], "state": "builds", "draining": false, "stopping": false, "trouble": null,
        "started_at": "2026-11-23T09:00:00.000Z", "seen_at": "2026-11-23T10:00:00.000Z"
    }] });
    get("/v1/workers", "workers")
        .does("Shows the workers", "")
        .answers(200, Answer::json::<queue::Workers>("All workers", example))
}

fn attempts() -> Described {
    let example = json!({
        "id": ID,
        "attempts": [{
            "epoch": 1, "made_at": "2026-11-23T10:00:00.120Z", "worker": "worker-1", "engine": "5d41402abc4b2a76",
            "container": "0123456789ab", "spec": null, "command": null
        }],
        "history": [],
        "inputs_url": format!("/v1/builds/{ID}/inputs")
    });
    of_build(get("/v1/builds/{id}/attempts", "build_attempts"))
        .does(
            "Shows how a build was carried out",
            "Each container with what it was given, and the command that runs it again by hand.",
        )
        .answers(200, Answer::json::<attempts::View>("The attempts", example))
        .refuses(404, "There is no build with this id.")
}

fn inputs() -> Described {
    let kind = "application/zip";
    let zip = Answer::bytes("What is to be in `config` beside the command", kind);
    of_build(get("/v1/builds/{id}/inputs", "build_inputs"))
        .does("Gives the files that a build reads", "")
        .answers(
            200,
            zip.header("Content-Disposition", "The name to save it under"),
        )
        .refuses(404, "There is no build with this id.")
        .refuses(
            410,
            "Its layout is kept no longer, or others would be made of it today.",
        )
}

fn cancel() -> Described {
    acting(of_build(post("/v1/builds/{id}/cancel", "cancel_build")))
        .does(
            "Cancels a build",
            "For all who asked for it. What was cancelled before is no fault.",
        )
        .answers(
            200,
            Answer::json::<builds::View>("The build", examples::cancelled()),
        )
        .refuses(404, "There is no build with this id.")
        .refuses(409, "It has ended already.")
}

fn retry() -> Described {
    let new = "01a20a08-11aa-7d04-9a6e-5be30f1c7a20";
    let taken = |about: &str, joined: bool| {
        let example = json!({ "id": new, "status": "queued", "joined": joined, "retry_of": ID });
        Answer::json::<operator::Retried>(about, example)
            .header("Location", "The path of the build")
            .leads_to(&["show_build"])
    };
    acting(of_build(post("/v1/builds/{id}/retry", "retry_build")))
        .does(
            "Builds again what has ended",
            "The same layout for the same version, with the controller that this stands for now.",
        )
        .answers(202, taken("A new build, which waits", false))
        .answers(200, taken("A build that was there already", true))
        .refuses(404, "There is no build with this id.")
        .refuses(409, "It has not ended.")
        .refuses(410, "Its layout is kept no longer.")
        .refuses(422, "It cannot be built any more.")
        .refuses(507, "There is no room on the disk.")
}

fn pause() -> Described {
    switch(post("/v1/queue/pause", "pause_queue"), true).does(
        "Pauses the queue",
        "What runs goes on; no worker takes a build.",
    )
}

fn resume() -> Described {
    switch(post("/v1/queue/resume", "resume_queue"), false).does("Lets the queue go on", "")
}

fn switch(route: Described, paused: bool) -> Described {
    let example = json!({ "paused": paused, "changed": true });
    let now = Answer::json::<operator::Paused>("How the queue is now", example);
    acting(route).answers(200, now)
}

fn drain() -> Described {
    of_worker(post("/v1/workers/{id}/drain", "drain_worker"), true).does(
        "Drains a worker",
        "What it has goes on; it takes no new build.",
    )
}

fn undrain() -> Described {
    of_worker(post("/v1/workers/{id}/undrain", "undrain_worker"), false)
        .does("Lets a worker take builds again", "")
}

fn of_worker(route: Described, draining: bool) -> Described {
    let example = json!({ "id": "worker-1", "draining": draining, "changed": true });
    let now = Answer::json::<operator::Draining>("How the worker is now", example);
    acting(route.path("id", "The worker's id", text().into(), "worker-1"))
        .answers(200, now)
        .refuses(404, "There is no worker with this id.")
}

fn forget() -> Described {
    let example = json!({ "erased": 3, "shared": 1, "unfinished": 0 });
    refusing_bodies(acting(post("/v1/forget", "forget")))
        .does(
            "Erases a build, or what is kept of a client",
            "Who did it is written down, and of whom it was is not.",
        )
        .takes::<forget::What>("What", json!({ "address": "192.0.2.7" }))
        .answers(200, Answer::json::<forget::Erased>("What is gone", example))
        .refuses(404, "There is no build with this id.")
        .refuses(409, "The build has not ended.")
}

/// By hand, as an address is of one of two forms.
impl PartialSchema for forget::What {
    fn schema() -> RefOr<Schema> {
        let form = |name: &str| text().format(Some(SchemaFormat::Custom(name.to_owned())));
        let address = AnyOfBuilder::new().item(form("ipv4")).item(form("ipv6"));
        let either = OneOfBuilder::new()
            .item(only("build", uuid()))
            .item(only("address", address.build().into()));
        RefOr::T(either.build().into())
    }
}

impl ToSchema for forget::What {
    fn name() -> std::borrow::Cow<'static, str> {
        "WhatToForget".into()
    }
}

/// An object with this member and no other.
fn only(name: &str, value: Schema) -> Schema {
    let object = ObjectBuilder::new().property(name, value).required(name);
    object
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .into()
}
