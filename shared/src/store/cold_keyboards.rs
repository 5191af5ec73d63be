//! Keyboards that an image does not build warm any more: a comparison found a difference, or an operator says so.

use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use serde_json::json;

use super::{
    Result, Store, audit, channels::Switched, comparisons::Subject, jobs::show::id_from, now,
};
use crate::{job::JobId, keyboard::Keyboard};

/// A keyboard that an image does not build warm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColdKeyboard {
    /// The image's id.
    pub image: String,
    /// The controller that it was then.
    pub controller: String,
    /// The name that its layouts are filed under.
    pub keyboard: String,
    /// Since when, in milliseconds since 1970, UTC.
    pub at: i64,
    /// The builds that differ, warm and cold; `None` where an operator did it.
    pub found: Option<(JobId, JobId)>,
}

/// All of them, the newest first, also those of images that are gone.
///
/// # Errors
/// When the table cannot be read.
pub async fn cold_keyboards(store: &Store) -> Result<Vec<ColdKeyboard>> {
    store
        .read(|table| {
            let mut statement = table.prepare_cached(
                "SELECT image, controller, keyboard, at, warm_build, cold_build FROM cold_keyboards
                 ORDER BY at DESC, image, keyboard",
            )?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let builds: (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
                found.push(ColdKeyboard {
                    image: row.get(0)?,
                    controller: row.get(1)?,
                    keyboard: row.get(2)?,
                    at: row.get(3)?,
                    found: match builds {
                        (Some(warm), Some(cold)) => Some((id_from(&warm)?, id_from(&cold)?)),
                        _ => None,
                    },
                });
            }
            Ok(found)
        })
        .await
}

/// What an operator says of a keyboard of a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It is built cold with the image that the controller has now.
    Cold,
    /// It starts warm again. Marks of builds stay: what was made was made.
    Warm,
    /// The same, and the difference was no fault of the image's: a layout can be written so that it makes one. The marks go.
    WarmAsUnfounded,
}

/// Switches a keyboard of a controller.
///
/// # Errors
/// When the table cannot be written: then nothing has changed.
pub async fn switch(
    store: &Store,
    (controller, keyboard): (&str, &'static Keyboard),
    to: Switch,
    who: &str,
) -> Result<Switched> {
    let (controller, who) = (controller.to_owned(), who.to_owned());
    let keyboard = filed_under(keyboard);
    store
        .write(move |table| {
            let known: bool = table.query_row(
                "SELECT EXISTS (SELECT 1 FROM controllers WHERE name = ?1
                                UNION SELECT 1 FROM cold_keyboards WHERE controller = ?1)",
                [&controller],
                |row| row.get(0),
            )?;
            if !known {
                return Ok(Switched::NoController);
            }
            let unmarked = match to {
                Switch::WarmAsUnfounded => unmark(table, &controller, keyboard)?,
                Switch::Cold | Switch::Warm => 0,
            };
            let (what, changed) = match to {
                Switch::Cold => ("build_cold", insert(table, &controller, keyboard)?),
                Switch::Warm | Switch::WarmAsUnfounded => {
                    ("build_warm", delete(table, &controller, keyboard)?)
                }
            };
            if changed == 0 {
                return Ok(Switched::AlreadySo);
            }
            let details = json!({ "keyboard": keyboard, "unmarked": unmarked });
            audit::record(table, &who, (what, &controller), &details)?;
            Ok(Switched::Done)
        })
        .await
}

fn insert(table: &Connection, controller: &str, keyboard: &str) -> Result<usize> {
    let sql = "INSERT OR IGNORE INTO cold_keyboards (image, keyboard, controller, at)
               SELECT image, ?2, name, ?3 FROM controllers WHERE name = ?1";
    Ok(table.execute(sql, params![controller, keyboard, now()])?)
}

fn delete(table: &Connection, controller: &str, keyboard: &str) -> Result<usize> {
    let sql = "DELETE FROM cold_keyboards WHERE controller = ?1 AND keyboard = ?2";
    Ok(table.execute(sql, [controller, keyboard])?)
}

fn unmark(table: &Connection, controller: &str, keyboard: &str) -> Result<usize> {
    let sql = "UPDATE jobs SET doubted_by = NULL
               WHERE doubted_by IN (SELECT cold_build FROM cold_keyboards WHERE controller = ?1 AND keyboard = ?2)";
    Ok(table.execute(sql, [controller, keyboard])?)
}

/// Whether builds of this keyboard with this image are to use nothing prepared.
pub(super) fn is_cold(table: &Connection, image: &str, keyboard: &str) -> Result<bool> {
    Ok(table
        .prepare_cached("SELECT 1 FROM cold_keyboards WHERE image = ?1 AND keyboard = ?2")?
        .exists([image, name_of(keyboard)])?)
}

/// The comparison that found a difference in what this image makes of this keyboard.
pub(super) fn found_by(table: &Connection, image: &str, keyboard: &str) -> Result<Option<String>> {
    let found: Option<Option<String>> = table
        .prepare_cached("SELECT cold_build FROM cold_keyboards WHERE image = ?1 AND keyboard = ?2")?
        .query_row([image, name_of(keyboard)], |row| row.get(0))
        .optional()?;
    Ok(found.flatten())
}

/// A comparison found a difference: the keyboard is built cold from now on, and what was built warm is an answer no
/// longer and says why. Gives the number of those builds.
pub(super) fn switch_off(table: &Connection, cold: &Subject, warm: JobId) -> Result<usize> {
    let (warm_build, cold_build) = (warm.to_string(), cold.id.to_string());
    table
        .prepare_cached(
            "INSERT INTO cold_keyboards (image, keyboard, controller, at, warm_build, cold_build)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (image, keyboard) DO UPDATE SET warm_build = excluded.warm_build, cold_build = excluded.cold_build
                 WHERE warm_build IS NULL",
        )?
        .execute(params![
            cold.image,
            name_of(&cold.keyboard),
            cold.controller,
            now(),
            warm_build,
            cold_build,
        ])?;
    let names = Keyboard::parse(&cold.keyboard).map_or(vec![cold.keyboard.as_str()], |keyboard| {
        keyboard.names().to_vec()
    });
    let places = vec!["?"; names.len()].join(", ");
    // It goes through all rows, which no other statement does: an index for what should never happen would cost each build.
    let mark = format!(
        "UPDATE jobs SET doubted_by = ?, kept = 0, kept_until = NULL
         WHERE image = ? AND status = 'succeeded' AND cold = 0 AND compares IS NULL AND doubted_by IS NULL
           AND keyboard COLLATE NOCASE IN ({places})"
    );
    let values = [cold_build.as_str(), &cold.image].into_iter().chain(names);
    Ok(table.prepare(&mark)?.execute(params_from_iter(values))?)
}

/// Marks a build that has just ended, and had started warm when a comparison found a difference.
pub(super) fn mark(table: &Connection, id: JobId, comparison: &str) -> Result<()> {
    table
        .prepare_cached("UPDATE jobs SET doubted_by = ?2 WHERE id = ?1")?
        .execute([&id.to_string(), comparison])?;
    Ok(())
}

fn filed_under(keyboard: &'static Keyboard) -> &'static str {
    keyboard.names().first().copied().unwrap_or_default()
}

/// A board has several names and one prepared tree.
fn name_of(keyboard: &str) -> &str {
    let known = Keyboard::parse(keyboard);
    known
        .and_then(|known| known.names().first().copied())
        .unwrap_or(keyboard)
}
