//! What an image says of its builds: what they may use, which is the settings as its labels change them, and whether
//! its entrypoint can wait for them.

use std::{
    collections::{BTreeMap, HashMap},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use shared::settings::WorkerSettings;
use tracing::warn;

use crate::container::{ContainerError, ContainerRuntime};

/// What all labels for limits begin with.
const PREFIX: &str = "kiisrv.limits.";

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// The settings with the limits that an image's labels name, and what is wrong with labels that cannot be
/// used: those change nothing.
#[must_use]
pub fn limits_of(
    settings: &WorkerSettings,
    labels: &BTreeMap<String, String>,
) -> (WorkerSettings, Vec<String>) {
    let mut limits = settings.clone();
    let mut wrong = Vec::new();
    for (label, value) in labels {
        let Some(limit) = label.strip_prefix(PREFIX) else {
            continue;
        };
        if set(&mut limits, limit, value.trim()).is_none() {
            wrong.push(format!("{label}={value:?}"));
        }
    }
    (limits, wrong)
}

fn set(limits: &mut WorkerSettings, limit: &str, value: &str) -> Option<()> {
    match limit {
        "seconds" => limits.build_time = Duration::from_secs(positive(value)?),
        "memory-mb" => limits.build_memory = bytes(value, MIB)?,
        "pids" => limits.build_pids = positive(value)?,
        "scratch-mb" => limits.build_scratch = bytes(value, MIB)?,
        "output-mb" => limits.build_output = bytes(value, MIB)?,
        "files" => limits.build_files = positive(value)?,
        "log-kb" => limits.log_cap = bytes(value, KIB)?,
        "cpus" => limits.build_cpus = processors(value)?,
        _ => return None,
    }
    Some(())
}

/// A number that is at least 1: to an engine and a kernel, 0 means that there is no limit.
fn positive<T: FromStr + From<u8> + PartialOrd>(value: &str) -> Option<T> {
    value.parse().ok().filter(|number| *number >= T::from(1))
}

fn bytes(value: &str, unit: u64) -> Option<u64> {
    // The engine's numbers are signed, and some of them are multiples of this one.
    const MOST: u64 = 1 << 50;
    positive::<u64>(value)?
        .checked_mul(unit)
        .filter(|bytes| *bytes <= MOST)
}

fn processors(value: &str) -> Option<f64> {
    // The engine refuses more than the machine has.
    let there = std::thread::available_parallelism().map_or(1, usize::from);
    let wanted: f64 = value.parse().ok()?;
    (wanted.is_finite() && wanted > 0.0).then(|| wanted.min(there as f64))
}

/// What an image says of its builds.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) limits: WorkerSettings,
    /// Whether its entrypoint waits for a job that is not there yet.
    pub(crate) waits: bool,
}

/// What the images say that were asked for so far. An image's labels never change: other labels make another image.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<String, Arc<Said>>>);

impl Known {
    /// What this image says.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub(crate) async fn of_image<R: ContainerRuntime>(
        &self,
        image: &str,
        runtime: &R,
        settings: &WorkerSettings,
    ) -> Result<Arc<Said>, ContainerError> {
        if let Some(said) = self.lock().get(image) {
            return Ok(Arc::clone(said));
        }
        let Some(labels) = runtime.labels_of(image).await? else {
            // The image is gone, which the first step with it tells; it may come back with its labels.
            return Ok(Arc::new(Said {
                limits: settings.clone(),
                waits: false,
            }));
        };
        let (limits, wrong) = limits_of(settings, &labels);
        for label in wrong {
            warn!(
                image,
                label, "A label of a controller cannot be used and is passed over"
            );
        }
        let has = |label: &str, value: &str| labels.get(label).is_some_and(|said| said == value);
        let said = Arc::new(Said {
            limits,
            waits: has("kiisrv.protocol", "2") && has("kiisrv.waits", "1"),
        });
        self.lock().insert(image.to_owned(), Arc::clone(&said));
        Ok(said)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Said>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use shared::settings::Settings;

    use super::*;

    fn limits(labels: &[(&str, &str)]) -> (WorkerSettings, Vec<String>) {
        let settings = Settings::from_lookup(|_| None).unwrap().worker;
        let labels = labels.iter();
        let labels = labels.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        limits_of(&settings, &labels.collect())
    }

    #[test]
    fn each_label_changes_its_own_limit() {
        let (limits, wrong) = limits(&[
            ("kiisrv.limits.seconds", "7"),
            ("kiisrv.limits.memory-mb", "64"),
            ("kiisrv.limits.pids", "32"),
            ("kiisrv.limits.scratch-mb", "8"),
            ("kiisrv.limits.output-mb", "4"),
            ("kiisrv.limits.files", "10"),
            ("kiisrv.limits.log-kb", "100"),
            ("kiisrv.limits.cpus", "0.5"),
        ]);
        assert_eq!(wrong, [""; 0]);
        assert_eq!(limits.build_time, Duration::from_secs(7));
        assert_eq!((limits.build_memory, limits.build_pids), (64 << 20, 32));
        assert_eq!(
            (limits.build_scratch, limits.build_output),
            (8 << 20, 4 << 20)
        );
        assert_eq!((limits.build_files, limits.log_cap), (10, 100 << 10));
        assert!((limits.build_cpus - 0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_label_that_cannot_be_used_is_named_and_changes_nothing() {
        let huge = u64::MAX.to_string();
        let labels = [
            ("kiisrv.limits.cpus", "NaN"),
            ("kiisrv.limits.files", "many"),
            ("kiisrv.limits.memory-mb", "0"),
            ("kiisrv.limits.output-mb", huge.as_str()),
            ("kiisrv.limits.pids", "-1"),
            ("kiisrv.limits.seconds", ""),
            ("kiisrv.limits.such", "1"),
        ];
        let (limited, wrong) = limits(&labels);
        let named = labels.map(|(name, value)| format!("{name}={value:?}"));
        assert_eq!(wrong, named);
        assert_eq!(format!("{limited:?}"), format!("{:?}", limits(&[]).0));
    }

    #[test]
    fn other_labels_are_none_of_its_business() {
        let (_, wrong) = limits(&[("kiisrv.protocol", "2"), ("maintainer", "x")]);
        assert_eq!(wrong, [""; 0]);
    }
}
