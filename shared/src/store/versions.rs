//! What can be built: the names that people ask for, and the controllers that the engine has.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Result, Store, StoreError, now};
use crate::{channel::Dialect, keyboard::Keyboard};

/// A controller image, by its labels as far as it has any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// `057` of `kiisrv-controller-057`.
    pub name: String,
    /// The image's id.
    pub image: String,
    /// How it is called: 1, as the predecessor did, or 2, with a job file.
    pub protocol: u8,
    /// The KLL that it understands.
    pub dialect: Dialect,
    /// What its maker says of it: `stable`, `beta`.
    pub channel: Option<String>,
    /// The firmware's version, such as `v0.5.7`.
    pub version: Option<String>,
    /// The firmware's revision.
    pub revision: Option<String>,
    /// The revision's date.
    pub created: Option<String>,
    /// The number of commits up to the revision.
    pub commits: Option<u32>,
    /// Where the firmware's source is.
    pub source: Option<String>,
    /// The keyboards that it has, as the names of their scripts without `.bash`. `None`: nobody says.
    pub keyboards: Option<Vec<String>>,
}

impl Controller {
    /// Whether it has this keyboard. One that does not say is taken to have all: its compiler will tell.
    #[must_use]
    pub fn builds(&self, keyboard: &Keyboard) -> bool {
        self.keyboards
            .as_ref()
            .is_none_or(|known| known.iter().any(|script| script == keyboard.script_stem()))
    }
}

/// A controller that an engine has, and whether it is planned with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The controller.
    pub controller: Controller,
    /// Whether an operator disabled it.
    pub disabled: bool,
    /// When it was seen last, in milliseconds since 1970, UTC.
    pub seen_at: i64,
}

/// A name that people ask for, with the controller that is there for it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// `latest`, `v0.5.7`.
    pub name: String,
    /// `stable`, `beta`, `lts`.
    pub channel: String,
    /// The name of the controller that it stands for.
    pub controller_name: String,
    /// That controller, where an engine has it and no operator disabled it: what is planned with.
    pub controller: Option<Controller>,
    /// Whether an operator disabled the controller.
    pub disabled: bool,
    /// The controller before the last move.
    pub previous: Option<String>,
    /// When it was moved last, in milliseconds since 1970, UTC.
    pub moved_at: Option<i64>,
}

/// Writes down which controllers this engine has now; those that it has no more are removed.
///
/// # Errors
/// When the table cannot be written.
pub async fn controllers_seen(
    store: &Store,
    engine_id: &str,
    controllers: Vec<Controller>,
) -> Result<()> {
    let engine_id = engine_id.to_owned();
    store
        .write(move |table| {
            let now = now();
            for controller in &controllers {
                upsert(table, controller, &engine_id, now)?;
            }
            // Rows of this very look have this time; another one of the same engine was not seen again. Not
            // only an older one: a clock can be set back.
            table
                .prepare_cached("DELETE FROM controllers WHERE engine_id = ?1 AND seen_at <> ?2")?
                .execute(params![engine_id, now])?;
            Ok(())
        })
        .await
}

fn upsert(table: &Connection, controller: &Controller, engine_id: &str, now: i64) -> Result<()> {
    table
        .prepare_cached(
            "INSERT OR REPLACE INTO controllers
                 (name, image, engine_id, protocol, dialect, channel, version, revision, created, commits,
                  source, keyboards, seen_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            controller.name,
            controller.image,
            engine_id,
            controller.protocol,
            controller.dialect.as_str(),
            controller.channel,
            controller.version,
            controller.revision,
            controller.created,
            controller.commits,
            controller.source,
            controller.keyboards.as_ref().map(|known| known.join(",")),
            now
        ])?;
    Ok(())
}

/// A version with its controller, which may be absent. All of `c` is read by the columns' names.
const SELECT: &str =
    "SELECT v.name AS asked, v.channel AS asked_channel, v.controller AS stands_for, v.previous, v.moved_at,
            v.controller IN (SELECT name FROM disabled_controllers) AS disabled, c.*
     FROM versions v LEFT JOIN controllers c ON c.name = v.controller
     WHERE v.enabled = 1";

/// All names that people may ask for, in the order of their names.
///
/// # Errors
/// When the table cannot be read.
pub async fn versions(store: &Store) -> Result<Vec<Version>> {
    store
        .read(|table| {
            let sql = format!("{SELECT} ORDER BY v.name");
            table
                .prepare_cached(&sql)?
                .query_and_then([], from_row)?
                .collect()
        })
        .await
}

/// The version of this name; `None` where there is none.
///
/// # Errors
/// When the table cannot be read.
pub async fn version(store: &Store, name: &str) -> Result<Option<Version>> {
    let name = name.to_owned();
    store
        .read(move |table| {
            let sql = format!("{SELECT} AND v.name = ?1");
            let found = table
                .prepare_cached(&sql)?
                .query_row([name], |row| Ok(from_row(row)))
                .optional()?;
            found.transpose()
        })
        .await
}

/// All controllers that the engines have, in the order of their names, also those that are disabled.
///
/// # Errors
/// When the table cannot be read.
pub async fn controllers(store: &Store) -> Result<Vec<Seen>> {
    store
        .read(|table| {
            table
                .prepare_cached(
                    "SELECT c.*, c.name IN (SELECT name FROM disabled_controllers) AS disabled
                     FROM controllers c ORDER BY c.name",
                )?
                .query_and_then([], |row| {
                    Ok(Seen {
                        controller: controller_from(row)?,
                        disabled: row.get("disabled")?,
                        seen_at: row.get("seen_at")?,
                    })
                })?
                .collect()
        })
        .await
}

fn from_row(row: &Row<'_>) -> Result<Version> {
    let disabled: bool = row.get("disabled")?;
    let there = row.get::<_, Option<String>>("image")?.is_some();
    let controller = if there && !disabled {
        Some(controller_from(row)?)
    } else {
        None
    };
    Ok(Version {
        name: row.get("asked")?,
        channel: row.get("asked_channel")?,
        controller_name: row.get("stands_for")?,
        controller,
        disabled,
        previous: row.get("previous")?,
        moved_at: row.get("moved_at")?,
    })
}

fn controller_from(row: &Row<'_>) -> Result<Controller> {
    Ok(Controller {
        name: row.get("name")?,
        image: row.get("image")?,
        protocol: row.get("protocol")?,
        dialect: dialect_from(row.get("dialect")?)?,
        channel: row.get("channel")?,
        version: row.get("version")?,
        revision: row.get("revision")?,
        created: row.get("created")?,
        commits: row.get("commits")?,
        source: row.get("source")?,
        keyboards: row
            .get::<_, Option<String>>("keyboards")?
            .map(|known| keyboards_from(&known)),
    })
}

/// Reads a list of keyboards, as a label and the table write it: names of scripts with commas between them.
#[must_use]
pub fn keyboards_from(list: &str) -> Vec<String> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn dialect_from(word: String) -> Result<Dialect> {
    Dialect::parse(&word).ok_or(StoreError::Unknown {
        table: "controllers",
        column: "dialect",
        value: word,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_has_what_it_names_and_all_where_it_names_nothing() {
        let mut controller = Controller {
            name: "050".to_owned(),
            image: "sha256:1".to_owned(),
            protocol: 1,
            dialect: Dialect::Lts,
            channel: None,
            version: None,
            revision: None,
            created: None,
            commits: None,
            source: None,
            keyboards: Some(keyboards_from(" infinity, ergodox,,")),
        };
        for (name, has) in [
            ("MD1", true),
            ("Infinity", true),
            ("MDErgo1", true),
            ("MD1.1", false),
            ("Kira", false),
        ] {
            let keyboard = Keyboard::parse(name).unwrap();
            assert_eq!(controller.builds(keyboard), has, "{name}");
        }
        controller.keyboards = None;
        assert!(
            Keyboard::all()
                .iter()
                .all(|keyboard| controller.builds(keyboard))
        );
    }
}
