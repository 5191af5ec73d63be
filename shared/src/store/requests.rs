//! What is remembered of requests.

use std::net::{IpAddr, Ipv6Addr};

use rusqlite::{Connection, params};

use super::{
    Result,
    jobs::{Enqueued, NewBuild},
    now, statistics,
};
use crate::settings::PrivacySettings;

/// So many requests may wait to be counted: few enough that a look at the statistics counts them in no time.
const UNCOUNTED: i64 = 1_024;

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
/// ever hashed, see [`Store::client`](super::Store::client).
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
    // One of so many pays for all of them.
    if table.last_insert_rowid() % UNCOUNTED == 0 {
        statistics::catch_up(table)?;
    }
    Ok(())
}
