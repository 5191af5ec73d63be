//! Which images containers are kept ready of: those of the builds that this worker took lately.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// Who built just now builds again, with one more key moved. After this long nobody is taken to do so.
const LATELY: Duration = Duration::from_mins(10);

/// An image whose containers do not wait, or cannot be made, is left alone for this long.
const REST: Duration = Duration::from_mins(1);

/// What was wanted, and what did not work.
#[derive(Debug, Default)]
pub(super) struct Demand {
    wanted: HashMap<String, Instant>,
    resting: HashMap<String, Instant>,
}

impl Demand {
    pub(super) fn wanted(&mut self, image: &str, now: Instant) {
        self.wanted.insert(image.to_owned(), now);
    }

    pub(super) fn rest(&mut self, image: &str, now: Instant) {
        self.resting.insert(image.to_owned(), now);
    }

    /// The images that were wanted lately, the last one first.
    pub(super) fn images(&mut self, now: Instant) -> Vec<String> {
        self.wanted.retain(|_, at| now.duration_since(*at) < LATELY);
        let mut images: Vec<_> = self.wanted.iter().collect();
        images.sort_by_key(|(_, at)| std::cmp::Reverse(**at));
        images.into_iter().map(|(image, _)| image.clone()).collect()
    }

    pub(super) fn rests(&self, image: &str, now: Instant) -> bool {
        let since = self.resting.get(image);
        since.is_some_and(|since| now.duration_since(*since) < REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_wanted_for_ten_minutes_is_wanted_no_more() {
        let mut demand = Demand::default();
        let start = Instant::now();
        let after = |minutes| start + Duration::from_mins(minutes);
        demand.wanted("first", start);
        demand.wanted("second", after(6));
        assert_eq!(demand.images(after(6)), ["second", "first"]);
        assert_eq!(demand.images(after(12)), ["second"]);
    }

    #[test]
    fn an_image_rests_for_a_minute() {
        let mut demand = Demand::default();
        let start = Instant::now();
        demand.rest("broken", start);
        assert!(demand.rests("broken", start) && !demand.rests("other", start));
        assert!(!demand.rests("broken", start + REST));
    }
}
