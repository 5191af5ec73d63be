//! What is promised of every input, whoever thought it up: properties and fuzzers hold inputs against the same words.

use std::{fs, path::Path};

use serde_json::Value;
use shared::{
    channel::Dialect,
    job::{BuildRequest, JobId, Plan, request::Refused},
    kll::{Generated, generate_from},
    layout::{Fault, Library, name::safe_name},
    store::jobs::Held,
};
use worker::{
    artifact::{ArtifactError, publish},
    log::LogFile,
};

/// The longest line of a log, and what a line says that was cut there.
const LINE: usize = 16 * 1024;
const LINE_IS_CUT: &str = " … (line cut)";
/// How a log's own words begin.
const OWN_WORDS: &str = "kiisrv: the log is cut here";

/// A body is a request or is refused in words, and a request says the same when it is written down again.
///
/// # Panics
/// When the promise is broken.
pub fn of_a_request(body: &[u8], library: &Library) {
    match BuildRequest::parse(body) {
        Ok(request) => {
            assert!(request.config.is_object(), "{request:?}");
            let again = serde_json::json!({ "config": request.config, "env": request.version });
            let again = BuildRequest::parse(again.to_string().as_bytes()).expect("our own words");
            assert_eq!(again.version, request.version);
            assert_eq!(again.config, request.config);
            for dialect in Dialect::ALL {
                of_a_plan(&request, &again, dialect, library);
            }
        }
        Err(Refused::NotJson(why)) => assert!(!why.is_empty()),
        Err(Refused::Invalid(faults)) => of_faults(&faults),
    }
}

fn of_a_plan(request: &BuildRequest, again: &BuildRequest, dialect: Dialect, library: &Library) {
    let plan = |request| Plan::of(request, "sha256:image", dialect, library);
    match (plan(request), plan(again)) {
        (Ok(plan), Ok(again)) => {
            assert_eq!(plan.fingerprint, again.fingerprint, "it is the same build");
            of_generated(&plan.generated);
        }
        (Err(faults), Err(again)) => {
            assert_eq!(faults, again);
            of_faults(&faults);
        }
        _ => panic!("the same request is once a build and once none"),
    }
}

/// JSON is a layout that gives KLL, the same each time, or has faults.
///
/// # Panics
/// When the promise is broken.
pub fn of_a_layout(config: &Value, dialect: Dialect, library: &Library) -> Option<Generated> {
    let generate = || generate_from(config, dialect, library).map(|(_, generated)| generated);
    let first = generate();
    assert_eq!(first, generate(), "not the same each time");
    match first {
        Ok(generated) => {
            of_generated(&generated);
            Some(generated)
        }
        Err(faults) => {
            of_faults(&faults);
            None
        }
    }
}

/// What was generated has plain names, and nothing of the header breaks out of its quotes.
///
/// # Panics
/// When the promise is broken.
pub fn of_generated(generated: &Generated) {
    let (board, layout) = (&generated.board, &generated.layout);
    assert_eq!(generated.files.len(), generated.layers);
    assert!((1..=32).contains(&generated.layers), "{}", generated.layers);
    for (number, file) in generated.files.iter().enumerate() {
        assert_eq!(file.name, format!("{board}-{layout}-{number}.kll"));
        assert_eq!(Path::new(&file.name).components().count(), 1);
        // Nine settings head each file, each on a line of its own.
        let head: Vec<_> = file.text.split('\n').take(9).collect();
        assert_eq!(head.len(), 9);
        for line in head {
            assert_eq!(line.matches('"').count(), 2, "{line}");
            assert!(line.ends_with("\";") && !line.contains('\r'), "{line}");
        }
    }
    assert!(!layout.is_empty());
    for name in [layout, &generated.variant] {
        of_a_safe_name(name);
        assert_eq!(&safe_name(name), name, "a safe name is left as it is");
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./- ;".contains(c);
    for map in [&generated.default_map, &generated.partial_maps] {
        assert!(map.chars().all(is_plain) && !map.contains(".."), "{map}");
    }
}

/// A name that was made safe goes into file names, environments and the old client's taking apart.
///
/// # Panics
/// When the promise is broken.
pub fn of_a_safe_name(name: &str) {
    let is_good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    assert!(name.chars().all(is_good) && name.len() <= 64, "{name}");
    assert!(!name.starts_with('.') && !name.contains(".."), "{name}");
    assert!(!name.ends_with("_error"), "{name}");
}

/// Faults are some and not too many, have a place, and do not grow with what was sent.
///
/// # Panics
/// When the promise is broken.
pub fn of_faults(faults: &[Fault]) {
    assert!((1..=202).contains(&faults.len()), "{faults:?}");
    for fault in faults {
        let pointer = &fault.pointer;
        assert!(pointer.is_empty() || pointer.starts_with('/'), "{pointer}");
        assert!(!fault.message.is_empty(), "{fault}");
        assert!(fault.message.len() < 600, "{fault}");
    }
}

/// A zip is published as it is and only with all that it must hold; of any other nothing stays. Gives back whether it
/// was published.
///
/// # Panics
/// When the promise is broken.
pub fn of_a_zip(bytes: &[u8], must_hold: &[&str]) -> bool {
    let directory = tempfile::tempdir().expect("a directory");
    let (builds, artifacts) = (directory.path(), directory.path().join("artifacts"));
    fs::write(builds.join("left.zip"), bytes).expect("what the build left");
    let held = Held {
        id: JobId::new(),
        worker: "a worker".to_owned(),
        epoch: 1,
    };
    match publish(builds, "left.zip", must_hold, &artifacts, &held) {
        Ok(artifact) => {
            let published = fs::File::open(artifacts.join(&artifact.file)).expect("the artifact");
            assert_eq!(artifact.bytes, bytes.len() as u64);
            let mut zip = zip::ZipArchive::new(published).expect("a zip");
            for name in must_hold {
                let mut member = zip.by_name(name).expect("a member that it must hold");
                std::io::copy(&mut member, &mut std::io::sink()).expect("a whole member");
            }
            let same = fs::read(artifacts.join(&artifact.file)).expect("the artifact");
            assert!(same == bytes, "other bytes were published");
            true
        }
        Err(ArtifactError::Unusable { .. }) => {
            assert!(!artifacts.exists(), "something of it stayed");
            false
        }
        Err(other) => panic!("it is our own fault: {other}"),
    }
}

/// A log is the same file however its bytes came, keeps to its cap, and is cut between characters only.
///
/// # Panics
/// When the promise is broken.
pub fn of_a_log(cap: u64, pieces: &[Vec<u8>]) -> Vec<u8> {
    let whole = pieces.concat();
    let text = logged(cap, &pieces.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let at_once = logged(cap, &[&whole]);
    assert!(text == at_once, "another file when it comes in pieces");
    if std::str::from_utf8(&whole).is_ok() {
        assert!(std::str::from_utf8(&text).is_ok(), "a character was cut");
    }
    let limit = usize::try_from(cap).unwrap_or(usize::MAX);
    let own_words = text.len().saturating_sub(128);
    let is_cut = contains(&text[own_words..], OWN_WORDS) && text.len() > limit.saturating_sub(4);
    assert!(text.len() <= limit || (is_cut && text.len() <= limit + 128));
    for line in text.split(|byte| *byte == b'\n') {
        assert!(line.len() <= LINE + LINE_IS_CUT.len(), "{}", line.len());
    }
    // What fits stays as it is.
    if whole.len() <= limit
        && whole
            .split(|byte| *byte == b'\n')
            .all(|line| line.len() <= LINE)
    {
        assert!(text == whole, "something is missing that had room");
    }
    text
}

/// The file that a log becomes when its bytes come in these pieces.
///
/// # Panics
/// When there is no room for it.
#[must_use]
pub fn logged(cap: u64, pieces: &[&[u8]]) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("1.log");
    let mut log = LogFile::create(&path, cap).expect("a log");
    for piece in pieces {
        log.take(piece);
    }
    drop(log);
    fs::read(path).expect("the log")
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
