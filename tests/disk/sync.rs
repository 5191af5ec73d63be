//! Syncs that fail, and what a power cut leaves of the table afterwards.

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use harness::store::ByHand;
use shared::{
    channel::Dialect,
    store::{
        Store,
        versions::{Controller, controllers_seen},
    },
};
use tempfile::TempDir;

use crate::program::{self, Program, id_of};

/// How often the disk breaks and comes back while people ask for builds.
const ROUNDS: usize = 3;

/// A table on a disk whose syncs fail while a switch is there.
struct Disk {
    home: TempDir,
    library: PathBuf,
}

impl Disk {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let library = home.path().join("failing_sync.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/disk/failing_sync.c");
        #[expect(clippy::disallowed_methods, reason = "the disk is made from outside")]
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .args([source, "-ldl", "-lpthread"])
            .status();
        assert!(made.unwrap().success(), "{source} does not compile");
        let disk = Self { home, library };
        for directory in [disk.data(), disk.platter()] {
            fs::create_dir_all(directory).unwrap();
        }
        disk.fill();
        disk
    }

    /// The table gets a controller to plan with. From then on it is watched.
    #[tokio::main(flavor = "current_thread")]
    async fn fill(&self) {
        let store = Store::open(&self.data()).await.unwrap();
        let controller = Controller {
            name: "057".to_owned(),
            image: "sha256:057".to_owned(),
            protocol: 2,
            dialect: Dialect::Latest,
            channel: None,
            version: Some("v0.5.7".to_owned()),
            revision: None,
            created: None,
            commits: None,
            source: None,
            keyboards: None,
        };
        let seen = controllers_seen(&store, "an engine", vec![controller]);
        seen.await.unwrap();
        let table = ByHand::open(&self.data());
        table.run("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let name = "kiisrv.db";
        fs::copy(self.data().join(name), self.platter().join(name)).unwrap();
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn platter(&self) -> PathBuf {
        self.home.path().join("platter")
    }

    fn start_api(&self) -> Program {
        Program::start(self.api()).listening()
    }

    /// Its words.
    fn api_that_does_not_start(&self) -> String {
        Program::start(self.api()).ended()
    }

    fn api(&self) -> Command {
        let table = self.data().join("kiisrv.db");
        let [table, platter, switch] =
            [table, self.platter(), self.switch()].map(|path| path.display().to_string());
        let library = self.library.display().to_string();
        let variables = [
            ("LD_PRELOAD", library.as_str()),
            ("FAILING_SYNC_TABLE", &table),
            ("FAILING_SYNC_PLATTER", &platter),
            ("FAILING_SYNC_SWITCH", &switch),
        ];
        program::command("api", self.home.path(), &variables)
    }

    fn switch(&self) -> PathBuf {
        self.home.path().join("syncs-fail")
    }

    fn breaks(&self) {
        fs::write(self.switch(), "").unwrap();
    }

    fn works_again(&self) {
        fs::remove_file(self.switch()).unwrap();
    }

    /// That each of these builds is in the table, and would be after a power cut.
    fn assert_kept(&self, accepted: &BTreeSet<String>) {
        for place in [self.data(), self.platter()] {
            let lost = accepted - &builds_in(&place);
            assert!(lost.is_empty(), "{}: lost {lost:?}", place.display());
        }
    }
}

fn builds_in(directory: &Path) -> BTreeSet<String> {
    let table = ByHand::open(directory);
    assert_eq!(table.ask("PRAGMA integrity_check"), ["ok"]);
    table.ask("SELECT id FROM jobs").into_iter().collect()
}

#[test]
fn no_build_is_accepted_that_a_power_cut_would_take_while_syncs_fail_and_return() {
    let disk = Disk::new();
    let api = disk.start_api();
    let over = AtomicBool::new(false);
    let accepted = std::thread::scope(|scope| {
        // Several at once, so that one commit is for several of them.
        let people: Vec<_> = (0..4)
            .map(|person| {
                let (api, over) = (&api, &over);
                scope.spawn(move || ask_until(over, api, person))
            })
            .collect();
        let broken = catch_unwind(AssertUnwindSafe(|| break_and_mend(&disk, &api)));
        over.store(true, Ordering::Relaxed);
        let accepted = people.into_iter().flat_map(|person| person.join().unwrap());
        let accepted: BTreeSet<_> = accepted.collect();
        broken.unwrap_or_else(|why| resume_unwind(why));
        accepted
    });
    api.kill();
    assert!(accepted.len() > ROUNDS, "{} accepted", accepted.len());
    disk.assert_kept(&accepted);
}

fn break_and_mend(disk: &Disk, api: &Program) {
    for round in 0..ROUNDS {
        api.accepted(&format!("before {round}"));
        disk.breaks();
        let why = api.says("table", false);
        assert!(why.contains("disk I/O error"), "{why}");
        let refused = api.ask_for(&format!("while {round}"));
        assert_eq!(refused.status, 503, "{}", refused.text());
        let words = refused.json()["error"].as_str().unwrap().to_owned();
        assert!(words.contains("nothing of it is stored"), "{words}");
        assert!(refused.headers.contains_key("retry-after"));
        assert_eq!(api.get("/healthz").status, 200);
        disk.works_again();
        api.says("table", true);
    }
}

/// Asks for one build after the other, and gives those that were accepted.
fn ask_until(over: &AtomicBool, api: &Program, person: usize) -> Vec<String> {
    let mut accepted = Vec::new();
    for number in 0.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let answer = api.ask_for(&format!("person {person}, build {number}"));
        assert!(matches!(answer.status, 202 | 503), "{}", answer.text());
        accepted.extend(id_of(&answer));
        std::thread::park_timeout(Duration::from_millis(20));
    }
    accepted
}

#[test]
fn a_program_that_died_after_a_failed_sync_builds_nothing_on_what_was_lost() {
    let disk = Disk::new();
    let api = disk.start_api();
    let mut accepted = BTreeSet::from([api.accepted("before")]);
    disk.breaks();
    assert_eq!(api.ask_for("while").status, 503);
    api.kill();
    disk.works_again();
    // The next one finds the refused build in the log as it is in memory, and not on the platter.
    let api = disk.start_api();
    accepted.insert(api.accepted("after"));
    api.kill();
    disk.assert_kept(&accepted);
}

#[test]
fn a_program_does_not_start_on_a_disk_whose_syncs_fail_and_says_why() {
    let disk = Disk::new();
    let api = disk.start_api();
    let accepted = BTreeSet::from([api.accepted("before")]);
    api.kill();
    disk.breaks();
    let log = disk.api_that_does_not_start();
    assert!(
        log.contains("kiisrv.db") && log.contains("disk I/O error"),
        "{log}"
    );
    disk.works_again();
    disk.start_api().kill();
    disk.assert_kept(&accepted);
}
