//! What was measured, as a table for people and a file for programs.

use std::{fs, path::Path};

use serde::Serialize;

use crate::{
    disk::Sync,
    measure::{Compared, Unit, median},
};

#[derive(Serialize)]
struct Report<'a> {
    disk_sync: Sync,
    quick: bool,
    results: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    unit: Unit,
    ours: f64,
    other: f64,
    other_is: &'a str,
    ratio: f64,
    spread: f64,
}

impl<'a> From<&'a Compared> for Row<'a> {
    fn from(compared: &'a Compared) -> Self {
        Self {
            name: &compared.name,
            unit: compared.unit,
            ours: median(&compared.ours),
            other: median(&compared.others),
            other_is: compared.other_is,
            ratio: compared.ratio(),
            spread: compared.spread(),
        }
    }
}

/// One line of the table.
pub(crate) fn line(compared: &Compared) -> String {
    let row = Row::from(compared);
    format!(
        "{:<32} {:>12} {:>12} {:<4} {:>6.2} ±{:<5.2} beside {}",
        row.name,
        figure(row.ours),
        figure(row.other),
        row.unit.word(),
        row.ratio,
        row.spread / 2.0,
        row.other_is
    )
}

fn figure(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}

/// Writes `report.json` into this directory.
pub(crate) fn write(
    directory: &Path,
    disk_sync: Sync,
    quick: bool,
    all: &[Compared],
) -> anyhow::Result<()> {
    let report = Report {
        disk_sync,
        quick,
        results: all.iter().map(Row::from).collect(),
    };
    let text = serde_json::to_string_pretty(&report)?;
    Ok(fs::write(directory.join("report.json"), text + "\n")?)
}
