//! A build's events through a real build: they come while it goes, and whoever comes back misses nothing.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::io::{BufRead, BufReader};

use harness::{
    engine::{self, TestImage},
    service::{Service, layout},
};
use serde_json::Value;

#[test]
fn a_real_build_is_told_live_and_again_after_it() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[]);
    let id = service.submit(&layout("KType-Standard.json"), "latest");
    let live = Events::of(&service, &id, None).rest();
    assert_eq!(live[0].name, "status");
    let statuses: Vec<_> = of(&live, "status")
        .map(|event| &event.data["status"])
        .collect();
    assert_eq!(statuses.last().unwrap(), &"succeeded", "{statuses:?}");
    assert_eq!(live.last().unwrap().name, "end");
    let log = service.get(&format!("/v1/builds/{id}/log")).text();
    assert!(log.contains("built firmware.zip"), "{log}");
    assert_eq!(text_of(&live), log);

    let again = Events::of(&service, &id, None).rest();
    assert_eq!(text_of(&again), log);
    assert_eq!(again.last(), live.last());
    let event = of(&again, "log").next().unwrap();
    let rest = Events::of(&service, &id, Some(&event.id)).rest();
    let length = event.data["text"].as_str().unwrap().len();
    assert_eq!(text_of(&rest), log[length..]);
}

#[test]
fn a_line_is_told_while_the_container_runs() {
    if !engine::is_wanted() {
        return;
    }
    // It does not end by itself: only lines that are told before its end can be read here.
    let _talks = TestImage::running("watched4711", "echo first; echo second; sleep 600");
    let service = Service::start(&[]);
    service.stand_for("talks", "watched4711");
    let id = service.submit(&layout("KType-Standard.json"), "talks");
    let mut events = Events::of(&service, &id, None);
    let mut log = String::new();
    while log != "first\nsecond\n" {
        let event = events.next().expect("the stream goes on");
        assert_ne!(event.name, "end", "{event:?}");
        if event.name == "log" {
            log += event.data["text"].as_str().unwrap();
        }
    }
    let shown = service.get(&format!("/v1/builds/{id}")).json();
    assert_eq!(shown["status"], "running");
    service.at_the_table(async |store| {
        let cancelled = shared::store::jobs::cancel(&store, id.parse().unwrap()).await;
        cancelled.unwrap()
    });
    let end = events.rest().pop().unwrap();
    assert_eq!(
        (end.name.as_str(), &end.data["status"]),
        ("end", &"cancelled".into())
    );
    service.assert_nothing_is_left(&shown);
}

/// An event as a client reads it.
#[derive(Debug, Default, PartialEq)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

/// Events as they come over a connection.
struct Events {
    lines: std::io::Lines<BufReader<ureq::BodyReader<'static>>>,
}

impl Events {
    fn of(service: &Service, id: &str, last: Option<&str>) -> Self {
        let mut request = ureq::get(format!("{}/v1/builds/{id}/events", service.url));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let body = request.call().unwrap().into_body();
        Self {
            lines: BufReader::new(body.into_reader()).lines(),
        }
    }

    fn next(&mut self) -> Option<Event> {
        let mut event = Event::default();
        loop {
            let line = self.lines.next()?.unwrap();
            match line.split_once(':') {
                Some(("event", name)) => name.clone_into(&mut event.name),
                Some(("id", id)) => id.clone_into(&mut event.id),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                // A comment and the time after which to come back.
                Some(_) => {}
                None if event.name.is_empty() => {}
                None => return Some(event),
            }
        }
    }

    fn rest(mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

fn of<'a>(events: &'a [Event], name: &'static str) -> impl Iterator<Item = &'a Event> {
    events.iter().filter(move |event| event.name == name)
}

fn text_of(events: &[Event]) -> String {
    of(events, "log")
        .map(|event| event.data["text"].as_str().unwrap())
        .collect()
}
