//! The builds' routes, described.

use serde_json::json;

use super::{
    LEAVE_TOKEN,
    describe::{Answer, Described, delete, get, post},
    examples::{self, ID},
    layout::BuildRequest,
    schemas::{StatusWord, number, text, uuid, word},
};
use crate::handlers::{builds::View, forget::OfBuild};

/// What one may do next with a build.
const NEXT: [&str; 8] = [
    "show_build",
    "build_events",
    "build_log",
    "build_artifact",
    "leave_build",
    "forget_build",
    "cancel_build",
    "retry_build",
];

const NO_BUILD: &str = "There is no build with this id.";
const NO_TABLE: &str = "The queue cannot be used just now.";

/// All of them.
pub(super) fn all() -> Vec<Described> {
    vec![
        submit(),
        show(),
        leave(),
        forget(),
        events(),
        log(),
        artifact(),
    ]
}

fn submit() -> Described {
    let taken = |about: &str| {
        Answer::json::<View>(about, examples::waiting())
            .header("Location", "The path of the build")
            .leads_to(&NEXT)
    };
    refusing_bodies(post("/v1/builds", "submit_build"))
        .does(
            "Asks for a build",
            "The answer comes when the build is safely stored. The same layout for the same version is the same \
             build: asking again is harmless, and joins the others who asked for it. The answer's `leave_token` is \
             told to this asker alone.",
        )
        .takes::<BuildRequest>(
            "The layout, and the version of the firmware",
            examples::request(),
        )
        .answers(202, taken("A new build, which waits"))
        .answers(200, taken("A build that was known: it waits, runs or has ended"))
        .refuses(
            422,
            "It cannot be built: `errors` has every fault with its place.",
        )
        .refuses(429, "Too many builds of this client wait already.")
        .refuses(
            503,
            "Too many builds wait, the version's controller is not there, or the queue cannot be used just now.",
        )
        .refuses(507, "There is no room on the disk.")
}

/// The refusals of every route that reads a body.
pub(super) fn refusing_bodies(route: Described) -> Described {
    route
        .refuses(400, "The body is not JSON.")
        .refuses(408, "The body took longer than 30 seconds.")
        .refuses(
            413,
            "The body has more than 10 MiB, or far too many values.",
        )
}

fn show() -> Described {
    of_build(get("/v1/builds/{id}", "show_build"))
        .does(
            "Shows a build",
            "With `wait` the answer is held until the status changes, or the time is over.",
        )
        .query(
            "wait",
            "For how many seconds the answer may be held; more than 60 are 60.",
            number(0).into(),
            30,
        )
        .query(
            "status",
            "The status that is known already: another one is told at once.",
            word::<StatusWord>(),
            "queued",
        )
        .answers(
            200,
            Answer::json::<View>("The build", examples::succeeded()),
        )
        .refuses(400, "`wait` or `status` cannot be understood.")
        .refuses(404, NO_BUILD)
        .refuses(429, "Too many requests of this client are held already.")
        .refuses(503, NO_TABLE)
}

fn leave() -> Described {
    of_build(delete("/v1/builds/{id}", "leave_build"))
        .for_holders_of(LEAVE_TOKEN)
        .does(
            "Leaves a build",
            "The last of those who asked for it cancels it. Leaving what has ended is no fault.",
        )
        .answers(
            200,
            Answer::json::<View>("The build as it is then", examples::cancelled()),
        )
        .refuses(401, "No token is shown.")
        .refuses(403, "It is no `leave_token` of this build.")
        .refuses(404, NO_BUILD)
        .refuses(503, NO_TABLE)
}

fn forget() -> Described {
    of_build(post("/v1/builds/{id}/forget", "forget_build"))
        .does(
            "Erases a build that has ended",
            "Its layout, log, zip and row, where nobody else asked for the same build.",
        )
        .for_holders_of(LEAVE_TOKEN)
        .answers(
            200,
            Answer::json::<OfBuild>("It is gone", json!({ "id": ID, "forgotten": true })),
        )
        .refuses(401, "No token is shown.")
        .refuses(403, "The token is not one of this build's.")
        .refuses(404, NO_BUILD)
        .refuses(409, "It has not ended, or others asked for it too.")
        .refuses(503, NO_TABLE)
}

fn events() -> Described {
    let stream = format!(
        "event:status\ndata:{}\nretry:2000\n\nevent:log\ndata:{}\nid:1-17\n\nevent:end\ndata:{}\nid:1-17-end\n\n",
        json!({ "id": ID, "status": "running", "…": "…" }),
        json!({ "epoch": 1, "offset": 0, "text": "Compiling main.c\n" }),
        json!({ "status": "succeeded" }),
    );
    of_build(get("/v1/builds/{id}/events", "build_events"))
        .does(
            "Tells of a build as it goes",
            "Server-sent events until the build has ended: `status` with the build, `position` while it waits, `log` \
             with pieces of its output, and `end`. For a build that has ended everything comes at once. A browser's \
             `EventSource` comes back by itself where the connection is lost, and goes on where it was.",
        )
        .header(
            "Last-Event-ID",
            "The last `id` that was seen, `<epoch>-<offset>`: the log goes on from there. What is none is read over.",
            text().into(),
            "1-17",
        )
        .answers(
            200,
            Answer::stream("The events", "text/event-stream", &stream),
        )
        .answers(204, Answer::empty("All of it was seen already."))
        .refuses(404, NO_BUILD)
        .refuses(429, "Too many requests of this client are held already.")
        .refuses(503, NO_TABLE)
}

fn log() -> Described {
    let log = "text/plain; charset=utf-8";
    in_parts(of_build(get("/v1/builds/{id}/log", "build_log")), log)
        .does(
            "Gives the build's log",
            "What the container said, also while it runs: whoever follows it asks for the bytes after those it has.",
        )
        .answers(200, Answer::text("The log", log, "Compiling main.c\n"))
        .refuses(404, "There is no such build, or its log is kept no longer.")
        .refuses(503, NO_TABLE)
}

fn artifact() -> Described {
    let route = of_build(get("/v1/builds/{id}/artifact", "build_artifact"));
    zip(route)
        .does(
            "Gives the build's zip",
            "The firmware with the layout, the KLL and the log. A failed compile has one too, with its log.",
        )
        .refuses(404, "There is no such build, or it has no zip.")
        .refuses(410, "The zip is kept no longer: ask for the build again.")
}

/// A route that gives a zip.
pub(super) fn zip(route: Described) -> Described {
    let kind = "application/zip";
    let named = |answer: Answer| {
        let answer = answer.header("ETag", "The zip's SHA-256");
        answer.header("Content-Disposition", "The name to save it under")
    };
    in_parts(route, kind)
        .header(
            "If-None-Match",
            "The `ETag` of a zip that is there already.",
            text().into(),
            "\"0f5c2b7d9e1a48c6\"",
        )
        .answers(200, named(Answer::bytes("The zip", kind)))
        .answers(304, named(Answer::empty("It is there already.")))
        .refuses(503, NO_TABLE)
}

/// A route of which one may have a part.
fn in_parts(route: Described, kind: &str) -> Described {
    let part = Answer::bytes("The part that was asked for", kind);
    route
        .header(
            "Range",
            "The bytes that are wanted, in one piece. What cannot be understood is read over.",
            text().into(),
            "bytes=0-1023",
        )
        .answers(
            206,
            part.header("Content-Range", "Which bytes these are: `bytes 0-99/1234`"),
        )
        .refuses(416, "There are no such bytes.")
}

/// A route of one build.
pub(super) fn of_build(route: Described) -> Described {
    route.path("id", "The build's id", uuid(), ID)
}
