//! `kiisrv backup` and `kiisrv restore`: a copy of the table while everything runs, and the way back from one.

use std::{path::PathBuf, process::ExitCode};

use kiisrv_cli::progress::spinner;
use shared::{
    settings::Settings,
    store::backup::{self, Copied},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The copy: to be made, or to be put back
    file: PathBuf,
}

/// Copies the table.
pub(crate) fn take(arguments: &Arguments, settings: &Settings) -> anyhow::Result<ExitCode> {
    let moving = spinner("copying the table");
    let copied = backup::take(&settings.data, &arguments.file, settings.disk_reserve)?;
    drop(moving);
    say!("{}: {}", arguments.file.display(), words(&copied));
    Ok(ExitCode::SUCCESS)
}

/// Puts a copy back.
pub(crate) fn put_back(arguments: &Arguments, settings: &Settings) -> anyhow::Result<ExitCode> {
    let moving = spinner("looking at the copy, and putting it back");
    let restored = backup::put_back(&settings.data, &arguments.file)?;
    drop(moving);
    let table = settings.data.join("kiisrv.db");
    say!("{}: {}", table.display(), words(&restored.copied));
    if let Some(before) = &restored.before {
        say!("the table that was there: {}", before.display());
    }
    say!("start the service, then let `kiisrv doctor` compare files with it");
    Ok(ExitCode::SUCCESS)
}

fn words(copied: &Copied) -> String {
    format!(
        "whole, {} builds, {} bytes, form {}",
        copied.builds, copied.bytes, copied.form
    )
}
