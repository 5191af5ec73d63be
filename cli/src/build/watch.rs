//! `kiisrv build --watch`: a file that changes is built again.

use std::{fs, path::Path, time::Duration, time::SystemTime};

use super::Errand;

/// Between two looks at the files: editors are slower, and a look costs nothing.
const LOOK: Duration = Duration::from_millis(300);

/// What tells one state of a file from the next; nothing while an editor has it away.
type Mark = Option<(SystemTime, u64)>;

/// Builds all files, and each again whenever it has changed. Ctrl-C ends it.
pub(super) fn build_whenever_changed(errand: &Errand<'_>, files: &[&Path]) -> ! {
    // Before the first build, so that a change while it goes on is another one.
    let mut seen: Vec<_> = files.iter().map(|file| mark_of(file)).collect();
    let mut due = files.to_vec();
    loop {
        if !due.is_empty() {
            errand.build_all(&due);
            errand.progress.say("waiting for a change; Ctrl-C ends it");
        }
        std::thread::park_timeout(LOOK);
        due = changed(files, &mut seen);
    }
}

/// The files that are not as they were seen last; from now on they have been seen.
fn changed<'a>(files: &[&'a Path], seen: &mut [Mark]) -> Vec<&'a Path> {
    let mut changed = Vec::new();
    for (file, seen) in files.iter().zip(seen) {
        let now = mark_of(file);
        if now.is_some() && now != *seen {
            *seen = now;
            changed.push(*file);
        }
    }
    changed
}

fn mark_of(file: &Path) -> Mark {
    let found = fs::metadata(file).ok()?;
    Some((found.modified().ok()?, found.len()))
}
