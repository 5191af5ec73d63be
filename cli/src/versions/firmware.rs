//! What a build left: the firmware in its zip, by checksum.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use serde::Serialize;
use sha2::{Digest, Sha256};
use zip::ZipArchive;

/// The firmware of a board, and of the two halves of a split one.
const NAMES: [&str; 3] = [
    "kiibohd.dfu.bin",
    "left_kiibohd.dfu.bin",
    "right_kiibohd.dfu.bin",
];

/// A file that is put on a keyboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Firmware {
    pub(super) file: &'static str,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// All firmware in a zip.
pub(super) fn in_zip(path: &Path) -> io::Result<Vec<Firmware>> {
    let mut archive = ZipArchive::new(File::open(path)?).map_err(io::Error::other)?;
    let mut all = Vec::new();
    for file in NAMES {
        if archive.index_for_name(file).is_some() {
            let (bytes, sha256) = checksum(archive.by_name(file).map_err(io::Error::other)?)?;
            all.push(Firmware {
                file,
                bytes,
                sha256,
            });
        }
    }
    Ok(all)
}

/// A piece at a time, as a zip may say anything of how large its files are.
fn checksum(mut content: impl Read) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        match content.read(&mut piece)? {
            0 => return Ok((bytes, hex::encode(hash.finalize()))),
            length => {
                hash.update(&piece[..length]);
                bytes += length as u64;
            }
        }
    }
}
