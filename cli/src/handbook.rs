//! `kiisrv completions` and `kiisrv man`: what shells and manuals know of the command line, made from the same source.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Command;
use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Manual {
    /// The directory for the pages, such as /usr/local/share/man/man1
    directory: PathBuf,
}

/// Writes what a shell has to read.
pub(crate) fn completions(wish: &Completions, mut program: Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(wish.shell, &mut program, "kiisrv", &mut script);
    say!("{}", String::from_utf8_lossy(&script).trim_end());
    ExitCode::SUCCESS
}

/// Writes a page for the program and one for each command.
pub(crate) fn manual(wish: &Manual, program: Command) -> anyhow::Result<ExitCode> {
    let failed = || wish.directory.display().to_string();
    fs::create_dir_all(&wish.directory).with_context(failed)?;
    clap_mangen::generate_to(program, &wish.directory).with_context(failed)?;
    Ok(ExitCode::SUCCESS)
}
