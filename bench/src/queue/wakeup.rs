//! How soon a process that sleeps knows that there is work.

use std::{os::unix::net::UnixDatagram, path::Path, time::Duration};

use shared::store::wake::{Bell, Listener, Role as Ear, Signal};
use tokio::runtime::Runtime;

use crate::{
    child::{self, Process, Role},
    clock,
    measure::{each, in_turns, quantile},
    measured::{Measured, Unit},
    run::Bench,
};

/// So long that a process has gone to sleep.
const IDLE: Duration = Duration::from_millis(3);

/// So long that a bell knows for certain who is there, as that of a service does which has run for a while.
const SETTLED: Duration = Duration::from_secs(3);

/// From the moment in which the commit is done to the one in which the worker is awake, beside one bare datagram.
pub(crate) fn vs_datagram(bench: &Bench) -> anyhow::Result<Vec<Measured>> {
    let directory = bench.fresh()?;
    let ours_there = directory.path().to_owned();
    let mut ours = Process::start(&Role::Wake {
        directory: ours_there.clone(),
    })?;
    ours.go()?;
    let socket = directory.path().join("bare");
    let mut other = Process::start(&Role::WakeByHand {
        socket: socket.clone(),
    })?;
    other.go()?;
    let bare = UnixDatagram::unbound()?;
    bare.connect(&socket)?;
    let bell = Bell::beside(ours_there);
    std::thread::park_timeout(SETTLED);
    let times = bench.size(1_000);
    let (ours, others) = in_turns(
        bench.rounds(),
        || {
            soon(&mut ours, times, || {
                bell.ring((Ear::Worker, Signal::Queued));
                Ok(())
            })
        },
        || soon(&mut other, times, || Ok(bare.send(b"queued").map(drop)?)),
    )?;
    let of = |percent: u8| {
        let share = f64::from(percent) / 100.0;
        let figure = |took: &Vec<f64>| quantile(took, share);
        let name = format!("wakeup_p{percent}_vs_datagram");
        Measured::alone(name, Unit::Milliseconds, each(&ours, figure)).beside(
            "one datagram to a thread that waits for it",
            each(&others, figure),
        )
    };
    Ok(vec![of(50), of(99)])
}

/// How long it takes from the call to the other's word that it is awake, so many times.
fn soon(
    process: &mut Process,
    times: usize,
    call: impl Fn() -> anyhow::Result<()>,
) -> anyhow::Result<Vec<f64>> {
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        std::thread::park_timeout(IDLE);
        let called = clock::now();
        call()?;
        let awake = process.hear()?.parse()?;
        took.push(clock::milliseconds(called, awake));
    }
    Ok(took)
}

/// In a process of its own: says when it was woken, with the ear of our workers.
pub(crate) fn wait(directory: &Path) -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    let directory = directory.to_owned();
    // On a thread of the runtime, as the program runs.
    let waits = runtime.spawn(async move {
        let listener = Listener::bind(&directory, Ear::Worker, "bench")?;
        child::ready()?;
        loop {
            listener.next().await;
            child::say(clock::now())?;
        }
    });
    runtime.block_on(waits)?
}
