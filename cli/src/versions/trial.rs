//! `kiisrv versions try`: layouts go through the running service, as anybody's do, and what comes out is looked at.
//!
//! A fingerprint holds the image's id and the KLL, so a kept answer was made by this very image of this very layout and
//! is taken for a build. Where a second build is wanted, a member that no compiler sees makes it another request.

use std::{fs, time::Duration};

use anyhow::{Context, bail};
use serde_json::Value;
use shared::{
    job::{BuildRequest, JobId, Plan, Status},
    keyboard::Keyboard,
    layout::{
        Library,
        of_keyboard::{Known, default_of, layouts_of},
    },
    settings::Settings,
    store::{
        Store,
        jobs::{self, Build, Changes, Enqueued, NewBuild},
        requests::Visitor,
        versions::{self, Controller, Seen},
        workers,
    },
};
use tokio::time::Instant;

use crate::progress;

use super::{
    firmware,
    report::{Report, Row},
};

/// Minutes that all builds of a trial may take together.
pub(super) const PATIENCE: u64 = 60;

/// A week: nobody waits longer.
pub(super) const MOST_PATIENCE: u64 = 7 * 24 * 60;

/// Workers look at their engines every few seconds. One that takes longer than this looks no more.
const NEXT_LOOK: Duration = Duration::from_secs(20);

/// The member of a layout that makes a build another one. No KLL is made of it, and the zip gives it back.
const ANOTHER: &str = "kiisrv.try";

/// Lines of a failed build's log that are shown.
const LOG_END: usize = 8;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The controller, such as 058
    pub(super) controller: String,
    /// Build all layouts, and not only each keyboard's default
    #[arg(long)]
    all_layouts: bool,
    /// Build each layout once more and compare the firmware
    #[arg(long)]
    twice: bool,
    /// Minutes that all builds may take together
    #[arg(long, default_value_t = PATIENCE, value_parser = clap::value_parser!(u64).range(..=MOST_PATIENCE))]
    patience: u64,
    /// Write JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Arguments {
    /// The default layout of every keyboard, once.
    pub(super) fn defaults(controller: &str, patience: u64) -> Self {
        Self {
            controller: controller.to_owned(),
            all_layouts: false,
            twice: false,
            patience,
            json: false,
        }
    }
}

/// A controller that is about to be tried.
pub(super) struct Trial<'a> {
    store: &'a Store,
    settings: &'a Settings,
    library: Library,
    controller: Controller,
    changes: Changes,
}

/// A layout that is asked for: its build, and whether that was known.
type Asked = Result<(JobId, bool), String>;

impl<'a> Trial<'a> {
    /// Makes ready to try this controller, with the image that it has now.
    pub(super) async fn open(
        store: &'a Store,
        settings: &'a Settings,
        controller: &str,
    ) -> anyhow::Result<Self> {
        let ability = workers::ability(store).await?;
        if ability.workers == 0 {
            let why = ability
                .trouble
                .unwrap_or_else(|| "none is running".to_owned());
            bail!("no worker builds just now: {why}");
        }
        Ok(Self {
            store,
            settings,
            library: Library::open(&settings.layouts)
                .with_context(|| format!("{} (KIISRV_LAYOUTS)", settings.layouts.display()))?,
            controller: seen_anew(store, controller).await?,
            changes: Changes::listen(store)
                .context("wake-ups cannot be heard beside the table (KIISRV_DATA)")?,
        })
    }

    /// Builds what is wished, waits for all of it, and looks at what came out.
    pub(super) async fn run(self, wish: &Arguments) -> anyhow::Result<Report> {
        let deadline = Instant::now() + Duration::from_secs(60 * wish.patience);
        let (wanted, without_layout) = self.wanted(wish.all_layouts);
        // All are asked for before the first is waited for, so that every worker has something to do.
        let mut asked = Vec::new();
        for (keyboard, known) in wanted {
            let first = self.ask(known, None).await?;
            let again = match &first {
                Ok(_) if wish.twice => Some(self.ask(known, Some(JobId::new())).await?),
                _ => None,
            };
            asked.push((keyboard, known, first, again));
        }
        let mut rows = Vec::new();
        let builds: usize = asked
            .iter()
            .map(|asked| 1 + usize::from(asked.3.is_some()))
            .sum();
        let bar = progress::bar("builds", builds as u64);
        for (keyboard, known, first, again) in asked {
            bar.now(format!("{keyboard} {}", known.layout));
            let mut row = self.row((keyboard, known), first, deadline).await?;
            bar.done(1);
            if let Some(again) = again {
                let again = self.row((keyboard, known), again, deadline).await?;
                bar.done(1);
                row.compare(again);
            }
            rows.push(row);
        }
        Ok(Report {
            controller: self.controller.name,
            image: self.controller.image,
            rows,
            without_layout,
        })
    }

    fn wanted(&self, all_layouts: bool) -> (Vec<(&'static str, Known<'_>)>, Vec<&'static str>) {
        let (mut wanted, mut without) = (Vec::new(), Vec::new());
        for keyboard in Keyboard::all() {
            if !self.controller.builds(keyboard) {
                continue;
            }
            let name = keyboard.names().first().copied().unwrap_or_default();
            let found = if all_layouts {
                layouts_of(&self.library, keyboard)
            } else {
                default_of(&self.library, keyboard).into_iter().collect()
            };
            if found.is_empty() {
                without.push(name);
            }
            wanted.extend(found.into_iter().map(|known| (name, known)));
        }
        (wanted, without)
    }

    async fn ask(&self, known: Known<'_>, another: Option<JobId>) -> anyhow::Result<Asked> {
        let mut config: Value = serde_json::from_str(&known.file.text)?;
        if let Some(another) = another {
            config[ANOTHER] = another.to_string().into();
        }
        let request = BuildRequest {
            config,
            version: self.controller.name.clone(),
        };
        let (image, dialect) = (&self.controller.image, self.controller.dialect);
        let plan = match Plan::of(&request, image, dialect, &self.library) {
            Ok(plan) => plan,
            Err(faults) => {
                let faults: Vec<_> = faults
                    .into_iter()
                    .map(|fault| format!("{} {}", fault.pointer, fault.message))
                    .collect();
                return Ok(Err(faults.join("; ")));
            }
        };
        let enqueued = jobs::enqueue(self.store, self.new_build(plan, &request)).await?;
        let kept = matches!(enqueued, Enqueued::Joined(_, status) if status.is_final());
        Ok(Ok((enqueued.id(), kept)))
    }

    fn new_build(&self, plan: Plan, request: &BuildRequest) -> NewBuild {
        NewBuild {
            fingerprint: plan.fingerprint,
            client: self.store.client("the operator's trials"),
            keyboard: plan.generated.board,
            layout: plan.generated.layout,
            layers: plan.generated.layers,
            version: request.version.clone(),
            controller: self.controller.name.clone(),
            image: self.controller.image.clone(),
            protocol: self.controller.protocol,
            dialect: self.controller.dialect,
            config: request.config.to_string(),
            // So that the statistics can tell trials from people.
            visitor: Visitor {
                os: "Unknown",
                platform: "Trial",
                is_recorded: true,
            },
        }
    }

    async fn row(
        &self,
        (keyboard, known): (&'static str, Known<'_>),
        asked: Asked,
        deadline: Instant,
    ) -> anyhow::Result<Row> {
        let layout = known.layout.to_owned();
        let (id, kept) = match asked {
            Ok(asked) => asked,
            Err(faults) => return Ok(Row::refused(keyboard, layout, faults)),
        };
        let has_ended = |build: &Build| build.status.is_final();
        let build = jobs::wait_until(self.store, &self.changes, id, has_ended, deadline)
            .await?
            .with_context(|| format!("the build {id} was removed from the table"))?;
        let mut row = Row {
            kept,
            build: Some(id.to_string()),
            reason: build.reason.map(|reason| reason.as_str()),
            detail: build.detail.clone(),
            seconds: seconds(&build),
            status: build.status.as_str(),
            ..Row::refused(keyboard, layout, String::new())
        };
        if !build.status.is_final() {
            row.detail = Some("has not ended in the time that it was given".to_owned());
        } else if build.status == Status::Succeeded {
            self.look_into_zip(&build, &mut row);
        }
        if row.is_bad() {
            self.look_into_log(&build, &mut row);
        }
        Ok(row)
    }

    fn look_into_zip(&self, build: &Build, row: &mut Row) {
        let Some(artifact) = &build.artifact else {
            return;
        };
        row.bytes = Some(artifact.bytes);
        let path = self.settings.artifacts.join(&artifact.file);
        match firmware::in_zip(&path) {
            Ok(firmware) if firmware.is_empty() => {
                row.detail = Some(format!("{} holds no firmware", path.display()));
            }
            Ok(firmware) => row.firmware = firmware,
            Err(error) => {
                row.detail = Some(format!(
                    "{} cannot be read (KIISRV_ARTIFACTS): {error}",
                    path.display()
                ));
            }
        }
    }

    fn look_into_log(&self, build: &Build, row: &mut Row) {
        let path = self
            .settings
            .logs
            .join(build.id.to_string())
            .join(format!("{}.log", build.epoch));
        let Ok(log) = fs::read(&path) else {
            return;
        };
        // What stands in a log may come from anywhere, and is shown in somebody's terminal.
        let log: String = String::from_utf8_lossy(&log)
            .chars()
            .filter(|&c| c == '\n' || !c.is_control())
            .collect();
        let lines: Vec<_> = log.lines().collect();
        row.log_end = lines[lines.len().saturating_sub(LOG_END)..].join("\n");
        row.log = Some(path);
    }
}

fn seconds(build: &Build) -> Option<f64> {
    let took = build.finished_at? - build.started_at?;
    Some(took as f64 / 1000.0)
}

/// The controller as a worker sees it from now on: an image that was made a moment ago may not be in the table yet, and
/// what is tried must be what people will be given.
async fn seen_anew(store: &Store, name: &str) -> anyhow::Result<Controller> {
    let deadline = Instant::now() + NEXT_LOOK;
    let first = find(store, name).await?.map(|seen| seen.seen_at);
    loop {
        match find(store, name).await? {
            Some(seen) if Some(seen.seen_at) != first => return Ok(seen.controller),
            _ if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(200)).await,
            Some(_) => {
                bail!("no worker looks at its engine any more, so that {name} may be an old image")
            }
            None => bail!(
                "no engine has the controller {name}; `kiisrv versions` lists those that are there"
            ),
        }
    }
}

async fn find(store: &Store, name: &str) -> anyhow::Result<Option<Seen>> {
    let all = versions::controllers(store).await?;
    Ok(all.into_iter().find(|seen| seen.controller.name == name))
}
