//! Wake-ups between processes: datagrams in a directory beside the table.
//!
//! They are sent after a commit and never waited for. A lost one costs a moment, as everybody also
//! looks at the table now and then. All processes share one user id, as a sender of another is refused.

mod bell;

use std::{
    fs::{self, File},
    io,
    os::{fd::AsRawFd, unix::net::UnixDatagram as StdDatagram},
    path::{Path, PathBuf},
};

use crate::job::JobId;
pub use bell::Bell;

/// Whom to tell what.
pub type Ring = (Role, Signal);

/// Who listens. It is the beginning of the socket's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Wants to hear of work.
    Worker,
    /// Wants to hear of changes.
    Api,
}

impl Role {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Worker => "worker-",
            Self::Api => "api-",
        }
    }
}

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// To workers: there is work.
    Queued,
    /// This build's row has changed. To workers it is only said where somebody else than the holder did it.
    Changed(JobId),
}

impl Signal {
    fn to_text(self) -> String {
        match self {
            Self::Queued => "queued".to_owned(),
            Self::Changed(id) => format!("changed {id}"),
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            None if text == "queued" => Some(Self::Queued),
            Some(("changed", id)) => id.parse().ok().map(Self::Changed),
            _ => None,
        }
    }
}

/// A process's ear. Its socket is removed with it.
#[derive(Debug)]
pub struct Listener {
    socket: tokio::net::UnixDatagram,
    path: PathBuf,
}

impl Listener {
    /// Starts to listen in this directory, under a name that no other process has, ever.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn bind(directory: &Path, role: Role, name: &str) -> io::Result<Self> {
        let name = format!("{}{name}", role.prefix());
        let opened = File::open(directory)?;
        let socket = StdDatagram::bind(short_path(&opened, &name))?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: tokio::net::UnixDatagram::from_std(socket)?,
            path: directory.join(name),
        })
    }

    /// The next wake-up. What cannot be understood comes from a newer program and is passed over.
    pub async fn next(&self) -> Signal {
        let mut buffer = [0; 128];
        loop {
            if let Ok(length) = self.socket.recv(&mut buffer).await {
                let text = std::str::from_utf8(&buffer[..length]).unwrap_or_default();
                if let Some(signal) = Signal::from_text(text) {
                    return signal;
                }
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

/// The sockets at which nobody listens any more, by their names. Nothing is sent to any.
///
/// # Errors
/// When the directory cannot be read.
pub fn dead_sockets(directory: &Path) -> io::Result<Vec<String>> {
    let (opened, probe, names) = prepare(directory)?;
    let is_dead = |name: &String| {
        let reached = probe.connect(short_path(&opened, name));
        reached.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    Ok(names.filter(is_dead).collect())
}

/// Whether any process listens here.
///
/// # Errors
/// When the directory cannot be read.
pub fn anybody(directory: &Path) -> io::Result<bool> {
    let (_, _, names) = prepare(directory)?;
    Ok(names.count() > dead_sockets(directory)?.len())
}

/// Whether the process that listened under this name is gone. All processes at a table share one
/// kernel, so that a dead one's socket refuses; where that cannot be told, the process counts as there.
#[must_use]
pub fn is_gone(directory: &Path, role: Role, name: &str) -> bool {
    let connected = File::open(directory).and_then(|opened| {
        let path = short_path(&opened, &format!("{}{name}", role.prefix()));
        StdDatagram::unbound()?.connect(path)
    });
    connected.is_err_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
        )
    })
}

fn prepare(directory: &Path) -> io::Result<(File, StdDatagram, impl Iterator<Item = String>)> {
    let opened = File::open(directory)?;
    let sender = StdDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    let names =
        fs::read_dir(directory)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok((opened, sender, names))
}

/// A socket's address has room for 107 bytes, a directory's path may be longer: through the open
/// directory every path is short.
fn short_path(directory: &File, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{name}", directory.as_raw_fd()))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn a_wake_up_reaches_its_role_only_and_a_dead_socket_is_removed() {
        let directory =
            std::env::temp_dir().join(format!("{}-{}", "kiisrv-wake".repeat(12), Uuid::now_v7()));
        fs::create_dir_all(&directory).unwrap();
        let api = Listener::bind(&directory, Role::Api, "1").unwrap();
        let worker = Listener::bind(&directory, Role::Worker, "1").unwrap();
        drop(
            StdDatagram::bind(short_path(&File::open(&directory).unwrap(), "worker-dead")).unwrap(),
        );

        assert_eq!(dead_sockets(&directory).unwrap(), ["worker-dead"]);

        let id = JobId::new();
        let is_gone = |name| is_gone(&directory, Role::Worker, name);
        assert!(!is_gone("1") && is_gone("dead") && is_gone("never"));

        let bell = Bell::beside(directory.clone());
        bell.ring((Role::Worker, Signal::Queued));
        bell.ring((Role::Api, Signal::Changed(id)));
        assert_eq!(worker.next().await, Signal::Queued);
        assert_eq!(api.next().await, Signal::Changed(id));

        assert!(anybody(&directory).unwrap());
        drop((api, worker));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
        drop(
            StdDatagram::bind(short_path(&File::open(&directory).unwrap(), "worker-dead")).unwrap(),
        );
        assert!(!anybody(&directory).unwrap());
        fs::remove_dir_all(&directory).unwrap();
    }
}
