//! The queue: how fast builds come in, go out, and how soon a sleeping worker knows.

pub(crate) mod crowded;
pub(crate) mod drain;
pub(crate) mod enqueue;
pub(crate) mod wakeup;

use harness::store::a_build;
use shared::store::jobs::NewBuild;

/// A kilobyte of layout: what a durable row costs, and not what a long text costs.
fn config() -> String {
    serde_json::json!({ "header": { "Name": "KType", "Layout": "Standard" }, "comment": "x".repeat(960) }).to_string()
}

/// People who ask: far more than a client may have builds waiting.
const CLIENTS: usize = 1_000;

/// Different builds for each of these producers.
fn builds(producers: usize, each: usize) -> Vec<Vec<NewBuild>> {
    let config = config();
    let batch = uuid::Uuid::now_v7();
    let of = |producer: usize| {
        let one = |number: usize| {
            let name = format!("KType-{batch}-{producer}-{number}");
            let build =
                a_build(&name).by(&format!("client {}", (producer * each + number) % CLIENTS));
            build
                .with(|build| {
                    "Standard".clone_into(&mut build.layout);
                    build.config.clone_from(&config);
                })
                .into()
        };
        (0..each).map(one).collect()
    };
    (0..producers).map(of).collect()
}
