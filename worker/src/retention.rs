//! What is kept no longer goes: by a timer, a few at once, beside the builds and never before a claim.
//!
//! Any number of workers may do this at once. Each removes the files of the builds whose rows it has changed.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use shared::{
    disk,
    job::{JobId, Status},
    store::{
        self, comparisons,
        forgetting::files::{self, Erased},
        retention, timeline, wal,
    },
};
use tracing::{info, warn};

use crate::{blocking::blocking, context::Context, tree::remove_tree};

/// Rows in one transaction: it is over in a millisecond or two, so that no claim feels it.
const MOST: u32 = 50;

/// Between two transactions others get their turn.
const PAUSE: Duration = Duration::from_millis(50);

/// What could not be compared by then says little of what is built today.
const COMPARED_WITHIN: Duration = Duration::from_hours(24);

/// Where layouts are not to be kept beyond their builds, a comparison may hold one for so long.
const COMPARED_AT_ONCE: Duration = Duration::from_mins(5);

/// After this long no worker writes any more for a build that it has lost.
const MOMENT: Duration = Duration::from_mins(10);

/// Brings all to what is to be kept.
pub async fn retain<R>(context: &Context<R>) {
    if let Err(error) = by_age(context).await {
        warn!(%error, "What is kept no longer could not be removed");
    }
    if let Err(error) = erased(context).await {
        warn!(%error, "Files of builds that were erased could not be removed");
    }
    if let Err(error) = by_room(context).await {
        warn!(%error, "Room could not be made");
    }
    match wal::keep_below(&context.store, wal::ENOUGH).await {
        Ok(true) => {}
        Ok(false) => warn!("The table's write-ahead log grows, as somebody reads without a pause"),
        Err(error) => warn!(%error, "The table's write-ahead log could not be emptied"),
    }
}

async fn by_age<R>(context: &Context<R>) -> store::Result<()> {
    let (table, keep) = (&context.store, &context.settings.keep);
    for (status, age) in [
        (Status::Failed, keep.failed),
        (Status::Succeeded, keep.firmware),
    ] {
        let drop = || retention::drop_old_zips(table, status, age, MOST);
        let zips = all(drop, &context.settings.artifacts).await?;
        say(zips, "zips", "as they are old enough");
    }
    let patience = COMPARED_WITHIN.min(keep.layouts.max(COMPARED_AT_ONCE));
    if comparisons::give_up(table, patience).await? > 0 {
        info!("Gave up comparisons that no slot was idle for");
    }
    let drop = || retention::drop_old_logs(table, keep.logs, MOST);
    let logs = all(drop, &context.settings.logs).await?;
    say(logs, "logs", "as they are old enough");
    // Those of older builds have gone with the logs.
    while keep.layouts < keep.logs
        && retention::drop_old_layouts(table, keep.layouts, MOST).await? > 0
    {
        tokio::time::sleep(PAUSE).await;
    }
    while retention::drop_old_rows(table, keep.rows, MOST).await? > 0 {
        tokio::time::sleep(PAUSE).await;
    }
    while retention::drop_old_requests(table, keep.requests, MOST).await? > 0 {
        tokio::time::sleep(PAUSE).await;
    }
    while timeline::drop_oldest(table).await? > 0 {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// What is left of builds that somebody had erased.
async fn erased<R>(context: &Context<R>) -> store::Result<()> {
    let table = &context.store;
    loop {
        let builds = files::to_go(table, MOST).await?;
        if builds.is_empty() {
            return Ok(());
        }
        let places = [
            context.settings.artifacts.clone(),
            context.settings.logs.clone(),
        ];
        let gone = blocking(move || {
            let gone = |one: &Erased| places.iter().all(|above| remove_of(above, one.id));
            builds.into_iter().filter(gone).collect::<Vec<_>>()
        });
        let Ok(gone) = gone.await else { return Ok(()) };
        match files::are_gone(table, gone, MOMENT).await? {
            Some(0) => return Ok(()),
            Some(count) => info!(count, "Erased the files of {count} builds"),
            None => {
                warn!("What was erased is still in the table's write-ahead log, as somebody reads");
                return Ok(());
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn by_room<R>(context: &Context<R>) -> store::Result<()> {
    let (table, settings) = (&context.store, &context.settings);
    if let Some(bound) = settings.keep.bytes {
        let drop = || retention::drop_zips_over(table, bound, MOST);
        let zips = all(drop, &settings.artifacts).await?;
        say(zips, "zips", "as all together are over their bound");
    }
    // Before new work is refused, which is at the reserve itself.
    let drop = || async {
        match lacking(
            settings.artifacts.clone(),
            settings.disk_reserve.saturating_mul(2),
        )
        .await
        {
            0 => Ok(Vec::new()),
            bytes => retention::drop_zips_for_room(table, bytes, MOST).await,
        }
    };
    let zips = all(drop, &settings.artifacts).await?;
    say(zips, "zips", "as their disk is nearly full");
    Ok(())
}

/// Bytes by which less is free than wanted. A disk that cannot be looked at shall cost nobody's firmware.
async fn lacking(place: PathBuf, wanted: u64) -> u64 {
    match blocking(move || disk::free_bytes(&place)).await {
        Ok(Ok(free)) => wanted.saturating_sub(free),
        Ok(Err(_)) | Err(_) => 0,
    }
}

/// Drops until nothing more is dropped, and removes the directories of what was. Gives their number.
async fn all<F>(drop: impl Fn() -> F, above: &Path) -> store::Result<usize>
where
    F: Future<Output = store::Result<Vec<JobId>>>,
{
    let mut gone = 0;
    loop {
        let dropped = drop().await?;
        if dropped.is_empty() {
            return Ok(gone);
        }
        gone += dropped.len();
        remove(above.to_owned(), dropped).await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// What stays is named by no row any more, and is found by the comparison of files and rows.
async fn remove(above: PathBuf, builds: Vec<JobId>) {
    let removed = blocking(move || {
        for build in builds {
            remove_of(&above, build);
        }
    });
    if let Err(error) = removed.await {
        warn!(%error, "Files of builds could not be removed yet");
    }
}

/// Whether the files of a build in this place are gone.
fn remove_of(above: &Path, build: JobId) -> bool {
    let removed = remove_tree(&above.join(build.to_string()));
    if let Err(error) = &removed {
        warn!(job.id = %build, %error, "Files of a build could not be removed yet");
    }
    removed.is_ok()
}

fn say(gone: usize, what: &str, why: &str) {
    if gone > 0 {
        info!(count = gone, "Removed {what} of {gone} builds, {why}");
    }
}
