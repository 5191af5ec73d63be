//! A thread that commits whatever has gathered, written for one statement.

use std::{path::Path, sync::mpsc, time::Instant};

use rusqlite::{Connection, params};
use shared::store::jobs::NewBuild;
use tokio::{runtime::Runtime, sync::oneshot};
use uuid::Uuid;

/// Rows in one commit at most, as many as ours.
const GATHER: usize = 256;

type Waiting = (NewBuild, oneshot::Sender<()>);

/// Writes all of these, each list by a producer of its own that waits for each of its rows. Gives rows per second.
pub(crate) fn rate(
    runtime: &Runtime,
    directory: &Path,
    lists: Vec<Vec<NewBuild>>,
) -> anyhow::Result<f64> {
    let table = super::open(directory)?;
    let (sender, waiting) = mpsc::channel::<Waiting>();
    let writer = std::thread::spawn(move || write(&table, &waiting));
    let count: usize = lists.iter().map(Vec::len).sum();
    let began = Instant::now();
    runtime.block_on(async {
        let mut producers = tokio::task::JoinSet::new();
        for list in lists {
            let sender = sender.clone();
            producers.spawn(async move {
                for build in list {
                    let (written, answer) = oneshot::channel();
                    sender.send((build, written))?;
                    answer.await?;
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
    drop(sender);
    writer
        .join()
        .map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    Ok(count as f64 / took.as_secs_f64())
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
