//! What a campaign did and found, for people and for programs.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use crate::{
    checks::{Findings, Row},
    clients::Promise,
    director::Done,
};

/// All of it.
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) requests: usize,
    pub(crate) broken: usize,
    pub(crate) integrity: String,
    pub(crate) could_not_start: Vec<String>,
    pub(crate) rescued: usize,
    pub(crate) promises: Vec<Promise>,
    pub(crate) done: Done,
    pub(crate) rows: Vec<Row>,
    pub(crate) chores: Vec<String>,
    pub(crate) findings: Findings,
}

impl Report {
    /// Whether nothing is wrong.
    pub(crate) fn is_good(&self) -> bool {
        let Findings {
            lost,
            doubled,
            wrong,
            leftovers,
        } = &self.findings;
        let found = [lost, doubled, wrong, leftovers];
        found.iter().all(|found| found.is_empty())
            && self.integrity == "ok"
            && self.promises.len() == self.requests
    }

    /// Writes it as JSON.
    pub(crate) fn write(&self, path: &Path) {
        let directory = path.parent().expect("a file has a directory");
        fs::create_dir_all(directory).expect("a directory");
        let text = serde_json::to_string_pretty(&self.json()).expect("JSON");
        fs::write(path, text + "\n").expect("a file");
    }

    fn json(&self) -> Value {
        let Findings {
            lost,
            doubled,
            wrong,
            leftovers,
        } = &self.findings;
        let kills: BTreeMap<_, _> = self
            .done
            .kills
            .iter()
            .map(|(kind, count)| (kind.name(), count))
            .collect();
        json!({
            "good": self.is_good(),
            "seed": self.seed,
            "requests": self.requests,
            "accepted": self.promises.len(),
            "ended": self.promises.iter().filter(|promise| promise.end.is_some()).count(),
            "lost": lost.len(),
            "doubled": doubled.len(),
            "wrong": wrong.len(),
            "leftovers": leftovers.len(),
            "kills": self.done.kills.values().sum::<usize>(),
            "kills_by_kind": kills,
            "builds": self.rows.len(),
            "outcomes": self.outcomes(),
            "container_starts": self.done.starts,
            "attempts": self.attempts(),
            "rescued": self.rescued,
            "broken_answers": self.broken,
            "could_not_start": self.could_not_start,
            "chores_not_yet_forgotten": self.chores,
            "integrity": self.integrity,
            "seconds": self.done.lasted.as_secs(),
            "found": { "lost": lost, "doubled": doubled, "wrong": wrong, "leftovers": leftovers },
        })
    }

    /// Starts by the table's word; the engine's counts the same without the build after all of it.
    fn attempts(&self) -> usize {
        let during = |row: &&Row| row.number != Some(self.requests);
        let rows = self.rows.iter().filter(during);
        rows.map(|row| row.attempts).sum()
    }

    fn outcomes(&self) -> BTreeMap<&str, usize> {
        let mut outcomes = BTreeMap::new();
        for row in &self.rows {
            *outcomes.entry(row.end.as_str()).or_default() += 1;
        }
        outcomes
    }

    /// The same in a page.
    pub(crate) fn summary(&self) -> String {
        serde_json::to_string_pretty(&self.json()).expect("JSON")
    }
}
