//! Directories that a build could write to, measured and removed. What stands in them is hostile: no
//! link is followed, and neither a deep tree nor a wide one costs more than its share.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use uuid::Uuid;

/// What a file or a directory takes at least: a million of empty files fill a disk too.
const BLOCK: u64 = 4096;

/// Whether what stands below a directory takes no more than these bytes and is no more than these files
/// and directories. Links are not followed.
///
/// The look ends where it is too much, so that a million of files costs no more than the limit. It is
/// iterative, so that a deep tree holds neither stack nor one open directory a level.
#[must_use]
pub fn fits(directory: &Path, mut bytes: u64, mut files: u64) -> bool {
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            // A path longer than a path may be: nobody builds firmware down there.
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => return false,
            // One that its owner, who is this user too, closed to itself: to hide what is in it.
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied && is_ours(&directory) =>
            {
                return false;
            }
            Err(_) => continue,
        };
        for entry in entries.filter_map(Result::ok) {
            let Ok(meta) = entry.metadata() else { continue };
            let room = bytes.checked_sub(meta.len().max(BLOCK));
            let (Some(less_bytes), Some(less_files)) = (room, files.checked_sub(1)) else {
                return false;
            };
            (bytes, files) = (less_bytes, less_files);
            if meta.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    true
}

/// Old images leave directories of root's, which a worker that is not root may not read.
fn is_ours(directory: &Path) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    fs::symlink_metadata(directory).is_ok_and(|meta| meta.uid() == ours)
}

/// Removes a directory and all below it. One that is not there is fine.
///
/// Each directory below is first moved up beside its parent, so that no path grows longer than three
/// names: the library's own way recurses once a level, which a hostile tree makes the stack's end.
///
/// # Errors
/// When something of it remains.
pub fn remove_tree(root: &Path) -> io::Result<()> {
    let Some(mut waiting) = unless_gone(directories_in(root))? else {
        return Ok(());
    };
    while let Some(directory) = waiting.pop() {
        let inner = unless_gone(directories_in(&directory))?.unwrap_or_default();
        for deeper in inner {
            let beside = root.join(format!("removed-{}", Uuid::now_v7().simple()));
            if unless_gone(fs::rename(deeper, &beside))?.is_some() {
                waiting.push(beside);
            }
        }
        unless_gone(fs::remove_dir(&directory))?;
    }
    unless_gone(fs::remove_dir(root)).map(drop)
}

/// Removes all that is no directory, and gives the directories.
fn directories_in(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut directories = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            directories.push(entry.path());
        } else {
            unless_gone(fs::remove_file(entry.path()))?;
        }
    }
    Ok(directories)
}

/// Two may clear the same leftovers at once: what the other removed is gone, as it should be.
fn unless_gone<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

    use super::*;

    /// Deeper than a path is long, and than a process may have files open.
    fn dig(root: &Path) {
        fs::create_dir(root).unwrap();
        let mut at = openat(CWD, root, OFlags::DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..5_000 {
            mkdirat(&at, "d", Mode::RWXU).unwrap();
            at = openat(&at, "d", OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
    }

    #[test]
    fn a_bottomless_tree_is_over_every_limit_and_can_be_removed() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("deep");
        dig(&root);
        assert!(!fits(&root, u64::MAX, u64::MAX));
        remove_tree(&root).unwrap();
        assert!(!root.exists());
    }

    #[test]
    fn what_a_link_leads_to_is_neither_measured_nor_removed() {
        let directory = tempfile::tempdir().unwrap();
        let (outside, root) = (
            directory.path().join("outside"),
            directory.path().join("root"),
        );
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), vec![0; 100_000]).unwrap();
        fs::create_dir_all(root.join("a/b")).unwrap();
        symlink(&outside, root.join("a/b/link")).unwrap();
        symlink(&outside, root.join("link")).unwrap();
        assert!(fits(&root, 99_999, 100));
        remove_tree(&root).unwrap();
        assert!(!root.exists() && outside.join("file").exists());
    }

    #[test]
    fn empty_files_are_measured_and_counted() {
        let directory = tempfile::tempdir().unwrap();
        for number in 0..100 {
            fs::write(directory.path().join(number.to_string()), "").unwrap();
        }
        assert!(fits(directory.path(), 100 * BLOCK, 100));
        assert!(!fits(directory.path(), 100 * BLOCK - 1, 100));
        assert!(!fits(directory.path(), u64::MAX, 99));
    }

    #[test]
    fn a_tree_that_is_not_there_is_removed() {
        assert!(remove_tree(Path::new("/no/such/tree")).is_ok());
    }
}
