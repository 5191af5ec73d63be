//! The one writing connection of a process, on a thread of its own.
//!
//! Each piece of work is answered after its commit has reached the disk. What gathers while a commit
//! is under way goes into the next one together, each piece in a savepoint of its own, so that one
//! that fails takes no other with it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{Result, StoreError};

/// Pieces of work in one commit at most: enough to hide the disk, few enough to answer soon.
const GATHER: usize = 256;

/// Runs inside of the transaction, or hears why there is none, and gives back what is to be said after
/// the commit.
type Work = Box<dyn FnOnce(Result<&Connection>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<()>) + Send>;

/// The way to the writing thread. The thread ends when the last handle is gone.
pub(super) struct Writer {
    work: mpsc::Sender<Work>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Self {
        let (work, waiting) = mpsc::channel::<Work>();
        std::thread::spawn(move || {
            while let Ok(first) = waiting.recv() {
                let gathered = std::iter::once(first)
                    .chain(waiting.try_iter())
                    .take(GATHER);
                run_together(&connection, gathered);
            }
        });
        Self { work }
    }

    /// Runs `work` in a transaction and returns when it is durable.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |transaction| {
            let done = transaction.and_then(|connection| in_savepoint(connection, work));
            // Whoever asked may be gone by now, which changes nothing about what is stored.
            Box::new(move |commit| drop(answer.send(commit.and(done))))
        });
        let closed = || StoreError::Closed("the writer has stopped".to_owned());
        self.work.send(work).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

fn run_together(connection: &Connection, gathered: impl Iterator<Item = Work>) {
    let begun = connection
        .execute_batch("BEGIN IMMEDIATE")
        .map_err(StoreError::from);
    let answers: Vec<Answer> = gathered
        .map(|work| work(begun.clone().and_then(|()| still_open(connection))))
        .collect();
    let committed = begun.and_then(|()| {
        connection
            .execute_batch("COMMIT")
            .map_err(|error| StoreError::Commit(Arc::new(error)))
    });
    // A commit that failed for want of room leaves the transaction open.
    if !connection.is_autocommit() {
        drop(connection.execute_batch("ROLLBACK"));
    }
    for answer in answers {
        answer(committed.clone());
    }
}

/// A full or broken disk can make SQLite roll back in the middle. On their own, the savepoints of what
/// comes after would commit one by one.
fn still_open(connection: &Connection) -> Result<&Connection> {
    if connection.is_autocommit() {
        return Err(StoreError::RolledBack);
    }
    Ok(connection)
}

fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    run(connection, "SAVEPOINT work")?;
    // A panic is a fault of one piece of work, and must not end the thread that all others need.
    let done =
        catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or(Err(StoreError::Panicked));
    match &done {
        Ok(_) => run(connection, "RELEASE work")?,
        Err(_) => {
            run(connection, "ROLLBACK TO work")?;
            run(connection, "RELEASE work")?;
        }
    }
    done
}

/// Runs a statement that is kept prepared, as each piece of work needs the same ones.
fn run(connection: &Connection, statement: &str) -> Result<()> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}
