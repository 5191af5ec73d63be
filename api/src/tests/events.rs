//! `/v1/builds/{id}/events`.

use serde_json::json;
use shared::{
    job::{JobId, Outcome, Reason},
    store::jobs::{self, Pause},
};

use super::{
    Service, assert_problem,
    event_stream::{Event, ask_for, path_of},
    failed, header, json_of, request_for, write,
};

/// Longer than what a reader takes at once, with characters of every length.
fn long_log() -> String {
    "Compiling aäö€𝄞\r\n".repeat(3000)
}

fn text_of(events: &[Event]) -> String {
    let logs = events.iter().filter(|event| event.name == "log");
    logs.map(|event| event.data["text"].as_str().unwrap())
        .collect()
}

fn names(events: &[Event]) -> Vec<&str> {
    let mut names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    names.dedup();
    names
}

#[tokio::test]
async fn a_build_is_told_from_its_place_to_its_end_while_it_goes() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    let mut events = service.watch(&id).await;
    let first = events.next().await.unwrap();
    assert_eq!((first.name.as_str(), first.id.as_str()), ("status", ""));
    assert_eq!(first.data["status"], "queued");
    let position = events.next().await.unwrap();
    assert_eq!(position.name, "position");
    assert_eq!(position.data["position"], 1);
    assert_eq!(position.data["eta_seconds"], first.data["eta_seconds"]);

    let claimed = service.claim().await;
    assert_eq!(events.next_of("status").await.data["status"], "running");
    for (number, line) in ["one\n", "two\n", "three\n"].iter().enumerate() {
        // Each is told before the next is written.
        service.log(&claimed, line.as_bytes());
        let event = events.next().await.unwrap();
        let offset = [0, 4, 8][number];
        let data = json!({ "epoch": 1, "offset": offset, "text": line });
        assert_eq!((event.name.as_str(), &event.data), ("log", &data));
        assert_eq!(event.id, format!("1-{}", offset + line.len()));
    }

    service.log(&claimed, b"four\n");
    service.end(&claimed, failed(Reason::BuildFailed)).await;
    let rest = events.rest().await;
    assert_eq!(text_of(&rest), "four\n");
    let shown = json_of(&service.get(&format!("/v1/builds/{id}")).await);
    let status = rest.iter().find(|event| event.name == "status").unwrap();
    assert_eq!(status.data, shown, "as it is shown elsewhere");
    let end = rest.last().unwrap();
    assert_eq!((end.name.as_str(), end.id.as_str()), ("end", "1-19-end"));
    assert_eq!(end.data, json!({ "status": "failed" }));
    service.nobody_watches().await;
}

#[tokio::test]
async fn a_build_that_has_ended_is_told_from_its_beginning() {
    let service = Service::start().await;
    let id = service.ended_with(long_log().as_bytes()).await;
    let events = service.watch(&id).await.rest().await;
    assert_eq!(names(&events), ["status", "log", "end"]);
    assert_eq!(events[0].data["status"], "succeeded");
    assert_eq!(text_of(&events), long_log());
    assert!(events.len() > 4, "in pieces");
    assert_eq!(service.state.feeds.count(), 0, "nobody looks at it");
}

#[tokio::test]
async fn a_slow_watcher_misses_old_states_and_no_text() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    let mut slow = service.watch(&id).await;
    assert_eq!(slow.next().await.unwrap().data["status"], "queued");
    let claimed = service.claim().await;
    service.log(&claimed, long_log().as_bytes());
    service.end(&claimed, Outcome::Built).await;
    // The feed has told all and is gone before this one looks again.
    service.nobody_watches().await;
    let rest = slow.rest().await;
    assert_eq!(names(&rest), ["status", "log", "end"]);
    assert_eq!(rest[0].data["status"], "succeeded");
    assert_eq!(text_of(&rest), long_log());
}

#[tokio::test]
async fn a_client_is_told_when_to_come_back_and_a_proxy_to_pass_all_on() {
    let service = Service::start().await;
    let id = service.ended_with(b"a\n").await;
    let answer = service.get(&path_of(&id)).await;
    assert_eq!(header(&answer, "x-accel-buffering"), "no");
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let text = std::str::from_utf8(answer.body()).unwrap();
    assert_eq!(text.matches("\nretry:2000\n").count(), 1, "{text}");
}

#[tokio::test]
async fn a_sign_of_life_comes_where_nothing_happens() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    let mut events = service.watch(&id).await;
    service.claim().await;
    while events.next_of("status").await.data["status"] != "running" {}
    tokio::time::pause();
    assert_eq!(events.more().await.unwrap(), ":\n\n");
}

#[tokio::test]
async fn whoever_comes_back_gets_exactly_the_rest() {
    let service = Service::start().await;
    let id = service.ended_with(long_log().as_bytes()).await;
    let all = service.watch(&id).await.rest().await;
    for (number, event) in all
        .iter()
        .enumerate()
        .filter(|(_, event)| event.name == "log")
    {
        let rest = service.watch_after(&id, Some(&event.id)).await.rest().await;
        assert_eq!(text_of(&rest), text_of(&all[number + 1..]), "{}", event.id);
        assert_eq!(rest.last(), all.last());
    }
    // What is no place in this log is no reason to leave anything out.
    for id_of_nothing in ["x", "1-99999999", "7-3", "1--1", "\u{e9}"] {
        let rest = service.watch_after(&id, Some(id_of_nothing)).await;
        assert_eq!(text_of(&rest.rest().await), long_log(), "{id_of_nothing}");
    }
}

#[tokio::test]
async fn whoever_has_everything_is_told_to_stay_away() {
    let service = Service::start().await;
    let id = service.ended_with(b"a\n").await;
    let request = ask_for(&id).header("last-event-id", "1-2-end");
    let answer = service.ask(request).await;
    assert_eq!((answer.status().as_u16(), answer.body().len()), (204, 0));
}

#[tokio::test]
async fn a_new_claim_starts_the_log_anew() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    let first = service.claim().await;
    service.log(&first, b"first try\n");
    let mut events = service.watch(&id).await;
    let seen = events.next_of("log").await;
    assert_eq!(seen.id, "1-10");

    let given_back = jobs::give_back(&service.state.store, &first.held, Pause::None, "trouble");
    given_back.await.unwrap();
    let second = service.claim().await;
    service.log(&second, b"second\n");
    let anew = events.next_of("log").await;
    let data = json!({ "epoch": 2, "offset": 0, "text": "second\n" });
    assert_eq!((&anew.data, anew.id.as_str()), (&data, "2-7"));

    // One that lost its connection meanwhile has nothing of the new log.
    let mut back = service.watch_after(&id, Some(&seen.id)).await;
    assert_eq!(back.next_of("log").await.data, data);
}

#[tokio::test]
async fn no_byte_of_a_log_breaks_an_event_or_a_character() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    let claimed = service.claim().await;
    let mut events = service.watch(&id).await;
    let hostile = "a\r\rb\n\ndata:x\nid:9-9\n\r\nevent:end\u{2028}\0\n\n";
    service.log(&claimed, hostile.as_bytes());
    assert_eq!(events.log_of(hostile.len()).await, hostile);

    let (half, rest) = "€".as_bytes().split_at(2);
    service.log(&claimed, &[b"so far ", half].concat());
    assert_eq!(events.log_of(7).await, "so far ");
    service.log(&claimed, rest);
    let event = events.next_of("log").await;
    assert_eq!(event.data["text"], "€");
    assert_eq!(event.id, format!("1-{}", hostile.len() + 7 + 3));

    service.log(&claimed, b"\xff!\xe2\x82");
    service.end(&claimed, Outcome::Built).await;
    let rest = events.rest().await;
    assert_eq!(text_of(&rest), "\u{fffd}!\u{fffd}", "the end as it is");
    let length = hostile.len() + 10 + 4;
    assert_eq!(rest.last().unwrap().id, format!("1-{length}-end"));
}

#[tokio::test]
async fn two_hundred_watchers_cost_the_table_what_one_does() {
    const WATCHERS: u64 = 200;
    let service = Service::start_with(&[("KIISRV_MAX_WAITERS_PER_CLIENT", "200")]).await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    let before = service.state.store.reads();
    let mut all = Vec::new();
    for _ in 0..WATCHERS {
        all.push(service.watch(&id).await);
    }
    let claimed = service.claim().await;
    for events in &mut all {
        while events.next_of("status").await.data["status"] != "running" {}
    }
    for _ in 0..5 {
        service.log(&claimed, b"a line\n");
        for events in &mut all {
            assert_eq!(events.log_of(7).await, "a line\n");
        }
    }
    assert_eq!(service.state.feeds.count(), 1);
    service.end(&claimed, Outcome::Built).await;
    for events in all {
        assert_eq!(events.rest().await.last().unwrap().name, "end");
    }
    let reads = service.state.store.reads() - before;
    println!("{WATCHERS} watchers of one build: {reads} reads of the table");
    assert!(reads < WATCHERS / 2, "{reads}");
    service.nobody_watches().await;
}

#[tokio::test]
async fn a_place_that_changes_is_told() {
    let service = Service::start().await;
    service.submit(&request_for("MD1-Standard")).await;
    let id = service.submit(&request_for("MD1-Hacker")).await;
    let mut events = service.watch(&id).await;
    assert_eq!(events.next_of("position").await.data["position"], 2);
    service.work(Outcome::Built).await;
    while events.next_of("position").await.data["position"] != 1 {}

    // Whoever comes later is told of the present place, and not of that at which watching began.
    let mut later = service.watch(&id).await;
    assert_eq!(later.next_of("status").await.data["position"], 1);
}

#[tokio::test]
async fn the_last_to_leave_ends_the_looking() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    let (first, mut second) = (service.watch(&id).await, service.watch(&id).await);
    drop(first);
    service.claim().await;
    while second.next_of("status").await.data["status"] != "running" {}
    assert_eq!(service.state.feeds.count(), 1);
    drop(second);
    service.nobody_watches().await;
    let mut third = service.watch(&id).await;
    assert_eq!(third.next().await.unwrap().data["status"], "running");
}

#[tokio::test]
async fn events_count_as_a_held_request_until_their_end() {
    let service = Service::start_with(&[("KIISRV_MAX_WAITERS_PER_CLIENT", "1")]).await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    let held = service.watch(&id).await;
    assert_problem(&service.get(&path_of(&id)).await, 429);
    let head = ask_for(&id).method("HEAD");
    assert_eq!(service.ask(head).await.status(), 200, "it holds nothing");
    drop(held);
    service.watch(&id).await;
}

#[tokio::test]
async fn a_stop_ends_the_events_without_an_end() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    let mut events = service.watch(&id).await;
    events.next_of("position").await;
    service.state.stop();
    let rest = events.rest().await;
    assert!(rest.iter().all(|event| event.name != "end"), "{rest:?}");
}

#[tokio::test]
async fn what_is_no_build_has_no_events_and_a_head_no_body() {
    let service = Service::start().await;
    for id in ["x", &JobId::new().to_string()] {
        assert_problem(&service.get(&path_of(id)).await, 404);
    }
    let id = service.ended_with(b"a\n").await;
    let answer = service.ask(ask_for(&id).method("HEAD")).await;
    assert_eq!((answer.status().as_u16(), answer.body().len()), (200, 0));
    assert_eq!(header(&answer, "content-type"), "text/event-stream");
    assert_eq!(header(&answer, "access-control-allow-origin"), "*");
    let post = ask_for(&id).method("POST");
    assert_problem(&service.ask(post).await, 405);

    let preflight = ask_for(&id)
        .method("OPTIONS")
        .header("access-control-request-headers", "last-event-id");
    let allowed = service.ask(preflight).await;
    assert_eq!(
        header(&allowed, "access-control-allow-headers"),
        "last-event-id"
    );
}

#[tokio::test]
async fn a_log_that_is_kept_no_longer_leaves_the_status_and_the_end() {
    let service = Service::start().await;
    let id = service.ended_with(b"a\n").await;
    std::fs::remove_dir_all(service.state.settings.logs.join(&id)).unwrap();
    let events = service.watch(&id).await.rest().await;
    assert_eq!(names(&events), ["status", "end"]);
}

#[tokio::test]
async fn a_link_in_place_of_a_log_is_not_followed() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MD1-Standard")).await;
    let claimed = service.claim().await;
    let secret = service.state.settings.data.join("secret");
    write(&secret, "a secret");
    let log = service.log_path(&claimed);
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(secret, log).unwrap();
    service.end(&claimed, Outcome::Built).await;
    let events = service.watch(&id).await.rest().await;
    assert_eq!(names(&events), ["status"], "it ends early");
}
