//! `kiisrv`: keyboard firmware, built on demand. The one program of the project.
//!
//! - [`serve`]: the API, a worker, or both in one process.
//! - [`healthcheck`]: whether they are alive, for a container's health check.
//! - [`prepare`]: the directories of a service with their right owner, before its first start.
//! - [`build`]: layout files in, zips out, through a running service.
//! - [`kll`]: what the compiler will be given, without any service.
//! - [`draw`]: a layout as a picture, without any service either.
//! - [`import`]: the predecessor's tables into ours.
//! - [`backup`]: a copy of the table while everything runs, and the way back.
//! - [`versions`]: controllers and channels, the operator's.
//! - [`operate`]: the queue, its builds and its workers, for operators.
//! - [`handbook`]: completions for shells, and pages of the manual.
//! - [`doctor`]: what does not match among table, engine and files, and the mending of it.
#![expect(clippy::print_stderr, reason = "a command line speaks to people")]

/// Prints a line of a command's result. A reader that has gone, such as `head`, wants no more of it.
macro_rules! say {
    ($($line:tt)*) => {{
        use std::io::Write as _;
        drop(writeln!(std::io::stdout(), $($line)*));
    }};
}

mod backup;
mod build;
mod draw;
mod handbook;
mod healthcheck;
mod import;
mod kll;
mod prepare;
mod serve;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use kiisrv_cli::{doctor, operate, versions};
use serve::Part;
use shared::{settings::Settings, telemetry};

/// Keyboard firmware, built on demand.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the API and a worker in one process (what a bare `kiisrv` does)
    Serve,
    /// Run the API alone
    Api,
    /// Run a worker alone
    Worker,
    /// Tell by the exit status whether the API or a worker on this host is alive
    Healthcheck {
        /// What to look at
        #[arg(value_enum, default_value = "api")]
        part: healthcheck::Part,
    },
    /// Make directories and give them to the service's user (as root, before the first start)
    Prepare(prepare::Arguments),
    /// Build layout files through a running service and save the zips
    Build(build::Arguments),
    /// Write the KLL files of a layout, as the compiler will be given them
    Kll(kll::Arguments),
    /// Draw a layout as SVG, or all layouts that we come with
    Draw(draw::Arguments),
    /// Take over the predecessor's statistics and versions, with nobody's address in the clear
    Import(import::Arguments),
    /// Copy the table into a new file, while everything runs, and check the copy
    Backup(backup::Arguments),
    /// Make such a copy the table, while nothing runs
    Restore(backup::Arguments),
    /// List controllers and channels; move, try, disable them
    Versions(versions::Arguments),
    /// Say what does not match among table, engine and files, and mend it with --fix
    Doctor(doctor::Arguments),
    #[command(flatten)]
    Operate(operate::Command),
    /// Write what a shell needs to complete these commands
    Completions(handbook::Completions),
    /// Write the pages of the manual into a directory
    Man(handbook::Manual),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command.unwrap_or(Command::Serve)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kiisrv: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let part = match command {
        Command::Serve => Part::Both,
        Command::Api => Part::Api,
        Command::Worker => Part::Worker,
        Command::Healthcheck { part } => {
            return healthcheck::run(&Settings::from_environment()?, part);
        }
        Command::Prepare(arguments) => return prepare::run(&arguments),
        Command::Build(arguments) => return build::run(&arguments),
        Command::Import(arguments) => {
            return import::run(&arguments, &Settings::from_environment()?);
        }
        Command::Backup(arguments) => {
            return backup::take(&arguments, &Settings::from_environment()?);
        }
        Command::Restore(arguments) => {
            return backup::put_back(&arguments, &Settings::from_environment()?);
        }
        Command::Kll(arguments) => return kll::run(&arguments, &Settings::from_environment()?),
        Command::Draw(arguments) => return draw::run(&arguments, &Settings::from_environment()?),
        Command::Versions(arguments) => {
            let settings = Settings::from_environment()?;
            let verdict = versions::run(&arguments, &settings, &mut std::io::stdout())?;
            return Ok(verdict.into());
        }
        Command::Operate(command) => {
            let settings = Settings::from_environment()?;
            let verdict = operate::run(&command, &settings, &mut std::io::stdout())?;
            return Ok(verdict.into());
        }
        Command::Completions(wish) => {
            return Ok(handbook::completions(&wish, Arguments::command()));
        }
        Command::Man(wish) => return handbook::manual(&wish, Arguments::command()),
        Command::Doctor(arguments) => {
            let looked = Settings::from_environment()
                .and_then(|settings| doctor::run(&arguments, &settings, &mut std::io::stdout()));
            return Ok(looked
                .unwrap_or_else(|error| {
                    eprintln!("kiisrv: cannot look: {error:#}");
                    doctor::Verdict::CannotLook
                })
                .into());
        }
    };
    let settings = Settings::from_environment()?;
    telemetry::start(settings.log_format, &settings.log_filter)?;
    serve::run(settings, part)?;
    Ok(ExitCode::SUCCESS)
}
