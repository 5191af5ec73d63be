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
