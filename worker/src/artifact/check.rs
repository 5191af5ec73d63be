//! Whether a zip that a build left may be handed to people: whole, small when unpacked, and with names
//! that lead nowhere else.

use std::io::{self, Read, Seek, SeekFrom, Write};

use sha2::{Digest, Sha256};
use shared::job::FirmwareFile;
use zip::{ZipArchive, read::ZipFile};

/// More members than any firmware's zip has. The reader keeps all of them in memory, and an empty one
/// takes a build only 46 bytes.
const MOST_MEMBERS: usize = 10_000;

/// More than any firmware's zip unpacks to: those have a few megabytes, and a log in them has its cap.
const MOST_UNPACKED: u64 = 128 << 20;

/// What is for a keyboard: for each hand, and each in two kinds. A build may call anything so.
const MOST_FIRMWARE: usize = 4;

/// The record that ends a zip, without its comment.
const END_RECORD: u64 = 22;

/// Checks a zip to its last byte. It must hold these members. Gives what in it is for a keyboard.
///
/// # Errors
/// What is wrong with it, in words that read on after "cannot be used: ".
pub(super) fn check<F: Read + Seek>(
    file: &mut F,
    must_hold: &[&str],
) -> Result<Vec<FirmwareFile>, String> {
    check_within(file, must_hold, MOST_UNPACKED)
}

fn check_within<F: Read + Seek>(
    file: &mut F,
    must_hold: &[&str],
    mut room: u64,
) -> Result<Vec<FirmwareFile>, String> {
    let unreadable = |error: io::Error| error.to_string();
    if !has_few_members(file).map_err(unreadable)? {
        return Err(format!("it holds more than {MOST_MEMBERS} files"));
    }
    let no_zip = |error| format!("it is not a whole zip: {error}");
    let mut archive = ZipArchive::new(&mut *file).map_err(no_zip)?;
    if let Some(missing) = must_hold
        .iter()
        .find(|name| archive.index_for_name(name).is_none())
    {
        return Err(format!("it holds no {missing}"));
    }
    let mut firmware = Vec::new();
    for index in 0..archive.len() {
        let member = archive.by_index(index).map_err(no_zip)?;
        let name = member.name().to_owned();
        if firmware.len() < MOST_FIRMWARE && is_firmware(&name) {
            let mut hash = Hashing(Sha256::new());
            let bytes = check_member(member, room, &mut hash)?;
            room -= bytes;
            let sha256 = hex::encode(hash.0.finalize());
            firmware.push(FirmwareFile {
                name,
                bytes,
                sha256,
            });
        } else {
            room -= check_member(member, room, &mut io::sink())?;
        }
    }
    let (known, comment) = (archive.len(), archive.comment().len() as u64);
    match counted(file, comment).map_err(unreadable)? {
        // The reader keeps the last of several members with one name; others keep the first.
        Some(counted) if usize::from(counted) == known => Ok(firmware),
        Some(_) => Err("it holds two files of one name".to_owned()),
        None => Err("it does not end where a zip ends".to_owned()),
    }
}

/// Takes the checksum of what is written to it.
struct Hashing(Sha256);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Checks a member, passes it on, and gives its size: what it says of that itself may be untrue.
fn check_member<R: Read>(
    mut member: ZipFile<'_, R>,
    room: u64,
    to: &mut impl Write,
) -> Result<u64, String> {
    if !is_plain(member.name()) {
        return Err(format!("it holds a file named {:?}", member.name()));
    }
    if !(member.is_file() || member.is_dir()) {
        return Err(format!("its {} is no ordinary file", member.name()));
    }
    // To its end, where its checksum is compared.
    match io::copy(&mut (&mut member).take(room + 1), to) {
        Ok(bytes) if bytes <= room => Ok(bytes),
        Ok(_) => Err("it unpacks to more than any firmware has".to_owned()),
        Err(error) => Err(format!("its {} is not whole: {error}", member.name())),
    }
}

/// Whether a name is one of those that the firmware's build gives to what a keyboard takes, such as
/// `left_kiibohd.dfu.bin`. It is shown to people, so that it must be short and plain.
fn is_firmware(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    name.ends_with(".dfu.bin") && name.len() <= 64 && name.bytes().all(plain)
}

/// Whether a name means the same place on everybody's machine: below where the zip is unpacked.
fn is_plain(name: &str) -> bool {
    let parts = name.strip_suffix('/').unwrap_or(name).split('/');
    let odd = |one: char| one.is_control() || matches!(one, '\\' | ':');
    !name.contains(odd)
        && parts
            .into_iter()
            .all(|part| !matches!(part, "" | "." | ".."))
}

/// How many members a zip says that it has, where its end record is its end.
fn counted<F: Read + Seek>(file: &mut F, comment: u64) -> io::Result<Option<u16>> {
    let length = file.seek(SeekFrom::End(0))?;
    let Some(at) = length.checked_sub(END_RECORD + comment) else {
        return Ok(None);
    };
    file.seek(SeekFrom::Start(at))?;
    let mut record = [0; 12];
    file.read_exact(&mut record)?;
    Ok(record
        .starts_with(b"PK\x05\x06")
        .then(|| u16::from_le_bytes([record[10], record[11]])))
}

/// Counts what can be a member's entry, wherever it stands: what a zip says of itself may be untrue.
fn has_few_members<F: Read + Seek>(file: &mut F) -> io::Result<bool> {
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
    use std::io::Cursor;

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn wrong_with(zip: Vec<u8>) -> String {
        check(&mut Cursor::new(zip), &[]).unwrap_err()
    }

    #[test]
    fn a_zip_with_what_it_must_hold_is_fine() {
        let zip = zip_of(&[("log/build.log", b"fine"), ("kiibohd.dfu.bin", &[7; 5000])]);
        check(&mut Cursor::new(&zip), &["log/build.log"]).unwrap();
        let missing = check(&mut Cursor::new(&zip), &["other"]).unwrap_err();
        assert_eq!(missing, "it holds no other");
    }

    #[test]
    fn what_is_for_a_keyboard_is_named_with_its_checksum_and_nothing_else_is() {
        let zip = zip_of(&[
            ("log/build.log", b"fine"),
            ("left_kiibohd.dfu.bin", b"abc"),
            ("log/kiibohd.dfu.bin", b"elsewhere"),
            ("<b>.dfu.bin", b"odd"),
        ]);
        let found = check(&mut Cursor::new(zip), &[]).unwrap();
        // The checksum that the standard gives for these three letters.
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let expected = FirmwareFile {
            name: "left_kiibohd.dfu.bin".to_owned(),
            bytes: 3,
            sha256: sha256.to_owned(),
        };
        assert_eq!(found, [expected]);
        let names = ["a", "b", "c", "d", "e"].map(|name| format!("{name}.dfu.bin"));
        let many: Vec<(&str, &[u8])> = names.iter().map(|name| (&name[..], &b"x"[..])).collect();
        let found = check(&mut Cursor::new(zip_of(&many)), &[]).unwrap();
        assert_eq!(found.len(), MOST_FIRMWARE);
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for name in [
            "../up",
            "a/../../up",
            "/etc/passwd",
            "C:up",
            "..\\up",
            "a//b",
            "./a",
            "a\0b",
            "a\nb",
        ] {
            let wrong = wrong_with(zip_of(&[(name, b"x")]));
            assert!(
                wrong.starts_with("it holds a file named"),
                "{name:?}: {wrong}"
            );
        }
        for name in ["log/build.log", "..dots..", "a b", "ü.kll", "log/"] {
            assert!(is_plain(name), "{name}");
        }
    }

    #[test]
    fn a_link_in_a_zip_is_refused() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.add_symlink("log", "/etc", SimpleFileOptions::default())
            .unwrap();
        let wrong = wrong_with(zip.finish().unwrap().into_inner());
        assert_eq!(wrong, "its log is no ordinary file");
    }

    #[test]
    fn one_name_for_two_files_is_refused() {
        let mut zip = zip_of(&[("a.bin", b"first"), ("b.bin", b"second")]);
        // The writer refuses to write such a zip: the second is given its name afterwards.
        let name = zip.len() - zip.windows(5).rev().position(|at| at == b"b.bin").unwrap() - 5;
        zip[name] = b'a';
        assert_eq!(wrong_with(zip), "it holds two files of one name");
    }

    #[test]
    fn a_zip_that_unpacks_to_too_much_is_refused_whatever_it_says_of_itself() {
        let check = |members: &[(&str, &[u8])]| {
            check_within(&mut Cursor::new(zip_of(members)), &[], 200_000)
        };
        let half = ("a", &[0; 100_000][..]);
        check(&[half, ("b", half.1)]).unwrap();
        let wrong = check(&[half, ("b", half.1), ("c", b"x")]).unwrap_err();
        assert_eq!(wrong, "it unpacks to more than any firmware has");
    }

    #[test]
    fn a_member_that_understates_its_size_is_refused() {
        let mut zip = zip_of(&[("a", &[0; 100_000])]);
        let central = zip.windows(4).rposition(|at| at == b"PK\x01\x02").unwrap();
        zip[central + 24..central + 28].copy_from_slice(&1_u32.to_le_bytes());
        assert!(check_within(&mut Cursor::new(zip), &[], 1000).is_err());
    }

    #[test]
    fn a_damaged_member_is_refused() {
        let mut zip = zip_of(&[("a", b"firmware")]);
        // Behind a header of 30 bytes, the name, and what its last two bytes count.
        let extra = u16::from_le_bytes([zip[28], zip[29]]);
        zip[31 + usize::from(extra) + 2] ^= 0xff;
        let wrong = wrong_with(zip);
        assert!(
            wrong.contains("not whole") || wrong.contains("not a whole"),
            "{wrong}"
        );
    }

    #[test]
    fn bytes_behind_the_end_are_refused() {
        let mut zip = zip_of(&[("a", b"x")]);
        zip.extend(b"more");
        assert_eq!(wrong_with(zip), "it does not end where a zip ends");
    }

    #[test]
    fn a_zip_of_too_many_members_is_refused_before_it_is_read() {
        let names: Vec<_> = (0..=MOST_MEMBERS).map(|name| name.to_string()).collect();
        let members: Vec<(&str, &[u8])> = names.iter().map(|name| (&name[..], &b""[..])).collect();
        check(&mut Cursor::new(zip_of(&members[1..])), &["1"]).unwrap();
        let wrong = wrong_with(zip_of(&members));
        assert_eq!(wrong, "it holds more than 10000 files");
    }
}
