//! Room on the disks: new work is refused before one is full, not after.

use std::{
    io,
    path::{Path, PathBuf},
};

/// How the words begin in which there is too little room. A worker's trouble is told by them from others.
pub const NO_ROOM: &str = "no room: ";

/// In which words one of these places has too little room; `None` where all have enough.
///
/// It blocks: a network's disk may keep one waiting.
///
/// # Errors
/// When a place cannot be looked at.
pub fn lacking(places: &[PathBuf], reserve: u64) -> io::Result<Option<String>> {
    for place in places {
        let free = free_bytes(place)?;
        if free < reserve {
            return Ok(Some(format!(
                "{NO_ROOM}the disk of {} has {} MiB left, and {} are kept in reserve (KIISRV_DISK_RESERVE_MB)",
                place.display(),
                free >> 20,
                reserve >> 20
            )));
        }
    }
    Ok(None)
}

/// Whether a place is in memory, where what is written counts as memory of the one who writes.
///
/// # Errors
/// When it cannot be looked at.
pub fn is_tmpfs(place: &Path) -> io::Result<bool> {
    /// `TMPFS_MAGIC` of the kernel's `magic.h`.
    const TMPFS: i128 = 0x0102_1994;
    // The number's type is another one on other machines.
    Ok(i128::from(rustix::fs::statfs(place)?.f_type) == TMPFS)
}

/// Bytes that are free for us on the disk of this place. One that is not made yet is on its parent's disk.
///
/// It blocks, as [`lacking`] does.
///
/// # Errors
/// When the place cannot be looked at.
pub fn free_bytes(place: &Path) -> io::Result<u64> {
    for place in place.ancestors() {
        let place = if place.as_os_str().is_empty() {
            Path::new(".")
        } else {
            place
        };
        match rustix::fs::statvfs(place) {
            Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
            Ok(disk) => return Ok(disk.f_bavail.saturating_mul(disk.f_frsize)),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_memory_is_told_from_what_is_not() {
        assert!(is_tmpfs(Path::new("/dev/shm")).unwrap());
        assert!(!is_tmpfs(Path::new("/proc")).unwrap());
        assert!(is_tmpfs(Path::new("/no/such/place")).is_err());
    }

    #[test]
    fn a_place_that_is_not_made_yet_has_its_parents_room() {
        let places = [
            PathBuf::from("no/such/place"),
            PathBuf::from("/no/such/place"),
        ];
        assert_eq!(lacking(&places, 1).unwrap(), None);
        let words = lacking(&places, u64::MAX).unwrap().unwrap();
        assert!(
            words.contains("no/such/place") && words.contains("KIISRV_DISK_RESERVE_MB"),
            "{words}"
        );
    }
}
