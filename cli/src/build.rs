//! `kiisrv build`: a layout file in, a zip out, through a running service.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use ureq::{Agent, Body, http::Response};

/// Seconds that one question is held open while a build waits or runs.
const WAIT: u32 = 30;

/// Lines of a failed build's log that are shown.
const LOG_END: usize = 40;

/// Whoever presses Ctrl-C does not wait for a service that does not answer.
const LEAVING: Duration = Duration::from_secs(5);

/// As shells report it: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The layout, as the Configurator exports it
    file: PathBuf,
    /// Where to save the zip (default: the name that the service gives it)
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// The channel or version of the firmware
    #[arg(long, default_value = "latest")]
    version: String,
    /// The service
    #[arg(long, env = "KIISRV_URL", default_value = "http://127.0.0.1:3001")]
    url: String,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let service = Service::at(&arguments.url);
    let config = read_layout(&arguments.file)?;
    let Some(build) = service.submit(&config, &arguments.version)? else {
        return Ok(ExitCode::FAILURE);
    };
    service.leave_when_interrupted(&build)?;
    let build = service.wait(build)?;
    if text(&build, "/status") != "succeeded" {
        eprintln!("{}: {}", text(&build, "/status"), text(&build, "/reason"));
        eprintln!("{}", service.log_end(text(&build, "/log_url"))?);
        show_diagnostics(&build);
        return Ok(ExitCode::FAILURE);
    }
    let saved = service.save(text(&build, "/artifact/url"), arguments.output.as_deref())?;
    say!("{}", saved.display());
    list(&saved)?;
    Ok(ExitCode::SUCCESS)
}

/// Shows below the log what it means, as that is read first.
fn show_diagnostics(build: &Value) {
    let found = build.pointer("/diagnostics").and_then(Value::as_array);
    for one in found.into_iter().flatten() {
        let layer = one.get("layer").and_then(Value::as_u64);
        let key = one.get("key").and_then(Value::as_str);
        let place = match (layer, key) {
            (Some(layer), Some(key)) => format!("layer {layer}, key {key}: "),
            (Some(layer), None) => format!("layer {layer}: "),
            (None, _) => String::new(),
        };
        eprintln!("{place}{}", text(one, "/message"));
        let pointer = text(one, "/pointer");
        if !pointer.is_empty() {
            eprintln!("  at {pointer}");
        }
    }
}

/// Reads a layout; a whole request is fine too.
pub(crate) fn read_layout(file: &Path) -> anyhow::Result<Value> {
    let content = fs::read(file).with_context(|| file.display().to_string())?;
    let mut value: Value = serde_json::from_slice(&content)
        .with_context(|| format!("{} is not JSON", file.display()))?;
    Ok(value.get_mut("config").map(Value::take).unwrap_or(value))
}

struct Service {
    agent: Agent,
    url: String,
}

impl Service {
    fn at(url: &str) -> Self {
        // A refusal has a body that says why, so that it is no error here.
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        Self {
            agent,
            url: url.trim_end_matches('/').to_owned(),
        }
    }

    /// The build, or `None` where the layout was refused and the reasons were shown.
    fn submit(&self, config: &Value, version: &str) -> anyhow::Result<Option<Value>> {
        let request = json!({ "config": config, "env": version });
        let answer = self
            .agent
            .post(format!("{}/v1/builds", self.url))
            .send_json(&request)
            .with_context(|| {
                format!("no service answers at {}; is it running? (--url)", self.url)
            })?;
        let accepted = answer.status().is_success();
        let body = json_of(answer)?;
        if accepted {
            eprintln!("build {}", text(&body, "/id"));
            return Ok(Some(body));
        }
        eprintln!("refused: {}", text(&body, "/detail"));
        for fault in body
            .pointer("/errors")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            eprintln!("  {}: {}", text(fault, "/pointer"), text(fault, "/detail"));
        }
        Ok(None)
    }

    /// From now on Ctrl-C says that this build is wanted no more, before the program ends. Others who asked for the same
    /// one still get it.
    fn leave_when_interrupted(&self, build: &Value) -> anyhow::Result<()> {
        let token = text(build, "/leave_token").to_owned();
        if token.is_empty() {
            return Ok(());
        }
        let url = format!("{}/v1/builds/{}", self.url, text(build, "/id"));
        let agent = self.agent.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        std::thread::spawn(move || {
            if runtime.block_on(tokio::signal::ctrl_c()).is_err() {
                return;
            }
            let left = agent
                .delete(url)
                .config()
                .timeout_global(Some(LEAVING))
                .build()
                .header("authorization", format!("Bearer {token}"))
                .call()
                .ok()
                .filter(|answer| answer.status().is_success())
                .and_then(|answer| json_of(answer).ok());
            match left {
                Some(build) if text(&build, "/status") == "cancelled" => eprintln!("cancelled"),
                Some(_) => eprintln!("left"),
                None => eprintln!("the service did not hear that the build is wanted no more"),
            }
            std::process::exit(INTERRUPTED);
        });
        Ok(())
    }

    /// Follows a build to its end and shows each step.
    fn wait(&self, mut build: Value) -> anyhow::Result<Value> {
        let id = text(&build, "/id").to_owned();
        loop {
            let status = text(&build, "/status").to_owned();
            match status.as_str() {
                "queued" => eprintln!(
                    "queued, at place {}",
                    build.get("position").unwrap_or(&Value::Null)
                ),
                "running" => eprintln!("running"),
                _ => return Ok(build),
            }
            let url = format!("{}/v1/builds/{id}?wait={WAIT}&status={status}", self.url);
            let answer = self
                .agent
                .get(url)
                .call()
                .context("the service stopped answering")?;
            if !answer.status().is_success() {
                bail!("the service says: {}", text(&json_of(answer)?, "/detail"));
            }
            build = json_of(answer)?;
        }
    }

    fn log_end(&self, path: &str) -> anyhow::Result<String> {
        let log = self
            .agent
            .get(self.absolute(path))
            .call()?
            .body_mut()
            .read_to_string()?;
        let lines: Vec<_> = log.lines().collect();
        Ok(lines[lines.len().saturating_sub(LOG_END)..].join("\n"))
    }

    fn save(&self, path: &str, output: Option<&Path>) -> anyhow::Result<PathBuf> {
        let mut answer = self.agent.get(self.absolute(path)).call()?;
        if !answer.status().is_success() {
            bail!("the zip cannot be had: {}", answer.status());
        }
        let output = output.map_or_else(|| named_by_service(&answer), Path::to_owned);
        let zip = answer
            .body_mut()
            .with_config()
            .limit(u64::MAX)
            .read_to_vec()?;
        fs::write(&output, zip).with_context(|| output.display().to_string())?;
        Ok(output)
    }

    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            format!("{}{path}", self.url)
        } else {
            path.to_owned()
        }
    }
}

/// Shows what is in a zip.
fn list(zip: &Path) -> anyhow::Result<()> {
    let mut archive = zip::ZipArchive::new(fs::File::open(zip)?)?;
    for index in 0..archive.len() {
        let file = archive.by_index(index)?;
        say!("{:>9}  {}", file.size(), file.name());
    }
    Ok(())
}

/// The name in `Content-Disposition`, never with a directory in it.
fn named_by_service(answer: &Response<Body>) -> PathBuf {
    let disposition = answer
        .headers()
        .get("content-disposition")
        .and_then(|value| value.to_str().ok());
    disposition
        .and_then(|value| value.split("filename=\"").nth(1)?.split('"').next())
        .and_then(|name| Path::new(name).file_name())
        .map_or_else(|| PathBuf::from("firmware.zip"), PathBuf::from)
}

fn json_of(mut answer: Response<Body>) -> anyhow::Result<Value> {
    answer
        .body_mut()
        .read_json()
        .context("the service's answer is not JSON; is it kiisrv?")
}

/// A member as text; empty where it is absent.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
