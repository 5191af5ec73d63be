//! What API and worker take while nobody asks for anything.

use std::time::{Duration, Instant};

use harness::program::{Process, pause};

use crate::{
    containers::Noop,
    measured::{Goal, Measured, Unit},
    process,
    run::Bench,
};

/// So long that what a start does is over.
const SETTLED: Duration = Duration::from_secs(3);

/// Memory at rest, in MiB.
const MEMORY: Goal = Goal::AtMost(15.0);

/// Processor time of a worker that waits, in percent of one processor.
const PROCESSOR: Goal = Goal::AtMost(0.2);

/// Memory and processor time of both.
pub(crate) fn memory_and_processor(bench: &Bench) -> anyhow::Result<Vec<Measured>> {
    let mut noop = Noop::set_up(bench, &[])?;
    let worker = noop.service.worker.take();
    let both = [
        ("api", Some(&noop.service.api)),
        ("worker", worker.as_ref()),
    ];
    let both = both
        .into_iter()
        .filter_map(|(name, process)| Some((name, process?)));
    pause(SETTLED);
    let mut memory = Vec::new();
    let mut before = Vec::new();
    for (name, process) in both {
        let rss = vec![process::resident(process.id())?];
        memory.push(
            Measured::alone(format!("idle_memory_{name}"), Unit::Mebibytes, rss).with_goal(MEMORY),
        );
        before.push((name, process, process::processor_time(process.id())?));
    }
    let processors = over(&before, if bench.quick { 5 } else { 30 })?;
    Ok(memory.into_iter().chain(processors).collect())
}

/// Processor time over so many seconds, in percent.
fn over(before: &[(&str, &Process, f64)], seconds: u64) -> anyhow::Result<Vec<Measured>> {
    let began = Instant::now();
    pause(Duration::from_secs(seconds));
    let of = |(name, process, before): &(&str, &Process, f64)| {
        let used = process::processor_time(process.id())? - before;
        let percent = used / began.elapsed().as_secs_f64() / 10.0;
        let name = format!("idle_processor_{name}");
        Ok(Measured::alone(name, Unit::Percent, vec![percent]).with_goal(PROCESSOR))
    };
    before.iter().map(of).collect()
}
