//! Two things measured in turns, so that whatever else the machine does meets both of them; and a few sums.

/// Measures both in turns, after a round of each that does not count. Who begins alternates.
pub(crate) fn in_turns<Ours, Other>(
    rounds: usize,
    mut ours: impl FnMut() -> anyhow::Result<Ours>,
    mut other: impl FnMut() -> anyhow::Result<Other>,
) -> anyhow::Result<(Vec<Ours>, Vec<Other>)> {
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

/// How many a second.
#[expect(clippy::cast_precision_loss, reason = "a rate")]
pub(crate) fn per_second(count: usize, took: std::time::Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// One of several figures, of each round.
pub(crate) fn each<T>(rounds: &[T], figure: impl Fn(&T) -> f64) -> Vec<f64> {
    rounds.iter().map(figure).collect()
}

/// The value in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// How far apart values are: the middle half of them, by the median. Equal ones are not apart, whatever they are.
pub(crate) fn spread(values: &[f64]) -> f64 {
    let middle_half = quantile(values, 0.75) - quantile(values, 0.25);
    if middle_half == 0.0 {
        return 0.0;
    }
    middle_half / median(values).abs()
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
    fn a_spread_is_the_middle_half_by_the_median() {
        assert!((spread(&[1.0, 2.0, 3.0, 4.0, 5.0]) - 2.0 / 3.0).abs() < 1e-9);
        assert!(spread(&[0.0]).abs() < 1e-9);
        assert!(spread(&[-1.0, -3.0]) > 0.0);
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
