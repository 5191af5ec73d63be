//! A FIFO beside the job by which a container that waits is told that the job is there.
//!
//! The container opens it to read, looks for the job, and then waits at it. Whoever wrote the job opens it to write,
//! which fails where nobody reads: then the look is still to come, and will find the job.

use std::{
    fs, io, io::Write, os::unix::fs::OpenOptionsExt, os::unix::fs::PermissionsExt, path::Path,
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags},
    io::Errno,
};

/// Its name below `/mnt/config`.
const BELL: &str = "go";

/// Whether somebody heard the bell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rung {
    /// Somebody waited at it.
    Heard,
    /// Nobody waited: not yet, not any more, or where it does not reach into the container.
    NotHeard,
}

/// Hangs it in a directory of inputs. Whatever this process's umask is, the build's user can read it.
pub(super) fn hang(config: &Path) -> io::Result<()> {
    let bell = config.join(BELL);
    rustix::fs::mknodat(CWD, &bell, FileType::Fifo, Mode::from_raw_mode(0o644), 0)?;
    fs::set_permissions(bell, fs::Permissions::from_mode(0o644))
}

/// Whether somebody is at it just now.
pub(super) fn is_attended(config: &Path) -> bool {
    open(config).is_ok()
}

/// Rings it.
pub(super) fn ring(config: &Path) -> io::Result<Rung> {
    let opened = open(config);
    let not_heard = |error: io::Error| match Errno::from_io_error(&error) {
        Some(Errno::NXIO | Errno::PIPE) => Ok(Rung::NotHeard),
        _ => Err(error),
    };
    match opened.and_then(|mut bell| bell.write_all(b"\n")) {
        Ok(()) => Ok(Rung::Heard),
        Err(error) => not_heard(error),
    }
}

/// Fails where nobody reads.
fn open(config: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new()
        .write(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(config.join(BELL))
}

/// As a container does that waits.
#[cfg(test)]
pub(super) fn attend(config: &Path) -> fs::File {
    fs::OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(config.join(BELL))
        .expect("a bell")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_bell_is_heard_by_whoever_waits_and_by_nobody_else() {
        let directory = tempfile::tempdir().unwrap();
        hang(directory.path()).unwrap();
        assert_eq!(ring(directory.path()).unwrap(), Rung::NotHeard);
        let mut waiting = attend(directory.path());
        assert_eq!(ring(directory.path()).unwrap(), Rung::Heard);
        let mut heard = String::new();
        waiting.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "\n");
        drop(waiting);
        assert_eq!(ring(directory.path()).unwrap(), Rung::NotHeard);
    }
}
