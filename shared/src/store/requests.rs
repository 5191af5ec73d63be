//! What is remembered of requests, and the counters that are kept as they come, so that the
//! statistics cost the same with ten requests and with ten million.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

use rusqlite::{Connection, params};
use serde::Serialize;

use super::{
    Result, Store,
    jobs::{Enqueued, NewBuild},
    now,
};
use crate::{job::JobId, settings::PrivacySettings};

/// With what somebody asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// `Windows`, `Mac`, `Linux` or `Unknown`.
    pub os: &'static str,
    /// `Desktop` for the Configurator's own program, else `Web`.
    pub platform: &'static str,
    /// Whether the request says which client it was, and the client is counted as a user.
    pub is_recorded: bool,
}

impl Visitor {
    /// Reads a `User-Agent` as far as the statistics need it.
    #[must_use]
    pub fn from_user_agent(text: &str) -> Self {
        let text = text.to_lowercase();
        let os = if text.contains("windows") {
            "Windows"
        } else if text.contains("mac") {
            "Mac"
        } else if text.contains("linux") || text.contains("x11") {
            "Linux"
        } else {
            "Unknown"
        };
        Self {
            os,
            platform: if text.contains("electron") {
                "Desktop"
            } else {
                "Web"
            },
            is_recorded: true,
        }
    }

    /// The same as far as it is to be written down.
    #[must_use]
    pub fn within(self, privacy: &PrivacySettings) -> Self {
        let (os, platform) = match privacy.record_systems {
            true => (self.os, self.platform),
            false => ("Unknown", "Unknown"),
        };
        Self {
            os,
            platform,
            is_recorded: privacy.record_clients,
        }
    }
}

/// The name under which an address is one client: a person has a whole /64 of IPv6 addresses. It is only
/// ever hashed, see [`Store::client`].
#[must_use]
pub fn client_name(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            format!("{}/64", Ipv6Addr::from_bits(network))
        }
    }
}

/// The statistics.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// Requests that were accepted.
    pub builds: u64,
    /// Different builds among them.
    pub unique_builds: u64,
    /// Different clients.
    pub users: u64,
    /// Layers of all requests together.
    pub layers: u64,
    /// Milliseconds that all runs took together.
    pub build_ms: u64,
    /// Requests by operating system.
    pub os: BTreeMap<String, u64>,
    /// Requests by platform.
    pub platforms: BTreeMap<String, u64>,
    /// Requests by keyboard and layout.
    pub keyboards: BTreeMap<String, u64>,
    /// Requests by controller.
    pub versions: BTreeMap<String, u64>,
}

/// Writes a request down, in the transaction that accepts it.
pub(super) fn record(table: &Connection, build: &NewBuild, enqueued: Enqueued) -> Result<()> {
    let client = match build.visitor.is_recorded {
        true => &build.client[..],
        false => "",
    };
    table
        .prepare_cached(
            "INSERT INTO requests (at, job_id, client, os, platform, keyboard, layout, layers, controller, joined)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            now(),
            enqueued.id().to_string(),
            client,
            build.visitor.os,
            build.visitor.platform,
            build.keyboard,
            build.layout,
            build.layers,
            build.controller,
            matches!(enqueued, Enqueued::Joined(..)),
        ])?;
    let layers = i64::try_from(build.layers).unwrap_or(i64::MAX);
    let keyboard = format!("{}-{}", build.keyboard, build.layout);
    for (kind, name, by) in [
        ("total", "builds", 1),
        ("total", "layers", layers),
        ("os", build.visitor.os, 1),
        ("platform", build.visitor.platform, 1),
        ("keyboard", &keyboard, 1),
        ("version", &format!("controller-{}", build.controller), 1),
    ] {
        count(table, kind, name, by)?;
    }
    count_once(table, "unique_builds", build.fingerprint.as_str())?;
    if build.visitor.is_recorded {
        count_once(table, "users", client)?;
    }
    Ok(())
}

/// Counts a build's duration, in the transaction that ends it.
pub(super) fn count_ended(table: &Connection, id: JobId) -> Result<()> {
    let took: i64 = table
        .prepare_cached(
            "SELECT max(0, coalesce(finished_at - started_at, 0)) FROM jobs WHERE id = ?1",
        )?
        .query_row([id.to_string()], |row| row.get(0))?;
    count(table, "total", "build_ms", took)
}

pub(super) fn count(table: &Connection, kind: &str, name: &str, by: i64) -> Result<()> {
    table
        .prepare_cached(
            "INSERT INTO counters (kind, name, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (kind, name) DO UPDATE SET value = value + ?3",
        )?
        .execute(params![kind, name, by])?;
    Ok(())
}

pub(super) fn count_once(table: &Connection, kind: &str, name: &str) -> Result<()> {
    let is_new = table
        .prepare_cached("INSERT OR IGNORE INTO counted_once (kind, name) VALUES (?1, ?2)")?
        .execute([kind, name])?;
    if is_new == 1 {
        count(table, "total", kind, 1)
    } else {
        Ok(())
    }
}

/// The statistics as they stand.
///
/// # Errors
/// When the table cannot be read.
pub async fn statistics(store: &Store) -> Result<Statistics> {
    store
        .read(|table| {
            let mut statistics = Statistics::default();
            let mut counters = table.prepare_cached("SELECT kind, name, value FROM counters")?;
            let mut rows = counters.query([])?;
            while let Some(row) = rows.next()? {
                let (kind, name, value): (String, String, u64) =
                    (row.get(0)?, row.get(1)?, row.get(2)?);
                statistics.add(&kind, name, value);
            }
            Ok(statistics)
        })
        .await
}

impl Statistics {
    fn add(&mut self, kind: &str, name: String, value: u64) {
        match (kind, name.as_str()) {
            ("total", "builds") => self.builds = value,
            ("total", "unique_builds") => self.unique_builds = value,
            ("total", "users") => self.users = value,
            ("total", "layers") => self.layers = value,
            ("total", "build_ms") => self.build_ms = value,
            ("os", _) => drop(self.os.insert(name, value)),
            ("platform", _) => drop(self.platforms.insert(name, value)),
            ("keyboard", _) => drop(self.keyboards.insert(name, value)),
            ("version", _) => drop(self.versions.insert(name, value)),
            // A counter of a newer program.
            _ => {}
        }
    }
}
