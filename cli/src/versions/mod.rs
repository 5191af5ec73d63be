//! `kiisrv versions`: which controllers there are, what stands for them, and the operator's changes of that.
//!
//! All of it goes through the table, so that it works beside the API as well as beside a worker: no HTTP, and no
//! engine. What has to be built is queued like anybody's build.

mod change;
mod firmware;
mod list;
mod report;
mod show;
mod trial;
pub(crate) mod who;

use std::{io::Write, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};
use shared::{settings::Settings, store::Store};

/// What `kiisrv versions` is asked.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Write the list as JSON
    #[arg(long)]
    json: bool,
    /// Who makes the change, for the audit (default: user@host)
    #[arg(long, global = true)]
    by: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Let a version stand for a controller
    Move(change::Move),
    /// Let a version stand where it stood before its last move
    Back {
        /// The version, such as latest
        name: String,
    },
    /// Plan no more builds with a controller
    Disable {
        /// The controller, such as 058
        controller: String,
    },
    /// Plan builds with a controller again
    Enable {
        /// The controller, such as 058
        controller: String,
    },
    /// Let no build of a keyboard start warm with a controller's image
    Cold(change::OfKeyboard),
    /// Let builds of a keyboard start warm again
    Warm(change::Warm),
    /// Show who changed what, newest first
    Log {
        /// How many changes at most
        #[arg(long, default_value_t = 50)]
        most: u32,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Build layouts with a controller through the running service, and show what came out
    Try(trial::Arguments),
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

/// The command line as it stands after `kiisrv versions`.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

impl Arguments {
    /// The same from words, as they stand after `kiisrv versions`.
    ///
    /// # Errors
    /// When they mean nothing.
    pub fn from_words(words: &[&str]) -> anyhow::Result<Self> {
        Ok(Line::try_parse_from(words)?.arguments)
    }
}

/// Carries out the command and writes its result.
///
/// # Errors
/// When it could not be carried out, with the reason for people.
pub fn run(
    arguments: &Arguments,
    settings: &Settings,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime could not start")?
        .block_on(carry_out(arguments, settings, out))
}

async fn carry_out(
    arguments: &Arguments,
    settings: &Settings,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    let store = Store::open(&settings.data).await?;
    let who = || arguments.by.clone().unwrap_or_else(who::is_here);
    match &arguments.command {
        None => list::versions(&store, arguments.json, out).await?,
        Some(Command::Log { most, json }) => list::log(&store, *most, *json, out).await?,
        Some(Command::Back { name }) => change::back(&store, name, &who(), out).await?,
        Some(Command::Disable { controller }) => {
            change::disable(&store, controller, &who(), out).await?;
        }
        Some(Command::Enable { controller }) => {
            change::enable(&store, controller, &who(), out).await?;
        }
        Some(Command::Cold(of)) => change::build_cold(&store, of, &who(), out).await?,
        Some(Command::Warm(of)) => change::build_warm(&store, of, &who(), out).await?,
        Some(Command::Move(wish)) => {
            return change::carry_out_move(&store, settings, (wish, &who()), out).await;
        }
        Some(Command::Try(wish)) => {
            let trial = trial::Trial::open(&store, settings, &wish.controller).await?;
            let report = trial.run(wish).await?;
            show::report(&report, wish.json, out)?;
            return Ok(report.verdict());
        }
    }
    Ok(Verdict::Good)
}
