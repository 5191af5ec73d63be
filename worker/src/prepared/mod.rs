//! Containers that are started ahead of the builds that they are for, and wait with nothing in their input directory.
//!
//! Each is a build's container in all but its name and labels, gets one build, and is never used twice. Which build it
//! got says that build's row, before it is given its inputs; from then on it is treated as any build's container is.
//!
//! - this file: those that wait, and how one is taken; [`keep`]: how many of which image there are, and until when
//! - [`demand`]: the images that are wanted; [`memory`]: whether there is room
//! - [`mod@give`]: a build is given to one; [`bell`]: how it is woken

mod bell;
mod demand;
mod give;
mod keep;
mod memory;

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use shared::{
    job::ContainerSpec,
    store::{jobs::Claimed, workers},
};
use tokio::sync::Notify;

use bell::Rope;
use demand::Demand;
pub(crate) use give::{Given, give, pass_on};
pub(crate) use keep::keep_ready;

/// The containers of a worker that are ready.
#[derive(Debug)]
pub struct Pool {
    worker: String,
    made: AtomicU64,
    names: Names,
    state: Mutex<State>,
    /// Told when there may be something to do for whoever keeps them.
    changed: Notify,
}

/// Names of directories and containers that this worker knows of.
type Names = Arc<Mutex<BTreeSet<String>>>;

#[derive(Debug, Default)]
struct State {
    /// The oldest first.
    waiting: Vec<Ready>,
    demand: Demand,
    /// The images that the engine has.
    there: BTreeSet<String>,
    /// Builds that this worker has under way.
    running: usize,
}

/// A container that is ready.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) name: Name,
    pub(crate) container: String,
    pub(crate) spec: ContainerSpec,
    /// Its directory of inputs, with the bell.
    config: PathBuf,
    since: Instant,
}

/// A name that this worker knows of as long as this value is there. What bears it after that is a leftover.
#[derive(Debug)]
pub(crate) struct Name {
    text: String,
    names: Names,
}

impl Pool {
    pub(crate) fn of(worker: &workers::Worker) -> Self {
        Self {
            worker: worker.id.clone(),
            made: AtomicU64::new(0),
            names: Names::default(),
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Takes one for this build, if one is ready and somebody waits for the build: nobody does for a comparison.
    pub(crate) fn take_for(&self, claimed: &Claimed) -> Option<(Ready, Rope)> {
        match claimed.compares {
            None => self.take(&claimed.image),
            Some(_) => None,
        }
    }

    /// Takes one of this image at whose bell somebody is: that one waits. An entrypoint that does not, whatever its label
    /// says, would take the job for missing.
    fn take(&self, image: &str) -> Option<(Ready, Rope)> {
        let waiting = &mut self.lock().waiting;
        let mut of_image = waiting
            .iter()
            .enumerate()
            .filter(|(_, ready)| ready.spec.image == image);
        let (at, rope) =
            of_image.find_map(|(at, ready)| Some((at, Rope::take(&ready.config).ok()??)))?;
        Some((waiting.remove(at), rope))
    }

    /// A build in this image was taken: there may be more of them.
    pub(crate) fn wanted(&self, image: &str) {
        self.lock().demand.wanted(image, Instant::now());
    }

    /// So many builds are under way.
    pub(crate) fn set_running(&self, running: usize) {
        self.lock().running = running;
        self.look_again();
    }

    /// Whether containers and directories of this name are this worker's own, and it still knows of them. `None`: they
    /// are another worker's.
    pub(crate) fn knows(&self, worker: &str, name: &str) -> Option<bool> {
        (worker == self.worker).then(|| locked(&self.names).contains(name))
    }

    /// A name that nothing bears yet. The service and the worker are in it, as directories have no labels.
    fn new_name(&self, service: &str) -> Name {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let text = format!("{}{}-{number}", prefix(service), self.worker);
        locked(&self.names).insert(text.clone());
        Name {
            text,
            names: Arc::clone(&self.names),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        locked(&self.names).remove(&self.text);
    }
}

/// The worker that a directory of this name was made by, for a build that was not known yet.
pub(crate) fn maker_of<'a>(name: &'a str, service: &str) -> Option<&'a str> {
    let (worker, _) = name.strip_prefix(&prefix(service))?.rsplit_once('-')?;
    Some(worker)
}

fn prefix(service: &str) -> String {
    format!("{service}-prepared-")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn pool() -> Pool {
        Pool::of(&workers::Worker {
            id: "0190-w".to_owned(),
            host: String::new(),
            engine_id: String::new(),
            slots: 1,
        })
    }

    fn ready(pool: &Pool, image: &str, config: &Path) -> Ready {
        let spec = ContainerSpec {
            image: image.to_owned(),
            ..ContainerSpec::default()
        };
        Ready {
            name: pool.new_name("service"),
            container: image.to_owned(),
            spec,
            config: config.to_owned(),
            since: Instant::now(),
        }
    }

    #[test]
    fn each_is_taken_once_and_for_its_own_image_only() {
        let pool = pool();
        let directory = tempfile::tempdir().unwrap();
        bell::hang(directory.path()).unwrap();
        let waiting = ["a", "b"].map(|image| ready(&pool, image, directory.path()));
        pool.lock().waiting.extend(waiting);
        assert!(pool.take("b").is_none(), "nobody is at its bell");
        let _attended = bell::attend(directory.path());
        assert!(pool.take("c").is_none());
        assert_eq!(pool.take("b").unwrap().0.container, "b");
        assert!(pool.take("b").is_none());
    }

    #[test]
    fn a_name_says_whose_it_is_and_is_known_as_long_as_somebody_has_it() {
        let pool = pool();
        let name = pool.new_name("service");
        let text = name.as_str().to_owned();
        assert_eq!(maker_of(&text, "service"), Some("0190-w"));
        assert_eq!(maker_of(&text, "other"), None);
        assert_eq!(maker_of("service-0190-1", "service"), None);
        assert_eq!(pool.knows("0190-w", &text), Some(true));
        assert_eq!(pool.knows("another", &text), None);
        drop(name);
        assert_eq!(pool.knows("0190-w", &text), Some(false));
    }
}
