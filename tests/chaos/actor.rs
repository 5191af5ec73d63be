//! One process of the service, with somebody who starts it again.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use harness::program::Process;
use rustix::process::Signal;

/// How soon a process that ended by itself is started again, as a supervisor does.
const AT_ONCE: Duration = Duration::from_millis(300);

/// A process, or the place of one.
pub(crate) struct Actor {
    pub(crate) name: String,
    command: &'static str,
    variables: Vec<(String, String)>,
    logs: PathBuf,
    starts: usize,
    state: State,
}

/// The end of a process that nobody killed.
pub(crate) struct Death {
    /// Who it was, and what it said last.
    pub(crate) words: String,
    /// Whether it had come to be ready: before, it may find that its engine is away.
    pub(crate) was_ready: bool,
}

/// What a process says when it is ready.
const READY: [&str; 2] = ["The worker is ready", "The API listens"];

enum State {
    Runs(Process),
    /// It was told to stop; then it is away this long.
    Leaving(Process, Duration),
    Away(Instant),
}

impl Actor {
    /// One that is started at the next [`Actor::tend`].
    pub(crate) fn new(
        name: &str,
        command: &'static str,
        variables: Vec<(String, String)>,
        logs: PathBuf,
    ) -> Self {
        Self {
            name: name.to_owned(),
            command,
            variables,
            logs,
            starts: 0,
            state: State::Away(Instant::now()),
        }
    }

    pub(crate) const fn runs(&self) -> bool {
        matches!(self.state, State::Runs(_))
    }

    /// Starts it where its time has come, and notices its end. Gives that back where it ended by itself.
    pub(crate) fn tend(&mut self) -> Option<Death> {
        let now = Instant::now();
        match &mut self.state {
            State::Away(until) if *until <= now => {
                self.starts += 1;
                let log = self.logs.join(format!("{}.{}.log", self.name, self.starts));
                let process = Process::start(self.command, &self.variables, &log);
                self.state = State::Runs(process);
                None
            }
            State::Away(_) => None,
            State::Leaving(process, away) => {
                if process.ended().is_some() {
                    self.state = State::Away(now + *away);
                }
                None
            }
            State::Runs(process) => {
                let status = process.ended()?;
                let log = process.log();
                let last = log.lines().last().unwrap_or_default();
                let words = format!("{} ended by itself, {status}: {last}", self.name);
                self.state = State::Away(now + AT_ONCE);
                let was_ready = READY.iter().any(|words| log.contains(words));
                Some(Death { words, was_ready })
            }
        }
    }

    /// `kill -9`; it is away this long.
    pub(crate) fn kill(&mut self, away: Duration) {
        // Its value kills it.
        self.state = State::Away(Instant::now() + away);
    }

    /// SIGTERM; when it has gone it is away this long.
    pub(crate) fn stop(&mut self, away: Duration) {
        let state = std::mem::replace(&mut self.state, State::Away(Instant::now()));
        self.state = match state {
            State::Runs(process) => {
                process.signal(Signal::TERM);
                State::Leaving(process, away)
            }
            other => other,
        };
    }

    /// Whether it was told to stop and has gone.
    pub(crate) const fn is_away(&self) -> bool {
        matches!(self.state, State::Away(_))
    }

    /// Lines of all its logs that hold this, for the report.
    pub(crate) fn said(&self, words: &str) -> usize {
        let log = |start| self.logs.join(format!("{}.{start}.log", self.name));
        (1..=self.starts)
            .filter_map(|start| fs::read_to_string(log(start)).ok())
            .map(|text| text.lines().filter(|line| line.contains(words)).count())
            .sum()
    }
}
