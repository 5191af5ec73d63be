//! A connection that can be lost: all that goes between a browser and the service goes through here.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// Connections that are there, or nothing where none can be.
type Lines = Arc<Mutex<Option<Vec<TcpStream>>>>;

/// Passes on what comes, until it is cut. Its threads end with the test's process.
pub(crate) struct Relay {
    pub(crate) url: String,
    lines: Lines,
}

impl Relay {
    /// A way to the service at this address.
    pub(crate) fn to(url: &str) -> Self {
        let service = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let lines: Lines = Arc::new(Mutex::new(Some(Vec::new())));
        let own = Arc::clone(&lines);
        std::thread::spawn(move || {
            for here in listener.incoming().flatten() {
                drop(connect(here, &service, &own));
            }
        });
        Self { url, lines }
    }

    /// Nothing goes through any more, and nobody is told.
    pub(crate) fn cut(&self) {
        for line in self.lines.lock().unwrap().take().unwrap_or_default() {
            drop(line.shutdown(Shutdown::Both));
        }
    }

    /// New connections go through again.
    pub(crate) fn mend(&self) {
        *self.lines.lock().unwrap() = Some(Vec::new());
    }
}

fn connect(here: TcpStream, service: &str, lines: &Lines) -> io::Result<()> {
    let there = TcpStream::connect(service)?;
    let (mut from_here, mut from_there) = (here.try_clone()?, there.try_clone()?);
    let (mut to_here, mut to_there) = (here.try_clone()?, there.try_clone()?);
    // Where the line is cut, this one is dropped with both of its ends.
    let mut lines = lines.lock().unwrap();
    let Some(lines) = lines.as_mut() else {
        return Ok(());
    };
    lines.extend([here, there]);
    std::thread::spawn(move || io::copy(&mut from_here, &mut to_there));
    std::thread::spawn(move || io::copy(&mut from_there, &mut to_here));
    Ok(())
}
