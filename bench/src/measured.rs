//! What one measurement found: a figure of the service, what stands beside it, and what it should be.

use serde::Serialize;

use crate::measure::{median, spread};

/// One figure, a value for each round.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// What is measured, and beside what.
    pub(crate) name: String,
    /// In what.
    pub(crate) unit: Unit,
    /// The service.
    pub(crate) ours: Vec<f64>,
    /// The other, by the same rounds.
    pub(crate) beside: Option<Beside>,
    /// What it should be. Nothing fails where it is not.
    pub(crate) goal: Option<Goal>,
    /// Where it lies in a plot.
    pub(crate) place: Option<Place>,
}

/// What stands beside ours.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    /// In words.
    pub(crate) is: &'static str,
    /// A value for each round.
    pub(crate) values: Vec<f64>,
}

/// A point of a curve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The plot's name.
    pub(crate) plot: &'static str,
    /// What changes from point to point, in words.
    pub(crate) along: &'static str,
    /// How far along this one is.
    pub(crate) at: u32,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// The figure itself.
    AtMost(f64),
    /// The figure by the other's.
    RatioAtMost(f64),
    /// The same.
    RatioAtLeast(f64),
}

/// What a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Unit {
    /// More is better.
    #[serde(rename = "1/s")]
    PerSecond,
    /// Less is better.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Of one processor. Less is better.
    #[serde(rename = "%")]
    Percent,
    /// Less is better.
    #[serde(rename = "MiB")]
    Mebibytes,
}

impl Unit {
    /// As it is written behind a figure.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::PerSecond => "1/s",
            Self::Milliseconds => "ms",
            Self::Percent => "%",
            Self::Mebibytes => "MiB",
        }
    }

    /// Whether more is better.
    pub(crate) fn more_is_better(self) -> bool {
        self == Self::PerSecond
    }
}

impl Measured {
    /// A figure that nothing stands beside.
    pub(crate) fn alone(name: impl Into<String>, unit: Unit, ours: Vec<f64>) -> Self {
        Self {
            name: name.into(),
            unit,
            ours,
            beside: None,
            goal: None,
            place: None,
        }
    }

    /// This one with something beside it, measured by the same rounds.
    pub(crate) fn beside(self, is: &'static str, values: Vec<f64>) -> Self {
        Self {
            beside: Some(Beside { is, values }),
            ..self
        }
    }

    /// This one with what it should be.
    pub(crate) fn with_goal(self, goal: Goal) -> Self {
        Self {
            goal: Some(goal),
            ..self
        }
    }

    /// This one as a point of a curve.
    pub(crate) fn at(self, plot: &'static str, along: &'static str, at: usize) -> Self {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            place: Some(Place { plot, along, at }),
            ..self
        }
    }

    /// Ours by the other's, as the median over the rounds.
    pub(crate) fn ratio(&self) -> Option<f64> {
        self.ratios().map(|ratios| median(&ratios))
    }

    /// How far apart the rounds are: the middle half by the median, of ratios where something stands beside.
    pub(crate) fn spread(&self) -> f64 {
        spread(&self.ratios().unwrap_or_else(|| self.ours.clone()))
    }

    /// Whether the goal is met, where there is one.
    pub(crate) fn is_met(&self) -> Option<bool> {
        Some(match self.goal? {
            Goal::AtMost(most) => median(&self.ours) <= most,
            Goal::RatioAtMost(most) => self.ratio()? <= most,
            Goal::RatioAtLeast(least) => self.ratio()? >= least,
        })
    }

    /// The goal in words.
    pub(crate) fn goal_in_words(&self) -> Option<String> {
        let unit = self.unit.word();
        Some(match self.goal? {
            Goal::AtMost(most) => format!("at most {most} {unit}"),
            Goal::RatioAtMost(most) => format!("at most {most} times the other"),
            Goal::RatioAtLeast(least) => format!("at least {least} times the other"),
        })
    }

    fn ratios(&self) -> Option<Vec<f64>> {
        let rounds = self.ours.iter().zip(&self.beside.as_ref()?.values);
        Some(rounds.map(|(ours, other)| ours / other).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(ours: &[f64], others: &[f64]) -> Measured {
        Measured::alone("x", Unit::PerSecond, ours.to_vec()).beside("another", others.to_vec())
    }

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_own() {
        // By the medians of both it would be 1.
        let measured = beside(&[1.0, 2.0, 3.0], &[4.0, 2.0, 1.0]);
        assert_eq!(measured.ratio(), Some(1.0));
        let measured = beside(&[1.0, 2.0, 9.0], &[2.0, 1.0, 3.0]);
        assert_eq!(measured.ratio(), Some(2.0));
    }

    #[test]
    fn a_goal_is_of_the_figure_or_of_its_ratio() {
        let measured = beside(&[9.0], &[10.0]);
        let met = |goal| measured.clone().with_goal(goal).is_met();
        assert_eq!(met(Goal::AtMost(8.0)), Some(false));
        assert_eq!(met(Goal::RatioAtLeast(0.9)), Some(true));
        assert_eq!(met(Goal::RatioAtMost(0.8)), Some(false));
        assert_eq!(measured.is_met(), None);
    }
}
