//! What the service says, in the words and units of people.

use jiff::Timestamp;
use serde_json::Value;

/// A member as text; empty where it is absent.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A member as a cell of a table, a dash where there is nothing.
pub(super) fn cell(value: &Value, name: &str) -> String {
    match value.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The end of a member that is an id, which differs from one to the next; its beginning is the time.
pub(super) fn short(value: &Value, name: &str) -> String {
    let id = text(value, name).rsplit('-').next().unwrap_or_default();
    if id.is_empty() { "-" } else { id }.to_owned()
}

/// How long ago a member's time is.
pub(super) fn ago(value: &Value, name: &str) -> String {
    between(text(value, name), None)
}

/// How long it took from one member's time to another's, or takes so far.
pub(super) fn took(value: &Value, from: &str, to: &str) -> String {
    between(text(value, from), Some(text(value, to)))
}

fn between(from: &str, to: Option<&str>) -> String {
    let Ok(from) = from.parse::<Timestamp>() else {
        return "-".to_owned();
    };
    let to = to
        .and_then(|to| to.parse().ok())
        .unwrap_or_else(Timestamp::now);
    span(to.as_millisecond() - from.as_millisecond())
}

/// A length of time in its largest unit that says enough.
fn span(millis: i64) -> String {
    let seconds = millis.max(0) / 1000;
    match seconds {
        ..10 => format!("{:.1} s", millis.max(0) as f64 / 1000.0),
        10..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_told_in_a_unit_that_says_enough() {
        for (millis, expected) in [
            (-5, "0.0 s"),
            (1500, "1.5 s"),
            (119_000, "119 s"),
            (120_000, "2 min"),
            (7_200_000, "2 h"),
            (172_800_000, "2 days"),
        ] {
            assert_eq!(span(millis), expected);
        }
    }

    #[test]
    fn an_id_is_shown_by_the_part_that_differs() {
        let build = json!({ "id": "01a20a07-e57b-73c6-a833-e35d82e42f3c", "worker": null });
        assert_eq!(short(&build, "id"), "e35d82e42f3c");
        assert_eq!(short(&build, "worker"), "-");
    }
}
