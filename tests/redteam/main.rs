//! Hostile builds in real containers. Each is contained, and ends with its own reason, while somebody
//! else's build beside it succeeds; after all of them nothing is left and nothing of the host has changed.
#![expect(clippy::unwrap_used, reason = "a test may stop")]
#![expect(clippy::print_stdout, reason = "the table is for people")]

mod attempts;
mod report;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use attempts::{ATTEMPTS, Attempt, BOUND};
use harness::{
    engine::{self, TestImage},
    service::{Service, layout},
};
use report::Line;
use serde_json::Value;

/// No other test's images have these numbers.
const HOSTILE: &str = "960";
const HONEST: &str = "961";

/// The same image as the hostile one, with the time that an honest build may take on a busy machine.
const HONEST_IMAGE: &str = "FROM kiisrv-controller-960\nLABEL kiisrv.limits.seconds=60\n";

/// Attempts at once, each with a neighbour beside it.
const LANES: usize = 2;

/// An attempt's own limit is 6 s, by its image's label. The rest is what a busy machine may take to make
/// a container and to remove it.
const LONGEST: Duration = Duration::from_secs(30);

/// The cap of its log, by its image's label, with the word that it was cut.
const LONGEST_LOG: usize = (64 << 10) + 1024;

/// Many times what a neighbour takes alone: it is not kept waiting until the attempt is over for good.
const LONGEST_NEIGHBOUR: Duration = Duration::from_secs(45);

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/redteam/image");

#[test]
fn whatever_a_build_tries_harms_nobody_but_itself() {
    if !engine::is_wanted() {
        return;
    }
    let _image = TestImage::of_directory(HOSTILE, IMAGE);
    let _honest_image = TestImage::of_dockerfile(HONEST, HONEST_IMAGE);
    let service = Service::start(&[
        ("KIISRV_SLOTS", &(2 * LANES).to_string()),
        // What is left is looked for at the end, and comparisons go on.
        ("KIISRV_COMPARE_PERCENT", "0"),
    ]);
    service.stand_for("hostile", HOSTILE);
    service.stand_for("honest", HONEST);
    let canary = service.path().join("canary");
    fs::write(&canary, "sings").unwrap();
    let host = host();

    let alone = (0..3).map(|turn| neighbour(&service, &format!("alone {turn}")).unwrap());
    let baseline = alone.max().unwrap().as_secs_f64();
    let lines = try_all(&service);

    report::print(&lines, baseline);
    report::write(&lines, baseline);
    let trouble: Vec<_> = lines.iter().filter_map(trouble_of).collect();
    assert!(trouble.is_empty(), "{}", trouble.join("\n"));
    assert_eq!(fs::read_to_string(canary).unwrap(), "sings");
    assert_eq!(self::host(), host, "the host has changed");
    for directory in ["tmp_config", "tmp_builds"] {
        let left: Vec<_> = fs::read_dir(service.path().join(directory))
            .unwrap()
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn an_output_in_memory_is_bounded_by_the_memory_of_its_build() {
    if !engine::is_wanted() {
        return;
    }
    let _image = TestImage::of_directory("962", IMAGE);
    let outputs = tempfile::tempdir_in("/dev/shm").unwrap();
    let service = Service::start(&[
        ("KIISRV_TMP_BUILDS", outputs.path().to_str().unwrap()),
        ("KIISRV_BUILD_OUTPUT_BOUND", "tmpfs"),
    ]);
    service.stand_for("hostile", "962");
    for (name, end) in BOUND {
        let build = service.build(&hostile(&service, name), "hostile");
        assert_eq!(build["reason"].as_str(), end.reason(), "{name}: {build}");
        service.assert_nothing_is_left(&build);
    }
}

fn trouble_of(line: &Line) -> Option<String> {
    let trouble = match (&line.trouble, line.neighbour_seconds) {
        (Some(trouble), _) => trouble.as_str(),
        (None, None) => "the neighbour's build failed",
        (None, Some(_)) => return None,
    };
    Some(format!("{}: {trouble}", line.name))
}

fn try_all(service: &Service) -> Vec<Line> {
    let (next, lines) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some(attempt) = ATTEMPTS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let line = try_one(service, *attempt);
                    lines.lock().unwrap().push(line);
                }
            });
        }
    });
    let mut lines = lines.into_inner().unwrap();
    lines.sort_by_key(|line| ATTEMPTS.iter().position(|(name, _)| *name == line.name));
    lines
}

fn try_one(service: &Service, (name, end): Attempt) -> Line {
    let started = Instant::now();
    let id = service.submit(&hostile(service, name), "hostile");
    // Both run from here on: there is a slot for each.
    let (build, took, beside) = thread::scope(|scope| {
        let beside = scope.spawn(|| neighbour(service, name));
        let build = service.ended(&id);
        (build, started.elapsed(), beside.join().unwrap())
    });
    let reason = build["reason"].as_str();
    let log = service.get(build["log_url"].as_str().unwrap());
    let trouble = if reason != end.reason() {
        Some(format!(
            "it ended as {reason:?} and not as {:?}",
            end.reason()
        ))
    } else if took > LONGEST {
        Some("it went on for too long".to_owned())
    } else if log.body.len() > LONGEST_LOG {
        Some(format!("its log has {} bytes", log.body.len()))
    } else {
        end.trouble_in(&log.text())
    };
    service.assert_nothing_is_left(&build);
    Line {
        name,
        trouble,
        reason: reason.unwrap_or("succeeded").to_owned(),
        seconds: took.as_secs_f64(),
        neighbour_seconds: beside
            .filter(|took| *took < LONGEST_NEIGHBOUR)
            .map(|took| took.as_secs_f64()),
    }
}

/// The layout of a build that makes this attempt.
fn hostile(service: &Service, name: &str) -> Value {
    let mut config = layout("KType-Standard.json");
    config["redteam"] = name.into();
    for (member, path) in [("canary", "canary"), ("builds", "tmp_builds")] {
        config[member] = service.path().join(path).display().to_string().into();
    }
    config
}

/// How long a build of somebody takes who wants nothing but firmware; `None` where there was none.
fn neighbour(service: &Service, beside: &str) -> Option<Duration> {
    let mut config = layout("KType-Standard.json");
    config["redteam"] = "zip_that_is_fine".into();
    config["beside"] = beside.into();
    let started = Instant::now();
    let build = service.build(&config, "honest");
    if build["status"] != "succeeded" {
        let log = service.get(build["log_url"].as_str().unwrap());
        println!("The neighbour of {beside}: {build}\n{}", log.text());
        return None;
    }
    let took = started.elapsed();
    service.assert_nothing_is_left(&build);
    Some(took)
}

/// What of the host a build would change if it could, and nothing else changes meanwhile.
fn host() -> [String; 3] {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let socket = fs::metadata("/var/run/docker.sock").map(|meta| meta.permissions().mode());
    [
        text("/proc/sys/kernel/core_pattern"),
        text("/etc/passwd"),
        format!("{:o}", socket.unwrap_or_default()),
    ]
}
