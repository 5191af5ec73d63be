//! Ctrl-C: builds that were asked for and have not ended are wanted no more, and the service hears of it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::Value;

use super::{service::Service, text};

/// As shells report it: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

/// The builds that are under way: the id of each by its leave token. Two files may be one build, with two tokens.
type Wanted = Arc<Mutex<HashMap<String, String>>>;

pub(super) struct Interrupt {
    wanted: Wanted,
    heard: Arc<AtomicBool>,
}

/// A build that is under way, until it is dropped.
pub(super) struct Held {
    wanted: Wanted,
    token: String,
}

impl Interrupt {
    /// From now on Ctrl-C leaves what is under way, before the program ends. Others who asked for the same builds still
    /// get them.
    pub(super) fn heed(service: &Service) -> anyhow::Result<Self> {
        let wanted = Wanted::default();
        let (service, under_way) = (service.clone(), Arc::clone(&wanted));
        let heard = Arc::new(AtomicBool::new(false));
        let hears = Arc::clone(&heard);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        std::thread::spawn(move || {
            if runtime.block_on(tokio::signal::ctrl_c()).is_err() {
                return;
            }
            hears.store(true, Ordering::SeqCst);
            let builds = lock(&under_way).drain().collect::<Vec<_>>();
            // At the same time, as each of them may be waited for for a while.
            std::thread::scope(|scope| {
                for (token, id) in &builds {
                    scope.spawn(|| leave(&service, id, token));
                }
            });
            std::process::exit(INTERRUPTED);
        });
        Ok(Self { wanted, heard })
    }

    /// After Ctrl-C, waits for the end of the program: that builds ended by being left is no news of theirs.
    pub(super) fn give_way(&self) {
        while self.heard.load(Ordering::SeqCst) {
            std::thread::park();
        }
    }

    /// Counts a build as under way. One that has no token cannot be left.
    pub(super) fn hold(&self, build: &Value) -> Held {
        let (id, token) = (text(build, "/id"), text(build, "/leave_token"));
        if !token.is_empty() {
            lock(&self.wanted).insert(token.to_owned(), id.to_owned());
        }
        Held {
            wanted: Arc::clone(&self.wanted),
            token: token.to_owned(),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.wanted).remove(&self.token);
    }
}

fn leave(service: &Service, id: &str, token: &str) {
    match service.leave(id, token) {
        Some(build) if text(&build, "/status") == "cancelled" => eprintln!("cancelled"),
        Some(_) => eprintln!("left"),
        None => eprintln!("the service did not hear that the build is wanted no more"),
    }
}

fn lock(wanted: &Wanted) -> MutexGuard<'_, HashMap<String, String>> {
    wanted.lock().unwrap_or_else(PoisonError::into_inner)
}
