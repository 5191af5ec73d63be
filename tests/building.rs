//! `kiisrv build` as its user starts it, against a service whose worker the test plays.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use harness::{
    program,
    scripted::controller,
    service::{Service, layout},
    store::failed,
};
use shared::{
    job::{Artifact, Outcome, Reason},
    store::{
        jobs::{self, Claimed},
        versions,
    },
};

fn service() -> Service {
    let service = Service::start_api(&[("KIISRV_DISK_RESERVE_MB", "0")]);
    let controller = controller();
    service.at_the_table(async |store| {
        versions::controllers_seen(&store, "an engine", vec![controller])
            .await
            .unwrap();
    });
    service
}

/// Takes the next build as soon as there is one.
fn claim(service: &Service) -> Claimed {
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

fn end(service: &Service, claimed: &Claimed, outcome: Outcome) {
    service.at_the_table(async |store| jobs::finish(&store, &claimed.held, outcome).await.unwrap());
}

/// Ends a build with a zip that names its keyboard.
fn succeed(service: &Service, claimed: &Claimed) {
    let file = format!("{}/1.zip", claimed.held.id);
    let path = service.settings.artifacts.join(&file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file(format!("{}.bin", claimed.keyboard), options)
        .unwrap();
    zip.write_all(b"firmware").unwrap();
    zip.finish().unwrap();
    let artifact = Artifact {
        file,
        bytes: fs::metadata(&path).unwrap().len(),
        sha256: "0".repeat(64),
        files: Vec::new(),
    };
    end(service, claimed, Outcome::Built(artifact));
}

/// `kiisrv build` with these words. It is killed with this value.
struct Build(Child);

impl Drop for Build {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn build(service: &Service, words: &[&str], directory: &Path) -> Build {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test starts it as its user does"
    )]
    let mut command = Command::new(program::path());
    let output = File::create(directory.join("said")).unwrap();
    command
        .arg("build")
        .args(words)
        .args(["--url", &service.url])
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output);
    Build(command.spawn().unwrap())
}

fn said(directory: &Path) -> String {
    fs::read_to_string(directory.join("said")).unwrap()
}

fn write_layout(directory: &Path, name: &str) {
    fs::write(directory.join(name), layout(name).to_string()).unwrap();
}

fn zips(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).unwrap();
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|kind| kind == "zip"))
        .collect()
}

#[test]
fn several_files_are_built_at_once_and_one_that_fails_keeps_no_other_from_it() {
    let service = service();
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    for name in ["KType-Standard.json", "Kira-Standard.json"] {
        write_layout(here, name);
    }
    fs::write(here.join("broken.json"), "{").unwrap();
    let words = [
        "KType-Standard.json",
        "broken.json",
        "Kira-Standard.json",
        "-o",
        "zips",
    ];
    let mut build = build(&service, &words, here);
    // Both wait before one of them has ended.
    for claimed in [claim(&service), claim(&service)] {
        match claimed.keyboard.as_str() {
            "Kira" => end(&service, &claimed, failed(Reason::BuildFailed)),
            _ => succeed(&service, &claimed),
        }
    }
    let code = build.0.wait().unwrap().code();
    let said = said(here);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("1 of 3 succeeded"), "{said}");
    assert!(said.contains("broken.json is not JSON"), "{said}");
    assert!(
        said.contains("Kira-Standard.json: failed: build_failed"),
        "{said}"
    );
    assert!(said.contains("KType.bin"), "{said}");
    let zips = zips(&here.join("zips"));
    assert_eq!(zips.len(), 1, "{said}");
    let name = zips[0].file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("KType-Standard-"), "{name}");
}

#[test]
fn a_watched_file_is_built_again_when_it_changes() {
    let service = service();
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    write_layout(here, "KType-Standard.json");
    let words = ["KType-Standard.json", "--watch"];
    let mut build = build(&service, &words, here);
    let first = claim(&service);
    succeed(&service, &first);

    let mut changed = layout("KType-Standard.json");
    changed["header"]["Author"] = "somebody else".into();
    fs::write(here.join("KType-Standard.json"), changed.to_string()).unwrap();
    let second = claim(&service);
    assert_ne!(second.fingerprint, first.fingerprint);
    assert!(second.config.contains("somebody else"));
    succeed(&service, &second);
    for _ in 0..600 {
        if zips(here).len() == 2 {
            break;
        }
        program::pause(Duration::from_millis(50));
    }
    assert_eq!(zips(here).len(), 2, "{}", said(here));
    assert_eq!(build.0.try_wait().unwrap(), None, "it goes on");
}

#[test]
fn ctrl_c_leaves_every_build_that_is_under_way() {
    let service = service();
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let words = ["KType-Standard.json", "Kira-Standard.json"];
    for name in words {
        write_layout(here, name);
    }
    let mut build = build(&service, &words, here);
    let ids = [claim(&service), claim(&service)].map(|claimed| claimed.held.id);
    for _ in 0..600 {
        // It says this once it has the token to leave with.
        if said(here).matches(": running").count() == 2 {
            break;
        }
        program::pause(Duration::from_millis(50));
    }
    let pid = rustix::process::Pid::from_child(&build.0);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let code = build.0.wait().unwrap().code();
    assert_eq!(code, Some(130), "{}", said(here));
    assert_eq!(
        said(here).matches("cancelled\n").count(),
        2,
        "{}",
        said(here)
    );
    for id in ids {
        let build = service.get(&format!("/v1/builds/{id}")).json();
        assert_eq!(build["status"], "cancelled");
    }
}
