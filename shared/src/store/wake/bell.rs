//! Telling everybody who listens beside the table, by sockets that stay connected.
//!
//! To look for the others before each datagram, and to find the way to each of them, took longer than the
//! datagram itself. The directory's time says whether somebody has come or gone.

use std::{
    fs::{self, File},
    io,
    os::unix::net::UnixDatagram,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use super::{Ring, prepare, short_path};

/// Within this time of a change, a directory can change again and show the same time: systems count it in
/// milliseconds, the coarsest of them in seconds.
const COARSE: Duration = Duration::from_secs(2);

/// The way to all who listen in one directory.
#[derive(Debug)]
pub struct Bell {
    directory: PathBuf,
    known: Mutex<Known>,
}

/// Who was there at the last look.
#[derive(Debug, Default)]
struct Known {
    ears: Vec<Ear>,
    /// The directory's time, where whoever comes later is certain to change it.
    as_of: Option<SystemTime>,
}

#[derive(Debug)]
struct Ear {
    name: String,
    socket: UnixDatagram,
}

impl Bell {
    /// Looks for nobody yet.
    #[must_use]
    pub const fn beside(directory: PathBuf) -> Self {
        Self {
            directory,
            known: Mutex::new(Known {
                ears: Vec::new(),
                as_of: None,
            }),
        }
    }

    /// Tells everybody of this role. Whoever has too much unread is woken anyway; the socket of a process
    /// that died is removed.
    pub fn ring(&self, (role, signal): Ring) {
        let text = signal.to_text();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if self.look_again(&mut known).is_err() {
            return;
        }
        known.ears.retain(|ear| {
            let is_there = !ear.name.starts_with(role.prefix())
                || !is_refused(ear.socket.send(text.as_bytes()).map(drop));
            if !is_there {
                self.remove(&ear.name);
            }
            is_there
        });
    }

    fn look_again(&self, known: &mut Known) -> io::Result<()> {
        let changed = fs::metadata(&self.directory)?.modified()?;
        if known.as_of == Some(changed) {
            return Ok(());
        }
        let is_certain = SystemTime::now()
            .duration_since(changed)
            .is_ok_and(|quiet| quiet > COARSE);
        let (opened, _, names) = prepare(&self.directory)?;
        known.ears = names.filter_map(|name| self.reach(&opened, name)).collect();
        known.as_of = is_certain.then_some(changed);
        Ok(())
    }

    fn reach(&self, opened: &File, name: String) -> Option<Ear> {
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        let connected = socket.connect(short_path(opened, &name));
        if connected.is_ok() {
            return Some(Ear { name, socket });
        }
        if is_refused(connected) {
            self.remove(&name);
        }
        None
    }

    fn remove(&self, name: &str) {
        drop(fs::remove_file(self.directory.join(name)));
    }
}

fn is_refused(done: io::Result<()>) -> bool {
    done.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
