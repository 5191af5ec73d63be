//! A service whose worker the test plays, and layouts for it.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    fs::{self, File},
    io::Write,
    time::Duration,
};

use harness::{
    program,
    service::{Service, layout},
};
use serde_json::{Value, json};
use shared::{
    channel::Dialect,
    diagnose::Diagnostic,
    job::{Artifact, Outcome, Reason},
    store::{
        jobs::{self, Claimed},
        versions::{self, Controller},
    },
};

/// What the test's log says first: somebody's markup is text.
pub(crate) const SAID: &str = "Compiling <b>main.c</b> &amp; <script>alert(1)</script>\n";

pub(crate) fn service() -> Service {
    service_with(&[])
}

/// The same with further settings.
pub(crate) fn service_with(variables: &[(&str, &str)]) -> Service {
    let variables = [variables, &[("KIISRV_DISK_RESERVE_MB", "0")]].concat();
    let service = Service::start_api(&variables);
    let controller = Controller {
        name: "057".to_owned(),
        image: "sha256:057".to_owned(),
        protocol: 2,
        dialect: Dialect::Latest,
        channel: None,
        version: Some("v0.5.7".to_owned()),
        revision: None,
        created: Some("2019-09-15T03:21:12Z".to_owned()),
        commits: None,
        source: None,
        keyboards: None,
    };
    service.at_the_table(async |store| {
        let seen = versions::controllers_seen(&store, "an engine", vec![controller]);
        seen.await.unwrap();
    });
    service
}

/// Takes the next build as soon as there is one.
pub(crate) fn claim(service: &Service) -> Claimed {
    let lease = Duration::from_hours(1);
    for _ in 0..600 {
        let next = async |store| jobs::claim_next(&store, "worker", lease).await.unwrap();
        if let Some(claimed) = service.at_the_table(next) {
            return claimed;
        }
        // Nothing says to a test that something waits.
        program::pause(Duration::from_millis(50));
    }
    panic!("nobody asked for a build");
}

/// What the build says, as its container would.
pub(crate) fn say(service: &Service, claimed: &Claimed, words: &str) {
    let held = &claimed.held;
    let path = service.settings.logs.join(held.id.to_string());
    fs::create_dir_all(&path).unwrap();
    let path = path.join(format!("{}.log", held.epoch));
    let mut log = File::options()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    log.write_all(words.as_bytes()).unwrap();
}

pub(crate) fn end(service: &Service, claimed: &Claimed, outcome: Outcome) {
    service.at_the_table(async |store| jobs::finish(&store, &claimed.held, outcome).await.unwrap());
}

pub(crate) fn succeed(service: &Service, claimed: &Claimed) {
    let file = format!("{}/1.zip", claimed.held.id);
    let path = service.settings.artifacts.join(&file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "firmware").unwrap();
    let artifact = Artifact {
        file,
        bytes: 8,
        sha256: "ab".repeat(32),
        files: Vec::new(),
    };
    end(service, claimed, Outcome::Built(artifact));
}

/// Ends it as a compile that failed at this place.
pub(crate) fn fail(service: &Service, claimed: &Claimed, pointer: &str) {
    let diagnostic = Diagnostic {
        layer: Some(2),
        line: Some(11),
        key: Some("Q".to_owned()),
        pointer: Some(pointer.to_owned()),
        message: "this keyboard's firmware has no function \"flashMod\"".to_owned(),
        compiler: "KeyError: 'flashMod'".to_owned(),
    };
    let outcome = Outcome::Failed {
        reason: Reason::BuildFailed,
        detail: "the build ended with status 1".to_owned(),
        artifact: None,
        diagnostics: vec![diagnostic],
    };
    end(service, claimed, outcome);
}

/// A layout in which Q of layer 2 is to do this, and the pointer to it.
pub(crate) fn with_second_layer(action: &str) -> (Value, String) {
    let mut config = layout("MD1-Hacker.json");
    let matrix = config["matrix"].as_array_mut().unwrap();
    let is_q = |key: &Value| key["layers"]["0"]["key"] == "Q";
    let place = matrix.iter().position(is_q).unwrap();
    matrix[place]["layers"]["2"] = json!({ "key": action });
    (config, format!("/config/matrix/{place}/layers/2/key"))
}

/// The same as a file that a visitor has.
pub(crate) fn file_of(service: &Service, config: &Value) -> String {
    let path = service.path().join("own-layout.json");
    fs::write(&path, config.to_string()).unwrap();
    path.display().to_string()
}
