//! What a scripted container can do: print, and leave files where its mounts lead.

use std::{
    collections::BTreeMap,
    fs::{File, Permissions},
    io::{Cursor, Write},
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tokio::{net::unix::pipe, sync::watch};
use worker::container::{ContainerSpec, Exit};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::{Life, exit};

/// A container, seen from inside.
pub struct Inside {
    /// All that it was given.
    pub spec: ContainerSpec,
    /// A mount is of a directory, whatever becomes of its name: each is held open.
    mounted: BTreeMap<String, File>,
    life: watch::Sender<Life>,
}

impl Inside {
    pub(super) fn new(spec: ContainerSpec, life: watch::Sender<Life>) -> Self {
        let mounts = spec.mounts.iter();
        let opened = mounts
            .filter_map(|mount| Some((mount.target.clone(), File::open(&mount.source).ok()?)));
        Self {
            mounted: opened.collect(),
            spec,
            life,
        }
    }

    /// Prints.
    pub fn say(&self, text: &str) {
        let piece = Bytes::copy_from_slice(text.as_bytes());
        self.life.send_modify(|life| life.log.push(piece));
    }

    /// Where a directory of the container is.
    ///
    /// # Panics
    /// When nothing is mounted there.
    #[must_use]
    pub fn path(&self, target: &str) -> PathBuf {
        let mounted = self.mounted.get(target).expect("a mount");
        PathBuf::from(format!("/proc/self/fd/{}", mounted.as_raw_fd()))
    }

    /// Waits for a job, as an entrypoint that can do so.
    ///
    /// # Panics
    /// When there is no bell.
    pub async fn wait_for_job(&self) {
        let config = self.path("/mnt/config");
        loop {
            let bell = pipe::OpenOptions::new().open_receiver(config.join("go"));
            if config.join("job").is_file() {
                return;
            }
            bell.expect("a bell").readable().await.expect("a bell");
        }
    }

    /// Leaves a file below `/mnt/builds`.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn leave(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path("/mnt/builds").join(name), bytes).expect("room for a file");
    }

    /// Leaves a zip below `/mnt/builds`, with these members and the layout that was asked for, as
    /// every real controller does.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn leave_zip(&self, name: &str, members: &[&str]) {
        let members: Vec<_> = members.iter().map(|member| (*member, *member)).collect();
        self.leave_zip_of(name, &members);
    }

    /// The same with these texts in the members.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn leave_zip_of(&self, name: &str, members: &[(&str, &str)]) {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let json = self.layout_name();
        for (member, text) in members
            .iter()
            .copied()
            .chain([(json.as_str(), json.as_str())])
        {
            zip.start_file(member, SimpleFileOptions::default())
                .expect("a member");
            zip.write_all(text.as_bytes()).expect("its bytes");
        }
        self.leave(name, zip.finish().expect("a zip").into_inner());
    }

    fn layout_name(&self) -> String {
        let given = std::fs::read_dir(self.path("/mnt/config").join("input")).expect("inputs");
        let mut names = given.map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        });
        names
            .find(|name| name.ends_with(".json"))
            .expect("the layout")
    }
}

/// What the proof's script does.
pub(super) fn prove(inside: &Inside) -> Exit {
    match std::fs::read_to_string(inside.path("/mnt/config").join("mark")) {
        Ok(mark) => {
            inside.leave("mark", mark + "\n");
            exit(0)
        }
        Err(_) => exit(2),
    }
}

/// What the self-test finds on an engine that does not enforce these.
pub(super) fn hold(inside: &Inside, missing: &[&str]) -> Exit {
    let held = worker::self_test::LIMITS.iter();
    let held: Vec<_> = held
        .filter(|limit| !missing.contains(limit))
        .copied()
        .collect();
    inside.leave("held", held.join("\n"));
    exit(0)
}

/// What the cleaner's script does.
pub(super) fn clean(inside: &Inside) -> Exit {
    for target in ["/mnt/config", "/mnt/builds"] {
        empty(&inside.path(target));
    }
    exit(0)
}

fn empty(directory: &Path) {
    // What root may do, whatever the mode is.
    let open = Permissions::from_mode(0o700);
    drop(std::fs::set_permissions(directory, open));
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() && !path.is_symlink() {
            empty(&path);
            drop(std::fs::remove_dir(&path));
        } else {
            drop(std::fs::remove_file(&path));
        }
    }
}
