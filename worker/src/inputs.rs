//! What a build is given: its KLL, its layout's JSON and the job file, in a directory of its own.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
};

use shared::kll::Generated;

use crate::mounts::BuildDirs;

/// The directory of the KLL files below `/mnt/config`.
pub const INPUT: &str = "input";

/// The zip's name below `/mnt/builds`. A failed build leaves `firmware_error.zip`.
pub const OUTPUT: &str = "firmware.zip";

/// See [`OUTPUT`].
pub const ERROR_OUTPUT: &str = "firmware_error.zip";

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

/// How a controller is asked to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// What the image's label says: 2 for a job file, less for the predecessor's images.
    pub protocol: u8,
    /// Whether to build without anything that the image has prepared, so that the two can be compared.
    pub cold: bool,
}

/// Makes both directories of a build and writes its inputs. `config` is the layout's JSON as it came.
///
/// # Errors
/// When the disk does not take them.
pub fn write_inputs(
    dirs: &BuildDirs,
    generated: &Generated,
    config: &str,
    owner: Owner,
    call: Call,
) -> io::Result<()> {
    let input = dirs.config.join(INPUT);
    fs::create_dir_all(&input)?;
    fs::create_dir_all(&dirs.builds)?;
    for file in &generated.files {
        write(&input.join(&file.name), &file.text)?;
    }
    let json = format!("{}-{}.json", generated.board, generated.layout);
    write(&input.join(json), config)?;
    write(&dirs.config.join("job"), &job_file(generated, call.cold))?;
    owner.take(&dirs.builds)?;
    // Old images are root without its capabilities: to the kernel an ordinary user, and they move their
    // inputs. Nobody else comes by here, as the directories above are the worker's alone.
    let mode = if call.protocol < 2 { 0o777 } else { 0o755 };
    for path in [&dirs.config, &input, &dirs.builds] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Whatever this process's umask is, the build's user can read it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

/// The file by which an entrypoint of protocol 2 knows what to do: a line a value, read and never run.
fn job_file(generated: &Generated, cold: bool) -> String {
    let flag = |set| if set { "1" } else { "0" };
    [
        ("script", generated.keyboard.build_script()),
        ("dir", INPUT),
        ("output", OUTPUT),
        ("split", flag(generated.keyboard.is_split())),
        ("layout", &generated.variant),
        ("default_map", &generated.default_map),
        ("partial_maps", &generated.partial_maps),
        ("cold", flag(cold)),
    ]
    .iter()
    // A value that goes over a line's end would be a second value.
    .map(|(name, value)| format!("{name}={}\n", value.replace(['\n', '\r'], " ")))
    .collect()
}
