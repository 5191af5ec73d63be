//! A thread that commits whatever has gathered, written for one statement.

use std::{path::Path, sync::mpsc, thread::JoinHandle, time::Instant};

use anyhow::Context;
use rusqlite::{Connection, params};
use shared::store::jobs::NewBuild;
use tokio::{runtime::Runtime, sync::oneshot};
use uuid::Uuid;

use crate::measure::per_second;

/// Rows in one commit at most, as many as ours.
const GATHER: usize = 256;

type Waiting = (NewBuild, oneshot::Sender<()>);

/// Writes all of these, each list by a producer of its own that waits for each of its rows. Gives rows per second.
pub(crate) fn rate(
    runtime: &Runtime,
    directory: &Path,
    lists: Vec<Vec<NewBuild>>,
) -> anyhow::Result<f64> {
    let (writer, thread) = Writer::start(directory)?;
    let count: usize = lists.iter().map(Vec::len).sum();
    let began = Instant::now();
    runtime.block_on(async {
        let mut producers = tokio::task::JoinSet::new();
        for list in lists {
            let writer = writer.clone();
            producers.spawn(async move {
                for build in list {
                    writer.write(build).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = producers.join_next().await {
            ended??;
        }
        anyhow::Ok(())
    })?;
    let took = began.elapsed();
    drop(writer);
    thread
        .join()
        .map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    Ok(per_second(count, took))
}

/// The way to the thread, which ends when the last of these is gone.
#[derive(Clone)]
pub(crate) struct Writer(mpsc::Sender<Waiting>);

impl Writer {
    /// Starts the thread, with the table of the limit in this directory.
    pub(crate) fn start(
        directory: &Path,
    ) -> anyhow::Result<(Self, JoinHandle<anyhow::Result<()>>)> {
        let table = super::open(directory)?;
        let (sender, waiting) = mpsc::channel();
        let thread = std::thread::spawn(move || write(&table, &waiting));
        Ok((Self(sender), thread))
    }

    /// Returns when the row is on the disk.
    pub(crate) async fn write(&self, build: NewBuild) -> anyhow::Result<()> {
        let (written, answer) = oneshot::channel();
        let sent = self.0.send((build, written)).ok();
        sent.context("the writer has stopped")?;
        Ok(answer.await?)
    }
}

fn write(table: &Connection, waiting: &mpsc::Receiver<Waiting>) -> anyhow::Result<()> {
    let mut insert = table.prepare(
        "INSERT INTO jobs (id, fingerprint, client, keyboard, layout, config, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, unixepoch()) ON CONFLICT DO NOTHING",
    )?;
    let (mut begin, mut commit) = (table.prepare("BEGIN IMMEDIATE")?, table.prepare("COMMIT")?);
    let mut answers = Vec::with_capacity(GATHER);
    while let Ok(first) = waiting.recv() {
        begin.execute([])?;
        for (build, answer) in std::iter::once(first)
            .chain(waiting.try_iter())
            .take(GATHER)
        {
            insert.execute(params![
                Uuid::now_v7().to_string(),
                build.fingerprint.as_str(),
                build.client,
                build.keyboard,
                build.layout,
                build.config
            ])?;
            answers.push(answer);
        }
        commit.execute([])?;
        for answer in answers.drain(..) {
            // Nobody leaves before it is answered.
            let _ = answer.send(());
        }
    }
    Ok(())
}
