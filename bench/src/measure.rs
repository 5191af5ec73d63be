//! Two things measured in turns, so that whatever else the machine does meets both of them.

use serde::Serialize;

/// One thing beside another.
#[derive(Clone, Debug)]
pub(crate) struct Compared {
    /// What is measured, and beside what.
    pub(crate) name: String,
    /// In what.
    pub(crate) unit: Unit,
    /// What stands beside ours.
    pub(crate) other_is: &'static str,
    /// The service, a value for each round.
    pub(crate) ours: Vec<f64>,
    /// The other, by the same rounds.
    pub(crate) others: Vec<f64>,
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
}

impl Unit {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::PerSecond => "1/s",
            Self::Milliseconds => "ms",
        }
    }
}

impl Compared {
    /// Ours by the other's, as the median over the rounds.
    pub(crate) fn ratio(&self) -> f64 {
        median(&self.ratios())
    }

    /// How far apart the rounds are: the middle half of their ratios, by the median.
    pub(crate) fn spread(&self) -> f64 {
        let ratios = self.ratios();
        (quantile(&ratios, 0.75) - quantile(&ratios, 0.25)) / median(&ratios)
    }

    fn ratios(&self) -> Vec<f64> {
        let rounds = self.ours.iter().zip(&self.others);
        rounds.map(|(ours, other)| ours / other).collect()
    }
}

/// Measures both in turns, after a round of each that does not count. Who begins alternates.
pub(crate) fn in_turns(
    rounds: usize,
    mut ours: impl FnMut() -> anyhow::Result<f64>,
    mut other: impl FnMut() -> anyhow::Result<f64>,
) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    ours()?;
    other()?;
    let mut values = (Vec::new(), Vec::new());
    for round in 0..rounds {
        if round % 2 == 0 {
            values.0.push(ours()?);
            values.1.push(other()?);
        } else {
            values.1.push(other()?);
            values.0.push(ours()?);
        }
    }
    Ok(values)
}

/// The value in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this share lies, between neighbours by their distance. No value at all is NaN.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an index, and there are few values"
    )]
    let (below, part) = {
        let place = last as f64 * share;
        (place as usize, place.fract())
    };
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    low + (high - low) * part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        let values = [3.0, 1.0, 2.0, 5.0, 4.0];
        assert!((median(&values) - 3.0).abs() < 1e-9);
        assert!((quantile(&values, 0.25) - 2.0).abs() < 1e-9);
        assert!((quantile(&values, 0.9) - 4.6).abs() < 1e-9);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn turns_alternate_and_the_first_of_each_does_not_count() {
        let said = std::cell::RefCell::new(String::new());
        let say = |who: &str, value: f64| {
            said.borrow_mut().push_str(who);
            Ok(value)
        };
        let (ours, others) = in_turns(3, || say("a", 1.0), || say("b", 2.0)).unwrap();
        assert_eq!(said.into_inner(), "ababbaab");
        assert_eq!((ours.len(), others.len()), (3, 3));
    }
}
