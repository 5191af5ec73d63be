//! The predecessor's tables, taken over: its requests in batches with nobody's address in the clear, and its
//! versions.
//!
//! A batch, the counters that it moves and how far it came are one transaction: an import may end
//! anywhere, and the next one goes on from there.

mod row;
mod source;
mod tally;
pub mod versions;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Result, Store, StoreError, now,
    statistics::{self, count, count_once},
};
pub use tally::{Rows, Tally};

use row::{COLUMNS, Request};
use tally::note;

/// Rows in a transaction: builds wait for the table a tenth of a second or three, between two of them not at all.
const BATCH: i64 = 5_000;

/// Before the number of every controller, as the predecessor called its containers.
const CONTAINER: &str = "controller-";

/// Whether an import writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    Take,
    /// It only says what it would do.
    Look,
}

/// An import of requests that is under way.
pub struct RequestsImport {
    store: Store,
    path: PathBuf,
    source: Option<Connection>,
    mode: Mode,
    place: Option<Place>,
    /// Rows that the source has.
    pub rows: u64,
    /// Those of them that an earlier import has dealt with.
    pub known: u64,
}

/// How far a source has been read.
#[derive(Clone)]
struct Place {
    /// The row of `imports`; `None` before the first batch is stored.
    import: Option<i64>,
    first_id: i64,
    first_mark: String,
    last_id: i64,
    last_mark: String,
}

/// Some rows of the source, read and ready to be stored.
struct Batch {
    requests: Vec<Request>,
    tally: Tally,
    last: Option<(i64, String)>,
}

impl RequestsImport {
    /// Opens the predecessor's `stats.db` and finds out how far it has been taken over before.
    ///
    /// # Errors
    /// When it cannot be read, is something else, or has gone another way since the last import.
    pub async fn open(store: &Store, path: &Path, mode: Mode) -> Result<Self> {
        let mut import = Self {
            store: store.clone(),
            path: path.to_owned(),
            source: None,
            mode,
            place: None,
            rows: 0,
            known: 0,
        };
        let opened = path.to_owned();
        import.source = Some(blocking(move || source::open(&opened)).await?);
        let before = store.read(places).await?;
        let place = import
            .in_source(move |source, store| where_it_stands(source, store, before))
            .await?;
        let place = place.map_err(|cause| StoreError::Source {
            path: path.display().to_string(),
            cause,
        })?;
        let through = place.as_ref().map_or(i64::MIN, |place| place.last_id);
        (import.rows, import.known) = import
            .in_source(move |source, _| {
                source.query_row(
                    "SELECT count(*), count(*) FILTER (WHERE id <= ?1) FROM Requests",
                    [through],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
            })
            .await?;
        import.place = place;
        Ok(import)
    }

    /// Takes the next rows; `None` when there are no more.
    ///
    /// # Errors
    /// When the source cannot be read or the table not be written; what was taken before stays.
    pub async fn next_batch(&mut self) -> Result<Option<Tally>> {
        let after = self.place.as_ref().map_or(i64::MIN, |place| place.last_id);
        let batch = self
            .in_source(move |source, store| read_batch(source, store, after))
            .await?;
        let Some((last_id, last_mark)) = batch.last else {
            return Ok(None);
        };
        let (requests, tally) = (batch.requests, batch.tally);
        let mut next = match self.place.clone() {
            Some(place) => place,
            None => self.first_place().await?,
        };
        (next.last_id, next.last_mark) = (last_id, last_mark);
        if self.mode == Mode::Take {
            let (to, left_out) = (next.clone(), tally.rows_left_out());
            let import = self
                .store
                .write(move |table| {
                    let import = move_on(table, after, &to, (requests.len(), left_out))?;
                    record(table, &requests)?;
                    Ok(import)
                })
                .await?;
            next.import = Some(import);
        }
        self.place = Some(next);
        Ok(Some(tally))
    }

    async fn first_place(&mut self) -> Result<Place> {
        let first = self.in_source(first_row).await?;
        let (first_id, first_mark) = first.unwrap_or_default();
        Ok(Place {
            import: None,
            first_id,
            last_id: first_id,
            last_mark: first_mark.clone(),
            first_mark,
        })
    }

    /// Asks the source on a thread that may wait for the disk.
    async fn in_source<T: Send + 'static>(
        &mut self,
        ask: impl FnOnce(&Connection, &Store) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let closed = || StoreError::Closed("the source has been closed".to_owned());
        let (source, store) = (self.source.take().ok_or_else(closed)?, self.store.clone());
        let (source, answer) = blocking(move || {
            let answer = ask(&source, &store);
            Ok((source, answer))
        })
        .await?;
        self.source = Some(source);
        answer.map_err(|error| source::unreadable(&self.path, &error))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreError::Closed(error.to_string()))?
}

/// All sources that were read before.
fn places(table: &Connection) -> Result<Vec<Place>> {
    let mut all =
        table.prepare_cached("SELECT id, first_id, first_mark, last_id, last_mark FROM imports")?;
    let places = all.query_map([], |row| {
        Ok(Place {
            import: row.get(0)?,
            first_id: row.get(1)?,
            first_mark: row.get(2)?,
            last_id: row.get(3)?,
            last_mark: row.get(4)?,
        })
    })?;
    Ok(places.collect::<rusqlite::Result<_>>()?)
}

/// Which of them this source is, by its first row or by the last that was taken, as either may be gone: the
/// first with old rows that were deleted, the last in an older copy. Its path and its bytes change.
fn where_it_stands(
    source: &Connection,
    store: &Store,
    before: Vec<Place>,
) -> rusqlite::Result<std::result::Result<Option<Place>, String>> {
    for place in before {
        let first = mark_of(source, store, place.first_id)?;
        let last = mark_of(source, store, place.last_id)?;
        if last.as_ref() == Some(&place.last_mark) {
            return Ok(Ok(Some(place)));
        }
        if first.as_ref() == Some(&place.first_mark) {
            let id = place.last_id;
            // A row that is another one now would be passed over without a word.
            return Ok(match last {
                None => Ok(Some(place)),
                Some(_) => Err(format!(
                    "row {id} is not the one that was taken before: this file was restored and then went on"
                )),
            });
        }
    }
    Ok(Ok(None))
}

fn mark_of(source: &Connection, store: &Store, id: i64) -> rusqlite::Result<Option<String>> {
    source
        .prepare_cached(&format!("SELECT {COLUMNS} FROM Requests WHERE id = ?1"))?
        .query_row([id], |row| Ok(store.client(&row::identity(row))))
        .optional()
}

fn first_row(source: &Connection, store: &Store) -> rusqlite::Result<Option<(i64, String)>> {
    source
        .prepare(&format!(
            "SELECT {COLUMNS} FROM Requests ORDER BY id LIMIT 1"
        ))?
        .query_row([], |row| {
            Ok((row.get(0)?, store.client(&row::identity(row))))
        })
        .optional()
}

fn read_batch(source: &Connection, store: &Store, after: i64) -> rusqlite::Result<Batch> {
    let mut batch = Batch {
        requests: Vec::new(),
        tally: Tally::default(),
        last: None,
    };
    let mut statement = source.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM Requests WHERE id > ?1 ORDER BY id LIMIT ?2"
    ))?;
    let mut rows = statement.query([after, BATCH])?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let mut amended = Vec::new();
        match row::read(row, store, &mut amended) {
            Ok(request) => {
                batch.requests.push(request);
                batch.tally.taken += 1;
                for reason in amended {
                    note(&mut batch.tally.amended, reason, Rows::one(id));
                }
            }
            Err(reason) => note(&mut batch.tally.left_out, reason, Rows::one(id)),
        }
        batch.last = Some((id, String::new()));
    }
    if let Some((id, mark)) = &mut batch.last {
        *mark = mark_of(source, store, *id)?.unwrap_or_default();
    }
    Ok(batch)
}

/// Says how far the import is, in the transaction of the rows themselves. Another import of the same source
/// that was quicker has moved the place: then nothing of this batch may be stored.
fn move_on(
    table: &Connection,
    from: i64,
    to: &Place,
    (taken, left_out): (usize, u64),
) -> Result<i64> {
    let moved = match to.import {
        Some(import) => table
            .prepare_cached(
                "UPDATE imports SET last_id = ?3, last_mark = ?4, taken = taken + ?5,
                        left_out = left_out + ?6, changed_at = ?7
                 WHERE id = ?1 AND last_id = ?2 RETURNING id",
            )?
            .query_row(
                params![import, from, to.last_id, to.last_mark, taken, left_out, now()],
                |row| row.get(0),
            ),
        None => table
            .prepare_cached(
                "INSERT INTO imports (first_id, first_mark, last_id, last_mark, taken, left_out, changed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (first_mark) DO NOTHING RETURNING id",
            )?
            .query_row(
                params![to.first_id, to.first_mark, to.last_id, to.last_mark, taken, left_out, now()],
                |row| row.get(0),
            ),
    };
    moved.optional()?.ok_or(StoreError::Overtaken)
}

/// Writes requests down and counts them. No row of `jobs` says what they asked for, and they say how long it took.
fn record(table: &Connection, requests: &[Request]) -> Result<()> {
    // Before those that are counted here: by then, none may be left.
    statistics::catch_up(table)?;
    let mut sums: BTreeMap<(&str, String), i64> = BTreeMap::new();
    let mut insert = table.prepare_cached(
        "INSERT INTO requests (at, job_id, client, os, platform, keyboard, layout, layers, controller, joined)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for request in requests {
        // No row of `jobs` has such an id: the build is the predecessor's.
        let job = format!("imported:{}", request.hash);
        let container = &request.container;
        insert.execute(params![
            request.at,
            job,
            request.client,
            request.os,
            request.platform,
            request.keyboard,
            request.layout,
            request.layers,
            container.strip_prefix(CONTAINER).unwrap_or(container),
            request.joined,
        ])?;
        count_once(table, "unique_builds", &job)?;
        count_once(table, "users", &request.client)?;
        let keyboard = format!("{}-{}", request.keyboard, request.layout);
        for (kind, name, by) in [
            ("total", "builds", 1),
            ("total", "layers", request.layers),
            ("total", "build_ms", request.build_ms),
            ("os", &request.os, 1),
            ("platform", request.platform, 1),
            ("keyboard", &keyboard, 1),
            ("version", container, 1),
        ] {
            *sums.entry((kind, name.to_owned())).or_default() += by;
        }
    }
    for ((kind, name), by) in &sums {
        count(table, kind, name, *by)?;
    }
    statistics::all_are_counted(table)
}
