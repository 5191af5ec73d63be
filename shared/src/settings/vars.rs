//! The verbs with which a variable is read.

use std::{path::PathBuf, str::FromStr, time::Duration};

use anyhow::{Context, anyhow};

pub(super) const KIB: u64 = 1024;
pub(super) const MIB: u64 = 1024 * KIB;
pub(super) const GIB: u64 = 1024 * MIB;

const DAY: Duration = Duration::from_hours(24);

/// More than a calendar needs.
const MOST_DAYS: u32 = 100_000;

/// The verbs with which a variable is read; each names it in its complaint.
pub(super) struct Vars<L>(pub(super) L);

impl<L: Fn(&str) -> Option<String>> Vars<L> {
    pub(super) fn or<T>(&self, name: &str, default: T) -> anyhow::Result<T>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        match (self.0)(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|error| anyhow!("{name} is not valid: {text:?}: {error}")),
        }
    }

    /// A number that is at least 1: to an engine and a kernel, 0 means that there is no limit.
    pub(super) fn positive<T>(&self, name: &str, default: T) -> anyhow::Result<T>
    where
        T: FromStr + From<u8> + PartialOrd,
        T::Err: std::fmt::Display,
    {
        let number = self.or(name, default)?;
        if number < T::from(1) {
            return Err(anyhow!("{name} is not valid: it must be at least 1"));
        }
        Ok(number)
    }

    /// A share of a hundred.
    pub(super) fn percent(&self, name: &str, default: u8) -> anyhow::Result<u8> {
        let number = self.or(name, default)?;
        if number > 100 {
            return Err(anyhow!("{name} is not valid: it must be at most 100"));
        }
        Ok(number)
    }

    /// A size in bytes, given in larger units. A limit: it is at least 1.
    pub(super) fn limit(&self, name: &str, default: u64, unit: u64) -> anyhow::Result<u64> {
        self.positive(name, default)?;
        self.bytes(name, default, unit)
    }

    /// A size in bytes, given in larger units.
    pub(super) fn bytes(&self, name: &str, default: u64, unit: u64) -> anyhow::Result<u64> {
        let number: u64 = self.or(name, default)?;
        number
            .checked_mul(unit)
            // The engine's numbers are signed.
            .filter(|bytes| i64::try_from(*bytes).is_ok())
            .ok_or_else(|| anyhow!("{name} is not valid: {number} is too large"))
    }

    pub(super) fn seconds(&self, name: &str, default: u64) -> anyhow::Result<Duration> {
        self.or(name, default).map(Duration::from_secs)
    }

    /// A number of days that is at least 1, and no more than a calendar needs.
    pub(super) fn days(&self, name: &str, default: u32) -> anyhow::Result<Duration> {
        let days = self.positive(name, default)?;
        Ok(DAY * days.min(MOST_DAYS))
    }

    /// A number of days, where 0 is not at all.
    pub(super) fn days_or_none(&self, name: &str, default: Duration) -> anyhow::Result<Duration> {
        Ok(match (self.0)(name) {
            Some(_) => DAY * self.or(name, 0_u32)?.min(MOST_DAYS),
            None => default,
        })
    }

    /// Whether something is done: `on` or `off`.
    pub(super) fn switch(&self, name: &str, default: bool) -> anyhow::Result<bool> {
        match (self.0)(name).as_deref() {
            None => Ok(default),
            Some("on") => Ok(true),
            Some("off") => Ok(false),
            Some(other) => Err(anyhow!(
                "{name} is not valid: {other:?}: it must be on or off"
            )),
        }
    }

    pub(super) fn list<T>(&self, name: &str) -> anyhow::Result<Vec<T>>
    where
        T: FromStr,
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let text = (self.0)(name).unwrap_or_default();
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| {
                part.parse()
                    .with_context(|| format!("{name} is not valid: {part:?}"))
            })
            .collect()
    }

    /// A path on the host, which must be absolute: the engine takes a relative one for a volume's name.
    pub(super) fn host_path(&self, name: &str) -> anyhow::Result<Option<PathBuf>> {
        match (self.0)(name).map(PathBuf::from) {
            Some(path) if path.is_relative() => Err(anyhow!(
                "{name} is not valid: {path:?} must be an absolute path of the host"
            )),
            path => Ok(path),
        }
    }
}
