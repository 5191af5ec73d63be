//! Kills, one after another, while builds flow; and waits until all of them have ended.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use harness::program::pause;

use crate::{
    clients::Clients,
    plan::{Kill, Kind, Plan},
    stage::Stage,
    starts::Starts,
};

/// How many people ask at the same time.
const PEOPLE: usize = 24;

/// After this long without any build's end, builds are lost. A build whose engine was away often waits
/// for five minutes at the most, and for a lease before that.
const STANDSTILL: Duration = Duration::from_mins(7);

/// Between two looks at what goes on.
const LOOK: Duration = Duration::from_millis(20);

/// What was done to the service.
#[derive(Default)]
pub(crate) struct Done {
    /// How often each kind of kill met somebody.
    pub(crate) kills: BTreeMap<Kind, usize>,
    /// Containers of builds that started.
    pub(crate) starts: usize,
    /// How long it took until the last build had ended.
    pub(crate) lasted: Duration,
}

/// Lets all requests come and all kills happen. Returns when the last build has ended, or none ends any
/// more.
pub(crate) fn direct(stage: &mut Stage, plan: &Plan, clients: &Clients) -> Done {
    let starts = Starts::at(stage.engine.address());
    let mut done = Done::default();
    std::thread::scope(|scope| {
        scope.spawn(|| starts.listen());
        for _ in 0..PEOPLE {
            scope.spawn(|| clients.work());
        }
        play(stage, plan, clients, &mut done);
        done.starts = starts.hang_up();
    });
    done
}

fn play(stage: &mut Stage, plan: &Plan, clients: &Clients, done: &mut Done) {
    let began = Instant::now();
    let mut coming = plan.kills.iter();
    let mut next = coming.next();
    let (mut ended, mut progress, mut due) = (0, began, None);
    while clients.ended() < plan.requests.len() {
        stage.tend();
        if clients.ended() > ended {
            (ended, progress) = (clients.ended(), Instant::now());
        }
        if let Some(kill) = next.filter(|kill| kill.after <= ended)
            && *due.get_or_insert(Instant::now() + kill.delay) <= Instant::now()
            && let Some(victim) = stage.strike(kill)
        {
            say(kill, &victim, began, ended);
            *done.kills.entry(kill.kind).or_default() += 1;
            (next, due) = (coming.next(), None);
        }
        if progress.elapsed() > STANDSTILL {
            println!("no build has ended for {STANDSTILL:?}: the others are lost");
            clients.give_up();
            break;
        }
        pause(LOOK);
    }
    done.lasted = began.elapsed();
}

fn say(kill: &Kill, victim: &str, began: Instant, ended: usize) {
    let at = began.elapsed().as_secs_f32();
    println!("{at:7.1} s, {ended:4} ended: {} {victim}", kill.kind.name());
}
