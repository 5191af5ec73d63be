//! Who holds on to a build, and letting go of it: the last to leave cancels.

use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use super::{
    super::{Result, Store, StoreError, now},
    cancel::{Cancelled, cancel_row, tell},
    enqueue::Enqueued,
};
use crate::job::JobId;

/// With what one submitter, and nobody else, may leave one build. Only its hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct LeaveToken(String);

impl LeaveToken {
    /// Bytes that nobody guesses.
    const BYTES: usize = 32;

    fn new() -> Result<Self> {
        let mut bytes = [0; Self::BYTES];
        getrandom::fill(&mut bytes).map_err(|error| StoreError::Random(error.to_string()))?;
        Ok(Self(hex::encode(bytes)))
    }

    /// What somebody presents, whatever it is.
    #[must_use]
    pub fn presented(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As it is told to the submitter.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// No key and no salt: it is as random as a key.
    pub(in crate::store) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
}

/// A log is no place for it.
impl std::fmt::Debug for LeaveToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LeaveToken(…)")
    }
}

/// What became of the wish to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// This submitter was the last, and the build is cancelled.
    AndCancelled,
    /// This submitter holds the build no more. Others may, or it had ended before.
    Yes,
    /// The token is not one of this build's.
    UnknownToken,
    /// There is no such build.
    NoSuchBuild,
}

/// Leaves a build. To leave it a second time changes nothing.
///
/// # Errors
/// When the table cannot be written: then nothing has changed.
pub async fn leave(store: &Store, id: JobId, token: &LeaveToken) -> Result<Left> {
    let hash = token.hash();
    let left = store
        .write(move |table| leave_row(table, id, &hash))
        .await?;
    if left == Left::AndCancelled {
        tell(store, id);
    }
    Ok(left)
}

fn leave_row(table: &Connection, id: JobId, secret: &str) -> Result<Left> {
    let left = table
        .prepare_cached(
            "UPDATE participants SET left_at = coalesce(left_at, ?3) WHERE job_id = ?1 AND secret = ?2",
        )?
        .execute(params![id.to_string(), secret, now()])?;
    if left == 0 {
        let is_there = table
            .prepare_cached("SELECT 1 FROM jobs WHERE id = ?1")?
            .exists([id.to_string()])?;
        return Ok(if is_there {
            Left::UnknownToken
        } else {
            Left::NoSuchBuild
        });
    }
    let wanted = table
        .prepare_cached("SELECT 1 FROM participants WHERE job_id = ?1 AND left_at IS NULL LIMIT 1")?
        .exists([id.to_string()])?;
    if wanted {
        return Ok(Left::Yes);
    }
    Ok(
        match cancel_row(table, id, "all who asked for it have left")? {
            Cancelled::Yes => Left::AndCancelled,
            Cancelled::HadEnded(_) => Left::Yes,
            Cancelled::NoSuchBuild => Left::NoSuchBuild,
        },
    )
}

/// Somebody more holds on to this build, and is told how to leave it. Nobody does once it has ended.
pub(super) fn stay_until_left(
    table: &Connection,
    enqueued: Enqueued,
    client: &str,
) -> Result<Option<LeaveToken>> {
    if has_ended(enqueued) {
        return is_given(table, enqueued.id(), client).map(|()| None);
    }
    let token = LeaveToken::new()?;
    stay(table, enqueued.id(), &token.hash(), client)?;
    Ok(Some(token))
}

/// Somebody more holds on to this build who cannot say that it leaves. One row stands for all of them.
pub(super) fn stay_for_good(table: &Connection, enqueued: Enqueued, client: &str) -> Result<()> {
    if has_ended(enqueued) {
        return is_given(table, enqueued.id(), client);
    }
    stay(table, enqueued.id(), "", client)
}

fn has_ended(enqueued: Enqueued) -> bool {
    matches!(enqueued, Enqueued::Joined(_, status) if status.is_final())
}

/// Somebody is given an answer that was there already. Unless it is one who asked before, the build is not the
/// submitter's alone any more, so that no submitter can have it erased.
fn is_given(table: &Connection, id: JobId, client: &str) -> Result<()> {
    let is_known = table
        .prepare_cached("SELECT 1 FROM participants WHERE job_id = ?1 AND client = ?2")?
        .exists(params![id.to_string(), client])?;
    if is_known {
        return Ok(());
    }
    stay(table, id, "", client)
}

fn stay(table: &Connection, id: JobId, secret: &str, client: &str) -> Result<()> {
    table
        .prepare_cached(
            "INSERT INTO participants (job_id, secret, client, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![id.to_string(), secret, client, now()])?;
    Ok(())
}
