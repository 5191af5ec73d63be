//! Nothing to `queued`: a new build, or the one that is known already.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::{
    Result, Store, StoreError, now,
    requests::{self, Visitor},
    wake,
};
use super::leave;
use crate::{
    channel::Dialect,
    job::{Fingerprint, JobId, Status},
};

/// A build as it is asked for.
#[derive(Clone, Debug)]
pub struct NewBuild {
    /// What is built.
    pub fingerprint: Fingerprint,
    /// Who asks, from [`Store::client`].
    pub client: String,
    /// The board's name, made safe.
    pub keyboard: String,
    /// The layout's name, made safe.
    pub layout: String,
    /// The number of layers.
    pub layers: usize,
    /// The channel or version, as asked.
    pub version: String,
    /// The controller's name, such as `057`.
    pub controller: String,
    /// The id of the controller's image.
    pub image: String,
    /// How the image is called: 1 or 2.
    pub protocol: u8,
    /// The KLL that it understands.
    pub dialect: Dialect,
    /// The layout's JSON.
    pub config: String,
    /// With what it was asked for, for the statistics.
    pub visitor: Visitor,
}

/// What became of the wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// A new row.
    New(JobId),
    /// The same build waits, runs or is a kept answer.
    Joined(JobId, Status),
}

impl Enqueued {
    /// The build's id.
    #[must_use]
    pub const fn id(self) -> JobId {
        match self {
            Self::New(id) | Self::Joined(id, _) => id,
        }
    }

    /// The workers are told of a new build.
    pub(super) fn ring(&self) -> Option<wake::Ring> {
        matches!(self, Self::New(_)).then_some((wake::Role::Worker, wake::Signal::Queued))
    }
}

/// Writes a build into the queue whatever waits there, for an operator: nobody can leave it. What strangers ask for
/// goes through [`admit`](super::admit()). When this returns, the build is on the disk.
///
/// # Errors
/// When it is not.
pub async fn enqueue(store: &Store, build: NewBuild) -> Result<Enqueued> {
    store
        .write_and_ring(move |table| put(table, &build), Enqueued::ring)
        .await
}

/// The rows of a build that nobody can leave, within a transaction.
pub(super) fn put(table: &Connection, build: &NewBuild) -> Result<Enqueued> {
    let Standing { turn, .. } = Standing::of(table, &build.client, 0)?;
    let enqueued = match join(table, build, turn)? {
        Some((id, status)) => Enqueued::Joined(id, status),
        None => Enqueued::New(insert(table, build, turn)?),
    };
    leave::stay_for_good(table, enqueued, &build.client)?;
    requests::record(table, build, enqueued)?;
    Ok(enqueued)
}

/// What stands in the queue when a client asks for its next build.
pub(super) struct Standing {
    /// That build's turn: one after its last that waits or was served, so that its thousandth does not stand before
    /// another client's first. One that was cancelled is no last one, and nobody saves up turns.
    pub(super) turn: i64,
    /// Builds of all clients that wait.
    pub(super) in_all: u32,
    /// Those of this one, counted no further than asked.
    pub(super) of_client: u32,
}

impl Standing {
    /// Looks at no more than `count_to` of the client's rows, which is as many as it may have.
    pub(super) fn of(table: &Connection, client: &str, count_to: u32) -> Result<Self> {
        Ok(table
            .prepare_cached(
                "SELECT max(turn,
                            coalesce((SELECT max(turn) + 1 FROM jobs WHERE client = ?1 AND status = 'queued'), 0),
                            coalesce((SELECT turn + 1 FROM served WHERE client = ?1), 0)),
                        waiting,
                        (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE client = ?1 AND status = 'queued' LIMIT ?2))
                 FROM service",
            )?
            .query_row(params![client, count_to], |row| {
                Ok(Self {
                    turn: row.get(0)?,
                    in_all: row.get(1)?,
                    of_client: row.get(2)?,
                })
            })?)
    }
}

/// The row that answers for this fingerprint, if there is one. A kept answer whose time is over stops
/// to be one here.
pub(super) fn join(
    table: &Connection,
    build: &NewBuild,
    turn: i64,
) -> Result<Option<(JobId, Status)>> {
    let known: Option<(String, String, bool)> = table
        .prepare_cached(
            "SELECT id, status, kept = 1 AND coalesce(kept_until <= ?2, 0) FROM jobs
             WHERE fingerprint = ?1 AND (status IN ('queued', 'running') OR kept = 1)",
        )?
        .query_row(params![build.fingerprint.as_str(), now()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let (id, status) = match known {
        None => return Ok(None),
        Some((id, _, true)) => {
            table
                .prepare_cached("UPDATE jobs SET kept = 0 WHERE id = ?1")?
                .execute([id])?;
            return Ok(None);
        }
        Some((id, status, false)) => (id, status),
    };
    // Who joins brings the better turn along, and the build counts as one of its own from then on: otherwise somebody
    // with none could lift all of another's to the head of the queue.
    table
        .prepare_cached(
            "UPDATE jobs SET turn = ?2, client = ?3 WHERE id = ?1 AND status = 'queued' AND turn > ?2",
        )?
        .execute(params![id, turn, build.client])?;
    Ok(Some((
        super::show::id_from(&id)?,
        super::show::status_from(status)?,
    )))
}

/// A new row, with what a worker needs.
pub(super) fn insert(table: &Connection, build: &NewBuild, turn: i64) -> Result<JobId> {
    let id = JobId::new();
    table
        .prepare_cached(
            "INSERT INTO jobs (id, fingerprint, turn, client, keyboard, layout, version, controller, image,
                               protocol, dialect, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            id.to_string(),
            build.fingerprint.as_str(),
            turn,
            build.client,
            build.keyboard,
            build.layout,
            build.version,
            build.controller,
            build.image,
            build.protocol,
            build.dialect.as_str(),
            now(),
        ])?;
    table
        .prepare_cached("INSERT INTO job_inputs (job_id, config) VALUES (?1, ?2)")?
        .execute(params![id.to_string(), build.config])
        .map_err(StoreError::from)?;
    Ok(id)
}
