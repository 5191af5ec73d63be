//! The fault campaign: builds flow through a real service on an engine of its own while its processes,
//! its containers and the engine itself are killed. Then it looks from outside whether anything was lost.
//!
//! `chaos <builds> <kills> <seed> <report>`: the same numbers are the same plan. It ends with status 1
//! where something is wrong.
#![expect(
    clippy::print_stdout,
    reason = "it says what it does and what it found"
)]

mod actor;
mod checks;
mod clients;
mod director;
mod plan;
mod report;
mod stage;
mod starts;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use checks::{Findings, left_of_builds, rows};
use clients::Clients;
use harness::{private_engine, program, store::ByHand};
use plan::{Client, Plan, Request};
use report::Report;
use stage::Stage;

/// Longer than the worker waits between two looks for leftovers.
const TIDYING: Duration = Duration::from_secs(75);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [builds, kills, seed, report] = arguments.as_slice() else {
        println!("usage: chaos <builds> <kills> <seed> <report>");
        return ExitCode::from(2);
    };
    let (Ok(builds), Ok(kills), Ok(seed)) = (builds.parse(), kills.parse(), seed.parse()) else {
        println!("builds, kills and seed are numbers");
        return ExitCode::from(2);
    };
    if let Some(missing) = private_engine::what_is_missing() {
        println!("{missing}");
        return ExitCode::from(2);
    }
    // Before the clock runs.
    program::path();
    println!("{builds} builds, {kills} kills, seed {seed}");
    let report_to = PathBuf::from(report);
    let report = run(
        seed,
        &Plan::of(seed, builds, kills),
        &report_to.with_file_name("said"),
    );
    report.write(&report_to);
    println!("{}", report.summary());
    println!("the report is {}", report_to.display());
    ExitCode::from(u8::from(!report.is_good()))
}

fn run(seed: u64, plan: &Plan, said: &Path) -> Report {
    let mut stage = Stage::set_up(said);
    let clients = Clients::new(plan.requests.clone(), &stage.url);
    let done = director::direct(&mut stage, plan, &clients);
    let after = build_once_more(&mut stage, plan);
    let mut findings = Findings::default();
    let chores = tidy(&mut stage, &mut findings);
    stage.wind_up();
    let table = ByHand::open(&stage.path("data"));
    let rows = rows(&table);
    let promises = clients.promises();
    findings.look(&stage, plan, &promises, &rows);
    findings.wrong.extend(clients.complaints());
    findings.wrong.extend(after);
    let deaths = std::mem::take(&mut stage.deaths).into_iter();
    let (ready, starting): (Vec<_>, Vec<_>) = deaths.partition(|death| death.was_ready);
    findings
        .wrong
        .extend(ready.into_iter().map(|death| death.words));
    Report {
        seed,
        requests: plan.requests.len(),
        broken: clients.broken(),
        integrity: table.ask("PRAGMA integrity_check").join(" "),
        could_not_start: starting.into_iter().map(|death| death.words).collect(),
        rescued: stage
            .workers
            .iter()
            .map(|worker| worker.said("was taken back"))
            .sum(),
        promises,
        done,
        rows,
        chores,
        findings,
    }
}

/// When nobody is killed any more, a build goes through; what is wrong where it does not. It also rings
/// at everybody's, which is when the sockets of the dead are removed.
fn build_once_more(stage: &mut Stage, plan: &Plan) -> Vec<String> {
    let order = harness::quick_controller::Order {
        number: plan.requests.len(),
        seconds: 0.1,
        compiles: true,
    };
    let by = Client::Native;
    let last = Clients::new(vec![Request { order, by }], &stage.url);
    std::thread::scope(|scope| {
        scope.spawn(|| last.work());
        let deadline = Instant::now() + Duration::from_mins(1);
        while last.ended() == 0 {
            stage.tend();
            if Instant::now() > deadline {
                last.give_up();
            }
            program::pause(Duration::from_millis(50));
        }
    });
    let promises = last.promises();
    let end = promises.first().and_then(|promise| promise.end.as_deref());
    let mut wrong = last.complaints();
    if end != Some("succeeded") {
        wrong.push(format!("a build after all of it ended as {end:?}"));
    }
    wrong
}

/// Gives the workers the time that they take to tidy up. What then is left of builds is a finding; what
/// is left of chores is given back.
fn tidy(stage: &mut Stage, findings: &mut Findings) -> Vec<String> {
    stage.tend_until("the engine is back", |stage| stage.engine.is_running());
    let deadline = Instant::now() + TIDYING;
    loop {
        let (left, chores) = left_of_builds(stage);
        if left.is_empty() || Instant::now() > deadline {
            findings.leftovers.extend(left);
            return chores;
        }
        stage.tend();
        program::pause(Duration::from_millis(200));
    }
}
