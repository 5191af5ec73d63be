//! What a build's answer says is to be done with its firmware.

use serde_json::{Value, json};
use shared::{
    job::{Artifact, FirmwareFile, Outcome, Reason},
    store::retention,
};

use super::{Service, failed, json_of, request_for};

/// Firmware whose files are known.
fn built(names: &'static [&'static str]) -> impl FnOnce(Artifact) -> Outcome {
    move |artifact| {
        let file = |name: &&str| FirmwareFile {
            name: (*name).to_owned(),
            bytes: 1,
            sha256: "cd".repeat(32),
        };
        let files = names.iter().map(file).collect();
        Outcome::Built(Artifact { files, ..artifact })
    }
}

async fn shown(service: &Service, id: &str) -> Value {
    json_of(&service.get(&format!("/v1/builds/{id}")).await)
}

#[tokio::test]
async fn a_build_that_succeeded_says_how_to_flash_each_half_and_with_which_checksum() {
    let service = Service::start().await;
    let id = service.submit(&request_for("MDErgo1-Default")).await;
    assert_eq!(shown(&service, &id).await["flash"], Value::Null);
    let names = &["left_kiibohd.dfu.bin", "right_kiibohd.dfu.bin"];
    service.work(built(names)).await;
    let build = shown(&service, &id).await;
    let steps = build["flash"]["steps"].as_array().unwrap();
    let of = |kind: &str, hand: &str| {
        let mut steps = steps.iter();
        let step = steps.find(|step| step["kind"] == kind && step["hand"] == hand);
        step.unwrap_or_else(|| panic!("{kind} {hand}: {build}"))
    };
    let command = ["dfu-util", "-w", "-D", "right_kiibohd.dfu.bin"];
    assert_eq!(of("start", "right")["command"], json!(command));
    assert_eq!(of("check", "left")["sha256"], "cd".repeat(32));
    assert!(of("enter", "left")["text"].as_str().unwrap().contains("F1"));
    assert_eq!(build["flash"]["bootloaders"][0], "1c11:b007");
    assert_eq!(
        build["artifact"]["files"][1]["name"],
        "right_kiibohd.dfu.bin"
    );
}

#[tokio::test]
async fn what_cannot_be_flashed_has_no_steps() {
    let service = Service::start().await;
    let refused = service.submit(&request_for("MD1-Standard")).await;
    service.work(failed(Reason::BuildFailed)).await;
    assert_eq!(shown(&service, &refused).await["flash"], Value::Null);

    let built_once = service.submit(&request_for("Kira-Standard")).await;
    service.work(built(&["kiibohd.dfu.bin"])).await;
    assert!(shown(&service, &built_once).await["flash"].is_object());
    let (status, now) = (shared::job::Status::Succeeded, std::time::Duration::ZERO);
    let dropped = retention::drop_old_zips(&service.state.store, status, now, 10).await;
    assert_eq!(dropped.unwrap().len(), 1);
    let build = shown(&service, &built_once).await;
    assert_eq!(
        (&build["flash"], &build["artifact"]),
        (&Value::Null, &Value::Null)
    );
}
