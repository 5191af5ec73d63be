//! A copy of the table while everybody works at it, and the way back from one.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::NamedTempFile;

use super::{
    StoreError, inspect, now,
    open::{self, BUSY},
    wake,
};
use crate::disk;

/// What a copy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Its bytes.
    pub bytes: u64,
    /// Its form, by the number of the migrations that made it.
    pub form: u64,
    /// Its builds, whatever has become of them.
    pub builds: u64,
}

/// A copy that has become the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What it holds.
    pub copied: Copied,
    /// Where the table is that was there before.
    pub before: Option<PathBuf>,
}

/// Why there is no copy, or no way back from it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A backup is never written over.
    #[error("{0} is there already: give another name")]
    Exists(PathBuf),
    /// The disk of the copy would be fuller than a service's may be.
    #[error(
        "the copy may have {needed} MiB, and the disk of {path} has {free} beside its reserve (KIISRV_DISK_RESERVE_MB)"
    )]
    NoRoom {
        /// Where the copy was to be.
        path: PathBuf,
        /// What it may need.
        needed: u64,
        /// What there is.
        free: u64,
    },
    /// What was to be copied, or the copy, is not whole.
    #[error("{path} is damaged: {words}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In SQLite's words.
        words: String,
    },
    /// It is an SQLite file of somebody else's, or an empty one.
    #[error("{0} is no table of kiisrv's")]
    NotOurs(PathBuf),
    /// A newer program made it.
    #[error("{0} was made by a newer kiisrv: use that one")]
    Newer(PathBuf),
    /// The table of a running service is not taken from under it.
    #[error("somebody has the table of {0} open: stop the API and all workers first")]
    InUse(PathBuf),
    /// SQLite could not do it.
    #[error("{path} could not be read or written: {cause}")]
    Statement {
        /// The file.
        path: PathBuf,
        /// The reason.
        cause: StoreError,
    },
    /// The system could not do it.
    #[error("{path} could not be read or written: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        cause: io::Error,
    },
}

type Result<T> = std::result::Result<T, BackupError>;

/// Copies the table of this directory, of whatever form, as it is at one moment, into a file that is not there yet, and
/// leaves `reserve` bytes free on that file's disk. It blocks.
///
/// Nobody is held up: those who write append to the log, and this reads what was there when it began.
///
/// # Errors
/// Nothing is left of a copy that did not succeed, or is not whole.
pub fn take(directory: &Path, file: &Path, reserve: u64) -> Result<Copied> {
    let table_file = directory.join("kiisrv.db");
    let (file, place) = absolute(file)?;
    if file.try_exists().map_err(at(&file))? {
        return Err(BackupError::Exists(file));
    }
    let table = inspect::open_as_it_is(&table_file).map_err(within(&table_file))?;
    table.busy_timeout(BUSY).map_err(within(&table_file))?;
    check_room(&table, &place, reserve)
        .map_err(|error| error.unwrap_or_else(within(&table_file)))?;
    // A file of our user's alone: it has the layouts and the key under which clients are hashed.
    let copy = NamedTempFile::with_prefix_in(".kiisrv-backup-", &place).map_err(at(&place))?;
    table
        // What was removed from the table, and is not overwritten yet, stays behind.
        .execute("VACUUM INTO ?1", [copy.path().to_string_lossy()])
        .map_err(within(&table_file))?;
    let copied = look(copy.path(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    copy.as_file().sync_all().map_err(at(&file))?;
    copy.persist_noclobber(&file)
        .map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(file.clone()),
            _ => at(&file)(error.error),
        })?;
    sync(&place)?;
    Ok(copied)
}

/// Makes a copy the table of this directory, while nobody has that open. What was there stays beside it. It blocks.
///
/// # Errors
/// The table is as it was.
pub fn put_back(directory: &Path, file: &Path) -> Result<Restored> {
    let copied = look(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if copied.form > open::migrations() {
        return Err(BackupError::Newer(file.to_owned()));
    }
    fs::create_dir_all(directory.join("wake")).map_err(at(directory))?;
    // Whoever starts now waits until the copy is in its place.
    let _lock = open::lock(directory).map_err(at(directory))?;
    if wake::anybody(&directory.join("wake")).map_err(at(directory))? {
        return Err(BackupError::InUse(directory.to_owned()));
    }
    let table = directory.join("kiisrv.db");
    let copy = copy_beside(file, &table)?;
    let before = set_aside(&table)?;
    copy.persist(&table)
        .map_err(|error| at(&table)(error.error))?;
    sync(directory)?;
    Ok(Restored { copied, before })
}

/// What is in a copy, after all of it was read.
fn look(file: &Path, flags: OpenFlags) -> Result<Copied> {
    // SQLite would make a missing file's absence a matter of permissions.
    let bytes = fs::metadata(file).map_err(at(file))?.len();
    let table = Connection::open_with_flags(file, flags).map_err(within(file))?;
    let damage = inspect::damage_of(&table, true).map_err(|cause| BackupError::Statement {
        path: file.to_owned(),
        cause,
    })?;
    if !damage.is_empty() {
        return Err(BackupError::Damaged {
            path: file.to_owned(),
            words: damage.join("; "),
        });
    }
    let is_ours = table
        .table_exists(None, "service")
        .and_then(|has_service| Ok(has_service && table.table_exists(None, "jobs")?))
        .map_err(within(file))?;
    if !is_ours {
        return Err(BackupError::NotOurs(file.to_owned()));
    }
    let builds = table.query_row("SELECT count(*) FROM jobs", [], |row| row.get(0));
    Ok(Copied {
        bytes,
        form: inspect::form_of(&table).map_err(within(file))?,
        builds: builds.map_err(within(file))?,
    })
}

/// `Err(Err(…))` is SQLite's.
fn check_room(
    table: &Connection,
    place: &Path,
    reserve: u64,
) -> std::result::Result<(), std::result::Result<BackupError, rusqlite::Error>> {
    let number = |pragma| table.query_row(pragma, [], |row| row.get::<_, u64>(0));
    let pages = number("PRAGMA page_count").map_err(Err)?;
    let needed = pages.saturating_mul(number("PRAGMA page_size").map_err(Err)?);
    let free = disk::free_bytes(place).map_err(|error| Ok(at(place)(error)))?;
    let free = free.saturating_sub(reserve);
    if free >= needed {
        return Ok(());
    }
    Err(Ok(BackupError::NoRoom {
        path: place.to_owned(),
        needed: needed.div_ceil(1 << 20),
        free: free >> 20,
    }))
}

/// The copy in the table's directory, with the owner that the table's files have to have.
fn copy_beside(file: &Path, table: &Path) -> Result<NamedTempFile> {
    let (_, directory) = absolute(table)?;
    let copy =
        NamedTempFile::with_prefix_in(".kiisrv-restore-", &directory).map_err(at(&directory))?;
    fs::copy(file, copy.path()).map_err(at(file))?;
    let owner = fs::metadata(table)
        .or_else(|_| fs::metadata(&directory))
        .map_err(at(table))?;
    // Often it is root who restores, for a service that is not.
    chown(copy.path(), Some(owner.uid()), Some(owner.gid())).map_err(at(table))?;
    copy.as_file().sync_all().map_err(at(table))?;
    Ok(copy)
}

/// Keeps the present table under another name; the table itself stays until another takes its place.
fn set_aside(table: &Path) -> Result<Option<PathBuf>> {
    if !table.try_exists().map_err(at(table))? {
        return Ok(None);
    }
    alone_in_one_file(table)?;
    let before = with_ending(table, &format!(".before-{}", now()));
    // A log belongs to its table. One of a damaged table must not be taken for the copy's.
    for ending in ["-wal", "-shm"] {
        let beside = with_ending(table, ending);
        if beside.try_exists().map_err(at(&beside))? {
            fs::rename(&beside, with_ending(&before, ending)).map_err(at(&beside))?;
        }
    }
    fs::hard_link(table, &before).map_err(at(&before))?;
    Ok(Some(before))
}

/// Brings all of the table into its file. SQLite does that only for one who has it alone.
fn alone_in_one_file(table: &Path) -> Result<()> {
    let opened = inspect::open_as_it_is(table)
        .and_then(|opened| opened.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())));
    match opened {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            Err(BackupError::InUse(table.to_owned()))
        }
        // Damage is what people restore for.
        Err(error) if inspect::is_damage(&error) => Ok(()),
        other => other.map_err(within(table)),
    }
}

/// A path that stays the same whatever happens to the working directory, and its directory.
fn absolute(file: &Path) -> Result<(PathBuf, PathBuf)> {
    let whole = std::path::absolute(file).map_err(at(file))?;
    let place = whole.parent().unwrap_or(Path::new("/")).to_owned();
    Ok((whole, place))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// A name that was given is on the disk when its directory is.
fn sync(directory: &Path) -> Result<()> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(at(directory))
}

fn at(path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |cause| BackupError::File {
        path: path.to_owned(),
        cause,
    }
}

fn within(path: &Path) -> impl Fn(rusqlite::Error) -> BackupError {
    move |error| {
        let path = path.to_owned();
        if inspect::is_damage(&error) {
            return BackupError::Damaged {
                path,
                words: error.to_string(),
            };
        }
        BackupError::Statement {
            path,
            cause: error.into(),
        }
    }
}
