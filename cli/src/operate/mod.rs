//! The operator's commands: look at the queue, its builds and its workers, and change them.
//!
//! All of it goes over HTTP, so that it works from wherever the service answers: `KIISRV_URL` says where, and
//! `KIISRV_OPERATOR_TOKEN` that one may.

mod change;
mod forget;
mod log;
mod queue;
mod service;
mod show;
mod words;
mod workers;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use shared::settings::Settings;

use crate::versions::who;
use service::Service;

/// What an operator may ask.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what waits, runs and has ended lately
    Queue(queue::Arguments),
    /// Show one build
    Show(show::Arguments),
    /// Show the log of a build, with -f until it ends
    Log(log::Arguments),
    /// End builds for all who asked for them; a running one's container is killed
    Cancel(change::Builds),
    /// Build again what has ended, as a new build with the same layout and version
    Retry(change::Builds),
    /// Erase all that is kept of builds, or of one client
    Forget(forget::Arguments),
    /// Let no worker take a build; what is asked for waits, what runs goes on
    Pause(change::Queue),
    /// Let workers take builds again
    Resume(change::Queue),
    /// List the workers: what they do, and what is in their way
    Workers(workers::Arguments),
    /// Let a worker take no new build; it ends what runs, and stays idle until it is stopped or told otherwise
    Drain(change::Worker),
    /// Let a worker that drains take builds again
    Undrain(change::Worker),
    /// Show the statistics of all requests
    Stats(show::Stats),
}

/// The service, and the form of its answer.
#[derive(Debug, clap::Args)]
struct Common {
    /// The service
    #[arg(long, env = "KIISRV_URL", default_value = "http://127.0.0.1:3001")]
    url: String,
    /// Write the service's own answer, as JSON
    #[arg(long)]
    json: bool,
}

/// Who makes a change.
#[derive(Debug, clap::Args)]
struct By {
    /// Who makes the change, for the audit (default: user@host)
    #[arg(long)]
    by: Option<String>,
}

impl By {
    fn name(&self) -> String {
        self.by.clone().unwrap_or_else(who::is_here)
    }
}

/// How a command went that could be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it was wished.
    Good,
    /// Otherwise; it was said how.
    Bad,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Good => Self::SUCCESS,
            Verdict::Bad => Self::FAILURE,
        }
    }
}

/// The command line as it stands after `kiisrv`.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

impl Command {
    /// The same from words, as they stand after `kiisrv`.
    ///
    /// # Errors
    /// When they mean nothing.
    pub fn from_words(words: &[&str]) -> anyhow::Result<Self> {
        Ok(Line::try_parse_from(words)?.command)
    }
}

/// Carries out the command and writes its result.
///
/// # Errors
/// When it could not be carried out, with the reason for people.
pub fn run(command: &Command, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<Verdict> {
    let token = settings.operator.as_ref();
    let service = |common: &Common| Service::at(&common.url, token);
    let done = match command {
        Command::Queue(wish) => queue::queue(&service(&wish.common), wish, out),
        Command::Show(wish) => show::show(&service(&wish.common), wish, out),
        Command::Log(wish) => log::log(&service(&wish.common), wish, out),
        Command::Cancel(wish) => change::cancel(&service(&wish.common), wish, out),
        Command::Retry(wish) => change::retry(&service(&wish.common), wish, out),
        Command::Forget(wish) => forget::forget(&service(&wish.common), wish, out),
        Command::Pause(wish) => change::pause(&service(&wish.common), wish, out),
        Command::Resume(wish) => change::resume(&service(&wish.common), wish, out),
        Command::Workers(wish) => workers::workers(&service(&wish.common), wish, out),
        Command::Drain(wish) => change::drain(&service(&wish.common), wish, out),
        Command::Undrain(wish) => change::undrain(&service(&wish.common), wish, out),
        Command::Stats(wish) => show::stats(&service(&wish.common), wish, out),
    };
    match done {
        // A reader that has gone, such as `head`, wants no more of it.
        Err(error) if is_gone(&error) => Ok(Verdict::Good),
        other => other,
    }
}

fn is_gone(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
