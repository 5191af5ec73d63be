//! What a service says is to be done with a build's firmware, for a terminal.

use serde_json::Value;

/// The commands, and what to press: a line each.
#[must_use]
pub fn in_short(build: &Value) -> Vec<String> {
    let is_short = |step: &&Value| matches!(text(step, "kind"), "connect" | "start" | "enter");
    let steps = steps(build).filter(is_short);
    let words = |step: &Value| match text(step, "kind") {
        "start" => command(step),
        _ => text(step, "text").to_owned(),
    };
    let mut lines: Vec<_> = steps.map(|step| format!("  {}", words(step))).collect();
    if !lines.is_empty() {
        lines.push(format!(
            "  in full, and what to do when it does not go so: kiisrv show {}",
            text(build, "id")
        ));
    }
    lines
}

/// All of it.
#[must_use]
pub fn in_full(build: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, step) in steps(build).enumerate() {
        if number == 0 {
            lines.push("\nwhat now".to_owned());
        }
        lines.push(format!("{:>3}. {}", number + 1, text(step, "text")));
        if step["command"].is_array() {
            lines.push(format!("       {}", command(step)));
        }
    }
    let systems = &build["flash"]["systems"];
    for system in ["linux", "macos", "windows"] {
        if let Some(words) = systems[system].as_str() {
            lines.push(format!("  on {system}: {words}"));
        }
    }
    let rules = text(systems, "udev_rules").lines();
    lines.extend(rules.map(|rule| format!("       {rule}")));
    for note in build["flash"]["notes"].as_array().into_iter().flatten() {
        lines.push(format!(
            "  where {}: {}",
            text(note, "when"),
            text(note, "text")
        ));
        let commands = note["commands"].as_array().into_iter().flatten();
        lines.extend(commands.map(|words| format!("       {}", joined(words))));
    }
    lines
}

fn steps(build: &Value) -> impl Iterator<Item = &Value> {
    build["flash"]["steps"].as_array().into_iter().flatten()
}

fn command(step: &Value) -> String {
    joined(&step["command"])
}

fn joined(words: &Value) -> String {
    let words: Vec<_> = words
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    words.join(" ")
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::flash::flash;

    use super::*;

    #[test]
    fn a_terminal_is_told_what_to_run_and_what_to_press() {
        let build = json!({ "id": "an id", "flash": flash("MDErgo1", &[]) });
        let short = in_short(&build).join("\n");
        let (left, right) = (
            short.find("dfu-util -w -D left_kiibohd.dfu.bin"),
            short.find("dfu-util -w -D right_kiibohd.dfu.bin"),
        );
        assert!(left.is_some() && left < right, "{short}");
        assert!(short.contains("opposite the F1 key") && short.ends_with("kiisrv show an id"));
        let full = in_full(&build).join("\n");
        assert!(
            full.contains("ATTR{idVendor}==\"1c11\"") && full.contains("  on windows: "),
            "{full}"
        );
        assert!(
            full.contains("dfu-util -w -d ,308f:0003 -D left_kiibohd.dfu.bin"),
            "{full}"
        );
    }

    #[test]
    fn a_service_that_says_nothing_of_it_is_no_trouble() {
        assert!(in_short(&json!({ "id": "x" })).is_empty());
        assert!(in_full(&json!({ "flash": 5 })).is_empty());
    }
}
