//! From the start of the API's process to its first answer.

use std::time::{Duration, Instant};

use harness::program::{Process, pause};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    http::client,
    measured::{Goal, Measured, Unit},
    run::Bench,
    service,
};

/// What it should take at most, in milliseconds.
const GOAL: Goal = Goal::AtMost(100.0);

/// Between two tries to reach it.
const LOOK: Duration = Duration::from_micros(500);

/// Far longer than any start.
const PATIENCE: Duration = Duration::from_secs(30);

/// With no table yet, and with one that is there.
pub(crate) fn to_first_answer(bench: &Bench) -> anyhow::Result<Vec<Measured>> {
    let runtime = Runtime::new()?;
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..=bench.rounds() {
        let directory = bench.fresh()?;
        first.push(start(&runtime, &directory)?);
        again.push(start(&runtime, &directory)?);
    }
    let of = |name, took: Vec<f64>| {
        // The first of each reads the program from the disk.
        let took = took.into_iter().skip(1).collect();
        Measured::alone(name, Unit::Milliseconds, took).with_goal(GOAL)
    };
    Ok(vec![
        of("start_to_first_answer_new_table", first),
        of("start_to_first_answer", again),
    ])
}

fn start(runtime: &Runtime, directory: &TempDir) -> anyhow::Result<f64> {
    let address = service::a_free_port()?;
    let variables = service::variables(directory.path(), address, &[]);
    let log = directory.path().join("api.log");
    let began = Instant::now();
    let api = Process::start("api", &variables, &log);
    while !runtime.block_on(client::answers(address, "/healthz")) {
        anyhow::ensure!(began.elapsed() < PATIENCE, "no answer:\n{}", api.log());
        pause(LOOK);
    }
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}
