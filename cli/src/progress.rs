//! What moves while something takes longer than a moment: on a terminal only, beside the output and never in it.

use std::{borrow::Cow, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

/// Between two pictures of what moves.
pub const TICK: Duration = Duration::from_millis(120);

/// Something of so many steps. It goes with this value.
#[derive(Debug)]
pub struct Moving(ProgressBar);

/// Something of which it is not known how long it takes.
#[must_use]
pub fn spinner(what: impl Into<Cow<'static, str>>) -> Moving {
    moving(
        ProgressBar::new_spinner(),
        what,
        "{spinner} {msg}  {elapsed}",
    )
}

/// Something of so many steps.
#[must_use]
pub fn bar(what: impl Into<Cow<'static, str>>, steps: u64) -> Moving {
    moving(
        ProgressBar::new(steps),
        what,
        "{bar:30} {pos} of {len}  {msg}  {elapsed}",
    )
}

fn moving(bar: ProgressBar, what: impl Into<Cow<'static, str>>, template: &str) -> Moving {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what);
    if !bar.is_hidden() {
        bar.enable_steady_tick(TICK);
    }
    Moving(bar)
}

impl Moving {
    /// So many steps are done.
    pub fn done(&self, steps: u64) {
        self.0.inc(steps);
    }

    /// What is under way now.
    pub fn now(&self, what: impl Into<Cow<'static, str>>) {
        self.0.set_message(what);
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
