//! The one writing connection of a process, on a thread of its own.
//!
//! Each piece of work is answered after its commit. What gathers while a commit is under way goes into the
//! next one together. Where one of them fails, all are rolled back and run once more, each in a savepoint
//! of its own, so that one that fails takes no other with it: a savepoint for each from the start would cost
//! those a fifth that never fail.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    Result, StoreError,
    wake::{Bell, Ring},
};

/// Pieces of work in one commit at most: enough to hide the disk, few enough to answer soon.
const GATHER: usize = 256;

/// What a commit survives, as SQLite's `synchronous` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Synchronous {
    /// The end of every process.
    Normal,
    /// A power cut too.
    Full,
}

/// The way to the writing thread. The thread ends when the last handle is gone.
pub(super) struct Writer {
    work: mpsc::Sender<Box<dyn Work>>,
}

impl Writer {
    /// `connection` is synchronous in full.
    pub(super) fn start(connection: Connection, bell: Arc<Bell>) -> Self {
        let (work, waiting) = mpsc::channel::<Box<dyn Work>>();
        let mut thread = Thread {
            connection,
            synchronous: Synchronous::Full,
            bell,
        };
        std::thread::spawn(move || {
            while let Ok(first) = waiting.recv() {
                let gathered = std::iter::once(first).chain(waiting.try_iter());
                thread.commit_together(gathered.take(GATHER).collect());
            }
        });
        Self { work }
    }

    /// Runs `work` in a transaction and returns when that is committed. Then those are told of it whom `ring` names.
    ///
    /// `work` may be run twice, and what the first run did is not there then.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        synchronous: Synchronous,
        work: impl Fn(&Connection) -> Result<T> + Send + 'static,
        ring: impl Fn(&T) -> Option<Ring> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let piece = Piece {
            synchronous,
            work,
            ring,
            done: Err(StoreError::RolledBack),
            answer,
        };
        let closed = || StoreError::Closed("the writer has stopped".to_owned());
        self.work.send(Box::new(piece)).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

/// A [`Piece`], whatever its types are.
trait Work: Send {
    fn synchronous(&self) -> Synchronous;
    /// Within a transaction.
    fn run(&mut self, connection: &Connection) -> Result<()>;
    /// That there is no transaction to run it in.
    fn give_up(&mut self, why: StoreError);
    /// Whom to tell of it, once it is committed.
    fn ring(&self) -> Option<Ring>;
    fn answer(self: Box<Self>, commit: Result<()>);
}

struct Piece<T, W, R> {
    synchronous: Synchronous,
    work: W,
    ring: R,
    done: Result<T>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T, W, R> Work for Piece<T, W, R>
where
    T: Send,
    W: Fn(&Connection) -> Result<T> + Send,
    R: Fn(&T) -> Option<Ring> + Send,
{
    fn synchronous(&self) -> Synchronous {
        self.synchronous
    }

    fn run(&mut self, connection: &Connection) -> Result<()> {
        // A panic is a fault of one piece of work, and must not end the thread that all others need.
        self.done = catch_unwind(AssertUnwindSafe(|| (self.work)(connection)))
            .unwrap_or(Err(StoreError::Panicked));
        self.done.as_ref().map(drop).map_err(Clone::clone)
    }

    fn give_up(&mut self, why: StoreError) {
        self.done = Err(why);
    }

    fn ring(&self) -> Option<Ring> {
        self.done.as_ref().ok().and_then(&self.ring)
    }

    fn answer(self: Box<Self>, commit: Result<()>) {
        // Whoever asked may be gone by now, which changes nothing about what is stored.
        drop(self.answer.send(commit.and(self.done)));
    }
}

/// What the thread has.
struct Thread {
    connection: Connection,
    synchronous: Synchronous,
    bell: Arc<Bell>,
}

impl Thread {
    fn commit_together(&mut self, mut gathered: Vec<Box<dyn Work>>) {
        let strictest = gathered.iter().map(|work| work.synchronous()).max();
        let committed = self
            .switch_to(strictest.unwrap_or(Synchronous::Full))
            .and_then(|()| self.commit(&mut gathered));
        if committed.is_ok() {
            self.tell(&gathered);
        }
        for work in gathered {
            work.answer(committed.clone());
        }
    }

    /// Fails where nothing of it is stored. What failed by itself knows it.
    fn commit(&self, gathered: &mut [Box<dyn Work>]) -> Result<()> {
        self.run("BEGIN IMMEDIATE")?;
        if gathered
            .iter_mut()
            .all(|work| work.run(&self.connection).is_ok())
        {
            return self.end_transaction();
        }
        self.roll_back();
        if gathered.len() == 1 {
            return Ok(());
        }
        self.run("BEGIN IMMEDIATE")?;
        gathered
            .iter_mut()
            .try_for_each(|work| self.run_apart(work.as_mut()))
            .inspect_err(|_| self.roll_back())?;
        self.end_transaction()
    }

    fn end_transaction(&self) -> Result<()> {
        let committed = self.run("COMMIT").map_err(|error| match error {
            StoreError::Statement(error) => StoreError::Commit(error),
            other => other,
        });
        // A commit that failed for want of room leaves the transaction open.
        committed.inspect_err(|_| self.roll_back())
    }

    /// In a savepoint of its own. Fails where that cannot be had.
    fn run_apart(&self, work: &mut dyn Work) -> Result<()> {
        // A full or broken disk can make SQLite roll back in the middle. On their own, the savepoints of what comes
        // after would commit one by one.
        if self.connection.is_autocommit() {
            work.give_up(StoreError::RolledBack);
            return Ok(());
        }
        self.run("SAVEPOINT work")?;
        if work.run(&self.connection).is_err() && !self.connection.is_autocommit() {
            self.run("ROLLBACK TO work")?;
        }
        if !self.connection.is_autocommit() {
            self.run("RELEASE work")?;
        }
        Ok(())
    }

    /// Where there is a transaction still: a full or broken disk may have ended it.
    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            drop(self.run("ROLLBACK"));
        }
    }

    fn switch_to(&mut self, synchronous: Synchronous) -> Result<()> {
        if synchronous != self.synchronous {
            self.connection.execute_batch(match synchronous {
                Synchronous::Normal => "PRAGMA synchronous = NORMAL",
                Synchronous::Full => "PRAGMA synchronous = FULL",
            })?;
            self.synchronous = synchronous;
        }
        Ok(())
    }

    /// Everybody once, however many pieces have the same to say.
    fn tell(&self, gathered: &[Box<dyn Work>]) {
        let mut told: Vec<Ring> = Vec::new();
        for ring in gathered.iter().filter_map(|work| work.ring()) {
            if !told.contains(&ring) {
                self.bell.ring(ring);
                told.push(ring);
            }
        }
    }

    /// Runs a statement that is kept prepared, as each commit needs the same ones.
    fn run(&self, statement: &str) -> Result<()> {
        self.connection.prepare_cached(statement)?.execute([])?;
        Ok(())
    }
}
