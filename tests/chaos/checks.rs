//! What is true when all is over: looked at from outside, by the table, the engine and the files.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use harness::{quick_controller::first_line, store::ByHand};
use sha2::{Digest, Sha256};

use crate::{
    clients::Promise,
    plan::Plan,
    stage::{MARK, Stage},
};

/// A build's row.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) end: String,
    pub(crate) attempts: usize,
    fingerprint: String,
    file: String,
    sha256: String,
    detail: String,
    pub(crate) number: Option<usize>,
}

impl Row {
    fn is_final(&self) -> bool {
        !matches!(self.end.as_str(), "queued" | "running")
    }
}

/// Everything that was found to be wrong, by kind.
#[derive(Default)]
pub(crate) struct Findings {
    /// Accepted builds that nobody knows, or that have not ended.
    pub(crate) lost: Vec<String>,
    /// Builds with two published artifacts, and requests that two builds succeeded for.
    pub(crate) doubled: Vec<String>,
    /// Builds that ended otherwise than they can have, or whose zip is not theirs.
    pub(crate) wrong: Vec<String>,
    /// What nobody needs any more and is there all the same.
    pub(crate) leftovers: Vec<String>,
}

/// The rows, as they are now.
pub(crate) fn rows(table: &ByHand) -> Vec<Row> {
    const QUESTION: &str = "SELECT json_array(id, coalesce(reason, status), attempts, fingerprint,
            coalesce(artifact_file, ''), coalesce(artifact_sha256, ''), coalesce(detail, ''),
            coalesce((SELECT json_extract(config, '$.order') FROM job_inputs WHERE job_id = id), ''))
        FROM jobs ORDER BY id";
    let row = |text: String| {
        let values: serde_json::Value = serde_json::from_str(&text).expect("an array");
        let text = |at: usize| values[at].as_str().unwrap_or_default().to_owned();
        Row {
            id: text(0),
            end: text(1),
            attempts: values[2]
                .as_u64()
                .and_then(|count| count.try_into().ok())
                .unwrap_or(0),
            fingerprint: text(3),
            file: text(4),
            sha256: text(5),
            detail: text(6),
            number: text(7)
                .split(' ')
                .next()
                .and_then(|number| number.parse().ok()),
        }
    };
    table.ask(QUESTION).into_iter().map(row).collect()
}

impl Findings {
    /// Compares what was promised with the rows, and the rows with the files.
    pub(crate) fn look(&mut self, stage: &Stage, plan: &Plan, promises: &[Promise], rows: &[Row]) {
        self.promises(promises, rows);
        self.rows(plan, rows);
        self.artifacts(&stage.path("data/artifacts"), rows);
        self.leftovers.extend(strange_files(&stage.path("data")));
        self.leftovers
            .extend(unnamed_logs(&stage.path("data/logs"), rows));
    }

    fn promises(&mut self, promises: &[Promise], rows: &[Row]) {
        for promise in promises {
            let Promise {
                number,
                build,
                answer,
                end,
            } = promise;
            let theirs = |row: &&Row| row.id == *build || row.fingerprint == *build;
            let what = format!("request {number}, answered {answer}, build {build}");
            let known: Vec<_> = rows.iter().filter(theirs).collect();
            if !known.iter().any(|row| row.is_final()) {
                self.lost.push(what);
            } else if !known.iter().any(|row| end.as_ref() == Some(&row.end)) {
                let ends: Vec<_> = known.iter().map(|row| &row.end).collect();
                self.wrong
                    .push(format!("{what} was said to be {end:?} and is {ends:?}"));
            }
        }
    }

    fn rows(&mut self, plan: &Plan, rows: &[Row]) {
        let mut succeeded = BTreeSet::new();
        for row in rows {
            if !row.is_final() {
                self.lost
                    .push(format!("build {} is still {}", row.id, row.end));
                continue;
            }
            let request = row.number.and_then(|number| plan.requests.get(number));
            let can_be = match row.end.as_str() {
                // The service may say at any time that too many of its own died over a build.
                "worker_lost" => true,
                "succeeded" => request.is_none_or(|request| request.order.compiles),
                "build_failed" => request.is_none_or(|request| !request.order.compiles),
                _ => false,
            };
            if !can_be {
                self.wrong.push(format!(
                    "build {} cannot end as {}: {}",
                    row.id, row.end, row.detail
                ));
            }
            if row.end == "succeeded" && !succeeded.insert(row.number) {
                self.doubled.push(format!(
                    "request {:?} has two builds that succeeded",
                    row.number
                ));
            }
        }
    }

    fn artifacts(&mut self, directory: &Path, rows: &[Row]) {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for build in names_in(directory) {
            if build == PLACE_MARK {
                continue;
            }
            let files = names_in(&directory.join(&build));
            let (zips, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|name| is_zip(name));
            let others = others
                .iter()
                .map(|name| format!("artifacts/{build}/{name}"));
            self.leftovers.extend(others);
            found.insert(build, zips);
        }
        for row in rows {
            let zips = found.remove(&row.id).unwrap_or_default();
            let paths: Vec<_> = zips.iter().map(|zip| format!("{}/{zip}", row.id)).collect();
            if paths.len() > 1 {
                self.doubled
                    .push(format!("build {} has {}", row.id, zips.join(", ")));
            }
            let unnamed = paths.iter().filter(|path| **path != row.file);
            self.leftovers
                .extend(unnamed.map(|path| format!("artifacts/{path}")));
            if !row.file.is_empty() {
                self.wrong
                    .extend(wrong_with_zip(row, &directory.join(&row.file)));
            }
        }
        let nobodys = found.into_keys().map(|build| format!("artifacts/{build}"));
        self.leftovers.extend(nobodys);
    }
}

fn wrong_with_zip(row: &Row, path: &Path) -> Option<String> {
    let Ok(bytes) = fs::read(path) else {
        return Some(format!("the zip of {} is not there", row.id));
    };
    if hex::encode(Sha256::digest(&bytes)) != row.sha256 {
        return Some(format!("the zip of {} is not what its row says", row.id));
    }
    let number = row.number.filter(|_| row.end == "succeeded")?;
    let own = bytes.starts_with(first_line(number, MARK).as_bytes());
    (!own).then(|| format!("the zip of {} is another build's", row.id))
}

/// With it a worker marks the place as this service's.
const PLACE_MARK: &str = ".service";

fn is_zip(name: &str) -> bool {
    let stem = name.strip_suffix(".zip");
    stem.is_some_and(|stem| stem.parse::<u32>().is_ok())
}

/// What is in the data directory besides the table with its companions, and the directories.
fn strange_files(data: &Path) -> Vec<String> {
    let known = [
        "kiisrv.db",
        "kiisrv.db-wal",
        "kiisrv.db-shm",
        "migrate.lock",
        "artifacts",
        "logs",
        "wake",
    ];
    let strange = names_in(data)
        .into_iter()
        .filter(|name| !known.contains(&name.as_str()));
    // All processes have gone: nobody listens any more.
    let deaf = names_in(&data.join("wake"))
        .into_iter()
        .map(|name| format!("wake/{name}"));
    strange.chain(deaf).collect()
}

/// Logs of nobody's, and files among them that are no logs. Each claim of a build has one of its own.
fn unnamed_logs(logs: &Path, rows: &[Row]) -> Vec<String> {
    let ids: BTreeSet<_> = rows.iter().map(|row| row.id.as_str()).collect();
    let of_build = |build: String| {
        let is_known = ids.contains(build.as_str());
        let files = names_in(&logs.join(&build))
            .into_iter()
            .filter(move |name| {
                let stem = name.strip_suffix(".log");
                !is_known || stem.is_none_or(|stem| stem.parse::<u32>().is_err())
            });
        files
            .map(move |name| format!("logs/{build}/{name}"))
            .collect::<Vec<_>>()
    };
    names_in(logs).into_iter().flat_map(of_build).collect()
}

/// Builds' containers and directories that are still there. A chore's are told apart: nobody removes
/// them before their time.
pub(crate) fn left_of_builds(stage: &Stage) -> (Vec<String>, Vec<String>) {
    let containers = |label: &str| {
        let listed = stage.engine.containers_with(label);
        listed.expect("the engine answers")
    };
    let builds: BTreeSet<_> = containers("kiisrv.role=build").into_iter().collect();
    let (mut left, mut chores) = (Vec::new(), Vec::new());
    for container in containers("kiisrv.role") {
        let to = if builds.contains(&container) {
            &mut left
        } else {
            &mut chores
        };
        to.push(format!("container {container}"));
    }
    for directory in ["tmp_config", "tmp_builds"] {
        for name in names_in(&stage.path(directory)) {
            let to = if name.starts_with("proof-") {
                &mut chores
            } else {
                &mut left
            };
            to.push(format!("{directory}/{name}"));
        }
    }
    (left, chores)
}

/// The names in a directory; none where there is no directory.
fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.collect()
}
