//! Several processes at one table, and what is left when one of them is killed.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Lines, Write},
    path::Path,
    process::{Child, ChildStdout, Stdio},
    time::Duration,
};

use harness::store::{ByHand, OwnStore, a_build};
use shared::store::{
    jobs::{Rescued, rescue_expired},
    statistics::statistics,
    wake::{Listener, Role, Signal},
};

/// How often a process is killed, each time at another moment.
const KILLS: usize = 8;

#[test]
fn eight_processes_may_open_an_empty_directory_at_once() {
    for round in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        let mut processes: Vec<_> = (0..8)
            .map(|_| Process::start(&["open", path(directory.path())]))
            .collect();
        for process in &mut processes {
            assert_eq!(process.line().as_deref(), Some("ready"));
        }
        for process in &mut processes {
            process.say("now");
        }
        let answers: Vec<_> = processes.into_iter().map(Process::run_to_its_end).collect();
        assert!(answers[0][0].starts_with("opened "), "round {round}");
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "round {round}: not all see the same table: {answers:?}"
        );
        let table = ByHand::open(directory.path());
        assert_eq!(table.ask("SELECT count(*) FROM service"), ["1"]);
        assert_eq!(table.ask("PRAGMA journal_mode"), ["wal"]);
    }
}

#[tokio::test]
async fn processes_that_drain_together_take_no_build_twice_and_leave_none() {
    let own = OwnStore::new().await;
    let start = |what: &[&str]| {
        Process::start(&[&what[..1], &[path(own.directory())], &what[1..]].concat())
    };
    let enqueuers = [
        start(&["enqueue", "one", "200"]),
        start(&["enqueue", "two", "200"]),
    ];
    // The first of them work while builds still come.
    let early: Vec<_> = (0..2).map(|_| start(&["drain"])).collect();
    let enqueued: Vec<_> = enqueuers
        .into_iter()
        .flat_map(|process| after("enqueued ", &process.run_to_its_end()))
        .collect();
    let late: Vec<_> = (0..2).map(|_| start(&["drain"])).collect();
    let said: Vec<_> = early
        .into_iter()
        .chain(late)
        .flat_map(Process::run_to_its_end)
        .collect();

    let (claimed, finished) = (after("claimed ", &said), after("finished ", &said));
    assert_eq!(claimed.len(), 400, "each is taken once");
    assert_eq!(set(&claimed), set(&enqueued));
    assert_eq!(set(&finished), set(&enqueued));
    let table = own.by_hand();
    let ended =
        table.ask("SELECT count(*) FROM jobs WHERE status = 'succeeded' AND lease_epoch = 1");
    assert_eq!(ended, ["400"]);
}

#[tokio::test]
async fn builds_of_a_killed_worker_are_finished_by_others_and_no_others_are_touched() {
    let own = OwnStore::new().await;
    let table = own.by_hand();
    Process::start(&["enqueue", path(own.directory()), "all", "400"]).run_to_its_end();
    let mut rescued_in_all = 0;
    for kill in 0..KILLS {
        let mut drainer = Process::start(&["drain", path(own.directory())]);
        let mut said = Vec::new();
        while said.len() < 5 + 7 * kill {
            said.push(drainer.line().expect("more builds wait than it is let end"));
        }
        said.extend(drainer.kill());
        rescued_in_all += rescue_and_compare(&own, &table, &said).await;
    }
    let mut hanging = Process::start(&["claim-and-hang", path(own.directory()), "3"]);
    let mut said: Vec<_> = (0..3).map(|_| hanging.line().unwrap()).collect();
    said.extend(hanging.kill());
    assert_eq!(rescue_and_compare(&own, &table, &said).await, 3);

    let others = Process::start(&["drain", path(own.directory())]).run_to_its_end();
    assert!(after("finished ", &others).len() >= 3);
    let ends = table.ask("SELECT DISTINCT status FROM jobs");
    assert_eq!(ends, ["succeeded"]);
    let claims = table.ask("SELECT sum(lease_epoch) - count(*) FROM jobs");
    assert_eq!(claims, [(rescued_in_all + 3).to_string()]);
}

/// Looks at a table whose only worker was just killed, lets its leases end, and gives back how many
/// builds were taken back.
async fn rescue_and_compare(own: &OwnStore, table: &ByHand, said: &[String]) -> usize {
    assert_eq!(table.ask("PRAGMA integrity_check"), ["ok"]);
    assert_eq!(table.ask("SELECT count(*) FROM jobs"), ["400"]);
    assert_eq!(table.ask("SELECT count(*) FROM job_inputs"), ["400"]);
    let running = set(&table.ask("SELECT id FROM jobs WHERE status = 'running'"));
    let ended = set(&table.ask("SELECT id FROM jobs WHERE status = 'succeeded'"));
    assert!(
        set(&after("finished ", said)).is_subset(&ended),
        "an end that was acknowledged is lost"
    );
    let may_run: BTreeSet<_> = &set(&after("claimed ", said)) - &ended;
    assert!(
        may_run.is_subset(&running),
        "a build that it held is neither running nor ended"
    );

    table
        .run("UPDATE jobs SET lease_until = 1 WHERE status = 'running'")
        .unwrap();
    let rescued: BTreeSet<_> = rescue_expired(&own.store)
        .await
        .unwrap()
        .into_iter()
        .map(|one| match one {
            Rescued::Waiting(id) => id.to_string(),
            Rescued::SetAside(id) => panic!("{id} was set aside"),
        })
        .collect();
    assert_eq!(rescued, running);
    let waiting = set(&table.ask("SELECT id FROM jobs WHERE status = 'queued'"));
    assert!(rescued.is_subset(&waiting));
    assert_eq!(waiting.len() + ended.len(), 400);
    rescued.len()
}

#[tokio::test]
async fn a_build_that_was_acknowledged_survives_a_kill() {
    let own = OwnStore::new().await;
    let mut acknowledged = BTreeSet::new();
    for kill in 0..KILLS {
        let prefix = format!("round-{kill}");
        let mut process = Process::start(&["enqueue", path(own.directory()), &prefix, "100000"]);
        let mut said = Vec::new();
        while said.len() < 5 + 7 * kill {
            said.push(process.line().expect("it does not end by itself"));
        }
        said.extend(process.kill());
        acknowledged.extend(after("enqueued ", &said));
    }
    let table = own.by_hand();
    assert_eq!(table.ask("PRAGMA integrity_check"), ["ok"]);
    let whole = table.ask(
        "SELECT id FROM jobs JOIN job_inputs ON job_id = id
         WHERE EXISTS (SELECT 1 FROM requests WHERE requests.job_id = jobs.id)",
    );
    assert!(acknowledged.is_subset(&set(&whole)));
    assert_eq!(
        table.ask("SELECT count(*) FROM jobs"),
        [whole.len().to_string()]
    );
    let counted = statistics(&own.store).await.unwrap();
    assert_eq!(counted.builds, whole.len() as u64);
    assert_eq!(counted.unique_builds, whole.len() as u64);
}

#[tokio::test]
async fn processes_that_ask_at_once_cannot_pass_a_clients_limit_together() {
    let own = OwnStore::new().await;
    let admit = |prefix| Process::start(&["admit", path(own.directory()), prefix, "60", "100"]);
    let processes = ["one", "two", "three", "four"].map(admit);
    let said: Vec<_> = processes
        .into_iter()
        .flat_map(Process::run_to_its_end)
        .collect();
    let admitted = after("admitted ", &said);
    assert_eq!((admitted.len(), said.len()), (100, 240));
    let waiting = own
        .by_hand()
        .ask("SELECT id FROM jobs WHERE status = 'queued'");
    assert_eq!(set(&waiting), set(&admitted));
    assert_eq!(own.by_hand().ask("SELECT waiting FROM service"), ["100"]);
}

#[tokio::test]
async fn of_many_that_leave_at_once_in_several_processes_one_is_the_last() {
    for _ in 0..5 {
        let own = OwnStore::new().await;
        let join = || Process::start(&["join-and-leave", path(own.directory()), "KType-Standard"]);
        let mut processes: Vec<_> = (0..6).map(|_| join()).collect();
        let joined: BTreeSet<_> = processes
            .iter_mut()
            .map(|one| one.line().unwrap())
            .collect();
        assert_eq!(joined.len(), 1, "all hold the same build: {joined:?}");
        for process in &mut processes {
            process.say("now");
        }
        let said: Vec<_> = processes
            .into_iter()
            .flat_map(Process::run_to_its_end)
            .collect();
        let last = said.iter().filter(|left| *left == "AndCancelled").count();
        assert_eq!((last, said.len()), (1, 6), "{said:?}");
        let status = own.by_hand().ask("SELECT status FROM jobs");
        assert_eq!(status, ["cancelled"]);
    }
}

#[tokio::test]
async fn a_waiting_worker_is_woken_by_a_build_of_another_process() {
    let own = OwnStore::new().await;
    let mut worker = Process::start(&["wait-for-work", path(own.directory())]);
    assert_eq!(worker.line().as_deref(), Some("waiting"));
    let id = a_build("KType-Standard").enqueue(&own.store).await.id();
    assert_eq!(
        worker.run_to_its_end(),
        ["woken by a datagram".to_owned(), format!("claimed {id}")]
    );
}

#[tokio::test]
async fn the_death_of_a_listener_costs_the_others_no_wake_up() {
    let own = OwnStore::new().await;
    let mut dead = Process::start(&["wait-for-work", path(own.directory())]);
    assert_eq!(dead.line().as_deref(), Some("waiting"));
    dead.kill();
    let mut worker = Process::start(&["wait-for-work", path(own.directory())]);
    assert_eq!(worker.line().as_deref(), Some("waiting"));
    a_build("KType-Standard").enqueue(&own.store).await;
    assert_eq!(worker.run_to_its_end()[0], "woken by a datagram");
    let sockets = std::fs::read_dir(own.store.wake_directory()).unwrap();
    assert_eq!(sockets.count(), 0, "the dead one's socket is removed");
}

#[tokio::test]
async fn an_api_hears_what_becomes_of_a_build_in_another_process() {
    let own = OwnStore::new().await;
    let id = a_build("KType-Standard").enqueue(&own.store).await.id();
    let listener = Listener::bind(own.store.wake_directory(), Role::Api, "an API").unwrap();
    let said = Process::start(&["drain", path(own.directory())]).run_to_its_end();
    assert_eq!(said, [format!("claimed {id}"), format!("finished {id}")]);
    for _ in &said {
        let heard = tokio::time::timeout(Duration::from_secs(20), listener.next()).await;
        assert_eq!(heard.expect("a wake-up"), Signal::Changed(id));
    }
}

/// A process that is killed when its test ends before it does.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "it is a process of the test's own, not a build"
        )]
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_store-process"));
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The next thing that it did.
    fn line(&mut self) -> Option<String> {
        self.lines.next().map(Result::unwrap)
    }

    /// All that it still said, after which it must have ended well.
    fn run_to_its_end(mut self) -> Vec<String> {
        let said = self.lines.by_ref().map(Result::unwrap).collect();
        assert!(self.child.wait().unwrap().success());
        said
    }

    /// Kills it at once, as `kill -9` does, and gives back what it had said by then.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines.by_ref().map(Result::unwrap).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to do.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn path(directory: &Path) -> &str {
    directory.to_str().unwrap()
}

/// What follows this word in those lines that begin with it.
fn after(word: &str, lines: &[String]) -> Vec<String> {
    lines
        .iter()
        .filter_map(|line| line.strip_prefix(word))
        .map(str::to_owned)
        .collect()
}

fn set(ids: &[String]) -> BTreeSet<String> {
    ids.iter().cloned().collect()
}
