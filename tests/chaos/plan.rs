//! What a campaign asks for and what it kills, made of a seed: the same seed is the same plan.

use std::time::Duration;

use fastrand::Rng;
use harness::quick_controller::Order;

/// All of it, in its order.
pub(crate) struct Plan {
    pub(crate) requests: Vec<Request>,
    pub(crate) kills: Vec<Kill>,
}

/// One build that somebody asks for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) order: Order,
    pub(crate) by: Client,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Submits, and asks again and again how it goes.
    Native,
    /// Holds one request open until the build has ended, and asks anew when that breaks.
    Predecessor,
}

/// One thing that goes wrong.
#[derive(Clone, Debug)]
pub(crate) struct Kill {
    pub(crate) kind: Kind,
    /// After how many ended builds.
    pub(crate) after: usize,
    /// And how long after that.
    pub(crate) delay: Duration,
    /// Whom of several it meets.
    pub(crate) pick: usize,
    /// How long the victim is away.
    pub(crate) away: Duration,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    WorkerKilled,
    WorkerStopped,
    ApiKilled,
    ContainerKilled,
    EngineStopped,
    EngineKilled,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::WorkerKilled => "worker_killed",
            Self::WorkerStopped => "worker_stopped",
            Self::ApiKilled => "api_killed",
            Self::ContainerKilled => "container_killed",
            Self::EngineStopped => "engine_stopped",
            Self::EngineKilled => "engine_killed",
        }
    }
}

/// How often each kind comes in twenty kills: what is frequent in life is frequent here, and even a short
/// campaign has all of them.
const DECK: [(Kind, usize); 6] = [
    (Kind::WorkerKilled, 6),
    (Kind::WorkerStopped, 4),
    (Kind::ApiKilled, 3),
    (Kind::ContainerKilled, 5),
    (Kind::EngineStopped, 1),
    (Kind::EngineKilled, 1),
];

impl Plan {
    /// The plan of this seed.
    pub(crate) fn of(seed: u64, builds: usize, kills: usize) -> Self {
        let mut random = Rng::with_seed(seed);
        Self {
            requests: (0..builds)
                .map(|number| request(number, &mut random))
                .collect(),
            kills: deal(kills, builds, &mut random),
        }
    }
}

fn request(number: usize, random: &mut Rng) -> Request {
    Request {
        order: Order {
            number,
            seconds: 0.1 + 1.4 * random.f32(),
            compiles: random.usize(..20) > 0,
        },
        by: if random.usize(..6) > 0 {
            Client::Native
        } else {
            Client::Predecessor
        },
    }
}

fn deal(kills: usize, builds: usize, random: &mut Rng) -> Vec<Kill> {
    let mut kinds = Vec::new();
    while kinds.len() < kills {
        let mut deck: Vec<_> = DECK
            .iter()
            .flat_map(|&(kind, times)| std::iter::repeat_n(kind, times))
            .collect();
        random.shuffle(&mut deck);
        kinds.extend(deck);
    }
    kinds.truncate(kills);
    let kills = kinds.into_iter().enumerate().map(|(number, kind)| Kill {
        kind,
        after: number * builds / kills,
        delay: Duration::from_millis(random.u64(..600)),
        pick: random.usize(..1000),
        away: Duration::from_millis(random.u64(..2000)),
    });
    kills.collect()
}
