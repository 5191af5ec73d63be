//! How a story goes on: which of the steps that are possible now comes how often.

use proptest::{prelude::*, sample::select, strategy::Union};
use proptest_state_machine::ReferenceStateMachine;

use super::{
    model::{Model, Row},
    steps::{self, Act, CLIENTS, CONTROLLERS, How, LAYOUTS, Step, WORKERS},
};

type Weighted = Vec<(u32, BoxedStrategy<Step>)>;

/// What a worker does on a bad day: it starts, and is not seen again, or leaves.
const BAD_ACTS: [Act; 6] = [
    Act::Start,
    Act::Start,
    Act::Start,
    Act::GiveBackForLater,
    Act::HandOver,
    Act::HandOverInTrouble,
];

const ACTS: [Act; 12] = [
    Act::Renew,
    Act::Look,
    Act::Start,
    Act::Start,
    Act::Start,
    Act::FinishBuilt,
    Act::FinishFailedCompile,
    Act::FinishOverALimit,
    Act::GiveBackAtOnce,
    Act::GiveBackForLater,
    Act::HandOver,
    Act::HandOverInTrouble,
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
        let mut steps = always(model.is_bad_day);
        by_those_who_came(model, &mut steps);
        about_builds(model, &mut steps);
        Union::new_weighted(steps).boxed()
    }

    fn preconditions(model: &Self, step: &Step) -> bool {
        step.is_possible(model)
    }

    fn apply(mut model: Self, step: &Step) -> Self {
        model.apply(step);
        model
    }
}

/// How often what is rare on a good day comes. On a bad day few ask or cancel, and what is taken is lost again and
/// again, until it has had its chances.
const fn weight_of_trouble(is_bad_day: bool) -> u32 {
    if is_bad_day { 8 } else { 1 }
}

/// What clients, workers and operators do without looking at what is there.
fn always(is_bad_day: bool) -> Weighted {
    let often = weight_of_trouble(is_bad_day);
    let by_worker = |weight, step: fn(u8) -> Step| (weight, (0..WORKERS).prop_map(step).boxed());
    let how = select(&[How::AsOperator, How::ForGood, How::UntilItLeaves][..]);
    let ask = (0..CLIENTS, 0..LAYOUTS, how).prop_map(|(client, layout, how)| Step::Ask {
        client,
        layout,
        how,
    });
    let controller = (0..CONTROLLERS.len()).prop_map(|controller| Step::Move { controller });
    vec![
        (if is_bad_day { 2 } else { 6 }, ask.boxed()),
        (1, controller.boxed()),
        by_worker(3 + often, |worker| Step::Claim { worker }),
        by_worker(often, |worker| Step::Rescue { worker }),
        by_worker(often, |worker| Step::MakeDueBuildsWait { worker }),
        by_worker(1 + often, |worker| Step::LookForOrphans { worker }),
        by_worker(1, |worker| Step::EndLeasesOf { worker }),
    ]
}

/// What is done with what somebody was given: a claim, a sighting, a token.
fn by_those_who_came(model: &Model, steps: &mut Weighted) {
    let acts = if model.is_bad_day {
        &BAD_ACTS[..]
    } else {
        &ACTS[..]
    };
    let often = weight_of_trouble(model.is_bad_day);
    // The last claims and sightings are mostly those that hold something; the others must change nothing.
    for (weight, last) in [(5 + often, 2), (2, usize::MAX)] {
        let (claims, seen) = (model.claims.len(), model.seen.len());
        if claims > 0 {
            let by_claim = (claims.saturating_sub(last)..claims, select(acts));
            let by_claim = by_claim.prop_map(|(claim, act)| Step::ByClaim { claim, act });
            steps.push((weight, by_claim.boxed()));
        }
        if seen > 0 {
            let orphan = move || seen.saturating_sub(last)..seen;
            let adopt = orphan().prop_map(|orphan| Step::Adopt { orphan });
            let take_back = orphan().prop_map(|orphan| Step::TakeBack { orphan });
            steps.push((weight, adopt.boxed()));
            steps.push((1, take_back.boxed()));
        }
    }
    if !model.tokens.is_empty() {
        let own = model.tokens.iter().copied().enumerate().collect::<Vec<_>>();
        let of_any = (0..own.len(), 0..model.rows.len());
        let token = prop_oneof![9 => select(own), 1 => of_any];
        let leave = token.prop_map(|(token, build)| Step::Leave { token, build });
        steps.push((1, leave.boxed()));
    }
}

/// What happens to one of the builds.
fn about_builds(model: &Model, steps: &mut Weighted) {
    let often = weight_of_trouble(model.is_bad_day);
    let mut about = |weight, is_so: fn(&Row) -> bool, step: fn(usize) -> Step| {
        let which = model.which(is_so);
        if !which.is_empty() {
            steps.push((weight, select(which).prop_map(step).boxed()));
        }
    };
    about(1, |_| true, |build| Step::Cancel { build });
    about(1 + often, steps::lease_can_end, |build| Step::LeaseEnds {
        build,
    });
    about(1, steps::can_stay_alone, |build| Step::NobodyComes {
        build,
    });
    about(often.div_ceil(2), steps::can_have_had_bad_times, |build| {
        Step::HadBadTimes { build }
    });
    about(1 + often, steps::pause_can_end, |build| Step::PauseEnds {
        build,
    });
    about(1, steps::answer_can_age, |build| Step::AnswerAges { build });
    about(1, steps::waits, |build| Step::Prefer {
        build,
        priority: if build % 2 == 0 { 1 } else { 200 },
    });
}
