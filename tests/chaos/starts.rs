//! Counts the containers that really started, by the engine's own word.

use std::{
    collections::HashSet,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use harness::{private_engine::docker_at, program::pause};

/// Before an engine that is away is asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// Containers of builds that have started.
pub(crate) struct Starts {
    engine: String,
    ids: Mutex<HashSet<String>>,
    /// Who listens just now; nobody any more when it has hung up.
    line: Mutex<Line>,
}

enum Line {
    Open(Option<Child>),
    HungUp,
}

impl Starts {
    /// For the engine at this address.
    pub(crate) fn at(engine: String) -> Self {
        Self {
            engine,
            ids: Mutex::default(),
            line: Mutex::new(Line::Open(None)),
        }
    }

    /// Listens to the engine's events, and again each time that it comes back, until [`Self::hang_up`].
    /// An engine remembers what happened since its own start, so that nothing is missed between.
    pub(crate) fn listen(&self) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = since.unwrap_or_default().as_secs().to_string();
        let filter = [
            "--filter",
            "event=start",
            "--filter",
            "label=kiisrv.role=build",
        ];
        loop {
            let mut docker = docker_at(&self.engine, &["events", "--since", &since]);
            docker.args(filter).args(["--format", "{{.ID}}"]);
            let Some(lines) = self.call(docker) else {
                return;
            };
            for line in lines.lines().map_while(Result::ok) {
                lock(&self.ids).insert(line);
            }
            pause(AGAIN);
        }
    }

    fn call(&self, mut docker: Command) -> Option<BufReader<impl std::io::Read + use<>>> {
        let mut line = lock(&self.line);
        let Line::Open(call) = &mut *line else {
            return None;
        };
        if let Some(mut ended) = call.take() {
            drop(ended.wait());
        }
        docker.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut started = docker.spawn().expect("docker is there");
        let lines = BufReader::new(started.stdout.take().expect("piped"));
        *call = Some(started);
        Some(lines)
    }

    /// Ends the listening, and says how many there were.
    pub(crate) fn hang_up(&self) -> usize {
        let line = std::mem::replace(&mut *lock(&self.line), Line::HungUp);
        if let Line::Open(Some(mut call)) = line {
            drop(call.kill());
            drop(call.wait());
        }
        lock(&self.ids).len()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
