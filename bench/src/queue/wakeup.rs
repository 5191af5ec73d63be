//! How soon a process that sleeps knows that there is work.

use std::{os::unix::net::UnixDatagram, path::Path, time::Duration};

use shared::store::wake::{Bell, Listener, Role as Ear, Signal};
use tokio::runtime::Runtime;

use crate::{
    child::{self, Process, Role},
    clock,
    measure::{Compared, Unit, in_turns, median},
    run::Bench,
};

/// So long that a process has gone to sleep.
const IDLE: Duration = Duration::from_millis(3);

/// From the moment in which the commit is done to the one in which the worker is awake, beside one bare datagram.
pub(crate) fn vs_datagram(bench: &Bench) -> anyhow::Result<Compared> {
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
    let times = bench.size(300);
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
    Ok(Compared {
        name: "wakeup_p50_vs_datagram".to_owned(),
        unit: Unit::Milliseconds,
        other_is: "one datagram to a thread that waits for it",
        ours,
        others,
    })
}

/// How long it takes from the call to the other's word that it is awake, in the middle of so many times.
fn soon(
    process: &mut Process,
    times: usize,
    call: impl Fn() -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        std::thread::park_timeout(IDLE);
        let called = clock::now();
        call()?;
        let awake = process.hear()?.parse()?;
        took.push(clock::milliseconds(called, awake));
    }
    Ok(median(&took))
}

/// In a process of its own: says when it was woken, with the ear of our workers.
pub(crate) fn wait(directory: &Path) -> anyhow::Result<()> {
    Runtime::new()?.block_on(async {
        let listener = Listener::bind(directory, Ear::Worker, "bench")?;
        child::ready()?;
        loop {
            listener.next().await;
            child::say(clock::now())?;
        }
    })
}
