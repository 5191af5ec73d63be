//! A FIFO beside the job by which a container that waits is told that the job is there.
//!
//! The container opens it to read, looks for the job, and then waits at it. Whoever chooses a container has its bell open
//! to write from then on, and rings it when the job is written. Whoever goes on for a worker that died opens it only then,
//! which fails where nobody reads: the look is still to come, and will find the job.

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

/// What it is rung with. It is only had while somebody is at the bell, who then notices nothing until it is pulled or let
/// go: to look in and leave would send whoever waits away from the bell for a moment, and be followed by the job.
#[derive(Debug)]
pub(crate) struct Rope(fs::File);

impl Rope {
    /// `None` where nobody is at the bell.
    pub(super) fn take(config: &Path) -> io::Result<Option<Self>> {
        let opened = fs::OpenOptions::new()
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(config.join(BELL));
        unless_nobody_is_there(opened.map(Self))
    }

    fn pull(mut self) -> io::Result<Option<()>> {
        unless_nobody_is_there(self.0.write_all(b"\n"))
    }
}

fn unless_nobody_is_there<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error)
            if matches!(
                Errno::from_io_error(&error),
                Some(Errno::NXIO | Errno::PIPE)
            ) =>
        {
            Ok(None)
        }
        done => done.map(Some),
    }
}

/// Rings it, with the rope that somebody had in hand already where there is one.
pub(super) fn ring(config: &Path, in_hand: Option<Rope>) -> io::Result<Rung> {
    let rope = in_hand.map_or_else(|| Rope::take(config), |rope| Ok(Some(rope)))?;
    let heard = rope.map_or(Ok(None), Rope::pull)?;
    Ok(heard.map_or(Rung::NotHeard, |()| Rung::Heard))
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
        assert_eq!(ring(directory.path(), None).unwrap(), Rung::NotHeard);
        let mut waiting = attend(directory.path());
        let rope = Rope::take(directory.path()).unwrap();
        let nothing_yet = waiting.read(&mut [0; 1]).unwrap_err();
        assert_eq!(nothing_yet.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(ring(directory.path(), rope).unwrap(), Rung::Heard);
        let mut heard = String::new();
        waiting.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "\n");
        drop(waiting);
        assert_eq!(ring(directory.path(), None).unwrap(), Rung::NotHeard);
    }
}
