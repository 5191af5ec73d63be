//! `kiisrv versions` and `kiisrv versions log`: what stands for what, and who let it.

use std::{collections::BTreeSet, io::Write};

use jiff::Timestamp;
use serde::Serialize;
use shared::{
    channel::Dialect,
    job::JobId,
    store::{
        Store, audit,
        cold_keyboards::{ColdKeyboard, cold_keyboards},
        versions::{self, Seen, Version},
    },
};

use super::show;
use crate::table::table;

/// A version with what is known of its controller, or a controller that no version stands for.
#[derive(Serialize)]
struct Line {
    name: Option<String>,
    channel: Option<String>,
    controller: String,
    image: Option<String>,
    version: Option<String>,
    dialect: Option<Dialect>,
    protocol: Option<u8>,
    state: State,
    seen: Option<String>,
    previous: Option<String>,
    moved: Option<String>,
    /// Keyboards that its image does not build warm any more.
    cold: Vec<Cold>,
}

/// A keyboard that is built with nothing prepared, and the builds that differ.
#[derive(Serialize)]
struct Cold {
    keyboard: String,
    since: String,
    warm_build: Option<JobId>,
    cold_build: Option<JobId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    There,
    Absent,
    Disabled,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::There => "there",
            Self::Absent => "absent",
            Self::Disabled => "disabled",
        }
    }
}

/// All versions, and the controllers that no version stands for.
pub(super) async fn versions(store: &Store, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let versions = versions::versions(store).await?;
    let controllers = versions::controllers(store).await?;
    let stood_for: BTreeSet<_> = versions
        .iter()
        .map(|version| version.controller_name.clone())
        .collect();
    let seen_of = |name: &str| controllers.iter().find(|seen| seen.controller.name == name);
    let mut lines: Vec<_> = versions
        .into_iter()
        .map(|version| {
            let seen = seen_of(&version.controller_name);
            Line::of(version, seen)
        })
        .collect();
    let others = controllers
        .iter()
        .filter(|seen| !stood_for.contains(&seen.controller.name));
    lines.extend(others.map(Line::of_controller));
    let cold = cold_keyboards(store).await?;
    for line in &mut lines {
        let of_it = cold
            .iter()
            .filter(|one| line.image.as_ref() == Some(&one.image));
        line.cold = of_it.map(Cold::from).collect();
    }
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&lines)?)?;
        return Ok(());
    }
    let head = [
        "NAME",
        "CHANNEL",
        "CONTROLLER",
        "IMAGE",
        "VERSION",
        "DIALECT",
        "PROTOCOL",
        "STATE",
        "SEEN",
        "BEFORE",
        "COLD",
    ];
    Ok(table(&head, lines.iter().map(Line::cells), out)?)
}

impl Line {
    fn of(version: Version, seen: Option<&Seen>) -> Self {
        let state = match seen {
            _ if version.disabled => State::Disabled,
            None => State::Absent,
            Some(_) => State::There,
        };
        Self {
            name: Some(version.name),
            channel: Some(version.channel),
            state,
            previous: version.previous,
            moved: version.moved_at.map(time),
            ..Self::of_seen(version.controller_name, seen)
        }
    }

    fn of_controller(seen: &Seen) -> Self {
        let state = if seen.disabled {
            State::Disabled
        } else {
            State::There
        };
        Self {
            state,
            ..Self::of_seen(seen.controller.name.clone(), Some(seen))
        }
    }

    fn of_seen(controller: String, seen: Option<&Seen>) -> Self {
        let there = seen.map(|seen| &seen.controller);
        Self {
            name: None,
            channel: there.and_then(|there| there.channel.clone()),
            controller,
            image: there.map(|there| there.image.clone()),
            version: there.and_then(|there| there.version.clone()),
            dialect: there.map(|there| there.dialect),
            protocol: there.map(|there| there.protocol),
            state: State::Absent,
            seen: seen.map(|seen| time(seen.seen_at)),
            previous: None,
            moved: None,
            cold: Vec::new(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let cold: Vec<_> = self.cold.iter().map(|one| one.keyboard.as_str()).collect();
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        vec![
            or_none(&self.name),
            or_none(&self.channel),
            self.controller.clone(),
            or_none(&self.image.as_deref().map(show::short_image)),
            or_none(&self.version),
            or_none(&self.dialect.map(|dialect| dialect.to_string())),
            or_none(&self.protocol.map(|protocol| protocol.to_string())),
            self.state.as_str().to_owned(),
            or_none(&self.seen),
            or_none(&self.previous),
            if cold.is_empty() {
                "-".to_owned()
            } else {
                cold.join(", ")
            },
        ]
    }
}

impl From<&ColdKeyboard> for Cold {
    fn from(one: &ColdKeyboard) -> Self {
        Self {
            keyboard: one.keyboard.clone(),
            since: time(one.at),
            warm_build: one.found.map(|(warm, _)| warm),
            cold_build: one.found.map(|(_, cold)| cold),
        }
    }
}

/// The last changes, newest first.
pub(super) async fn log(
    store: &Store,
    most: u32,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let entries = audit::entries(store, most).await?;
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&entries)?)?;
        return Ok(());
    }
    let rows = entries.into_iter().map(|entry| {
        let details = entry.details.to_string();
        vec![
            time(entry.at),
            entry.who,
            entry.what,
            entry.subject,
            details,
        ]
    });
    Ok(table(
        &["AT", "WHO", "WHAT", "SUBJECT", "DETAILS"],
        rows,
        out,
    )?)
}

/// RFC 3339 in UTC.
fn time(millis: i64) -> String {
    Timestamp::from_millisecond(millis).map_or_else(|_| millis.to_string(), |at| format!("{at:.0}"))
}
