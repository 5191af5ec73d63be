//! A socket before the engine's that lets all through and writes down what is asked.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

type Asked = Arc<Mutex<Vec<String>>>;

/// The way to an engine, watched.
pub(crate) struct Recorder {
    asked: Asked,
}

impl Recorder {
    /// Listens at `path` for what goes to `engine`. It does so until the process ends.
    pub(crate) fn listen(path: &Path, engine: &Path) -> Self {
        let (listener, engine) = (UnixListener::bind(path).unwrap(), engine.to_owned());
        let asked = Asked::default();
        let shared = Arc::clone(&asked);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (asked, engine) = (Arc::clone(&shared), engine.clone());
                std::thread::spawn(move || pass_on(&client.unwrap(), &engine, &asked));
            }
        });
        Self { asked }
    }

    /// Methods and paths so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn pass_on(client: &UnixStream, engine: &PathBuf, asked: &Asked) {
    let mut to_engine = UnixStream::connect(engine).unwrap();
    let (mut answers, mut back) = (to_engine.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::spawn(move || {
        drop(io::copy(&mut answers, &mut back));
        drop(back.shutdown(Shutdown::Both));
    });
    let mut requests = BufReader::new(client);
    // An end in the middle is a client that left.
    while pass_request_on(&mut requests, &mut to_engine, asked).is_ok() {}
    drop(to_engine.shutdown(Shutdown::Both));
}

fn pass_request_on(
    requests: &mut BufReader<&UnixStream>,
    to_engine: &mut UnixStream,
    asked: &Asked,
) -> io::Result<()> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if requests.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let (first, rest) = head.split_once("\r\n").unwrap();
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let path = path.split('?').next().unwrap();
    asked.lock().unwrap().push(format!("{method} {path}"));
    let rest = rest.to_lowercase();
    assert!(
        !rest.contains("transfer-encoding"),
        "this recorder knows no bodies in pieces: {head}"
    );
    let body = rest
        .split_once("content-length: ")
        .and_then(|(_, rest)| rest.split("\r\n").next()?.parse().ok())
        .unwrap_or(0);
    to_engine.write_all(head.as_bytes())?;
    io::copy(&mut requests.take(body), to_engine).map(drop)
}
