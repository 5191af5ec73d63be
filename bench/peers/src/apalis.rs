//! Producers that push jobs into apalis on SQLite, each waiting until its own is on the disk.
//!
//! `apalis <directory> <producers> <jobs of each>`, with a job's text on the standard input. Says how many there were
//! and how many seconds they took.

use std::{
    io::Read,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use apalis::prelude::TaskSink;
use apalis_sqlite::{SqliteConnectOptions, SqlitePool, SqliteStorage};
use sqlx::sqlite::{SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

/// What a build is, as far as a queue keeps it.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Build {
    fingerprint: String,
    client: String,
    keyboard: String,
    layout: String,
    config: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().context("an argument is missing");
    let directory = PathBuf::from(next()?);
    let (producers, each): (usize, usize) = (next()?.parse()?, next()?.parse()?);
    let mut config = String::new();
    std::io::stdin().read_to_string(&mut config)?;
    let pool = open(&directory).await?;
    // Made beforehand, as ours are.
    let lists: Vec<Vec<Build>> = (0..producers)
        .map(|producer| {
            (0..each)
                .map(|number| build(producer * each + number, &config))
                .collect()
        })
        .collect();
    let began = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for list in lists {
        let mut storage = SqliteStorage::<Build>::new(&pool);
        running.spawn(async move {
            for build in list {
                storage.push(build).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    println!("{} {}", producers * each, began.elapsed().as_secs_f64());
    Ok(())
}

/// The table as apalis makes it, but as durable as ours: its own set-up turns syncing off. The rest of that is kept.
async fn open(directory: &Path) -> anyhow::Result<SqlitePool> {
    let options = SqliteConnectOptions::new()
        .filename(directory.join("apalis.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(60))
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", "64000")
        .pragma("journal_size_limit", "67108864");
    let pool = SqlitePoolOptions::new().connect_with(options).await?;
    SqliteStorage::migrations().run(&pool).await?;
    Ok(pool)
}

fn build(number: usize, config: &str) -> Build {
    Build {
        fingerprint: format!("{number:064x}"),
        client: format!("client {}", number % 1_000),
        keyboard: "KType".to_owned(),
        layout: "Standard".to_owned(),
        config: config.to_owned(),
    }
}
