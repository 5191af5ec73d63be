//! What came out of a trial, for people.

use std::io::{self, Write};

use super::report::{Report, Row};
use crate::table::table;

/// Digits of a checksum that are shown; JSON has all of them.
const DIGITS: usize = 16;

/// Writes what came out of a trial: a line for each layout, then more of those that went wrong.
pub(super) fn report(report: &Report, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(report)?)?;
        return Ok(());
    }
    writeln!(
        out,
        "controller {}, image {}",
        report.controller,
        short_image(&report.image)
    )?;
    let head = [
        "KEYBOARD",
        "LAYOUT",
        "STATUS",
        "SECONDS",
        "ZIP",
        "FIRMWARE SHA-256",
        "AGAIN",
    ];
    table(&head, report.rows.iter().map(cells), out)?;
    if !report.without_layout.is_empty() {
        let names = report.without_layout.join(", ");
        writeln!(out, "not tried, as no layout is known: {names}")?;
    }
    let bad: Vec<_> = report.rows.iter().filter(|row| row.is_bad()).collect();
    for row in &bad {
        explain(row, out)?;
    }
    let (all, good) = (report.rows.len(), report.rows.len() - bad.len());
    writeln!(out, "{good} of {all} succeeded")?;
    Ok(())
}

fn cells(row: &Row) -> Vec<String> {
    let firmware: Vec<_> = row
        .firmware
        .iter()
        .map(|one| {
            let half = one.file.split_once('_').map_or("", |(half, _)| half);
            let digits: String = one.sha256.chars().take(DIGITS).collect();
            format!("{half}{}{digits}", if half.is_empty() { "" } else { ":" })
        })
        .collect();
    let kept = if row.kept { " (kept)" } else { "" };
    let again = match row.same_again {
        None => "-",
        Some(true) => "same",
        Some(false) => "DIFFERENT",
    };
    vec![
        row.keyboard.to_owned(),
        row.layout.clone(),
        format!("{}{kept}", row.status),
        row.seconds.map_or_else(dash, |took| format!("{took:.1}")),
        row.bytes.map_or_else(dash, |bytes| bytes.to_string()),
        if firmware.is_empty() {
            dash()
        } else {
            firmware.join(" ")
        },
        again.to_owned(),
    ]
}

fn dash() -> String {
    "-".to_owned()
}

fn explain(row: &Row, out: &mut dyn Write) -> io::Result<()> {
    let reason = match row.same_again {
        Some(false) => "two builds made different firmware",
        _ => row.reason.unwrap_or(row.status),
    };
    let detail = row.detail.as_deref().unwrap_or_default();
    writeln!(out, "\n{} {}: {reason} {detail}", row.keyboard, row.layout)?;
    if let Some(log) = &row.log {
        for line in row.log_end.lines() {
            writeln!(out, "  | {line}")?;
        }
        writeln!(out, "  log: {}", log.display())?;
    }
    Ok(())
}

/// An image's id without the name of its hash, as short as engines show it.
pub(super) fn short_image(image: &str) -> String {
    let digits = image.split_once(':').map_or(image, |(_, digits)| digits);
    digits.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_shown_as_engines_show_it() {
        assert_eq!(short_image("sha256:0123456789abcdef"), "0123456789ab");
    }
}
