//! `kiisrv build`: layout files in, zips out, through a running service.

mod interrupt;
mod progress;
mod service;
mod watch;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::Context;
use kiisrv_cli::what_now;
use serde_json::Value;

use interrupt::Interrupt;
use progress::{Line, Progress};
use service::{Service, Submitted};

/// Builds that are waited for at once: fewer than one client may have waiting and held open.
const AT_ONCE: usize = 16;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The layouts, as the Configurator exports them
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where to save the zip (default: the name that the service gives it); for several files, a directory
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Build again whenever a file changes, until Ctrl-C
    #[arg(short, long)]
    watch: bool,
    /// The channel or version of the firmware
    #[arg(long, default_value = "latest")]
    version: String,
    /// The service
    #[arg(long, env = "KIISRV_URL", default_value = "http://127.0.0.1:3001")]
    url: String,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let output = place(arguments)?;
    let service = Service::at(&arguments.url);
    let errand = Errand {
        interrupt: Interrupt::heed(&service)?,
        progress: Progress::new(),
        version: &arguments.version,
        service,
        output,
    };
    let all: Vec<_> = arguments.files.iter().map(PathBuf::as_path).collect();
    if arguments.watch {
        watch::build_whenever_changed(&errand, &all);
    }
    // What went wrong with the only file is the program's own error.
    if let [file] = all[..] {
        return errand.build(file).map(ExitCode::from);
    }
    Ok(errand.build_all(&all).into())
}

/// Where zips go.
enum Place {
    /// Below the working directory or another one, by the names that the service gives.
    Directory(PathBuf),
    /// Into this file.
    File(PathBuf),
}

fn place(arguments: &Arguments) -> anyhow::Result<Place> {
    Ok(match &arguments.output {
        None => Place::Directory(PathBuf::new()),
        Some(path) if path.is_dir() => Place::Directory(path.clone()),
        Some(path) if arguments.files.len() == 1 => Place::File(path.clone()),
        Some(path) => {
            fs::create_dir_all(path).with_context(|| path.display().to_string())?;
            Place::Directory(path.clone())
        }
    })
}

/// How a build ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// With firmware.
    Well,
    /// Otherwise; it was said how.
    Badly,
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Well => Self::SUCCESS,
            Ended::Badly => Self::FAILURE,
        }
    }
}

/// What is the same for all files.
struct Errand<'a> {
    service: Service,
    version: &'a str,
    output: Place,
    progress: Progress,
    interrupt: Interrupt,
}

impl Errand<'_> {
    /// Builds several files at once. One that cannot be built does not keep the others from it.
    fn build_all(&self, files: &[&Path]) -> Ended {
        let next = AtomicUsize::new(0);
        let bad = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..files.len().min(AT_ONCE) {
                scope.spawn(|| {
                    while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if self.build_or_say(file) == Ended::Badly {
                            bad.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        let (all, bad) = (files.len(), bad.into_inner());
        if all > 1 {
            self.progress
                .say(&format!("{} of {all} succeeded", all - bad));
        }
        if bad == 0 { Ended::Well } else { Ended::Badly }
    }

    fn build_or_say(&self, file: &Path) -> Ended {
        self.build(file).unwrap_or_else(|error| {
            let file = file.display().to_string();
            let words = format!("{error:#}");
            // An error about the file says so itself.
            self.progress.say(&if words.starts_with(&file) {
                words
            } else {
                format!("{file}: {words}")
            });
            Ended::Badly
        })
    }

    /// Builds one file and saves its zip.
    fn build(&self, file: &Path) -> anyhow::Result<Ended> {
        let config = read_layout(file)?;
        let line = self.progress.line(file);
        let build = match self.service.submit(&config, self.version)? {
            Submitted::Yes(build) => build,
            Submitted::Refused(why) => {
                line.say(&why);
                return Ok(Ended::Badly);
            }
        };
        let held = self.interrupt.hold(&build);
        line.step(&format!("build {}", text(&build, "/id")));
        let build = self.service.wait(build, |step| line.step(step))?;
        self.interrupt.give_way();
        drop(held);
        if text(&build, "/status") != "succeeded" {
            let (status, reason) = (text(&build, "/status"), text(&build, "/reason"));
            let log = self.service.log_end(text(&build, "/log_url"))?;
            let mut words = vec![format!("{status}: {reason}"), log];
            words.extend(diagnostics(&build));
            line.say(&words.join("\n"));
            return Ok(Ended::Badly);
        }
        self.save(&build, &line)?;
        Ok(Ended::Well)
    }

    fn save(&self, build: &Value, line: &Line<'_>) -> anyhow::Result<()> {
        let (name, zip) = self.service.zip(text(build, "/artifact/url"))?;
        let path = match &self.output {
            Place::File(path) => path.clone(),
            Place::Directory(directory) => directory.join(name),
        };
        fs::write(&path, &zip).with_context(|| path.display().to_string())?;
        let mut lines = vec![path.display().to_string()];
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip))?;
        for index in 0..archive.len() {
            let file = archive.by_index(index)?;
            lines.push(format!("{:>9}  {}", file.size(), file.name()));
        }
        line.result(&lines);
        // Beside the result, so that a program which reads that is not told to press a button.
        let steps = what_now::in_short(build);
        if !steps.is_empty() {
            line.say(&format!("what now:\n{}", steps.join("\n")));
        }
        Ok(())
    }
}

/// What the log means. It stands below it, as that is read first.
fn diagnostics(build: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    let found = build.pointer("/diagnostics").and_then(Value::as_array);
    for one in found.into_iter().flatten() {
        let layer = one.get("layer").and_then(Value::as_u64);
        let key = one.get("key").and_then(Value::as_str);
        let place = match (layer, key) {
            (Some(layer), Some(key)) => format!("layer {layer}, key {key}: "),
            (Some(layer), None) => format!("layer {layer}: "),
            (None, _) => String::new(),
        };
        lines.push(format!("{place}{}", text(one, "/message")));
        let pointer = text(one, "/pointer");
        if !pointer.is_empty() {
            lines.push(format!("  at {pointer}"));
        }
    }
    lines
}

/// Reads a layout; a whole request is fine too.
pub(crate) fn read_layout(file: &Path) -> anyhow::Result<Value> {
    let content = fs::read(file).with_context(|| file.display().to_string())?;
    let mut value: Value = serde_json::from_slice(&content)
        .with_context(|| format!("{} is not JSON", file.display()))?;
    Ok(value.get_mut("config").map(Value::take).unwrap_or(value))
}

/// A member as text; empty where it is absent.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
