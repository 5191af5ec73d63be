//! Opening the table: directory, journal mode, migrations, connections.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use deadpool_sqlite::{Config, Hook, HookError, Pool, Runtime};
use rusqlite::{Connection, ErrorCode, config::DbConfig};
use rusqlite_migration::{M, MigrationDefinitionError, Migrations};

use super::{Result, StoreError, wake::Bell, writer::Writer};

/// How long a statement waits for another process's write before it gives up.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// Readers of one process. They wait for the disk and never for each other.
const READERS: usize = 4;

/// Statements that a connection keeps prepared: more than all that a build needs from its submission to its end.
const STATEMENTS: usize = 128;

const MIGRATIONS: &[M<'_>] = &[
    M::up(include_str!("../../migrations/0001_first.sql")),
    M::up(include_str!("../../migrations/0002_channels.sql")),
    M::up(include_str!("../../migrations/0003_imports.sql")),
    M::up(include_str!("../../migrations/0004_keyboards.sql")),
    M::up(include_str!("../../migrations/0005_hand_over.sql")),
    M::up(include_str!("../../migrations/0006_admission.sql")),
    M::up(include_str!("../../migrations/0007_retention.sql")),
    M::up(include_str!("../../migrations/0008_self_tests.sql")),
    M::up(include_str!("../../migrations/0009_operator.sql")),
    M::up(include_str!("../../migrations/0010_diagnostics.sql")),
    M::up(include_str!("../../migrations/0011_phases.sql")),
    M::up(include_str!("../../migrations/0012_console.sql")),
    M::up(include_str!("../../migrations/0013_forgetting.sql")),
    M::up(include_str!("../../migrations/0014_counting.sql")),
    M::up(include_str!("../../migrations/0015_comparing.sql")),
    M::up(include_str!("../../migrations/0016_ended.sql")),
];

/// The number of migrations: what the table says of itself after them.
pub(super) const fn migrations() -> u64 {
    MIGRATIONS.len() as u64
}

pub(super) struct Opened {
    pub(super) readers: Pool,
    pub(super) writer: Writer,
    pub(super) wake_dir: PathBuf,
    pub(super) bell: Arc<Bell>,
    pub(super) file: PathBuf,
}

pub(super) async fn open(directory: PathBuf) -> Result<Opened> {
    let file = directory.join("kiisrv.db");
    let (connection, wake_dir) = {
        let file = file.clone();
        tokio::task::spawn_blocking(move || make(&directory, &file))
            .await
            .map_err(|error| StoreError::Closed(error.to_string()))??
    };
    let bell = Arc::new(Bell::beside(wake_dir.clone()));
    Ok(Opened {
        readers: readers(&file)?,
        writer: Writer::start(connection, Arc::clone(&bell)),
        wake_dir,
        bell,
        file,
    })
}

/// Makes what is missing. Everything here runs under a lock on a file, one process after the other: the
/// switch to WAL does not heed the busy handler, and two processes must not both run a migration.
fn make(directory: &Path, file: &Path) -> Result<(Connection, PathBuf)> {
    let failed = |cause: String| StoreError::Open {
        path: file.display().to_string(),
        cause,
    };
    let wake_dir = directory.join("wake");
    fs::create_dir_all(&wake_dir).map_err(|error| failed(error.to_string()))?;
    let lock = lock(directory).map_err(|error| failed(error.to_string()))?;

    let mut connection = Connection::open(file).map_err(|error| failed(error.to_string()))?;
    // An enqueued build and a finished one must survive a power cut, hence FULL. What is deleted shall be gone, and not
    // only be free to be written over. A commit of many builds changes more pages than SQLite keeps by itself, which
    // would go into the log more than once; and a page that changes often is copied from there the less often the better.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4000;",
        )
        .map_err(|error| failed(error.to_string()))?;
    keep_plans(&connection).map_err(|error| failed(error.to_string()))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Migrations::from_slice(MIGRATIONS)
        .to_latest(&mut connection)
        .map_err(|error| match error {
            rusqlite_migration::Error::MigrationDefinition(
                MigrationDefinitionError::DatabaseTooFarAhead,
            ) => StoreError::Newer {
                path: file.display().to_string(),
            },
            other => failed(other.to_string()),
        })?;
    connection
        .busy_handler(Some(wait_fairly))
        .map_err(|error| failed(error.to_string()))?;
    into_the_table(&connection).map_err(|error| failed(error.to_string()))?;
    drop(lock);
    Ok((connection, wake_dir))
}

/// A prepared statement keeps its plan whatever is bound to it. Otherwise those on tables with partial indexes are
/// prepared anew for each value, in case that it makes an index usable: a third of what it cost to take a build in.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    let stable = DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
    connection.set_db_config(stable, true).map(drop)
}

/// Nobody else opens the table until this is dropped; the system drops it for a process that dies.
pub(super) fn lock(directory: &Path) -> io::Result<File> {
    let lock = File::create(directory.join("migrate.lock"))?;
    lock.lock()?;
    Ok(lock)
}

/// Brings what an earlier process left in the write-ahead log into the table itself, with a sync.
///
/// After a sync that failed, a system counts what it should have written as written. Whoever opens the
/// table next finds it in the log, as it is still in memory, and later syncs do not write it again: a
/// power cut would take it, and all that was accepted after it. Copied into the table, it is written anew.
/// Where others have the table open, nothing is found anew, and this waits for nobody.
fn into_the_table(connection: &Connection) -> rusqlite::Result<()> {
    let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    match copied {
        // A full disk has lost nothing, and shall not keep a service from showing what it has.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => Ok(()),
        other => other,
    }
}

/// SQLite's own handler sleeps longer the longer it waited, so that whoever waited longest starves. A
/// short and uneven pause gives every writer its chance.
#[expect(
    clippy::disallowed_methods,
    reason = "it runs on the writer's own thread, inside of SQLite"
)]
fn wait_fairly(tries: i32) -> bool {
    const MEAN: Duration = Duration::from_micros(250);
    let jitter = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos() % 300);
    std::thread::sleep(Duration::from_micros(100 + u64::from(jitter)));
    MEAN * tries.unsigned_abs() < BUSY
}

fn readers(file: &Path) -> Result<Pool> {
    let closed = |error: String| StoreError::Closed(error);
    Config::new(file)
        .builder(Runtime::Tokio1)
        .map_err(|error| closed(error.to_string()))?
        .max_size(READERS)
        .post_create(Hook::async_fn(|connection, _| {
            Box::pin(async move {
                connection
                    .interact(|table| {
                        table.busy_timeout(BUSY)?;
                        keep_plans(table)?;
                        table.execute_batch("PRAGMA query_only = ON;")
                    })
                    .await
                    .map_err(|error| HookError::message(error.to_string()))?
                    .map_err(HookError::Backend)
            })
        }))
        .build()
        .map_err(|error| closed(error.to_string()))
}
