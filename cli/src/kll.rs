//! `kiisrv kll`: what the compiler will be given for a layout, without any service.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context;
use shared::{
    channel::Dialect, diagnose, kll, layout::Library, release::Release, settings::Settings,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The layout, as the Configurator exports it
    file: PathBuf,
    /// The channel or version whose KLL is wanted
    #[arg(long, default_value = "latest")]
    version: String,
    /// Where to write the files
    #[arg(short, long, default_value = ".")]
    output: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, settings: &Settings) -> anyhow::Result<ExitCode> {
    let config = crate::build::read_layout(&arguments.file)?;
    let library = Library::open(&settings.layouts)
        .with_context(|| format!("{} (KIISRV_LAYOUTS)", settings.layouts.display()))?;
    let generated =
        match kll::generate_from(&config, Dialect::of_version(&arguments.version), &library) {
            Ok((_, generated)) => generated,
            Err(faults) => {
                for fault in faults {
                    eprintln!("{}: {}", fault.pointer, fault.message);
                }
                return Ok(ExitCode::FAILURE);
            }
        };
    let release = Release::of_version(&arguments.version);
    let faults = diagnose::before_queueing(&generated, release);
    for fault in &faults {
        eprintln!("{}: {}", fault.pointer, fault.message);
    }
    if !faults.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    let directory = &arguments.output;
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    for file in &generated.files {
        let path = directory.join(&file.name);
        fs::write(&path, &file.text).with_context(|| path.display().to_string())?;
        say!("{}", path.display());
    }
    say!("script: {}", generated.keyboard.build_script());
    say!("DefaultMapOverride=\"{}\"", generated.default_map);
    say!("PartialMapsExpandedOverride=\"{}\"", generated.partial_maps);
    say!("Layout=\"{}\"", generated.variant);
    Ok(ExitCode::SUCCESS)
}
