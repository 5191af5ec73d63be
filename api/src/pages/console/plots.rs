//! How the last hour, day and month went, as pictures and as the figures in them.

use askama::Template;
use shared::store::timeline::{Quantiles, Step, Timeline, Window};

use super::{
    Visit, look, plot, private, session,
    words::{moment, span},
};
use crate::{
    error::{Answer, Problem},
    state::State,
};

/// All of them.
pub(super) struct Plots {
    pub(super) windows: Vec<Plotted>,
}

/// A stretch of time.
pub(super) struct Plotted {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// All of it in a sentence.
    pub(super) summary: String,
    /// Nothing where nothing ended.
    pub(super) pictures: Vec<Picture>,
    pub(super) rows: Vec<Row>,
}

pub(super) struct Picture {
    pub(super) title: &'static str,
    pub(super) svg: String,
    /// What the bars stand for, by the name of their look.
    pub(super) legend: &'static [(&'static str, &'static str)],
}

/// The figures of a step in which something ended.
pub(super) struct Row {
    pub(super) step: String,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) cancelled: u64,
    pub(super) waited: [String; 2],
    pub(super) took: [String; 2],
}

#[derive(Template)]
#[template(path = "console/plots.html")]
struct Fragment {
    plots: Plots,
}

/// The plots alone, for whoever looks on.
pub(crate) async fn fragment(state: State, visit: Visit) -> Answer {
    if session(&state, &visit)?.is_none() {
        return Err(Problem::unauthorized("Your session has ended."));
    }
    let plots = plots(&state).await?;
    private(&Fragment { plots })
}

/// All of them as they are now.
pub(super) async fn plots(state: &State) -> Result<Plots, Problem> {
    let timelines = look::plots(state).await?;
    Ok(Plots {
        windows: timelines.iter().map(Plotted::of).collect(),
    })
}

impl Plotted {
    fn of(timeline: &Timeline) -> Self {
        let (name, title) = match timeline.window {
            Window::Hour => ("hour", "The last hour"),
            Window::Day => ("day", "The last day"),
            Window::Month => ("month", "The last month"),
        };
        let ended = timeline.steps.iter().filter(|step| step.ended() > 0);
        Self {
            name,
            title,
            summary: summary(&timeline.whole),
            pictures: if timeline.whole.ended() > 0 {
                pictures(timeline, title)
            } else {
                Vec::new()
            },
            rows: ended.map(|step| Row::of(step, timeline.window)).collect(),
        }
    }
}

fn summary(whole: &Step) -> String {
    if whole.ended() == 0 {
        return "Nothing ended in this time.".to_owned();
    }
    let ended = format!(
        "{} succeeded, {} failed, {} cancelled.",
        whole.succeeded, whole.failed, whole.cancelled
    );
    let Some((waited, took)) = whole.waited.zip(whole.took) else {
        return ended;
    };
    let [w50, w95] = both(Some(waited));
    let [t50, t95] = both(Some(took));
    format!(
        "{ended} Half of them waited {w50} at most and took {t50} at most; of twenty, nineteen waited {w95} and took {t95} at most."
    )
}

fn pictures(timeline: &Timeline, when: &'static str) -> Vec<Picture> {
    let starts: Vec<_> = timeline
        .steps
        .iter()
        .map(|step| step_name(step.start, timeline.window))
        .collect();
    let counts = |step: &Step| vec![step.succeeded, step.failed, step.cancelled];
    let times = |quantiles: Option<Quantiles>| {
        let quantiles = quantiles.map(|found| [found.p50, found.p95].map(millis));
        quantiles.map_or_else(|| vec![0, 0], Vec::from)
    };
    let draw = |title: &'static str, legend: &'static [_], bars: Vec<Vec<u64>>, scale| Picture {
        title,
        svg: plot::svg(&plot::Plot {
            id: format!("{title}-{}", millis_of(timeline.window)),
            title: format!("{title}: {when}"),
            names: &starts,
            legend,
            bars,
            scale,
        }),
        legend,
    };
    let steps = &timeline.steps;
    vec![
        draw(
            "Builds that ended",
            &[
                ("good", "succeeded"),
                ("bad", "failed"),
                ("other", "cancelled"),
            ],
            steps.iter().map(counts).collect(),
            plot::Scale::Stacked,
        ),
        draw(
            "Waiting",
            &[("half", "half (p50)"), ("most", "19 of 20 (p95)")],
            steps.iter().map(|step| times(step.waited)).collect(),
            plot::Scale::Times,
        ),
        draw(
            "Duration",
            &[("half", "half (p50)"), ("most", "19 of 20 (p95)")],
            steps.iter().map(|step| times(step.took)).collect(),
            plot::Scale::Times,
        ),
    ]
}

impl Row {
    fn of(step: &Step, window: Window) -> Self {
        Self {
            step: step_name(step.start, window),
            succeeded: step.succeeded,
            failed: step.failed,
            cancelled: step.cancelled,
            waited: both(step.waited),
            took: both(step.took),
        }
    }
}

fn step_name(start: i64, window: Window) -> String {
    let format = match window {
        Window::Hour | Window::Day => "%H:%M",
        Window::Month => "%-d %b",
    };
    moment(start, format)
}

fn both(quantiles: Option<Quantiles>) -> [String; 2] {
    let told =
        |found: Quantiles| [found.p50, found.p95].map(|time| span(millis(time).cast_signed()));
    quantiles.map_or_else(<[String; 2]>::default, told)
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Tells the pictures of one page apart.
const fn millis_of(window: Window) -> i64 {
    window.step()
}
