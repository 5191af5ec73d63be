//! What a build has been through besides the straight way: who let go of it, and why.

use rusqlite::{Connection, params};

use super::{
    super::{Result, Store, StoreError, now},
    claim::Held,
};
use crate::job::JobId;

/// What can happen to a build on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Its worker left, and its container ran on.
    HandedOver,
    /// Another worker took the running container on.
    Adopted,
    /// Its worker left before there was a container.
    GivenBack,
    /// The engine, the disk or this program broke under it.
    Trouble,
    /// Its worker was gone without a word.
    Lost,
    /// It is tried no more.
    SetAside,
}

impl What {
    /// The word in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HandedOver => "handed_over",
            Self::Adopted => "adopted",
            Self::GivenBack => "given_back",
            Self::Trouble => "trouble",
            Self::Lost => "lost",
            Self::SetAside => "set_aside",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [
            Self::HandedOver,
            Self::Adopted,
            Self::GivenBack,
            Self::Trouble,
            Self::Lost,
            Self::SetAside,
        ]
        .into_iter()
        .find(|what| what.as_str() == word)
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// What.
    pub what: What,
    /// The claim that it happened to.
    pub epoch: u32,
    /// The worker that held it then.
    pub worker: String,
    /// One line for people.
    pub detail: Option<String>,
}

/// What a build has been through, in its order. Nothing for one that went straight through.
///
/// # Errors
/// When the table cannot be read.
pub async fn history(store: &Store, id: JobId) -> Result<Vec<Event>> {
    store
        .read(move |table| {
            table
                .prepare_cached(
                    "SELECT at, what, epoch, worker, detail FROM history WHERE job_id = ?1 ORDER BY id",
                )?
                .query_and_then([id.to_string()], |row| {
                    let word: String = row.get(1)?;
                    Ok(Event {
                        at: row.get(0)?,
                        what: What::from_word(&word).ok_or(StoreError::Unknown {
                            table: "history",
                            column: "what",
                            value: word,
                        })?,
                        epoch: row.get(2)?,
                        worker: row.get(3)?,
                        detail: row.get(4)?,
                    })
                })?
                .collect()
        })
        .await
}

/// Writes an event down, in the transaction that makes it so.
pub(super) fn note(
    table: &Connection,
    held: &Held,
    what: What,
    detail: Option<&str>,
) -> Result<()> {
    table
        .prepare_cached(
            "INSERT INTO history (job_id, at, what, epoch, worker, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            held.id.to_string(),
            now(),
            what.as_str(),
            held.epoch,
            held.worker,
            detail
        ])?;
    Ok(())
}
