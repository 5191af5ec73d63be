//! Real builds on a real engine: firmware comes out, nothing stays behind, no limit can be passed.

use std::collections::BTreeMap;

use harness::{
    engine::{self, TestImage, docker},
    service::{Service, layout},
};
use serde_json::{Value, json};

/// The default layer of a reference firmware: which USB code each scan code sends. See
/// `controllers/README.md` for its form.
fn keymap(firmware: &[u8]) -> Vec<(u8, u8)> {
    const MAGIC: &[u8] = b"KIIMAP1\0";
    let at = firmware
        .windows(MAGIC.len())
        .position(|bytes| bytes == MAGIC)
        .expect("a keymap")
        + MAGIC.len();
    let count = usize::from(u16::from_le_bytes([firmware[at], firmware[at + 1]]));
    firmware[at + 2..][..2 * count]
        .chunks(2)
        .map(|pair| (pair[0], pair[1]))
        .collect()
}

#[test]
fn the_key_that_a_person_moved_is_in_the_firmware() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[]);
    let mut config = layout("KType-Standard.json");
    let q = config["matrix"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .find(|key| key["layers"]["0"]["key"] == "Q")
        .unwrap();
    q["layers"]["0"]["key"] = "Z".into();
    let build = service.build(&config, "latest");
    assert_eq!(build["status"], "succeeded", "{build}");
    let keymap = keymap(&service.zip_of(&build).file("kiibohd.dfu.bin"));
    // The USB codes of Q and Z, from the public HID usage tables. All other keys send their own.
    let moved: Vec<_> = keymap
        .into_iter()
        .filter(|(scan, code)| *code != 0 && scan != code)
        .collect();
    assert_eq!(moved, [(0x14, 0x1d)]);
    service.assert_nothing_is_left(&build);
}

#[test]
fn a_layout_with_triggers_is_compiled() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[]);
    let mut config = layout("KType-Standard.json");
    let animation = config["animations"]
        .as_object()
        .unwrap()
        .keys()
        .next()
        .unwrap()
        .clone();
    let trigger = |verb: &str| {
        serde_json::json!({
            "action": format!("A[{animation}]({verb})"), "label": verb, "type": "animation",
        })
    };
    // As the Configurator wrote them: on keys that do something else too, and on a layer of their own.
    config["matrix"][3]["triggers"] =
        serde_json::json!({ "0": [trigger("start"), trigger("pause")], "1": [] });
    config["matrix"][4]["triggers"] =
        serde_json::json!({ "1": [trigger("stop")], "2": [trigger("start")] });
    let build = service.build(&config, "latest");
    let log = service.get(build["log_url"].as_str().unwrap()).text();
    assert_eq!(build["status"], "succeeded", "{build}\n{log}");
}

#[test]
fn the_same_layout_built_twice_is_the_same_firmware() {
    if !engine::is_wanted() {
        return;
    }
    let firmware = || {
        // A service of its own knows no answer yet.
        let service = Service::start(&[]);
        let build = service.build(&layout("MDErgo1-Default.json"), "latest");
        ["left", "right"].map(|half| {
            service
                .zip_of(&build)
                .file(&format!("{half}_kiibohd.dfu.bin"))
        })
    };
    assert_eq!(firmware(), firmware());
}

#[test]
fn the_same_request_twice_is_one_build() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[]);
    let first = service.build(&layout("MD1-Standard.json"), "latest");
    let second = service.build(&layout("MD1-Standard.json"), "latest");
    assert_eq!(first["id"], second["id"]);
    assert_eq!(second["attempts"], 1);
}

#[test]
fn every_layout_and_a_function_key_on_a_further_layer_build() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[("KIISRV_SLOTS", "2")]);
    let mut with_function_key = layout("KType-Standard.json");
    with_function_key["matrix"][20]["layers"]["1"] = json!({ "key": "FUNCTION2", "label": "Fn2" });
    // Controllers refuse what looks like a way up, and people write anything.
    let mut with_dots = layout("KType-Standard.json");
    with_dots["header"]["Layout"] = "Mine...".into();
    let files = [
        "KType-NoAnimations.json",
        "MD1-Standard.json",
        "MDErgo1-Blank.json",
        "WhiteFox-TheTrueFox.json",
    ];
    let configs = files
        .iter()
        .map(|file| layout(file))
        .chain([with_function_key, with_dots]);
    for config in configs {
        let build = service.build(&config, "latest");
        let log = service.get(build["log_url"].as_str().unwrap()).text();
        assert_eq!(build["status"], "succeeded", "{build}\n{log}");
    }
}

/// The container of a build, as the engine reports it while it runs.
fn inspect(id: &str) -> Value {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        // One that is being made is listed already, and cannot be inspected yet.
        let listed = engine::containers_with(&format!("kiisrv.build={id}")).pop();
        if let Some(inspected) = listed.and_then(|container| docker(&["inspect", &container])) {
            let inspected: Value = serde_json::from_str(&inspected).expect("JSON");
            return inspected[0].clone();
        }
        assert!(
            std::time::Instant::now() < deadline,
            "the build does not start"
        );
    }
}

#[test]
fn a_build_has_every_restriction_that_the_engine_knows() {
    if !engine::is_wanted() {
        return;
    }
    let _slow = TestImage::running("901", "sleep 3");
    let service = Service::start(&[]);
    service.stand_for("slow", "901");
    let id = service.submit(&layout("KType-Standard.json"), "slow");
    let inspected = inspect(&id);
    let host = &inspected["HostConfig"];
    for (flag, value) in [
        ("NetworkMode", json!("none")),
        ("ReadonlyRootfs", json!(true)),
        ("CapDrop", json!(["ALL"])),
        // And with it the engine's default seccomp profile, which nothing here switches off.
        ("SecurityOpt", json!(["no-new-privileges"])),
        ("Memory", json!(512 << 20)),
        ("MemorySwap", json!(512 << 20)),
        ("PidsLimit", json!(256)),
        ("NanoCpus", json!(2_000_000_000_u64)),
        ("Privileged", json!(false)),
        ("AutoRemove", json!(false)),
        (
            "LogConfig",
            json!({ "Type": "json-file", "Config": { "max-file": "1", "max-size": "67108864" } }),
        ),
        (
            "Tmpfs",
            json!({ "/tmp": "rw,noexec,nosuid,nodev,mode=1777,size=134217728,nr_inodes=16384" }),
        ),
    ] {
        assert_eq!(host[flag], value, "{flag}");
    }
    assert!(host["CapAdd"].as_array().is_none_or(Vec::is_empty));
    let limits = host["Ulimits"].as_array().unwrap().iter();
    let limits: BTreeMap<_, _> = limits
        .map(|one| (one["Name"].as_str().unwrap(), one["Hard"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        limits,
        [("core", 0), ("fsize", 64 << 20), ("nofile", 1024)].into()
    );
    let mounts = inspected["Mounts"].as_array().unwrap();
    let mounts: BTreeMap<_, _> = mounts
        .iter()
        .map(|one| (one["Destination"].as_str().unwrap(), one["RW"] == true))
        .collect();
    assert_eq!(
        mounts,
        [("/mnt/config", false), ("/mnt/builds", true)].into()
    );
    let user = inspected["Config"]["User"].as_str().unwrap();
    assert!(
        !user.starts_with("0:") && user.contains(':'),
        "a strict build is not root: {user}"
    );
    service.assert_nothing_is_left(&service.ended(&id));
}

/// How an image is made, its name, its script, and the reason for which its build ends.
type Case = (
    fn(&str, &str) -> TestImage,
    &'static str,
    &'static str,
    &'static str,
);

const LIMITS: [Case; 10] = [
    (
        TestImage::running,
        "902",
        "python3 -c 'x = bytearray(900 << 20)'; exit 1",
        "out_of_memory",
    ),
    (
        TestImage::compiling,
        "903",
        "exec python3 -c 'import subprocess as s; [s.Popen([\"sleep\", \"1\"], stdout=s.DEVNULL, stderr=s.DEVNULL) for _ in range(999)]'",
        "too_many_processes",
    ),
    (
        TestImage::compiling,
        "904",
        "for i in {1..40}; do head -c 10M /dev/zero > /tmp/fill$i || exit 1; done",
        "scratch_full",
    ),
    (
        TestImage::compiling,
        "905",
        "head -c 30M /dev/zero > /tmp/large",
        "file_too_large",
    ),
    (
        TestImage::running,
        "906",
        "for i in 1 2 3 4; do head -c 15M /dev/zero > /mnt/builds/$i; sleep 1; done",
        "output_too_large",
    ),
    (TestImage::running, "907", "yes", "log_too_large"),
    (TestImage::running, "908", "sleep 60", "timed_out"),
    (TestImage::running, "909", "exit 0", "no_artifact"),
    (
        TestImage::running,
        "910",
        "ln -s /etc/passwd /mnt/builds/firmware.zip",
        "no_artifact",
    ),
    (
        TestImage::running,
        "911",
        "echo wrong; exit 1",
        "build_failed",
    ),
];

#[test]
fn this_engine_keeps_every_limit_in_the_self_test() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[("KIISRV_ACCEPT_MISSING", "")]);
    #[expect(
        clippy::disallowed_types,
        reason = "from outside, as an operator's client"
    )]
    let table = rusqlite::Connection::open(service.path().join("data/kiisrv.db")).unwrap();
    let missing: String = table
        .query_row("SELECT missing FROM self_tests", [], |row| row.get(0))
        .unwrap();
    assert_eq!(missing, "");
}

#[test]
fn each_limit_has_its_own_reason_and_none_is_kept_as_an_answer() {
    if !engine::is_wanted() {
        return;
    }
    let _images: Vec<_> = LIMITS
        .iter()
        .map(|(make, name, script, _)| make(name, script))
        .collect();
    let service = Service::start(&[
        // On a busy machine, a flood of a few megabytes takes an engine seconds.
        ("KIISRV_BUILD_SECONDS", "20"),
        ("KIISRV_BUILD_OUTPUT_MB", "20"),
        ("KIISRV_LOG_KB", "1024"),
        ("KIISRV_SLOTS", "2"),
    ]);
    let submit_to = |(_, name, ..): &Case| {
        service.stand_for(name, name);
        service.submit(&layout("KType-Standard.json"), name)
    };
    let ids: Vec<_> = LIMITS.iter().map(submit_to).collect();
    for ((_, name, _, reason), id) in LIMITS.iter().zip(&ids) {
        let build = service.ended(id);
        assert_eq!(build["reason"], *reason, "{name}: {build}");
        assert_eq!(build["status"], "failed");
        assert!(
            service
                .zip_of(&build)
                .names()
                .contains(&"log/build.log".to_owned()),
            "{name}"
        );
        service.assert_nothing_is_left(&build);
    }
    assert_ne!(
        service.submit(&layout("KType-Standard.json"), "909"),
        ids[7],
        "an end that is not the layout's own is nobody's answer"
    );
    assert_eq!(
        service.submit(&layout("KType-Standard.json"), "911"),
        ids[9],
        "a failed compile is"
    );
}
