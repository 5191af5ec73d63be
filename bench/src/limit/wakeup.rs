//! One process that waits for a datagram, and nothing else.

use std::{os::unix::net::UnixDatagram, path::Path};

use crate::{child, clock};

/// In a process of its own: says when each datagram arrived, by the clock that all processes share.
pub(crate) fn wait(socket: &Path) -> anyhow::Result<()> {
    let socket = UnixDatagram::bind(socket)?;
    child::ready()?;
    let mut buffer = [0; 128];
    loop {
        socket.recv(&mut buffer)?;
        child::say(clock::now())?;
    }
}
