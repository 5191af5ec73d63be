//! What the doctor found, for people and for programs.

use std::io::{self, Write};

use serde::Serialize;

/// One thing that is not as it should be.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// Its kind in one word.
    pub(super) kind: &'static str,
    /// What it is, in a sentence.
    pub(super) what: String,
    /// What mends it.
    pub(super) remedy: String,
    /// Whether that was done.
    pub(super) mended: bool,
    /// Why it could not be done.
    pub(super) trouble: Option<String>,
}

/// All of it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    /// What is not as it should be.
    pub(super) findings: Vec<Finding>,
    /// What is good to know.
    notes: Vec<String>,
}

impl Report {
    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Findings that were not mended.
    pub(super) fn left(&self) -> usize {
        self.findings
            .iter()
            .filter(|finding| !finding.mended)
            .count()
    }

    pub(super) fn write(&self, json: bool, out: &mut dyn Write) -> io::Result<()> {
        if json {
            serde_json::to_writer_pretty(&mut *out, self)?;
            return writeln!(out);
        }
        for note in &self.notes {
            writeln!(out, "note: {note}")?;
        }
        for finding in &self.findings {
            let Finding {
                kind, what, remedy, ..
            } = finding;
            match (&finding.trouble, finding.mended) {
                (Some(trouble), _) => {
                    writeln!(out, "{kind}: {what}; not mended ({remedy}): {trouble}")?;
                }
                (None, true) => writeln!(out, "{kind}: {what}; mended ({remedy})")?,
                (None, false) => writeln!(out, "{kind}: {what}; to do: {remedy}")?,
            }
        }
        match (self.findings.len(), self.left()) {
            (0, _) => writeln!(out, "all is well"),
            (all, 0) => writeln!(out, "{all} found, all mended"),
            (all, left) => writeln!(out, "{all} found, {left} left"),
        }
    }
}
