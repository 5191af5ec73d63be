//! All SQL, as plain functions: the table at which API, workers and operators meet.
//!
//! Writes go through one connection a process ([`writer`]), reads through a small pool. Wake-ups
//! between processes are datagrams beside the table ([`wake`]). No SQLite type leaves this module.
#![expect(
    clippy::disallowed_types,
    reason = "this is the one place that speaks to SQLite"
)]

pub mod audit;
pub mod backup;
pub mod channels;
pub mod cold_keyboards;
pub mod comparisons;
pub mod control;
pub mod forgetting;
pub mod import;
pub mod inspect;
pub mod jobs;
pub mod measures;
pub mod requests;
pub mod retention;
pub mod self_tests;
pub mod statistics;
pub mod timeline;
pub mod versions;
pub mod wake;
pub mod wal;
pub mod workers;

mod durations;
mod open;
pub mod queue_order;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use hmac::{Hmac, KeyInit, Mac};
use rusqlite::Connection;
use sha2::Sha256;

use writer::Synchronous;

/// A handle to the table; clones share the same connections.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    readers: deadpool_sqlite::Pool,
    writer: writer::Writer,
    wake_dir: PathBuf,
    bell: Arc<wake::Bell>,
    file: PathBuf,
    client_key: Vec<u8>,
    order: queue_order::Snapshot,
    reads: AtomicU64,
}

/// What can go wrong with the table, by what was being done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory or the file could not be made or opened.
    #[error("opening {path} failed: {cause}")]
    Open {
        /// The table's file.
        path: String,
        /// The reason.
        cause: String,
    },
    /// The table was made by a newer program.
    #[error("{path} was made by a newer kiisrv: use that one, or a copy from before it")]
    Newer {
        /// The table's file.
        path: String,
    },
    /// A statement failed.
    #[error("a statement failed: {0}")]
    Statement(Arc<rusqlite::Error>),
    /// A commit failed: nothing of it is stored.
    #[error("a commit failed: {0}")]
    Commit(Arc<rusqlite::Error>),
    /// SQLite gave up the transaction that this work was part of: nothing of it is stored.
    #[error("the transaction was rolled back, as the disk is full or broken")]
    RolledBack,
    /// A piece of work panicked: nothing of it is stored.
    #[error("this program panicked")]
    Panicked,
    /// A row holds what this program does not know.
    #[error("a row of {table} holds an unknown {column}: {value:?}")]
    Unknown {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What stands there.
        value: String,
    },
    /// Another program's table could not be read.
    #[error("reading {path} failed: {cause}")]
    Source {
        /// Its file.
        path: String,
        /// The reason.
        cause: String,
    },
    /// Two imports of the same source run at once.
    #[error(
        "another import has taken these rows meanwhile: start again, and it goes on after them"
    )]
    Overtaken,
    /// The system has no randomness to give.
    #[error("no random number could be had: {0}")]
    Random(String),
    /// A connection could not be had: the process is stopping, or too many wait.
    #[error("no connection to the table: {0}")]
    Closed(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Statement(Arc::new(error))
    }
}

/// What every function of the store gives back.
pub type Result<T> = std::result::Result<T, StoreError>;

impl Store {
    /// Opens the table in this directory, and makes or migrates it where that is due. Any number of
    /// processes may do so at once.
    ///
    /// # Errors
    /// When the directory cannot be written or the table is newer than this program.
    pub async fn open(directory: &Path) -> Result<Self> {
        let opened = open::open(directory.to_owned()).await?;
        let client_key =
            opened
                .writer
                .write(
                    Synchronous::Full,
                    |table| {
                        Ok(table
                            .query_row("SELECT client_key FROM service", [], |row| row.get(0))?)
                    },
                    |_| None,
                )
                .await?;
        Ok(Self {
            inner: Arc::new(Inner {
                readers: opened.readers,
                writer: opened.writer,
                wake_dir: opened.wake_dir,
                bell: opened.bell,
                file: opened.file,
                client_key,
                order: queue_order::Snapshot::default(),
                reads: AtomicU64::new(0),
            }),
        })
    }

    /// What stands in the table for a client: a keyed hash of its token or address, never that itself.
    #[must_use]
    pub fn client(&self, token_or_address: &str) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mut hash =
            Hmac::<Sha256>::new_from_slice(&self.inner.client_key).expect("a key of any length");
        hash.update(token_or_address.as_bytes());
        hex::encode(&hash.finalize().into_bytes()[..16])
    }

    /// A name for this table that no other table has, for labels: several services may share an engine.
    #[must_use]
    pub fn service_id(&self) -> String {
        self.client("the service itself")
    }

    /// The directory of the sockets that [`wake`] uses.
    #[must_use]
    pub fn wake_directory(&self) -> &Path {
        &self.inner.wake_dir
    }

    /// Whether a commit reaches the disk just now.
    ///
    /// # Errors
    /// When it does not.
    pub async fn check_writable(&self) -> Result<()> {
        self.write(|table| {
            Ok(table
                .execute("UPDATE service SET one = one", [])
                .map(drop)?)
        })
        .await
    }

    /// How often this process has looked at the table: what many who watch one build must not drive up.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.inner.reads.load(Ordering::Relaxed)
    }

    /// Runs `work` in a transaction, and again in another where one that it shares the first with fails. When this
    /// returns, it is on the disk.
    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write_and_ring(work, |_| None).await
    }

    /// The same, and tells others of it.
    async fn write_and_ring<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> Result<T> + Send + 'static,
        ring: impl Fn(&T) -> Option<wake::Ring> + Send + 'static,
    ) -> Result<T> {
        let written = self.inner.writer.write(Synchronous::Full, work, ring);
        written.await
    }

    /// The same for what a power cut may take: everybody sees it, but it waits for no disk.
    async fn write_unsynced<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let written = self.inner.writer.write(Synchronous::Normal, work, |_| None);
        written.await
    }

    /// Tells others what has changed.
    fn ring(&self, ring: wake::Ring) {
        self.inner.bell.ring(ring);
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.inner.reads.fetch_add(1, Ordering::Relaxed);
        let reader = self
            .inner
            .readers
            .get()
            .await
            .map_err(|error| StoreError::Closed(error.to_string()))?;
        reader
            .interact(move |table| work(table))
            .await
            .map_err(|error| StoreError::Closed(error.to_string()))?
    }
}

/// Milliseconds since 1970, as all of the table's times.
fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A length of time in the table's unit.
fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
