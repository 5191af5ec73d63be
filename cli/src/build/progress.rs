//! What is shown while builds wait and run: a line for each that moves on a terminal, and plain lines elsewhere.

use std::path::Path;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kiisrv_cli::progress::TICK;

/// All lines.
pub(super) struct Progress {
    lines: MultiProgress,
}

/// The line of one file.
pub(super) struct Line<'a> {
    progress: &'a Progress,
    bar: ProgressBar,
    file: String,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            lines: MultiProgress::new(),
        }
    }

    /// A line for this file.
    pub(super) fn line(&self, file: &Path) -> Line<'_> {
        let file = file.file_name().unwrap_or(file.as_os_str());
        let file = file.to_string_lossy().into_owned();
        let bar = self.lines.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}  {msg}  {elapsed}") {
            bar.set_style(style);
        }
        bar.set_prefix(file.clone());
        if !self.lines.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Line {
            progress: self,
            bar,
            file,
        }
    }

    /// Tells people something that stays.
    pub(super) fn say(&self, words: &str) {
        self.lines.suspend(|| eprintln!("{words}"));
    }
}

impl Line<'_> {
    /// What the build does now.
    pub(super) fn step(&self, what: &str) {
        if self.progress.lines.is_hidden() {
            eprintln!("{}: {what}", self.file);
        } else {
            self.bar.set_message(what.to_owned());
        }
    }

    /// Tells people something of this file that stays.
    pub(super) fn say(&self, words: &str) {
        self.progress.say(&format!("{}: {words}", self.file));
    }

    /// The result itself, for whoever reads it: all lines together.
    pub(super) fn result(&self, lines: &[String]) {
        self.progress.lines.suspend(|| say!("{}", lines.join("\n")));
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.progress.lines.remove(&self.bar);
    }
}
