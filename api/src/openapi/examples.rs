//! What examples show. The tests hold them against the schemas, and send those that are sent.

use serde_json::{Value, json};

/// The build of the examples.
pub(super) const ID: &str = "01a20a07-e57b-73c6-a833-e35d82e42f3c";

/// A small layout: what is not in it is as the base layout has it.
pub(super) fn layout() -> Value {
    json!({
        "header": {
            "Name": "WhiteFox", "Variant": "truefox", "Layout": "Mine", "Base": "TheTrueFoxBase", "Version": "1.0",
            "Author": "somebody", "KLL": "0.5.7.11", "Date": "2026-11-23", "Generator": "by hand"
        },
        "matrix": [
            { "code": "0x00", "x": 0, "y": 0, "w": 4, "h": 4, "layers": { "0": { "key": "ESC", "label": "Esc" } } },
            {
                "code": "0x01", "x": 4, "y": 0, "w": 4, "h": 4,
                "layers": { "0": { "key": "1", "label": "1" }, "1": { "key": "F1", "label": "F1" } }
            }
        ]
    })
}

/// A build of it that is asked for.
pub(super) fn request() -> Value {
    json!({ "config": layout(), "env": "latest" })
}

/// A build that waits, as its submitter is told.
pub(super) fn waiting() -> Value {
    json!({
        "id": ID, "status": "queued", "position": 1, "eta_seconds": 6, "keyboard": "WhiteFox", "layout": "Mine",
        "version": "latest", "controller": "057", "attempts": 0, "created_at": "2026-11-23T10:00:00.000Z",
        "started_at": null, "finished_at": null, "reason": null, "detail": null, "doubt": null, "compares": null,
        "diagnostics": [], "artifact": null, "log_url": format!("/v1/builds/{ID}/log"), "leave_token": "3b1f0f9c5a7d4e62"
    })
}

/// A build that has ended well.
pub(super) fn succeeded() -> Value {
    json!({
        "id": ID, "status": "succeeded", "position": null, "eta_seconds": null, "keyboard": "WhiteFox", "layout": "Mine",
        "version": "latest", "controller": "057", "attempts": 1, "created_at": "2026-11-23T10:00:00.000Z",
        "started_at": "2026-11-23T10:00:00.120Z", "finished_at": "2026-11-23T10:00:05.731Z", "reason": null,
        "detail": null, "doubt": null, "compares": null, "diagnostics": [],
        "artifact": {
            "url": format!("/v1/builds/{ID}/artifact"), "bytes": 42_180,
            "sha256": "0f5c2b7d9e1a48c6b3d07f2e6a95c814d7b3e02f61c98a4572de10b7f84c3a96"
        },
        "log_url": format!("/v1/builds/{ID}/log")
    })
}

/// A build that an operator has cancelled.
pub(super) fn cancelled() -> Value {
    let mut build = waiting();
    for (name, value) in [
        ("status", json!("cancelled")),
        ("position", Value::Null),
        ("eta_seconds", Value::Null),
        ("finished_at", json!("2026-11-23T10:00:03.004Z")),
        ("reason", json!("cancelled")),
        ("detail", json!("nobody wants it any more")),
    ] {
        build[name] = value;
    }
    if let Some(members) = build.as_object_mut() {
        members.remove("leave_token");
    }
    build
}
