//! What was measured, as a table for people and a file for programs.

use std::{fs, path::Path};

use serde::Serialize;

use crate::{
    host::Host,
    measure::median,
    measured::{Measured, Unit},
};

/// All of a run.
#[derive(Serialize)]
pub(crate) struct Report {
    /// Where it was measured.
    host: Host,
    /// Whether less of everything was measured, and less exactly.
    quick: bool,
    results: Vec<Row>,
    /// What could not be measured on this machine.
    skipped: Vec<Skipped>,
    /// What should have been measured.
    failed: Vec<Skipped>,
}

/// Something that was not measured.
#[derive(Debug, Serialize)]
struct Skipped {
    name: String,
    reason: String,
}

#[derive(Serialize)]
struct Row {
    name: String,
    unit: Unit,
    ours: f64,
    other: Option<f64>,
    other_is: Option<&'static str>,
    ratio: Option<f64>,
    spread: f64,
    goal: Option<String>,
    met: Option<bool>,
}

impl From<&Measured> for Row {
    fn from(measured: &Measured) -> Self {
        let beside = measured.beside.as_ref();
        Self {
            name: measured.name.clone(),
            unit: measured.unit,
            ours: median(&measured.ours),
            other: beside.map(|beside| median(&beside.values)),
            other_is: beside.map(|beside| beside.is),
            ratio: measured.ratio(),
            spread: measured.spread(),
            goal: measured.goal_in_words(),
            met: measured.is_met(),
        }
    }
}

impl Report {
    /// Of nothing yet.
    pub(crate) const fn of(host: Host, quick: bool) -> Self {
        Self {
            host,
            quick,
            results: Vec::new(),
            skipped: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// Takes a result, and gives its line of the table.
    pub(crate) fn take(&mut self, measured: &Measured) -> String {
        let row = Row::from(measured);
        let line = line(&row);
        self.results.push(row);
        line
    }

    /// Takes what could not be measured here, and gives its line.
    pub(crate) fn skip(&mut self, name: &str, reason: &str) -> String {
        self.skipped.push(Skipped {
            name: name.to_owned(),
            reason: reason.to_owned(),
        });
        format!("{name:<38} skipped: {reason}")
    }

    /// Takes what went wrong, and gives its line.
    pub(crate) fn fail(&mut self, name: &str, error: &anyhow::Error) -> String {
        let reason = format!("{error:#}");
        let line = format!("{name:<38} FAILED: {reason}");
        self.failed.push(Skipped {
            name: name.to_owned(),
            reason,
        });
        line
    }

    /// Whether all went well.
    pub(crate) const fn is_whole(&self) -> bool {
        self.failed.is_empty()
    }

    /// Writes `report.json` into this directory.
    pub(crate) fn write(&self, directory: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        Ok(fs::write(directory.join("report.json"), text + "\n")?)
    }
}

/// The heading of the table.
pub(crate) fn heading() -> String {
    format!(
        "{:<38} {:>11} {:>11} {:<4} {:>6}  ±     goal",
        "", "ours", "other", "", "ratio"
    )
}

fn line(row: &Row) -> String {
    let other = row.other.map_or_else(String::new, figure);
    let ratio = row
        .ratio
        .map_or_else(String::new, |ratio| format!("{ratio:.2}"));
    let goal = match (&row.goal, row.met) {
        (Some(goal), Some(true)) => format!("met: {goal}"),
        (Some(goal), _) => format!("MISSED: {goal}"),
        (None, _) => String::new(),
    };
    let beside = row
        .other_is
        .map_or_else(String::new, |other| format!("beside {other}"));
    format!(
        "{:<38} {:>11} {other:>11} {:<4} {ratio:>6} ±{:<5.2} {goal:<34} {beside}",
        row.name,
        figure(row.ours),
        row.unit.word(),
        row.spread / 2.0,
    )
    .trim_end()
    .to_owned()
}

fn figure(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measured::Goal;

    #[test]
    fn a_line_tells_ratio_and_goal_and_what_stands_beside() {
        let measured = Measured::alone("x_vs_y", Unit::Milliseconds, vec![30.0])
            .beside("another", vec![20.0])
            .with_goal(Goal::RatioAtMost(1.2));
        let line = line(&Row::from(&measured));
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[..5], ["x_vs_y", "30.000", "20.000", "ms", "1.50"]);
        assert!(line.contains("MISSED: at most 1.2 times the other"));
        assert!(line.ends_with("beside another"));
    }
}
