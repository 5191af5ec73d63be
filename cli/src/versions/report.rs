//! What came out of a trial, and whether that is good.

use std::path::PathBuf;

use serde::Serialize;
use shared::job::Status;

use super::{Verdict, firmware::Firmware};

/// What came out of a trial.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) controller: String,
    /// The image that all of it was built with.
    pub(super) image: String,
    pub(super) rows: Vec<Row>,
    /// Keyboards that the library has no layout for, so that nothing of them was tried.
    pub(super) without_layout: Vec<&'static str>,
}

/// What came out of one layout.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) keyboard: &'static str,
    pub(super) layout: String,
    /// A build's status, or `refused` where none was made.
    pub(super) status: &'static str,
    /// Whether it is an answer that was known already.
    pub(super) kept: bool,
    pub(super) build: Option<String>,
    pub(super) reason: Option<&'static str>,
    pub(super) detail: Option<String>,
    pub(super) log: Option<PathBuf>,
    #[serde(skip)]
    pub(super) log_end: String,
    pub(super) seconds: Option<f64>,
    pub(super) bytes: Option<u64>,
    pub(super) firmware: Vec<Firmware>,
    /// Whether a second build made the same firmware; nothing where there was none.
    pub(super) same_again: Option<bool>,
}

impl Report {
    /// Good where there was something to build and all of it came out.
    pub(super) fn verdict(&self) -> Verdict {
        if self.rows.is_empty() || self.rows.iter().any(Row::is_bad) {
            Verdict::Bad
        } else {
            Verdict::Good
        }
    }
}

impl Row {
    pub(super) fn is_bad(&self) -> bool {
        self.status != Status::Succeeded.as_str()
            || self.firmware.is_empty()
            || self.same_again == Some(false)
    }

    /// One that was not built: these are the reasons.
    pub(super) fn refused(keyboard: &'static str, layout: String, faults: String) -> Self {
        Self {
            keyboard,
            layout,
            status: "refused",
            kept: false,
            build: None,
            reason: None,
            detail: Some(faults),
            log: None,
            log_end: String::new(),
            seconds: None,
            bytes: None,
            firmware: Vec::new(),
            same_again: None,
        }
    }

    /// Takes in what the second build of the same layout made.
    pub(super) fn compare(&mut self, again: Self) {
        if self.is_bad() {
            return;
        }
        if again.is_bad() {
            *self = Self {
                detail: Some(format!(
                    "the second build ended otherwise: {}",
                    again.detail.unwrap_or_default()
                )),
                ..again
            };
        } else {
            self.same_again = Some(self.firmware == again.firmware);
        }
    }
}
