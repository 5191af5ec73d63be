//! The table by itself: whether it is whole, has room, and has somebody who works at it.

use shared::{
    disk,
    settings::Settings,
    store::{Store, cold_keyboards::cold_keyboards, inspect, wal, workers},
};

use super::{
    Arguments,
    report::{Finding, Report},
};

/// Twice what the table's write-ahead log is cut to: then somebody has read without a pause for long.
const LARGE_WAL: u64 = 4 * wal::ENOUGH;

/// Adds what is to be said of it. `false`: it is damaged, and nothing is to be concluded from what it says.
pub(super) async fn examine(
    store: &Store,
    settings: &Settings,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<bool> {
    let damage = inspect::damage(store, arguments.thorough).await?;
    let is_whole = damage.is_empty();
    for words in damage {
        let remedy = "stop the service and put a backup back (kiisrv restore); it cannot be mended";
        report.findings.push(found(
            "damage",
            format!("the table is damaged: {words}"),
            remedy,
        ));
    }
    if !is_whole {
        report.note("nothing else was looked at, as a damaged table cannot be believed".to_owned());
        return Ok(false);
    }
    let orphans = inspect::orphans(store).await?;
    if let Some(one) = orphans.first() {
        let what = format!(
            "{} rows, one in {one}, belong to a row that is not there",
            orphans.len()
        );
        let remedy = "nothing is known that makes them but a change by hand: look at them";
        report.findings.push(found("orphans", what, remedy));
    }
    if let Some(finding) = large_wal(store, arguments.fix).await? {
        report.findings.push(finding);
    }
    let places = [&settings.data, &settings.artifacts, &settings.logs].map(Clone::clone);
    if let Some(words) = disk::lacking(&places, settings.disk_reserve)? {
        let remedy = "make room, or keep less (KIISRV_KEEP_FIRMWARE_GB)";
        report.findings.push(found("disk", words, remedy));
    }
    somebody_works(store, report).await?;
    Ok(true)
}

async fn large_wal(store: &Store, fix: bool) -> anyhow::Result<Option<Finding>> {
    let size = wal::size(store)?;
    if size <= LARGE_WAL {
        return Ok(None);
    }
    let what = format!("the table's write-ahead log has {} MiB", size >> 20);
    let finding = found("wal", what, "copy it into the table");
    if !fix {
        return Ok(Some(finding));
    }
    let mended = wal::keep_below(store, LARGE_WAL).await?;
    Ok(Some(Finding {
        mended,
        trouble: (!mended).then(|| "somebody reads without a pause".to_owned()),
        ..finding
    }))
}

/// Nobody at work is a fault where builds wait; a service that is stopped may be looked at in peace.
async fn somebody_works(store: &Store, report: &mut Report) -> anyhow::Result<()> {
    let ability = workers::ability(store).await?;
    let waiting = inspect::waiting(store).await?;
    let trouble = match (&ability.trouble, ability.workers) {
        (_, 1..) => None,
        (Some(trouble), _) => Some(format!("no worker can build: {trouble}")),
        (None, _) => Some("no worker has given a sign of life lately".to_owned()),
    };
    match trouble {
        Some(words) if waiting > 0 => {
            let what = format!("{waiting} builds wait, and {words}");
            let remedy = "start a worker, or look at its log";
            report.findings.push(found("nobody_works", what, remedy));
        }
        Some(words) => report.note(words),
        None => {}
    }
    for one in cold_keyboards(store).await? {
        if let Some((warm, cold)) = one.found {
            report.note(format!(
                "{} is built cold by {}, as the builds {warm} and {cold} differ; `kiisrv versions warm` ends that",
                one.keyboard, one.controller
            ));
        }
    }
    let nothing = inspect::versions_of_nothing(store).await?;
    if !nothing.is_empty() {
        report.note(format!(
            "no engine has the controller of: {}",
            nothing.join(", ")
        ));
    }
    Ok(())
}

fn found(kind: &'static str, what: String, remedy: &str) -> Finding {
    Finding {
        kind,
        what,
        remedy: remedy.to_owned(),
        mended: false,
        trouble: None,
    }
}
