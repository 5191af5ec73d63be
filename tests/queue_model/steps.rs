//! What can happen, and which of it can happen now: a verb of the store is one variant here, one arm in the model and
//! one in the real thing.

use proptest::{prelude::*, sample::select};
use proptest_state_machine::ReferenceStateMachine;
use shared::job::Status;

use super::model::Model;

/// Few of each, so that they meet.
pub(crate) const LAYOUTS: u8 = 3;
pub(crate) const CLIENTS: u8 = 3;
pub(crate) const WORKERS: u8 = 3;
pub(crate) const CONTROLLERS: [&str; 2] = ["057", "058"];

/// One thing that happens. Builds and claims are named by their number, from 0, in the order in which they came.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A client asks for a layout.
    Ask { client: u8, layout: u8 },
    /// A worker takes the next build.
    Claim { worker: u8 },
    /// The holder by this claim, or somebody who was it once, does something.
    ByClaim { claim: usize, act: Act },
    /// The lease of a running build ends without a word from its holder.
    LeaseEnds { build: usize },
    /// Any worker takes back what nobody holds.
    Rescue { worker: u8 },
    /// The pause of a build that was given back is over.
    PauseEnds { build: usize },
    /// Any worker lets builds wait whose pause is over.
    MakeDueBuildsWait { worker: u8 },
    /// A kept failure's day is over.
    AnswerAges { build: usize },
    /// An operator lets a build go before others, or after them.
    Prefer { build: usize, priority: i64 },
    /// An operator moves `latest`.
    Move { controller: usize },
}

/// What a worker does with a build that it holds, or believes to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Renew,
    /// Writes down its container.
    Start,
    FinishBuilt,
    FinishFailedCompile,
    FinishOverALimit,
    /// It leaves.
    GiveBackAtOnce,
    /// Its engine is in trouble.
    GiveBackForLater,
}

/// What it does on a bad day: it starts, and is not seen again.
const BAD_ACTS: [Act; 3] = [Act::Start, Act::Start, Act::GiveBackForLater];

const ACTS: [Act; 7] = [
    Act::Renew,
    Act::Start,
    Act::FinishBuilt,
    Act::FinishFailedCompile,
    Act::FinishOverALimit,
    Act::GiveBackAtOnce,
    Act::GiveBackForLater,
];

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        let day = |is_bad_day| Self {
            is_bad_day,
            ..Self::default()
        };
        any::<bool>().prop_map(day).boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Step> {
        // On a bad day few ask, and what is taken is lost again and again, until it has had its chances.
        let (often, acts) = if model.is_bad_day {
            (4, &BAD_ACTS[..])
        } else {
            (1, &ACTS[..])
        };
        let worker = || 0..WORKERS;
        let mut steps = vec![
            (if model.is_bad_day { 1 } else { 4 }, ask().boxed()),
            (
                4,
                worker().prop_map(|worker| Step::Claim { worker }).boxed(),
            ),
            (
                often,
                worker().prop_map(|worker| Step::Rescue { worker }).boxed(),
            ),
            (
                often,
                worker()
                    .prop_map(|worker| Step::MakeDueBuildsWait { worker })
                    .boxed(),
            ),
            (
                1,
                (0..CONTROLLERS.len())
                    .prop_map(|controller| Step::Move { controller })
                    .boxed(),
            ),
        ];
        // The last claims are mostly those that hold something; the others must change nothing.
        for (weight, first) in [(8, model.claims.len().saturating_sub(2)), (2, 0)] {
            if !model.claims.is_empty() {
                let by_claim = (first..model.claims.len(), select(acts));
                let by_claim = by_claim.prop_map(|(claim, act)| Step::ByClaim { claim, act });
                steps.push((weight, by_claim.boxed()));
            }
        }
        let mut about = |weight, which: Vec<usize>, step: fn(usize) -> Step| {
            if !which.is_empty() {
                steps.push((weight, select(which).prop_map(step).boxed()));
            }
        };
        about(2 + often, model.which(Step::lease_can_end), |build| {
            Step::LeaseEnds { build }
        });
        about(1 + often, model.which(Step::pause_can_end), |build| {
            Step::PauseEnds { build }
        });
        about(1, model.which(Step::answer_can_age), |build| {
            Step::AnswerAges { build }
        });
        about(
            1,
            model.which(|row| row.status == Status::Queued),
            |build| Step::Prefer {
                build,
                priority: if build % 2 == 0 { 1 } else { 200 },
            },
        );
        proptest::strategy::Union::new_weighted(steps).boxed()
    }

    fn preconditions(model: &Self, step: &Step) -> bool {
        let is = |build: usize, can: fn(&super::model::Row) -> bool| {
            model.rows.get(build).is_some_and(can)
        };
        match *step {
            Step::ByClaim { claim, .. } => claim < model.claims.len(),
            Step::LeaseEnds { build } => is(build, Step::lease_can_end),
            Step::PauseEnds { build } => is(build, Step::pause_can_end),
            Step::AnswerAges { build } => is(build, Step::answer_can_age),
            Step::Prefer { build, .. } => is(build, |row| row.status == Status::Queued),
            Step::Ask { .. }
            | Step::Claim { .. }
            | Step::Rescue { .. }
            | Step::MakeDueBuildsWait { .. }
            | Step::Move { .. } => true,
        }
    }

    fn apply(mut model: Self, step: &Step) -> Self {
        model.apply(step);
        model
    }
}

impl Step {
    fn lease_can_end(row: &super::model::Row) -> bool {
        row.status == Status::Running && !row.lease_is_over
    }

    fn pause_can_end(row: &super::model::Row) -> bool {
        row.pause.is_some_and(|pause| !pause.is_over)
    }

    fn answer_can_age(row: &super::model::Row) -> bool {
        row.kept && row.status == Status::Failed && !row.answer_is_old
    }
}

fn ask() -> impl Strategy<Value = Step> {
    (0..CLIENTS, 0..LAYOUTS).prop_map(|(client, layout)| Step::Ask { client, layout })
}
