//! Somebody between the worker and its engine: answers come late, or a request is held until the test has
//! done what must happen just before it.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::spawn,
    time::Duration,
};

use tempfile::TempDir;

use crate::program::pause;

/// Longer than any request takes to come that a test holds.
const PATIENCE: Duration = Duration::from_secs(60);

/// The proxy. Who is connected when it goes stays so.
pub struct EngineProxy {
    directory: TempDir,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    orders: Mutex<Orders>,
    changed: Condvar,
}

#[derive(Default)]
struct Orders {
    delay: Duration,
    hold: Option<&'static str>,
    held: bool,
}

impl EngineProxy {
    /// One in front of this socket, which at first lets all pass.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn before(engine: &Path) -> Self {
        let directory = tempfile::Builder::new().prefix("kiisrv-proxy-").tempdir();
        let proxy = Self {
            directory: directory.expect("a directory"),
            state: Arc::default(),
        };
        let listener = UnixListener::bind(proxy.socket()).expect("a socket");
        let (engine, state) = (engine.to_owned(), Arc::clone(&proxy.state));
        spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // An engine that is away is one that hangs up.
                if let Ok(engine) = UnixStream::connect(&engine) {
                    connect(&client, &engine, &state);
                }
            }
        });
        proxy
    }

    /// Where it listens, in the form of `DOCKER_HOST`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("sock")
    }

    /// From now on each answer comes this much later.
    pub fn delay_answers(&self, delay: Duration) {
        self.state.lock().delay = delay;
    }

    /// From now on a request is held whose first line has these words.
    pub fn hold(&self, words: &'static str) {
        self.state.lock().hold = Some(words);
    }

    /// Waits until such a request has come.
    ///
    /// # Panics
    /// When none comes.
    pub fn wait_until_held(&self) {
        let orders = self.state.lock();
        let waited = self
            .state
            .changed
            .wait_timeout_while(orders, PATIENCE, |orders| !orders.held);
        let (orders, _) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(orders.held, "no such request came");
    }

    /// Lets it go on, and holds no other.
    pub fn let_go(&self) {
        self.state.lock().hold = None;
        self.state.changed.notify_all();
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds a request while that is wanted.
    fn pass(&self, request: &[u8]) {
        let line = request.split(|byte| *byte == b'\r').next();
        let line = String::from_utf8_lossy(line.unwrap_or_default());
        let mut orders = self.lock();
        while orders.hold.is_some_and(|words| line.contains(words)) {
            orders.held = true;
            self.changed.notify_all();
            let waited = self.changed.wait(orders);
            orders = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn connect(client: &UnixStream, engine: &UnixStream, state: &Arc<State>) {
    let clone = |stream: &UnixStream| stream.try_clone().expect("a second handle");
    let (from, to, orders) = (clone(client), clone(engine), Arc::clone(state));
    spawn(move || copy(from, to, |request| orders.pass(request)));
    let (from, to, orders) = (clone(engine), clone(client), Arc::clone(state));
    spawn(move || {
        copy(from, to, |_| {
            let delay = orders.lock().delay;
            pause(delay);
        });
    });
}

/// Carries bytes over until one side hangs up; then the other is told.
fn copy(mut from: UnixStream, mut to: UnixStream, before_each: impl Fn(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        before_each(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    // The other direction may have done so already.
    let _ = from.shutdown(Shutdown::Read);
    let _ = to.shutdown(Shutdown::Write);
}
