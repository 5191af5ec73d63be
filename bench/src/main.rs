//! `make bench`: the service beside its limit and its peers, in one run on the machine that it is on.

mod child;
mod clock;
mod containers;
mod crowd;
mod disk;
mod host;
mod http;
mod limit;
mod measure;
mod measured;
mod peer;
mod plot;
mod process;
mod programs;
mod queue;
mod report;
mod run;
mod service;
mod table;

use std::path::PathBuf;

use clap::Parser;

use child::Role;
use host::Host;
use report::Report;
use run::{Bench, CannotBeHere};

#[derive(Parser)]
#[command(about = "Measures the service beside its limit and its peers")]
struct Arguments {
    /// Less of everything: two minutes
    #[arg(long)]
    quick: bool,
    /// Where the report and the plots go
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,
    /// Says what there is to be measured, and measures nothing
    #[arg(long)]
    list: bool,
    /// Only what has one of these in its name
    only: Vec<String>,
    #[command(subcommand)]
    role: Option<Child>,
}

#[derive(clap::Subcommand)]
enum Child {
    /// What this program starts of itself
    #[command(subcommand, hide = true)]
    Child(Role),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.role {
        Some(Child::Child(role)) => play(&role),
        None => measure_all(&arguments),
    }
}

fn play(role: &Role) -> anyhow::Result<()> {
    match role {
        Role::Drain { directory, most } => queue::drain::drain(directory, *most),
        Role::DrainByHand { directory } => limit::drain::drain(directory),
        Role::Wake { directory } => queue::wakeup::wait(directory),
        Role::WakeByHand { socket } => limit::wakeup::wait(socket),
        Role::Serve { directory, answer } => limit::serve::serve(directory, answer),
    }
}

#[expect(clippy::print_stdout, reason = "it is a program for people")]
fn measure_all(arguments: &Arguments) -> anyhow::Result<()> {
    let all = table::all();
    let wanted = all.iter().filter(|line| line.is_wanted(&arguments.only));
    if arguments.list {
        wanted.for_each(|line| println!("{}", line.names.join(" ")));
        return Ok(());
    }
    let scratch = arguments.output.join("tables");
    std::fs::create_dir_all(&scratch)?;
    let scratch = scratch.canonicalize()?;
    let host = Host::look(&scratch)?;
    let bench = Bench {
        quick: arguments.quick,
        scratch,
        sync: host.disk_sync.p50_ms,
    };
    println!("{host}\nWhoever loads the service is on the same machine.\n");
    println!("{}", report::heading());
    let mut report = Report::of(host, arguments.quick);
    let mut measured = Vec::new();
    for line in wanted {
        match (line.measure)(&bench) {
            Ok(results) => {
                for result in results {
                    println!("{}", report.take(&result));
                    measured.push(result);
                }
            }
            Err(error) => {
                let name = line.names.first().map_or("", String::as_str);
                let line = match error.downcast_ref::<CannotBeHere>() {
                    Some(CannotBeHere(reason)) => report.skip(name, reason),
                    None => report.fail(name, &error),
                };
                println!("{line}");
            }
        }
    }
    report.write(&arguments.output)?;
    plot::all(&arguments.output, &measured)?;
    anyhow::ensure!(report.is_whole(), "not all could be measured");
    Ok(())
}
