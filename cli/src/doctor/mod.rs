//! `kiisrv doctor`: looks at what lies about, and mends it with `--fix`.
//!
//! It may be asked while the service runs.

mod report;
mod table;

use std::{io::Write, path::Path, process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use clap::Parser;
use shared::{
    settings::Settings,
    store::{Store, inspect},
};
use worker::{
    DockerEngine,
    container::ContainerRuntime,
    reconcile::{self, Ground, LookError, Mended, Mismatch},
};

use crate::progress::spinner;

use report::{Finding, Report};

/// What is found must be found again after this: what is under way is over by then, or has changed.
const SECOND_LOOK: Duration = Duration::from_secs(2);

/// What `kiisrv doctor` is asked.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Mend what was found
    #[arg(long)]
    fix: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
    /// Check every index of the table against its rows, too, which takes its time
    #[arg(long)]
    thorough: bool,
}

/// How the examination ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is well, or was mended.
    Well,
    /// Something is left.
    Left,
    /// It was not possible to look.
    CannotLook,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        Self::from(match verdict {
            Verdict::Well => 0,
            Verdict::Left => 1,
            Verdict::CannotLook => 2,
        })
    }
}

/// The command line as it stands after `kiisrv doctor`.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

impl Arguments {
    /// The same from words, as they stand after `kiisrv doctor`.
    ///
    /// # Errors
    /// When they mean nothing.
    pub fn from_words(words: &[&str]) -> anyhow::Result<Self> {
        Ok(Line::try_parse_from(words)?.arguments)
    }
}

/// Looks, mends where that is wished, and writes what was found.
///
/// # Errors
/// When it was not possible to look, with the reason for people.
pub fn run(
    arguments: &Arguments,
    settings: &Settings,
    out: &mut dyn Write,
) -> anyhow::Result<Verdict> {
    let moving = spinner("comparing the table, the engine and the files");
    let report = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime could not start")?
        .block_on(examine(arguments, settings))?;
    drop(moving);
    report.write(arguments.json, out)?;
    Ok(if report.left() == 0 {
        Verdict::Well
    } else {
        Verdict::Left
    })
}

async fn examine(arguments: &Arguments, settings: &Settings) -> anyhow::Result<Report> {
    check_form(&settings.data)?;
    let store = Store::open(&settings.data).await?;
    let mut report = Report::default();
    if !table::examine(&store, settings, arguments, &mut report).await? {
        return Ok(report);
    }

    let engine = match reach(&settings.worker.docker_host).await {
        Ok(engine) => Some(engine),
        Err(error) => {
            report.note(format!(
                "{error}, so that containers and the directories of builds were not compared"
            ));
            None
        }
    };
    let ground = Ground {
        store: &store,
        settings,
        build_places: [
            settings.worker.tmp_config.clone(),
            settings.worker.tmp_builds.clone(),
        ],
        prepared: None,
        engine: engine.as_ref().map(|(engine, id)| (engine, id.as_str())),
    };
    let found = look_twice(&ground).await?;
    if arguments.fix {
        let mended = reconcile::mend_all(&ground, found).await;
        report.findings.extend(
            mended
                .into_iter()
                .map(|(mismatch, result)| after(&mismatch, result)),
        );
    } else {
        report.findings.extend(found.iter().map(before));
    }
    Ok(report)
}

/// To open a table of another form would change it, and a directory without one would get one.
fn check_form(data: &Path) -> anyhow::Result<()> {
    let form = inspect::form(data).context("there is no table to look at (KIISRV_DATA)")?;
    if form.found < form.ours {
        bail!(
            "the table is of an older form ({} of {}): start the service once with this program",
            form.found,
            form.ours
        );
    }
    Ok(())
}

async fn reach(address: &str) -> anyhow::Result<(DockerEngine, String)> {
    let engine = DockerEngine::connect(address).await?;
    let id = engine.engine_id().await?;
    Ok((engine, id))
}

async fn look_twice<R: ContainerRuntime>(
    ground: &Ground<'_, R>,
) -> Result<Vec<Mismatch>, LookError> {
    let first = look(ground).await?;
    if first.is_empty() {
        return Ok(first);
    }
    tokio::time::sleep(SECOND_LOOK).await;
    let mut again = look(ground).await?;
    again.retain(|mismatch| first.contains(mismatch));
    Ok(again)
}

async fn look<R: ContainerRuntime>(ground: &Ground<'_, R>) -> Result<Vec<Mismatch>, LookError> {
    let mut found = reconcile::look_at_builds(ground).await?;
    found.extend(reconcile::look_at_files(ground).await?);
    Ok(found)
}

fn before(mismatch: &Mismatch) -> Finding {
    Finding {
        kind: mismatch.kind(),
        what: mismatch.to_string(),
        remedy: mismatch.remedy().to_owned(),
        mended: false,
        trouble: None,
    }
}

fn after(mismatch: &Mismatch, result: Result<Mended, LookError>) -> Finding {
    Finding {
        mended: matches!(result, Ok(Mended::Yes)),
        trouble: result.err().map(|error| error.to_string()),
        ..before(mismatch)
    }
}
