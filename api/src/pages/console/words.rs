//! Times and names in the words of people.

use jiff::Timestamp;

/// Milliseconds since 1970, UTC.
pub(super) fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

/// A length of time in its largest unit that says enough.
pub(super) fn span(millis: i64) -> String {
    let millis = millis.max(0);
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis} ms"),
        1..10 => format!("{:.1} s", millis as f64 / 1000.0),
        10..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// How long ago something was; seconds are exact enough.
pub(super) fn ago(now: i64, at: i64) -> String {
    let passed = (now - at).max(0);
    if passed < 1000 {
        return "now".to_owned();
    }
    format!("{} ago", span(passed / 1000 * 1000).replace(".0 s", " s"))
}

/// A moment of a day, or a day, in UTC.
pub(super) fn moment(millis: i64, format: &str) -> String {
    let time = Timestamp::from_millisecond(millis).ok();
    time.map_or_else(String::new, |time| time.strftime(format).to_string())
}

/// The end of an id, which differs from one to the next; its beginning is the time.
pub(super) fn short(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}

/// The beginning of a hash, which is enough to tell one from another.
pub(super) fn beginning(hash: &str) -> &str {
    hash.get(..8).unwrap_or(hash)
}

/// Bytes in a unit that says enough.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} bytes"),
        10_000..10_000_000 => format!("{} kB", count / 1000),
        _ => format!("{} MB", count / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_told_in_a_unit_that_says_enough() {
        for (millis, expected) in [
            (-5, "0 ms"),
            (250, "250 ms"),
            (1500, "1.5 s"),
            (119_000, "119 s"),
            (120_000, "2 min"),
            (7_200_000, "2 h"),
            (172_800_000, "2 days"),
        ] {
            assert_eq!(span(millis), expected);
        }
        assert_eq!(ago(10_000, 9_500), "now");
        assert_eq!(ago(10_000, 5_400), "4 s ago");
        assert_eq!(bytes(25_000), "25 kB");
        assert_eq!(moment(0, "%H:%M"), "00:00");
    }
}
