//! Bytes, and zips that were damaged after they were made, as what a build left.
#![no_main]

use std::io::{Cursor, Write};

use arbitrary::Arbitrary;
use kiisrv_fuzz::promises;
use libfuzzer_sys::fuzz_target;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// The members that every zip must hold here, and some that may confuse a reader.
const NAMES: [&str; 6] = [
    "log/build.log",
    "kiibohd.dfu.bin",
    "../x",
    "/etc/passwd",
    "log/",
    "",
];

const MUST_HOLD: [&str; 2] = ["log/build.log", "kiibohd.dfu.bin"];

#[derive(Arbitrary, Debug)]
enum Left<'a> {
    Bytes(&'a [u8]),
    Zip {
        members: Vec<(u8, bool, &'a [u8])>,
        damage: Vec<Damage<'a>>,
    },
}

#[derive(Arbitrary, Debug)]
enum Damage<'a> {
    /// From the end, as that is where a zip is read first.
    Set {
        from_end: u16,
        byte: u8,
    },
    Cut {
        from_end: u16,
    },
    Append(&'a [u8]),
    Prepend(&'a [u8]),
}

fuzz_target!(|left: Left<'_>| {
    let bytes = match left {
        Left::Bytes(bytes) => bytes.to_vec(),
        Left::Zip { members, damage } => {
            let Some(mut bytes) = zip_with(&members) else {
                return;
            };
            for one in damage {
                strike(&mut bytes, &one);
            }
            bytes
        }
    };
    promises::of_a_zip(&bytes, &MUST_HOLD);
});

/// `None` where the writer itself refuses these members: the same name twice.
fn zip_with(members: &[(u8, bool, &[u8])]) -> Option<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, deflated, content) in members {
        let method = if *deflated {
            CompressionMethod::Deflated
        } else {
            CompressionMethod::Stored
        };
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(NAMES[usize::from(*name) % NAMES.len()], options)
            .ok()?;
        zip.write_all(content).ok()?;
    }
    Some(zip.finish().ok()?.into_inner())
}

fn strike(bytes: &mut Vec<u8>, damage: &Damage<'_>) {
    let at = |from_end: u16| bytes.len().checked_sub(usize::from(from_end) + 1);
    match *damage {
        Damage::Set { from_end, byte } => {
            if let Some(at) = at(from_end) {
                bytes[at] = byte;
            }
        }
        Damage::Cut { from_end } => {
            if let Some(at) = at(from_end) {
                bytes.truncate(at);
            }
        }
        Damage::Append(more) => bytes.extend_from_slice(more),
        Damage::Prepend(more) => drop(bytes.splice(..0, more.iter().copied())),
    }
}
