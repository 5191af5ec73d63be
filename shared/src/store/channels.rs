//! What an operator changes of the versions: where a name stands, and which controllers are not planned with. Each
//! change and its row in the audit are one transaction.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::{Result, Store, audit, now};

/// A move of a name to a controller.
#[derive(Clone, Debug)]
pub struct Move {
    /// The name, such as `latest`.
    pub name: String,
    /// The controller that it shall stand for.
    pub controller: String,
    /// The channel that it shall be of. A name that is not known yet needs one; for others, `None` leaves it.
    pub channel: Option<String>,
    /// The image that was tried before. Where the controller has another one by now, nothing is moved.
    pub tried: Option<String>,
}

/// What became of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It stands there now.
    Done {
        /// Where it stood; `None` for a new name.
        from: Option<String>,
        /// Where it stands.
        to: String,
    },
    /// It stood there already.
    AlreadyThere,
    /// Nothing was changed.
    Refused(Refused),
}

/// Why nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such name.
    #[error("there is no version of that name; with --channel it is made")]
    NoVersion,
    /// Nobody has seen that controller.
    #[error("no engine has that controller; `kiisrv versions` lists those that are there")]
    NoController,
    /// It is disabled.
    #[error("that controller is disabled; `kiisrv versions enable` takes it back")]
    Disabled,
    /// Another image bears its name than the one that was tried.
    #[error("the controller's image is another one than was tried; try again")]
    OtherImage,
    /// It was never moved.
    #[error("it was not moved, so that there is nothing to go back to")]
    NothingBefore,
}

/// What became of the wish to disable or enable a controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switched {
    /// It is so now.
    Done,
    /// It was so already.
    AlreadySo,
    /// Nobody has seen that controller, and no version stands for it.
    NoController,
}

/// Lets a name stand for a controller. Builds that were planned before keep their image.
///
/// # Errors
/// When the table cannot be written.
pub async fn move_to(store: &Store, wish: Move, who: &str) -> Result<Moved> {
    let who = who.to_owned();
    store.write(move |table| try_move(table, &wish, &who)).await
}

/// What a move would end in where it would not be done; `None` where it would.
///
/// # Errors
/// When the table cannot be read.
pub async fn check_move(store: &Store, wish: Move) -> Result<Option<Moved>> {
    store
        .read(move |table| {
            Ok(match judge(table, &wish)? {
                Judged::Stay(moved) => Some(moved),
                Judged::Go { .. } => None,
            })
        })
        .await
}

/// Lets a name stand where it stood before its last move. Once more leads forth again.
///
/// # Errors
/// When the table cannot be written.
pub async fn move_back(store: &Store, name: &str, who: &str) -> Result<Moved> {
    let (name, who) = (name.to_owned(), who.to_owned());
    store
        .write(move |table| try_move_back(table, &name, &who))
        .await
}

/// Plans no more builds with this controller, also when its image is made anew.
///
/// # Errors
/// When the table cannot be written.
pub async fn disable(store: &Store, controller: &str, who: &str) -> Result<Switched> {
    switch(store, ("disable", insert_disabled), controller, who).await
}

/// Plans builds with this controller again.
///
/// # Errors
/// When the table cannot be written.
pub async fn enable(store: &Store, controller: &str, who: &str) -> Result<Switched> {
    switch(store, ("enable", delete_disabled), controller, who).await
}

/// Where a name stands.
struct Standing {
    controller: String,
    channel: String,
    previous: Option<String>,
}

/// What a move would do.
enum Judged {
    Go {
        before: Option<Standing>,
        channel: String,
        image: String,
    },
    Stay(Moved),
}

fn judge(table: &Connection, wish: &Move) -> Result<Judged> {
    let before = standing(table, &wish.name)?;
    let channel = match (&wish.channel, &before) {
        (Some(channel), _) => channel.clone(),
        (None, Some(before)) => before.channel.clone(),
        (None, None) => return Ok(Judged::Stay(Moved::Refused(Refused::NoVersion))),
    };
    if let Some(before) = &before
        && before.controller == wish.controller
        && before.channel == channel
    {
        return Ok(Judged::Stay(Moved::AlreadyThere));
    }
    Ok(match image_to_plan_with(table, &wish.controller)? {
        Err(refused) => Judged::Stay(Moved::Refused(refused)),
        Ok(image) if wish.tried.as_ref().is_some_and(|tried| *tried != image) => {
            Judged::Stay(Moved::Refused(Refused::OtherImage))
        }
        Ok(image) => Judged::Go {
            before,
            channel,
            image,
        },
    })
}

fn try_move(table: &Connection, wish: &Move, who: &str) -> Result<Moved> {
    let (before, channel, image) = match judge(table, wish)? {
        Judged::Stay(moved) => return Ok(moved),
        Judged::Go {
            before,
            channel,
            image,
        } => (before, channel, image),
    };
    table.execute(
        "INSERT INTO versions (name, channel, controller, moved_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (name) DO UPDATE SET previous = controller, previous_channel = channel,
             controller = ?3, channel = ?2, moved_at = ?4",
        params![wish.name, channel, wish.controller, now()],
    )?;
    let from = before.map(|before| before.controller);
    let details = json!({
        "from": from, "to": wish.controller, "channel": channel, "image": image, "tried": wish.tried.is_some(),
    });
    audit::record(table, who, ("move", &wish.name), &details)?;
    Ok(Moved::Done {
        from,
        to: wish.controller.clone(),
    })
}

fn try_move_back(table: &Connection, name: &str, who: &str) -> Result<Moved> {
    let Some(before) = standing(table, name)? else {
        return Ok(Moved::Refused(Refused::NoVersion));
    };
    let Some(to) = before.previous else {
        return Ok(Moved::Refused(Refused::NothingBefore));
    };
    let image = match image_to_plan_with(table, &to)? {
        Ok(image) => image,
        Err(refused) => return Ok(Moved::Refused(refused)),
    };
    table.execute(
        "UPDATE versions SET controller = previous, channel = previous_channel, previous = controller,
             previous_channel = channel, moved_at = ?2 WHERE name = ?1",
        params![name, now()],
    )?;
    let from = before.controller;
    let details = json!({ "from": from, "to": to, "image": image });
    audit::record(table, who, ("move_back", name), &details)?;
    Ok(Moved::Done {
        from: Some(from),
        to,
    })
}

fn standing(table: &Connection, name: &str) -> Result<Option<Standing>> {
    let found = table
        .prepare_cached("SELECT controller, channel, previous FROM versions WHERE name = ?1")?
        .query_row([name], |row| {
            Ok(Standing {
                controller: row.get(0)?,
                channel: row.get(1)?,
                previous: row.get(2)?,
            })
        })
        .optional()?;
    Ok(found)
}

/// The image of a controller that people may be given: it is there, and nobody disabled it.
fn image_to_plan_with(
    table: &Connection,
    controller: &str,
) -> Result<std::result::Result<String, Refused>> {
    let found: Option<(String, bool)> = table
        .prepare_cached(
            "SELECT image, name IN (SELECT name FROM disabled_controllers) FROM controllers WHERE name = ?1",
        )?
        .query_row([controller], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match found {
        None => Err(Refused::NoController),
        Some((_, true)) => Err(Refused::Disabled),
        Some((image, false)) => Ok(image),
    })
}

/// Changes the rows of a controller, and says how many.
type Change = fn(&Connection, &str) -> Result<usize>;

async fn switch(
    store: &Store,
    (what, change): (&'static str, Change),
    controller: &str,
    who: &str,
) -> Result<Switched> {
    let (controller, who) = (controller.to_owned(), who.to_owned());
    store
        .write(move |table| {
            // A name that means nothing is most likely a slip of the hand.
            let known: bool = table.query_row(
                "SELECT EXISTS (SELECT 1 FROM controllers WHERE name = ?1
                                UNION SELECT 1 FROM versions WHERE controller = ?1
                                UNION SELECT 1 FROM disabled_controllers WHERE name = ?1)",
                [&controller],
                |row| row.get(0),
            )?;
            if !known {
                return Ok(Switched::NoController);
            }
            if change(table, &controller)? == 0 {
                return Ok(Switched::AlreadySo);
            }
            audit::record(table, &who, (what, &controller), &json!({}))?;
            Ok(Switched::Done)
        })
        .await
}

fn insert_disabled(table: &Connection, controller: &str) -> Result<usize> {
    let sql = "INSERT OR IGNORE INTO disabled_controllers (name, at) VALUES (?1, ?2)";
    Ok(table.execute(sql, params![controller, now()])?)
}

fn delete_disabled(table: &Connection, controller: &str) -> Result<usize> {
    let sql = "DELETE FROM disabled_controllers WHERE name = ?1";
    Ok(table.execute(sql, [controller])?)
}
