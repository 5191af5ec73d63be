//! The routes that tell how the service is, described.

use serde_json::{Value, json};

use super::{
    describe::{Answer, Described, get},
    schemas::text,
};
use crate::{
    exposition,
    handlers::health::{Alive, Report},
};

/// All of them.
pub(super) fn all() -> Vec<Described> {
    vec![healthz(), readyz(), metrics(), openapi()]
}

fn healthz() -> Described {
    get("/healthz", "healthz")
        .does("Says that it is alive", "")
        .answers(
            200,
            Answer::json::<Alive>("It answers.", json!({ "status": "ok" })),
        )
}

fn readyz() -> Described {
    let report = |ready: bool, workers: &str| -> Value {
        json!({
            "status": if ready { "ready" } else { "not ready" },
            "checks": {
                "disk": { "ok": true, "detail": "has room" },
                "table": { "ok": true, "detail": "can be written" },
                "workers": { "ok": ready, "detail": workers }
            }
        })
    };
    let ready = report(true, "workers: 1, controllers: 1");
    let not_ready = report(false, "no worker has a controller image");
    get("/readyz", "readyz")
        .does(
            "Says whether it can build",
            "Whether a worker with a controller was seen lately, the disk has room and the table can be written.",
        )
        .answers(200, Answer::json::<Report>("It can build.", ready))
        .answers(503, Answer::json::<Report>("It cannot build.", not_ready))
}

fn metrics() -> Described {
    let example = "# HELP kiisrv_ready 1 where nothing is in the way of builds.\n# TYPE kiisrv_ready gauge\n\
                   kiisrv_ready{check=\"disk\"} 1\n";
    get("/metrics", "metrics")
        .does("Measures for Prometheus", "")
        .answers(
            200,
            Answer::text("All measures", exposition::CONTENT_TYPE, example),
        )
        .refuses(404, "They are not for this address.")
}

fn openapi() -> Described {
    get("/openapi.json", "openapi")
        .does("Gives this description", "`/docs` shows it to people.")
        .header(
            "If-None-Match",
            "The `ETag` of a description that is there already.",
            text().into(),
            "\"0f5c2b7d9e1a48c6\"",
        )
        .answers(
            200,
            Answer::any_json(
                "The description, by OpenAPI 3.1",
                json!({ "openapi": "3.1.0" }),
            )
            .header("ETag", "Its SHA-256"),
        )
        .answers(304, Answer::empty("It is there already."))
}
