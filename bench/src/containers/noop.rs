//! What a build costs that has nothing to build: beside `docker run`, and beside its container alone.

use std::time::Duration;

use harness::program::pause;
use tokio::runtime::Runtime;

use super::{Noop, by_hand::ByHand, journey::post_to_zip};
use crate::{
    http::bodies::Bodies,
    measure::{in_turns, median},
    measured::{Goal, Measured, Unit},
    run::Bench,
};

/// Between two builds, so that nothing of the one before is still being removed or made ready, as it is for a person
/// who comes alone.
const REST: Duration = Duration::from_millis(300);

/// What the service itself may take of a build, in milliseconds.
const SHARE: f64 = 15.0;

/// From the request to the zip, beside `docker run --rm` of the same container.
pub(crate) fn vs_docker_run(bench: &Bench) -> anyhow::Result<Vec<Measured>> {
    let noop = Noop::set_up(bench, &[])?;
    let by_hand = ByHand::of(bench, &noop.image.name)?;
    let asking = Asking::at(&noop)?;
    let times = times(bench);
    let (ours, others) = in_turns(
        bench.rounds(),
        || asking.in_the_middle(times),
        || in_the_middle(times, || by_hand.docker_run()),
    )?;
    let name = "noop_post_to_zip_vs_docker_run";
    let measured = Measured::alone(name, Unit::Milliseconds, ours)
        .beside("docker run --rm of the same container", others);
    Ok(vec![measured])
}

/// The same without its container: created, started and waited for. None is started ahead of the request here, as that
/// would be taken off twice.
pub(crate) fn service_share(bench: &Bench) -> anyhow::Result<Vec<Measured>> {
    let noop = Noop::set_up(bench, &[("KIISRV_PREPARED", "0")])?;
    let by_hand = ByHand::of(bench, &noop.image.name)?;
    let runtime = Runtime::new()?;
    let asking = Asking::at(&noop)?;
    let times = times(bench);
    let (whole, container) = in_turns(
        bench.rounds(),
        || asking.in_the_middle(times),
        || in_the_middle(times, || runtime.block_on(by_hand.through_the_socket())),
    )?;
    let rounds = whole.iter().zip(&container);
    let share = rounds.map(|(whole, container)| whole - container).collect();
    Ok(vec![
        Measured::alone("service_share_ms", Unit::Milliseconds, share)
            .with_goal(Goal::AtMost(SHARE)),
        Measured::alone("noop_post_to_zip_vs_container", Unit::Milliseconds, whole).beside(
            "its container alone, created, started and waited for",
            container,
        ),
    ])
}

const fn times(bench: &Bench) -> usize {
    if bench.quick { 2 } else { 6 }
}

/// The one in the middle of so many, each after a rest.
fn in_the_middle(
    times: usize,
    mut took: impl FnMut() -> anyhow::Result<f64>,
) -> anyhow::Result<f64> {
    let mut all = Vec::with_capacity(times);
    for _ in 0..times {
        pause(REST);
        all.push(took()?);
    }
    Ok(median(&all))
}

/// Somebody who asks for one build after the other.
struct Asking<'noop> {
    noop: &'noop Noop,
    runtime: Runtime,
    bodies: Bodies,
}

impl<'noop> Asking<'noop> {
    fn at(noop: &'noop Noop) -> anyhow::Result<Self> {
        Ok(Self {
            noop,
            runtime: Runtime::new()?,
            bodies: Bodies::of(Noop::VERSION),
        })
    }

    fn in_the_middle(&self, times: usize) -> anyhow::Result<f64> {
        // The connection is there already, as it is between requests of one program.
        let mut client = self.runtime.block_on(self.noop.service.connect())?;
        in_the_middle(times, || {
            let journey = post_to_zip(&mut client, self.bodies.different());
            Ok(self.runtime.block_on(journey)?.took)
        })
    }
}
