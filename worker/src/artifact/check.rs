//! Whether a file is a zip with all that it must hold. Nothing of it is trusted: neither its size, nor its list of
//! members, nor what that says of them.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use zip::{ZipArchive, result::ZipError};

/// More members than any firmware's zip has. The reader keeps all of them in memory, and an empty one
/// takes a build only 46 bytes.
const MOST_MEMBERS: usize = 10_000;

/// Far more than any firmware or log has. A zip can be made to unpack to a thousand times its size.
const LARGEST_MEMBER: u64 = 64 << 20;

/// What keeps a file from being a zip with these members, if anything.
pub(super) fn check_zip(file: &mut File, must_hold: &[&str]) -> Result<(), String> {
    if !has_few_members(file).map_err(|error| error.to_string())? {
        return Err(format!("it holds more than {MOST_MEMBERS} files"));
    }
    let mut archive =
        ZipArchive::new(file).map_err(|error| format!("it is not a whole zip: {error}"))?;
    must_hold
        .iter()
        .try_for_each(|name| check_member(&mut archive, name))
}

/// A list of members says nothing of what is behind it: what people wait for is read once to its end, by which its
/// checksum is looked at too.
fn check_member(archive: &mut ZipArchive<&mut File>, name: &str) -> Result<(), String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("its {name} cannot be read: {error}");
    let member = archive.by_name(name).map_err(|error| match error {
        ZipError::FileNotFound => format!("it holds no {name}"),
        other => unreadable(&other),
    })?;
    let bytes = io::copy(&mut member.take(LARGEST_MEMBER + 1), &mut io::sink())
        .map_err(|error| unreadable(&error))?;
    if bytes > LARGEST_MEMBER {
        let most = LARGEST_MEMBER >> 20;
        return Err(format!("its {name} unpacks to more than {most} MiB"));
    }
    Ok(())
}

/// Counts what can be a member's entry, wherever it stands: what a zip says of itself may be untrue.
fn has_few_members(file: &mut File) -> io::Result<bool> {
    const ENTRY: &[u8] = b"PK\x01\x02";
    file.seek(SeekFrom::Start(0))?;
    let (mut found, mut buffer, mut held) = (0, vec![0; 64 * 1024], 0);
    loop {
        let read = file.read(&mut buffer[held..])?;
        if read == 0 {
            return Ok(true);
        }
        let length = held + read;
        found += buffer[..length]
            .windows(ENTRY.len())
            .filter(|window| *window == ENTRY)
            .count();
        if found > MOST_MEMBERS {
            return Ok(false);
        }
        // An entry may begin in this piece and end in the next.
        held = length.min(ENTRY.len() - 1);
        buffer.copy_within(length - held..length, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn zip_with(path: &Path, names: &[&str]) {
        let mut zip = ZipWriter::new(File::create(path).unwrap());
        for name in names {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        }
        zip.finish().unwrap();
    }

    #[test]
    fn a_zip_of_too_many_members_is_refused_before_it_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("zip");
        let names: Vec<_> = (0..=MOST_MEMBERS).map(|name| name.to_string()).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        for (members, is_fine) in [(MOST_MEMBERS, true), (MOST_MEMBERS + 1, false)] {
            zip_with(&path, &names[..members]);
            let mut file = File::open(&path).unwrap();
            assert_eq!(check_zip(&mut file, &["0"]).is_ok(), is_fine, "{members}");
        }
    }
    #[test]
    fn a_member_that_people_wait_for_must_be_whole_and_not_a_bomb() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("zip");
        let stored =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for (name, options, bytes, is_fine) in [
            ("fits", SimpleFileOptions::default(), LARGEST_MEMBER, true),
            (
                "bomb",
                SimpleFileOptions::default(),
                LARGEST_MEMBER + 1,
                false,
            ),
            ("whole", stored, 1000, true),
        ] {
            let mut zip = ZipWriter::new(File::create(&path).unwrap());
            zip.start_file(name, options).unwrap();
            io::copy(&mut io::repeat(b'x').take(bytes), &mut zip).unwrap();
            zip.finish().unwrap();
            let checked = check_zip(&mut File::open(&path).unwrap(), &[name]);
            assert_eq!(checked.is_ok(), is_fine, "{name}: {checked:?}");
        }
        let mut damaged = fs::read(&path).unwrap();
        damaged[500] = b'y';
        fs::write(&path, damaged).unwrap();
        let mut file = File::open(&path).unwrap();
        assert!(check_zip(&mut file, &["whole"]).is_err());
        assert!(
            check_zip(&mut file, &[]).is_ok(),
            "its list of members is whole"
        );
    }
}
