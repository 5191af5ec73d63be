//! Bars over time as SVG: numbers and words of ours in, markup out. Colours come from the page's style, so that they are
//! right in the dark too.

use super::words::span;

/// The picture's size, and the room for words beside and below the bars.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 52.0;
const BELOW: f64 = 20.0;
const ABOVE: f64 = 12.0;

/// What the bars of a step stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// Numbers, one upon the other.
    Stacked,
    /// Milliseconds, the shorter before the longer.
    Times,
}

/// What is drawn.
pub(super) struct Plot<'a> {
    /// Different from those of all other pictures of the page.
    pub(super) id: String,
    /// What it is a picture of.
    pub(super) title: String,
    /// What each step is called.
    pub(super) names: &'a [String],
    /// The look of each bar of a step, and what it is.
    pub(super) legend: &'a [(&'static str, &'static str)],
    /// The bars of each step.
    pub(super) bars: Vec<Vec<u64>>,
    /// How they are drawn.
    pub(super) scale: Scale,
}

/// Draws it. All words in it are ours, so that nothing has to be escaped.
pub(super) fn svg(plot: &Plot<'_>) -> String {
    let top = nice(plot.bars.iter().map(|bars| plot.scale.height(bars)).max());
    let id = plot.id.replace(' ', "-");
    let mut svg = format!(
        "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>",
        plot.title,
        description(plot)
    );
    grid(&mut svg, plot.scale, top);
    let steps = plot.bars.len().max(1) as f64;
    let step = (WIDTH - LEFT) / steps;
    for (number, bars) in plot.bars.iter().enumerate() {
        let x = LEFT + number as f64 * step;
        draw_step(&mut svg, plot, bars, (x, step, top));
    }
    words_below(&mut svg, plot.names);
    svg.push_str("</svg>");
    svg
}

impl Scale {
    fn height(self, bars: &[u64]) -> u64 {
        match self {
            Self::Stacked => bars.iter().sum(),
            Self::Times => bars.iter().copied().max().unwrap_or_default(),
        }
    }

    fn told(self, value: u64) -> String {
        match self {
            Self::Stacked => value.to_string(),
            Self::Times if value == 0 => "0".to_owned(),
            Self::Times => span(value.cast_signed()),
        }
    }
}

/// The next round number, so that the highest bar is near the top and its height can be read.
fn nice(highest: Option<u64>) -> u64 {
    let highest = highest.unwrap_or_default().max(2);
    let mut power: u64 = 1;
    loop {
        for factor in [1, 2, 4, 6, 10] {
            let top = power.saturating_mul(factor);
            if top >= highest {
                return top;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// For who does not see it: where it is highest. The figures stand in the table beside it.
fn description(plot: &Plot<'_>) -> String {
    let steps = plot.names.iter().zip(&plot.bars);
    let highest = steps.max_by_key(|(_, bars)| plot.scale.height(bars));
    highest.map_or_else(String::new, |(name, bars)| {
        let most = plot.scale.told(plot.scale.height(bars));
        format!("The most is {most}, at {name} UTC.")
    })
}

fn y_of(value: u64, top: u64) -> f64 {
    let room = HEIGHT - BELOW - ABOVE;
    HEIGHT - BELOW - room * value as f64 / top as f64
}

fn grid(svg: &mut String, scale: Scale, top: u64) {
    for value in [0, top / 2, top] {
        let y = y_of(value, top);
        let (words, right, baseline) = (scale.told(value), LEFT - 6.0, y + 4.0);
        svg.push_str(&format!(
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{WIDTH}\"/><text x=\"{right}\" y=\"{baseline:.1}\" \
                 text-anchor=\"end\">{words}</text>"
            ));
    }
}

fn draw_step(svg: &mut String, plot: &Plot<'_>, bars: &[u64], (x, step, top): (f64, f64, u64)) {
    if bars.iter().all(|bar| *bar == 0) {
        return;
    }
    let width = (step * 0.8).max(1.0);
    let mut base = 0;
    let mut rects: Vec<_> = bars.iter().zip(plot.legend).collect();
    if plot.scale == Scale::Times {
        // The longer one first, so that the shorter one stands before it.
        rects.reverse();
    }
    for (bar, (look, _)) in rects {
        if *bar == 0 {
            continue;
        }
        let (from, to) = (y_of(base, top), y_of(base + bar, top));
        // What is there is seen, however small.
        let height = (from - to).max(1.5);
        let y = from - height;
        svg.push_str(&format!(
                "<rect class=\"{look}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        ));
        if plot.scale == Scale::Stacked {
            base += bar;
        }
    }
}

fn words_below(svg: &mut String, names: &[String]) {
    let (Some(first), Some(last)) = (names.first(), names.last()) else {
        return;
    };
    let (middle, y) = (&names[names.len() / 2], HEIGHT - 4.0);
    let places = [
        (LEFT, "start", first),
        (f64::midpoint(LEFT, WIDTH), "middle", middle),
        (WIDTH, "end", last),
    ];
    for (x, anchor, name) in places {
        svg.push_str(&format!(
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{name}</text>"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEGEND: &[(&str, &str)] = &[("half", "p50"), ("most", "p95")];

    fn heights(scale: Scale, bars: &[&[u64]]) -> Vec<(String, f64, f64)> {
        let names: Vec<_> = (0..bars.len())
            .map(|number| format!("{number}:00"))
            .collect();
        let svg = svg(&Plot {
            id: "a b".to_owned(),
            title: "Waiting".to_owned(),
            names: &names,
            legend: LEGEND,
            bars: bars.iter().map(|bars| bars.to_vec()).collect(),
            scale,
        });
        let part = |rect: &str, name: &str| {
            let (_, rest) = rect.split_once(&format!("{name}=\"")).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let rects = svg.split("<rect ").skip(1);
        let numbers = rects.map(|rect| {
            let number = |name| part(rect, name).parse().unwrap();
            (part(rect, "class"), number(" y"), number("height"))
        });
        numbers.collect()
    }

    #[test]
    fn stacked_bars_stand_one_upon_the_other_and_reach_the_top_together() {
        let found = heights(Scale::Stacked, &[&[4, 6], &[0, 0]]);
        assert_eq!(found.len(), 2, "nothing is drawn of an empty step");
        let ((_, lower_y, lower), (_, upper_y, upper)) = (&found[0], &found[1]);
        assert!((lower_y + lower - (HEIGHT - BELOW)).abs() < 0.11);
        assert!((upper_y + upper - lower_y).abs() < 0.11);
        assert!((upper_y - ABOVE).abs() < 0.11, "ten is a round number");
    }

    #[test]
    fn a_shorter_time_stands_before_the_longer_and_on_the_same_ground() {
        let found = heights(Scale::Times, &[&[1000, 4000]]);
        let looks: Vec<_> = found.iter().map(|(look, ..)| look.as_str()).collect();
        assert_eq!(looks, ["most", "half"]);
        assert!((found[0].2 / found[1].2 - 4.0).abs() < 0.05, "{found:?}");
    }

    #[test]
    fn the_top_is_the_next_round_number() {
        for (highest, top) in [(0, 2), (1, 2), (3, 4), (9, 10), (11, 20), (60_000, 60_000)] {
            assert_eq!(nice(Some(highest)), top);
        }
        assert!(nice(Some(u64::MAX)) == u64::MAX, "and there is always one");
    }
}
