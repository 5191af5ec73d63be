//! `kiisrv import`: what the predecessor's tables hold comes into ours, with nobody's address in the clear.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use kiisrv_cli::progress;
use shared::{
    settings::Settings,
    store::{
        Store,
        import::{
            Mode, RequestsImport, Rows, Tally,
            versions::{self, Existing, Fate},
        },
        statistics::{Statistics, statistics},
    },
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The predecessor's stats.db: its requests
    #[arg(long, required_unless_present = "config")]
    stats: Option<PathBuf>,
    /// The predecessor's config.db: its versions
    #[arg(long)]
    config: Option<PathBuf>,
    /// Let its versions take the place of ours that have the same name
    #[arg(long, requires = "config")]
    replace: bool,
    /// Only say what would come
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(arguments: &Arguments, settings: &Settings) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?
        .block_on(import(arguments, settings))?;
    Ok(ExitCode::SUCCESS)
}

async fn import(arguments: &Arguments, settings: &Settings) -> anyhow::Result<()> {
    let mode = if arguments.dry_run {
        Mode::Look
    } else {
        Mode::Take
    };
    let store = Store::open(&settings.data).await?;
    say!("into {}", settings.data.join("kiisrv.db").display());
    let before = statistics(&store).await?;
    // Both files are opened before anything is written: a mistyped name leaves nothing half done.
    let requests = match &arguments.stats {
        Some(path) => Some((path, RequestsImport::open(&store, path, mode).await?)),
        None => None,
    };
    if let Some(path) = &arguments.config {
        let existing = if arguments.replace {
            Existing::Replace
        } else {
            Existing::Keep
        };
        show_versions(path, &versions::take(&store, path, existing, mode).await?);
    }
    if let Some((path, requests)) = requests {
        take_requests(path, requests).await?;
    }
    match mode {
        Mode::Look => say!("\nnothing was written (--dry-run)"),
        Mode::Take => show_statistics(&before, &statistics(&store).await?),
    }
    Ok(())
}

async fn take_requests(path: &Path, mut requests: RequestsImport) -> anyhow::Result<()> {
    let mut tally = Tally::default();
    let bar = progress::bar("requests", requests.rows.saturating_sub(requests.known));
    while let Some(batch) = requests.next_batch().await? {
        bar.done(batch.taken + batch.rows_left_out());
        tally.add(batch);
    }
    drop(bar);
    say!("\nrequests of {}", path.display());
    say!("{:>9}  rows", requests.rows);
    say!("{:>9}  known already", requests.known);
    say!("{:>9}  taken", tally.taken);
    show_reasons("amended: ", &tally.amended);
    say!("{:>9}  left out", tally.rows_left_out());
    show_reasons("", &tally.left_out);
    Ok(())
}

fn show_reasons(prefix: &str, reasons: &BTreeMap<&'static str, Rows>) {
    for (reason, rows) in reasons {
        say!(
            "{:>15}  {prefix}{reason} (the first is row {})",
            rows.count,
            rows.first
        );
    }
}

fn show_versions(path: &Path, names: &[(String, Fate)]) {
    say!("\nversions of {}", path.display());
    for (name, fate) in names {
        match fate {
            Fate::Added(target) => {
                say!("  {name}: added, {} {}", target.channel, target.controller);
            }
            Fate::Known => say!("  {name}: known already"),
            Fate::Kept(here) => say!(
                "  {name}: stays {} {} (--replace would change it)",
                here.channel,
                here.controller
            ),
            Fate::Replaced { was, now } => say!(
                "  {name}: {} {} instead of {} {}",
                now.channel,
                now.controller,
                was.channel,
                was.controller
            ),
            // What stands there may be anything, so that it is quoted.
            Fate::LeftOut(reason) => say!("  {name:?}: left out: {reason}"),
        }
    }
}

fn show_statistics(before: &Statistics, after: &Statistics) {
    say!("\n{:>12} {:>12}  statistics", "before", "after");
    for (name, before, after) in [
        ("builds", before.builds, after.builds),
        ("unique builds", before.unique_builds, after.unique_builds),
        ("users", before.users, after.users),
        ("layers", before.layers, after.layers),
        ("milliseconds of building", before.build_ms, after.build_ms),
    ] {
        say!("{before:>12} {after:>12}  {name}");
    }
    for (before, after) in [
        (&before.os, &after.os),
        (&before.platforms, &after.platforms),
        (&before.keyboards, &after.keyboards),
        (&before.versions, &after.versions),
    ] {
        for (name, count) in after {
            let before = before.get(name).unwrap_or(&0);
            say!("{before:>12} {count:>12}  {name}");
        }
    }
}
