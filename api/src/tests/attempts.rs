//! How a build was carried out, as an operator is told: its containers, the command and the inputs.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    net::SocketAddr,
};

use shared::{job::ContainerSpec, store::jobs};
use zip::ZipArchive;

use super::{
    Service, assert_problem, header,
    operator::{TOKEN, service},
    request_for,
};
use crate::client::Peer;

/// A build that runs in a container of this image.
async fn running(service: &Service, layout: &str) -> String {
    let id = service.submit(&request_for(layout)).await;
    let claimed = service.claim().await;
    let spec = ContainerSpec {
        image: "sha256:1234".to_owned(),
        environment: vec![("Layout".to_owned(), "a b".to_owned())],
        ..ContainerSpec::default()
    };
    let made = jobs::container_created(
        &service.state.store,
        &claimed.held,
        ("c0ffee", "engine"),
        &spec,
    );
    assert!(made.await.unwrap());
    id
}

#[tokio::test]
async fn an_operator_is_told_what_each_container_was_given_and_how_to_run_it_again() {
    let service = service().await;
    let id = running(&service, "KType-Standard").await;
    let path = format!("/v1/builds/{id}/attempts");
    let told = service.operate("GET", &path).await;
    let made = &told["attempts"][0];
    assert_eq!(made["container"], "c0ffee");
    assert_eq!(made["spec"]["image"], "sha256:1234");
    let command = made["command"].as_str().unwrap();
    assert!(command.contains("--env 'Layout=a b'"), "{command}");
    assert_eq!(told["history"].as_array().unwrap().len(), 0);
    assert_eq!(told["inputs_url"], format!("/v1/builds/{id}/inputs"));
}

#[tokio::test]
async fn the_inputs_are_what_the_container_reads() {
    let service = service().await;
    let id = running(&service, "KType-Standard").await;
    let path = format!("/v1/builds/{id}/inputs");
    let answer = service.shows(("GET", &path), TOKEN).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert_eq!(header(&answer, "content-type"), "application/zip");
    let mut zip = ZipArchive::new(Cursor::new(answer.body().to_vec())).unwrap();
    let mut files = BTreeMap::new();
    for number in 0..zip.len() {
        let mut file = zip.by_index(number).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        files.insert(file.name().to_owned(), text);
    }
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    let expected = [
        "input/KType-Standard-0.kll",
        "input/KType-Standard-1.kll",
        "input/KType-Standard.json",
        "job",
    ];
    assert_eq!(names, expected);
    let sent = &request_for("KType-Standard")["config"];
    let kept: serde_json::Value =
        serde_json::from_str(&files["input/KType-Standard.json"]).unwrap();
    assert_eq!(&kept, sent);
    assert!(
        files["job"].contains("script=k-type.bash\n"),
        "{}",
        files["job"]
    );
}

#[tokio::test]
async fn inputs_whose_layout_is_gone_are_gone() {
    let service = service().await;
    let id = service.submit(&request_for("KType-Standard")).await;
    service.work(shared::job::Outcome::Built).await;
    let store = &service.state.store;
    let gone = shared::store::retention::drop_old_logs(store, std::time::Duration::ZERO, 9);
    assert_eq!(gone.await.unwrap().len(), 1);
    let path = format!("/v1/builds/{id}/inputs");
    let answer = service.shows(("GET", &path), TOKEN).await;
    assert_problem(&answer, 410);
}

#[tokio::test]
async fn an_address_finds_what_was_asked_for_from_there_and_so_does_its_hash() {
    let service = service().await;
    let mut ids = Vec::new();
    for (address, layout) in [
        ("203.0.113.9", "KType-Standard"),
        ("[2001:db8::5]", "Kira-Standard"),
    ] {
        let peer: SocketAddr = format!("{address}:4711").parse().unwrap();
        let request = warp::test::request().method("POST").path("/v1/builds");
        let answer = service
            .ask(request.extension(Peer(peer)).json(&request_for(layout)))
            .await;
        assert_eq!(answer.status(), 202, "{answer:?}");
        ids.push(super::json_of(&answer)["id"].clone());
    }
    // Of IPv6 a person has a whole network.
    for (address, id) in [("203.0.113.9", &ids[0]), ("2001:db8::77", &ids[1])] {
        let found = service
            .operate("GET", &format!("/v1/queue?q={address}"))
            .await;
        assert_eq!(found["waiting"].as_array().unwrap().len(), 1, "{found}");
        assert_eq!(&found["waiting"][0]["id"], id);
        let client = found["waiting"][0]["client"].as_str().unwrap();
        assert!(!client.contains(address), "{client}");
        let found = service
            .operate("GET", &format!("/v1/queue?client={client}"))
            .await;
        assert_eq!(&found["waiting"][0]["id"], id);
    }
}
