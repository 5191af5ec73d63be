//! Disks without room: what is refused early, what waits, and how all goes on when there is room.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use harness::{
    engine::{self, TestImage, docker},
    service::Answer,
    store::ByHand,
};
use tempfile::TempDir;

use crate::program::{self, Program, id_of, until};

/// A small disk of its own for each place that a service writes to.
struct Disks {
    home: TempDir,
    mounted: Vec<PathBuf>,
}

/// The places, with what is on each.
const PLACES: [&str; 4] = ["table", "artifacts", "logs", "builds"];

impl Disks {
    /// `None` where nobody may mount them, with a word; a failure where somebody relies on it.
    fn mount() -> Option<Self> {
        let mut disks = Self {
            home: tempfile::tempdir().unwrap(),
            mounted: Vec::new(),
        };
        for place in PLACES {
            let path = disks.home.path().join(place);
            fs::create_dir(&path).unwrap();
            if !run("mount", &["-t", "tmpfs", "-o", "size=24m", "tmpfs"], &path) {
                let advice = "no small disk can be mounted: run this as root";
                #[expect(
                    clippy::disallowed_methods,
                    reason = "what a test run shall do is said from outside"
                )]
                let relied_on = std::env::var("CI").is_ok_and(|ci| ci == "true");
                assert!(!relied_on, "{advice}");
                eprintln!("SKIPPED: {advice}");
                return None;
            }
            disks.mounted.push(path);
        }
        Some(disks)
    }

    fn path(&self, place: &str) -> PathBuf {
        self.home.path().join(place)
    }

    fn start(&self, part: &str, more: &[(&str, &str)]) -> Program {
        let at = |place: &str| self.path(place).display().to_string();
        let (config, builds) = (at("builds/config"), at("builds/output"));
        let own = [
            ("KIISRV_DATA", &at("table")),
            ("KIISRV_ARTIFACTS", &at("artifacts")),
            ("KIISRV_LOGS", &at("logs")),
            ("KIISRV_TMP_CONFIG", &config),
            ("KIISRV_TMP_BUILDS", &builds),
        ];
        let own = own.map(|(name, path)| (name, path.as_str()));
        let variables = [&own, more].concat();
        let started = program::command(part, self.home.path(), &variables);
        Program::start(started).listening()
    }

    /// Takes all of a disk but this.
    fn fill(&self, place: &str, but: u64) {
        let path = self.path(place).join("filler");
        let mut filler = File::create(&path).unwrap();
        let chunk = [0; 4096];
        while filler.write_all(&chunk).is_ok() {}
        let all = filler.metadata().unwrap().len();
        filler.set_len(all.saturating_sub(but)).unwrap();
    }

    fn make_room(&self, place: &str) {
        fs::remove_file(self.path(place).join("filler")).unwrap();
    }

    fn table(&self) -> ByHand {
        ByHand::open(&self.path("table"))
    }
}

impl Drop for Disks {
    /// The program is killed by now, and its containers are nobody's.
    fn drop(&mut self) {
        if self.path("table/kiisrv.db").exists() {
            let sql = "SELECT container_id FROM jobs WHERE container_id IS NOT NULL";
            for container in self.table().ask(sql) {
                let _ = docker(&["rm", "-f", &container]);
            }
        }
        for path in &self.mounted {
            run("umount", &["-l"], path);
        }
    }
}

fn run(command: &str, arguments: &[&str], path: &Path) -> bool {
    #[expect(clippy::disallowed_methods, reason = "disks are the system's")]
    let ended = Command::new(command).args(arguments).arg(path).output();
    ended.is_ok_and(|ended| ended.status.success())
}

fn refused_for_room(answer: &Answer) -> Option<String> {
    (answer.status == 507).then(|| answer.json()["error"].as_str().unwrap().to_owned())
}

#[test]
fn new_work_is_refused_before_a_disk_is_full_and_taken_when_there_is_room_again() {
    if !engine::is_wanted() {
        return;
    }
    let Some(disks) = Disks::mount() else { return };
    let service = disks.start("serve", &[("KIISRV_DISK_RESERVE_MB", "4")]);
    service.succeeded(&service.accepted("with room"));
    for place in PLACES {
        disks.fill(place, 2 << 20);
        let word = format!("no room for {place}");
        let path = disks.path(place).display().to_string();
        // A worker may still say what it saw at the place before.
        let why = until("a build is refused for that", || {
            refused_for_room(&service.ask_for(&word)).filter(|why| why.contains(&path))
        });
        assert!(why.contains("KIISRV_DISK_RESERVE_MB"), "{why}");
        let ready = service.says("disk", false);
        assert!(ready.contains(&path), "{ready}");
        disks.make_room(place);
        service.succeeded(&service.accepted(&word));
    }
    service.says("disk", true);
    service.says("workers", true);
}

#[test]
fn a_table_that_is_full_to_the_last_byte_keeps_all_that_was_accepted_and_nothing_else() {
    if !engine::is_wanted() {
        return;
    }
    let Some(disks) = Disks::mount() else { return };
    // A worker, for a controller to plan with; it takes nothing without room for the builds.
    let reserve = [("KIISRV_DISK_RESERVE_MB", "0")];
    disks.start("serve", &reserve).kill();
    let api = disks.start("api", &reserve);
    let mut accepted = BTreeSet::from([api.accepted("first")]);
    disks.fill("table", 200 << 10);
    let refused = (0..).find_map(|number| {
        let answer = api.ask_for(&format!("build {number}"));
        accepted.extend(id_of(&answer));
        (!matches!(answer.status, 200 | 202)).then_some(answer)
    });
    let refused = refused.unwrap();
    assert_eq!(refused.status, 503, "{}", refused.text());
    let words = refused.text();
    assert!(words.contains("nothing of it is stored"), "{words}");
    let why = api.says("table", false);
    assert!(why.contains("full"), "{why}");
    for id in &accepted {
        assert_eq!(api.get(&format!("/v1/builds/{id}")).status, 200);
    }
    api.kill();
    // It starts without room too, as people want what is there.
    let api = disks.start("api", &reserve);
    assert_eq!(api.ask_for("still full").status, 503);
    disks.make_room("table");
    api.says("table", true);
    accepted.insert(api.accepted("still full"));
    api.kill();
    let table = disks.table();
    assert_eq!(table.ask("PRAGMA integrity_check"), ["ok"]);
    let kept: BTreeSet<_> = table.ask("SELECT id FROM jobs").into_iter().collect();
    assert_eq!(kept, accepted);
}

#[test]
fn a_build_that_runs_while_a_disk_is_full_succeeds_when_there_is_room() {
    if !engine::is_wanted() {
        return;
    }
    let slow = "sleep 2; export BOARD=k-type; source \"${BASH_SOURCE[0]%/*}/build.bash\"";
    let _image = TestImage::compiling("931", slow);
    let Some(disks) = Disks::mount() else { return };
    let service = disks.start("serve", &[("KIISRV_DISK_RESERVE_MB", "4")]);
    disks
        .table()
        .run("UPDATE versions SET controller = '931' WHERE name = 'latest'")
        .unwrap();
    for (place, starts) in [("table", "1"), ("artifacts", "2")] {
        let id = service.accepted(place);
        until("the build runs", || {
            let build = service.get(&format!("/v1/builds/{id}")).json();
            (build["status"] == "running" && build["attempts"] == 1).then_some(())
        });
        // A log that is long already takes a while longer without room.
        disks
            .table()
            .run("PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        disks.fill(place, 0);
        let told = if place == "table" {
            "A build's end could not be written, trying again"
        } else {
            "A build could not be carried out"
        };
        until("its worker tells", || {
            service.log().contains(told).then_some(())
        });
        disks.make_room(place);
        service.succeeded(&id);
        let sql = format!("SELECT attempts FROM jobs WHERE id = '{id}'");
        assert_eq!(disks.table().ask(&sql), [starts], "{place}");
    }
}

#[test]
fn a_build_that_meets_a_full_disk_is_no_failed_compile() {
    if !engine::is_wanted() {
        return;
    }
    let script = "head -c 40M /dev/zero > /mnt/builds/much; echo no room; exit 1";
    let _image = TestImage::running("932", script);
    let Some(disks) = Disks::mount() else { return };
    let service = disks.start("serve", &[("KIISRV_DISK_RESERVE_MB", "4")]);
    disks
        .table()
        .run("UPDATE versions SET controller = '932' WHERE name = 'latest'")
        .unwrap();
    let id = service.accepted("fills the disk");
    let sql = format!("SELECT detail FROM jobs WHERE id = '{id}' AND status = 'queued'");
    until("it is to be tried again", || {
        let detail = disks.table().ask(&sql);
        (detail == ["the disk ran full"]).then_some(())
    });
}
