//! How long a build takes: what recent ones of the same keyboard and controller took.

use std::{collections::HashMap, time::Duration};

use rusqlite::Connection;

use super::Result;

/// Builds whose durations are looked at, newest first. They are found through an index of those that succeeded, so
/// that a look costs the same with a million rows.
const WINDOW: u32 = 500;

/// Builds of one kind that make its mean: enough to even out one slow build, few enough to follow a new image.
const SAMPLE: u32 = 20;

/// The estimate while nothing has been measured yet.
const UNKNOWN: Duration = Duration::from_secs(10);

/// What builds took lately.
#[derive(Default)]
pub(super) struct Durations {
    kinds: HashMap<(String, String), Mean>,
    keyboards: HashMap<String, Mean>,
    all: Mean,
}

#[derive(Default)]
struct Mean {
    sum: Duration,
    count: u32,
}

impl Mean {
    /// Counts one more, where it is among the newest.
    fn take(&mut self, duration: Duration) {
        if self.count < SAMPLE {
            self.sum += duration;
            self.count += 1;
        }
    }

    fn get(&self) -> Option<Duration> {
        self.sum.checked_div(self.count)
    }
}

impl Durations {
    /// Looks at those that succeeded last. A failed compile says nothing, as it may end at its first line.
    pub(super) fn read(table: &Connection) -> Result<Self> {
        let mut durations = Self::default();
        let mut ended = table.prepare_cached(
            "SELECT keyboard, controller, max(finished_at - started_at, 0) FROM jobs
             WHERE status = 'succeeded' AND compares IS NULL ORDER BY id DESC LIMIT ?1",
        )?;
        let mut rows = ended.query([WINDOW])?;
        while let Some(row) = rows.next()? {
            // Somebody who made a row by hand may have left its start out.
            if let Some(millis) = row.get(2)? {
                durations.take(row.get(0)?, row.get(1)?, Duration::from_millis(millis));
            }
        }
        Ok(durations)
    }

    fn take(&mut self, keyboard: String, controller: String, duration: Duration) {
        self.all.take(duration);
        let of_keyboard = self.keyboards.entry(keyboard.clone()).or_default();
        of_keyboard.take(duration);
        let kind = self.kinds.entry((keyboard, controller)).or_default();
        kind.take(duration);
    }

    /// What a build of this kind will take. Where none was measured, that keyboard with other controllers is the
    /// nearest, as one with two halves is compiled twice.
    pub(super) fn of(&self, keyboard: String, controller: String) -> Duration {
        let of_keyboard = self.keyboards.get(&keyboard).and_then(Mean::get);
        let kind = self.kinds.get(&(keyboard, controller));
        kind.and_then(Mean::get)
            .or(of_keyboard)
            .unwrap_or_else(|| self.of_any())
    }

    /// What a build takes of which nothing is known.
    pub(super) fn of_any(&self) -> Duration {
        self.all.get().unwrap_or(UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(builds: &[(&str, &str, u64)]) -> Durations {
        let mut durations = Durations::default();
        for (keyboard, controller, seconds) in builds {
            durations.take(
                (*keyboard).to_owned(),
                (*controller).to_owned(),
                Duration::from_secs(*seconds),
            );
        }
        durations
    }

    fn of(durations: &Durations, keyboard: &str, controller: &str) -> u64 {
        durations
            .of(keyboard.to_owned(), controller.to_owned())
            .as_secs()
    }

    #[test]
    fn the_nearest_kind_that_was_measured_is_the_estimate() {
        let durations = taken(&[
            ("KType", "057", 10),
            ("KType", "057", 20),
            ("KType", "050", 45),
            ("MDErgo1", "057", 65),
        ]);
        assert_eq!(of(&durations, "KType", "057"), 15, "its own kind");
        assert_eq!(of(&durations, "KType", "056"), 25, "its keyboard");
        assert_eq!(of(&durations, "Kira", "057"), 35, "all builds");
        assert_eq!(of(&taken(&[]), "Kira", "057"), UNKNOWN.as_secs());
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let newest_first = [("KType", "057", 10); SAMPLE as usize];
        let mut durations = taken(&newest_first);
        durations.take(
            "KType".to_owned(),
            "057".to_owned(),
            Duration::from_secs(1000),
        );
        assert_eq!(of(&durations, "KType", "057"), 10);
    }
}
