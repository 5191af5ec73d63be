//! The report as pictures: all ratios in one, and a curve for each thing that was measured at several loads.

use std::{collections::BTreeMap, path::Path};

use plotters::prelude::*;

use crate::{measure::median, measured::Measured};

const WIDTH: u32 = 900;
const FONT: &str = "sans-serif";
const OURS: RGBColor = RGBColor(0x1f, 0x6f, 0xb4);
const OTHER: RGBColor = RGBColor(0x99, 0x99, 0x99);

/// Draws all of them into this directory.
pub(crate) fn all(directory: &Path, measured: &[Measured]) -> anyhow::Result<()> {
    ratios(&directory.join("ratios.svg"), measured)?;
    for (plot, points) in curves(measured) {
        curve(&directory.join(format!("{plot}.svg")), plot, &points)?;
    }
    Ok(())
}

/// The points of each curve, in their order.
fn curves(measured: &[Measured]) -> BTreeMap<&'static str, Vec<&Measured>> {
    let mut curves = BTreeMap::<_, Vec<_>>::new();
    for one in measured {
        if let Some(place) = one.place {
            curves.entry(place.plot).or_default().push(one);
        }
    }
    for points in curves.values_mut() {
        points.sort_by_key(|one| one.place.map(|place| place.at));
    }
    curves
}

/// How much better than the other a result is: more than 1 where more of it is good and there is more, or less and less.
fn advantage(measured: &Measured) -> Option<f64> {
    let ratio = measured.ratio().filter(|ratio| *ratio > 0.0)?;
    Some(if measured.unit.more_is_better() {
        ratio
    } else {
        1.0 / ratio
    })
}

/// A bar for each result that has something beside it, on a scale on which twice and half are as far from 1.
fn ratios(file: &Path, measured: &[Measured]) -> anyhow::Result<()> {
    const BAR: u32 = 22;
    let bars: Vec<_> = measured
        .iter()
        .filter_map(|one| Some((one.name.as_str(), advantage(one)?)))
        .collect();
    let Some(most) = bars.iter().map(|(_, by)| by.max(1.0 / by)).reduce(f64::max) else {
        return Ok(());
    };
    let most = (most * 1.2).max(2.0);
    let count = i32::try_from(bars.len())?;
    let height = 90 + BAR * u32::try_from(bars.len())?;
    let area = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(
            "times as good as what stands beside it: to the left of 1 it is worse",
            (FONT, 18),
        )
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(330)
        .build_cartesian_2d(
            (1.0 / most..most).log_scale(),
            (0..count - 1).into_segmented(),
        )?;
    let name = |place: &SegmentValue<i32>| match place {
        SegmentValue::CenterOf(at) => usize::try_from(count - 1 - at)
            .ok()
            .and_then(|at| bars.get(at))
            .map_or_else(String::new, |(name, _)| (*name).to_owned()),
        SegmentValue::Exact(_) | SegmentValue::Last => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(bars.len())
        .y_label_formatter(&name)
        .x_label_formatter(&|by| format!("{by:.2}"))
        .label_style((FONT, 12))
        .draw()?;
    let rectangles = (0..count).rev().zip(&bars).map(|(at, (_, by))| {
        let corners = [
            (1.0, SegmentValue::Exact(at)),
            (*by, SegmentValue::Exact(at + 1)),
        ];
        let mut bar = Rectangle::new(corners, OURS.filled());
        bar.set_margin(3, 3, 0, 0);
        bar
    });
    chart.draw_series(rectangles)?;
    Ok(area.present()?)
}

/// Ours and the other's, along what changes.
fn curve(file: &Path, name: &str, points: &[&Measured]) -> anyhow::Result<()> {
    let of = |values: fn(&Measured) -> Option<f64>| -> Vec<(f64, f64)> {
        let points = points.iter();
        points
            .filter_map(|one| Some((f64::from(one.place?.at), values(one)?)))
            .collect()
    };
    let ours = of(|one| Some(median(&one.ours)));
    let others = of(|one| Some(median(&one.beside.as_ref()?.values)));
    let Some(first) = points.first() else {
        return Ok(());
    };
    let highest = ours.iter().chain(&others).map(|(_, value)| *value);
    let highest = highest.fold(0.0, f64::max) * 1.1;
    let furthest = ours.iter().map(|(at, _)| *at).fold(1.0, f64::max) * 1.3;
    let area = SVGBackend::new(file, (WIDTH, 420)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(name, (FONT, 18))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d((0.8..furthest).log_scale(), 0.0..highest)?;
    chart
        .configure_mesh()
        .x_desc(first.place.map_or("", |place| place.along))
        .y_desc(first.unit.word())
        .x_label_formatter(&|at| format!("{at:.0}"))
        .y_label_formatter(&|value| figure(*value))
        .max_light_lines(1)
        .label_style((FONT, 12))
        .draw()?;
    let other_is = first.beside.as_ref().map_or("", |beside| beside.is);
    for (points, colour, label) in [(ours, OURS, "kiisrv"), (others, OTHER, other_is)] {
        let line = LineSeries::new(points, colour.filled().stroke_width(2)).point_size(4);
        chart
            .draw_series(line)?
            .label(label)
            .legend(move |(x, y)| Rectangle::new([(x, y - 2), (x + 16, y + 2)], colour.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .border_style(BLACK)
        .background_style(WHITE)
        .label_font((FONT, 12))
        .draw()?;
    Ok(area.present()?)
}

/// As many digits as a scale needs.
fn figure(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measured::Unit;

    fn measured(name: &str, unit: Unit, ours: f64) -> Measured {
        Measured::alone(name, unit, vec![ours]).beside("another", vec![10.0])
    }

    #[test]
    fn better_is_more_of_a_rate_and_less_of_a_time() {
        let rate = measured("x", Unit::PerSecond, 20.0);
        let time = measured("x", Unit::Milliseconds, 20.0);
        assert_eq!(advantage(&rate), Some(2.0));
        assert_eq!(advantage(&time), Some(0.5));
    }

    #[test]
    fn each_plot_is_written_and_names_what_it_shows() {
        let all = [
            measured("loads_64", Unit::PerSecond, 20.0).at("loads", "connections", 64),
            measured("loads_1", Unit::PerSecond, 5.0).at("loads", "connections", 1),
        ];
        let directory = tempfile::tempdir().unwrap();
        super::all(directory.path(), &all).unwrap();
        let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        assert!(read("ratios.svg").contains("loads_64"));
        let curve = read("loads.svg");
        assert!(curve.contains("connections") && curve.contains("another"));
    }
}
