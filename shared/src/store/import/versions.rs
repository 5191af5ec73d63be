//! The predecessor's table of versions: names that people ask for.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    super::{Result, Store},
    CONTAINER, Mode, blocking, row,
    source::{self, text},
};

/// What happens to a name that is here already and stands for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays: somebody may have set it here on purpose.
    Keep,
    /// The predecessor's takes its place.
    Replace,
}

/// A version's channel and controller, such as `stable` and `057`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `stable`, `beta`, `lts`.
    pub channel: String,
    /// The controller's name.
    pub controller: String,
}

/// What became of one of the predecessor's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is new here.
    Added(Target),
    /// It was here and is the same.
    Known,
    /// It was here as this, and stays so.
    Kept(Target),
    /// It was here as `was`.
    Replaced {
        /// What it stood for.
        was: Target,
        /// What it stands for.
        now: Target,
    },
    /// It does not fit, for this reason.
    LeftOut(&'static str),
}

/// Takes the versions of the predecessor's `config.db`, and gives back each name with what became of it.
///
/// # Errors
/// When it cannot be read or the table not be written; then nothing of it is taken.
pub async fn take(
    store: &Store,
    path: &Path,
    existing: Existing,
    mode: Mode,
) -> Result<Vec<(String, Fate)>> {
    let path = path.to_owned();
    let rows = blocking(move || {
        let source = source::open(&path)?;
        read_all(&source).map_err(|error| source::unreadable(&path, &error))
    })
    .await?;
    let decide = move |table: &Connection| {
        rows.iter()
            .map(|(name, target)| {
                let fate = fate(table, name, target.clone(), existing)?;
                Ok((name.clone(), fate))
            })
            .collect::<Result<Vec<_>>>()
    };
    match mode {
        Mode::Look => store.read(decide).await,
        Mode::Take => {
            store
                .write(move |table| {
                    let fates = decide(table)?;
                    for (name, fate) in &fates {
                        record(table, name, fate)?;
                    }
                    Ok(fates)
                })
                .await
        }
    }
}

type Read = (String, std::result::Result<Target, &'static str>);

fn read_all(source: &Connection) -> rusqlite::Result<Vec<Read>> {
    source
        .prepare("SELECT name, channel, container FROM Versions ORDER BY name")?
        .query_map([], |row| {
            let name = text(row, 0).unwrap_or_default().to_owned();
            Ok((name, target(row)))
        })?
        .collect()
}

fn target(row: &Row<'_>) -> std::result::Result<Target, &'static str> {
    plain(text(row, 0)).ok_or("it has no name that one could ask for")?;
    let channel = plain(text(row, 1)).ok_or("it has no channel")?;
    let controller = plain(text(row, 2).and_then(|name| name.strip_prefix(CONTAINER)))
        .ok_or("its container is not named controller-<number>")?;
    Ok(Target {
        channel: channel.to_owned(),
        controller: controller.to_owned(),
    })
}

/// A name as it may stand in a request and in an image's name.
fn plain(text: Option<&str>) -> Option<&str> {
    row::word(text).filter(|text| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    })
}

fn fate(
    table: &Connection,
    name: &str,
    target: std::result::Result<Target, &'static str>,
    existing: Existing,
) -> Result<Fate> {
    let target = match target {
        Ok(target) => target,
        Err(reason) => return Ok(Fate::LeftOut(reason)),
    };
    let here = table
        .prepare_cached("SELECT channel, controller FROM versions WHERE name = ?1")?
        .query_row([name], |row| {
            Ok(Target {
                channel: row.get(0)?,
                controller: row.get(1)?,
            })
        })
        .optional()?;
    Ok(match (here, existing) {
        (None, _) => Fate::Added(target),
        (Some(here), _) if here == target => Fate::Known,
        (Some(here), Existing::Keep) => Fate::Kept(here),
        (Some(was), Existing::Replace) => Fate::Replaced { was, now: target },
    })
}

fn record(table: &Connection, name: &str, fate: &Fate) -> Result<()> {
    let (Fate::Added(target) | Fate::Replaced { now: target, .. }) = fate else {
        return Ok(());
    };
    // Whether a name is enabled is the operator's word and no part of what is taken.
    table
        .prepare_cached(
            "INSERT INTO versions (name, channel, controller) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET channel = ?2, controller = ?3",
        )?
        .execute(params![name, target.channel, target.controller])?;
    Ok(())
}
