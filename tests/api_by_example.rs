//! What `docs/api.md` tells people to type is typed here, against a service on the real engine.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{fs, os::unix::fs::symlink, process::Stdio};

use harness::{
    engine,
    service::{LAYOUTS, Service},
};

const DOCUMENT: &str = include_str!("../docs/api.md");

/// The service of the document.
const ITS_URL: &str = "http://localhost:3001";

const TOKEN: &str = "a-token-of-the-tests";

#[test]
fn what_is_typed_into_a_shell_does_what_is_said() {
    let Some(said) = typed("sh", "bash", "typed.sh", "set -euo pipefail\n") else {
        return;
    };
    for words in [
        "\"leave_token\": ",
        "\"status\": \"succeeded\"",
        "event:end",
        "firmware.zip: OK",
        "\"pointer\": \"/config/header/Name\"",
        "\"status\": 409",
    ] {
        assert!(said.contains(words), "{words} is missing:\n{said}");
    }
}

#[test]
fn what_is_written_in_python_gets_firmware() {
    if let Some(said) = typed("python", "python3", "typed.py", "") {
        assert!(said.ends_with(" bytes\n"), "{said}");
    }
}

#[test]
fn what_is_written_in_javascript_gets_firmware() {
    // It is large, and nothing else here needs it, so that no script of ours installs it.
    if !has("node") {
        eprintln!("passed over: there is no node");
        return;
    }
    if let Some(said) = typed("js", "node", "typed.mjs", "") {
        assert!(said.ends_with(" bytes\n"), "{said}");
    }
}

/// What all blocks of a language say, one after the other. They must end well.
fn typed(language: &str, interpreter: &str, file: &str, first: &str) -> Option<String> {
    if !engine::is_wanted() {
        return None;
    }
    let service = Service::start(&[("KIISRV_OPERATOR_TOKEN", TOKEN)]);
    let directory = tempfile::tempdir().unwrap();
    symlink(LAYOUTS, directory.path().join("layouts")).unwrap();
    let text = format!("{first}{}", blocks(language)).replace(ITS_URL, &service.url);
    assert!(text.contains(&service.url), "no block names the service");
    fs::write(directory.path().join(file), text).unwrap();
    let output = command(interpreter)
        .arg(file)
        .current_dir(directory.path())
        .env("KIISRV_OPERATOR_TOKEN", TOKEN)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaints}");
    Some(said)
}

/// All blocks of a language, in their order.
fn blocks(language: &str) -> String {
    let fence = format!("```{language}\n");
    let blocks = DOCUMENT.split(&fence).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

fn has(program: &str) -> bool {
    let mut asked = command(program);
    asked
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}

fn command(program: &str) -> std::process::Command {
    #[expect(clippy::disallowed_methods, reason = "a person types it")]
    std::process::Command::new(program)
}
