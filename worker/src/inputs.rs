//! What a build is given: its KLL, its layout's JSON and the job file, in a directory of its own.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
};

pub use shared::job::inputs::{ERROR_OUTPUT, INPUT, JOB, OUTPUT, files};

use crate::mounts::BuildDirs;

/// Who may do what with a build's directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Strict builds run as this user.
    pub uid: u32,
    /// And this group.
    pub gid: u32,
    /// Whether this process is root and has to hand its files over.
    pub hand_over: bool,
}

impl Owner {
    /// Strict builds run as the worker's own user; where that is root, as 1000:1000.
    #[must_use]
    pub fn of_this_process() -> Self {
        let (uid, gid) = (
            rustix::process::getuid().as_raw(),
            rustix::process::getgid().as_raw(),
        );
        if uid == 0 {
            Self {
                uid: 1000,
                gid: 1000,
                hand_over: true,
            }
        } else {
            Self {
                uid,
                gid,
                hand_over: false,
            }
        }
    }

    /// In the form that the engine takes.
    #[must_use]
    pub fn user(self) -> String {
        format!("{}:{}", self.uid, self.gid)
    }

    pub(crate) fn take(self, path: &Path) -> io::Result<()> {
        if self.hand_over {
            chown(path, Some(self.uid), Some(self.gid))
        } else {
            Ok(())
        }
    }
}

/// Makes both directories of a build and writes its inputs, of which `files` has the paths and texts.
///
/// # Errors
/// When the disk does not take them.
pub fn write_inputs(
    dirs: &BuildDirs,
    files: &[(String, String)],
    owner: Owner,
    protocol: u8,
) -> io::Result<()> {
    make_dirs(dirs, owner, protocol)?;
    write_files(dirs, files)
}

/// Makes both directories of a build, which has no inputs yet.
pub(crate) fn make_dirs(dirs: &BuildDirs, owner: Owner, protocol: u8) -> io::Result<()> {
    let input = dirs.config.join(INPUT);
    fs::create_dir_all(&input)?;
    fs::create_dir_all(&dirs.builds)?;
    owner.take(&dirs.builds)?;
    // Old images are root without its capabilities: to the kernel an ordinary user, and they move their
    // inputs. Nobody else comes by here, as the directories above are the worker's alone.
    let mode = if protocol < 2 { 0o777 } else { 0o755 };
    for path in [&dirs.config, &input, &dirs.builds] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Writes a build's inputs into its directory. The job is there when all else is: somebody may wait for it.
pub(crate) fn write_files(dirs: &BuildDirs, files: &[(String, String)]) -> io::Result<()> {
    let aside = dirs.config.join(".job");
    for (path, text) in files {
        if path == JOB {
            write(&aside, text)?;
        } else {
            write(&dirs.config.join(path), text)?;
        }
    }
    fs::rename(aside, dirs.config.join(JOB))
}

/// Whatever this process's umask is, the build's user can read it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}
