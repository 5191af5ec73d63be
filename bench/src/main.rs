//! `make bench`: the service beside its limit and its peers, in one run on the machine that it is on.

mod child;
mod clock;
mod disk;
mod limit;
mod measure;
mod queue;
mod report;
mod run;

use std::path::PathBuf;

use clap::Parser;

use child::Role;
use measure::Compared;
use run::Bench;

#[derive(Parser)]
#[command(about = "Measures the service beside its limit and its peers")]
struct Arguments {
    /// Less of everything: two minutes
    #[arg(long)]
    quick: bool,
    /// Where the report goes
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,
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

type Measured = Box<dyn Fn(&Bench) -> anyhow::Result<Compared>>;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.role {
        Some(Child::Child(role)) => play(&role),
        None => measure_all(&arguments),
    }
}

fn play(role: &Role) -> anyhow::Result<()> {
    match role {
        Role::Drain { directory } => queue::drain::drain(directory),
        Role::DrainByHand { directory } => limit::drain::drain(directory),
        Role::Wake { directory } => queue::wakeup::wait(directory),
        Role::WakeByHand { socket } => limit::wakeup::wait(socket),
    }
}

/// Everything, in the order in which it is printed.
fn all() -> Vec<(String, Measured)> {
    let mut all: Vec<(String, Measured)> = Vec::new();
    for producers in [1, 16, 64, 256] {
        all.push((
            format!("enqueue_{producers}_vs_limit"),
            Box::new(move |bench| queue::enqueue::vs_limit(bench, producers)),
        ));
    }
    for processes in [1, 4] {
        all.push((
            format!("drain_{processes}_vs_limit"),
            Box::new(move |bench| queue::drain::vs_limit(bench, processes)),
        ));
    }
    all.push((
        "wakeup_p50_vs_datagram".to_owned(),
        Box::new(queue::wakeup::vs_datagram),
    ));
    all
}

#[expect(clippy::print_stdout, reason = "it is a program for people")]
fn measure_all(arguments: &Arguments) -> anyhow::Result<()> {
    let scratch = arguments.output.join("tables");
    std::fs::create_dir_all(&scratch)?;
    let bench = Bench {
        quick: arguments.quick,
        scratch,
    };
    let disk_sync = disk::sync(&bench.scratch)?;
    println!(
        "one sync of this disk: {:.3} ms, one in a hundred {:.3} ms",
        disk_sync.p50_ms, disk_sync.p99_ms
    );
    let is_wanted = |name: &str| {
        arguments.only.is_empty()
            || arguments
                .only
                .iter()
                .any(|part| name.contains(part.as_str()))
    };
    let mut measured = Vec::new();
    for (name, measure) in all().iter().filter(|(name, _)| is_wanted(name)) {
        let compared = measure(&bench)?;
        debug_assert_eq!(name, &compared.name);
        println!("{}", report::line(&compared));
        measured.push(compared);
    }
    report::write(&arguments.output, disk_sync, arguments.quick, &measured)
}
