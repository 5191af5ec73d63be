//! `kiisrv draw`: a layout as a picture, without any service.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use shared::{
    draw::{self, Undrawable, View},
    layout::Library,
    settings::Settings,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The layout, as the Configurator exports it
    #[arg(required_unless_present = "all")]
    file: Option<PathBuf>,
    /// Where to write the SVG (default: to the terminal or the next program)
    #[arg(short, long, conflicts_with = "all")]
    output: Option<PathBuf>,
    /// Draw this layer alone, and not layer 0 with the others in small
    #[arg(long)]
    layer: Option<usize>,
    /// Draw each layout that we come with into this directory
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "file")]
    all: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, settings: &Settings) -> anyhow::Result<ExitCode> {
    let library = Library::open(&settings.layouts)
        .with_context(|| format!("{} (KIISRV_LAYOUTS)", settings.layouts.display()))?;
    let view = arguments.layer.map_or(View::AllLayers, View::Layer);
    if let Some(directory) = &arguments.all {
        return draw_all(&library, view, directory);
    }
    let file = arguments.file.as_deref().context("no layout is named")?;
    let config = crate::build::read_layout(file)?;
    let picture = match draw::draw_from(&config, &library, view) {
        Ok(picture) => picture,
        Err(why) => {
            eprintln!("{why}");
            return Ok(ExitCode::FAILURE);
        }
    };
    match &arguments.output {
        Some(path) => write(path, &picture)?,
        None => say!("{}", picture.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Further names of a layout show nothing else, and some layouts have no places or not that layer: they are left out.
fn draw_all(library: &Library, view: View, directory: &Path) -> anyhow::Result<ExitCode> {
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    let own = library.names().filter_map(|name| {
        let file = library.get(name)?;
        (file.name == name).then_some(file)
    });
    for file in own {
        let config =
            serde_json::from_str(&file.text).with_context(|| format!("reading {}", file.name))?;
        match draw::draw_from(&config, library, view) {
            Ok(picture) => {
                let name = file.name.replace(".json", ".svg");
                write(&directory.join(name), &picture)?;
            }
            Err(Undrawable::NoSuchLayer { .. }) => {}
            Err(why) => eprintln!("{} is left out: {why}", file.name),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, picture: &str) -> anyhow::Result<()> {
    fs::write(path, picture).with_context(|| path.display().to_string())?;
    say!("{}", path.display());
    Ok(())
}
