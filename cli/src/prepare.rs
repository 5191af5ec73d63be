//! `kiisrv prepare`: the directories of a service with their right owner, before its first start. An
//! engine makes a missing directory of the host root's, and the service is not root.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::PathBuf,
    process::ExitCode,
    str::FromStr,
};

use anyhow::Context;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Who shall own them, as uid:gid
    #[arg(long)]
    owner: Owner,
    /// The directories
    #[arg(required = true)]
    directories: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug)]
struct Owner {
    uid: u32,
    gid: u32,
}

impl FromStr for Owner {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text
            .split_once(':')
            .and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
        let (uid, gid) = numbers.ok_or("it is two numbers, such as 1000:1000")?;
        Ok(Self { uid, gid })
    }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Owner { uid, gid } = arguments.owner;
    for directory in &arguments.directories {
        let named = || directory.display().to_string();
        fs::create_dir_all(directory).with_context(named)?;
        chown(directory, Some(uid), Some(gid)).with_context(named)?;
        // What goes into a build is a stranger's, and old images want their own directories open to all.
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).with_context(named)?;
        say!("{} belongs to {uid}:{gid}", directory.display());
    }
    Ok(ExitCode::SUCCESS)
}
