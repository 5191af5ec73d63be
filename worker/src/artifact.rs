//! A build's zip: taken from where the build left it, checked, and published as a new file.
//!
//! What a container leaves is hostile. It is opened without following links, must be an ordinary file
//! with one name, and is copied to a new inode, so that nothing that the build still holds can change
//! what was published.

/// Whether it is a zip with all that it must hold.
mod check;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use sha2::{Digest, Sha256};
use shared::{job::Artifact, store::jobs::Held};
use zip::{ZipWriter, write::SimpleFileOptions};

use check::check;

/// Why a file is not published.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// It is not there.
    #[error("the build left no {0}")]
    Missing(String),
    /// It is something else than an ordinary file of a fitting size, or no zip with what it must hold.
    #[error("the build left a {name} that cannot be used: {why}")]
    Unusable {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// Our own disk.
    #[error("the artifact could not be stored: {0}")]
    Store(#[from] io::Error),
}

/// Publishes a zip that the build left: `<builds>/<name>` becomes `<artifacts>/<build>/<epoch>.zip`.
///
/// # Errors
/// [`ArtifactError`]; nothing is published then.
pub fn publish(
    builds: &Path,
    name: &str,
    must_hold: &[&str],
    artifacts: &Path,
    held: &Held,
) -> Result<Artifact, ArtifactError> {
    let unusable = |why: String| ArtifactError::Unusable {
        name: name.to_owned(),
        why,
    };
    let mut source = open_plain(&builds.join(name)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ArtifactError::Missing(name.to_owned()),
        _ => unusable(error.to_string()),
    })?;
    let files = check(&mut source, must_hold).map_err(unusable)?;
    source.seek(SeekFrom::Start(0))?;
    let stored = store(artifacts, held, |published| {
        io::copy(&mut source, published).map(drop)
    })?;
    Ok(Artifact { files, ..stored })
}

/// Publishes a zip of our own for a build that left none: the log, and the layout that was asked for.
///
/// # Errors
/// When our own disk does not take it.
pub fn publish_log(
    log: &Path,
    layout: (&str, &str),
    artifacts: &Path,
    held: &Held,
) -> Result<Artifact, ArtifactError> {
    let (json_name, json) = layout;
    store(artifacts, held, |published| {
        let mut zip = ZipWriter::new(published);
        // The log's cap bounds its size, so that it may go through memory.
        let text = fs::read(log).unwrap_or_default();
        zip.start_file("log/build.log", SimpleFileOptions::default())?;
        zip.write_all(&text)?;
        zip.start_file(json_name, SimpleFileOptions::default())?;
        zip.write_all(json.as_bytes())?;
        zip.finish().map(drop).map_err(io::Error::other)
    })
}

/// Removes what a claim published that turned out to have lost its build: no row names it.
///
/// # Errors
/// When it is still there.
pub fn take_back(artifacts: &Path, held: &Held) -> io::Result<()> {
    let directory = artifacts.join(held.id.to_string());
    match fs::remove_file(directory.join(file_name(held))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        // The directory stays: the claim that has the build now may be about to use it.
        _ => Ok(()),
    }
}

/// Removes what earlier claims of a build published before they were lost, once this one's is the answer.
///
/// # Errors
/// When some of it is still there.
pub fn keep_only(artifacts: &Path, held: &Held) -> io::Result<()> {
    let answer = file_name(held);
    for entry in fs::read_dir(artifacts.join(held.id.to_string()))? {
        let entry = entry?;
        if entry.file_name() != *answer {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Reads a small file that a build left, such as its hint; `None` where there is nothing to read.
#[must_use]
pub fn read_hint(path: &Path) -> Option<String> {
    let mut text = String::new();
    open_plain(path)
        .ok()?
        .take(64)
        .read_to_string(&mut text)
        .ok()?;
    Some(text.trim().to_owned())
}

fn open_plain(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    #[expect(
        clippy::cast_possible_wrap,
        reason = "open(2) takes its flags as a signed number"
    )]
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.nlink() != 1 {
        return Err(io::Error::other("it is not an ordinary file with one name"));
    }
    Ok(file)
}

/// Writes to a temporary name, syncs, and renames: under its name a file is always whole.
fn store(
    artifacts: &Path,
    held: &Held,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<Artifact, ArtifactError> {
    let directory = artifacts.join(held.id.to_string());
    fs::create_dir_all(&directory)?;
    let name = file_name(held);
    let temporary = directory.join(format!(".{name}"));
    let stored = write_whole(&temporary, fill).and_then(|measured| {
        fs::rename(&temporary, directory.join(&name))?;
        File::open(&directory)?.sync_all()?;
        Ok(measured)
    });
    match stored {
        Ok((bytes, sha256)) => Ok(Artifact {
            file: format!("{}/{name}", held.id),
            bytes,
            sha256,
            files: Vec::new(),
        }),
        Err(error) => {
            // A disk that is full shall not keep the half of a zip.
            drop(fs::remove_file(&temporary));
            Err(error.into())
        }
    }
}

fn write_whole(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<(u64, String)> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)?;
    fill(&mut file)?;
    file.sync_all()?;
    measure(&mut file)
}

fn file_name(held: &Held) -> String {
    format!("{}.zip", held.epoch)
}

fn measure(file: &mut File) -> io::Result<(u64, String)> {
    file.seek(SeekFrom::Start(0))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((bytes, hex::encode(hash.finalize()))),
            length => {
                hash.update(&buffer[..length]);
                bytes += length as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use shared::job::JobId;

    use super::*;

    fn held() -> Held {
        Held {
            id: JobId::new(),
            worker: "w".to_owned(),
            epoch: 1,
        }
    }

    fn zip_with(path: &Path, names: &[&str]) {
        let mut zip = ZipWriter::new(File::create(path).unwrap());
        for name in names {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        }
        zip.finish().unwrap();
    }

    #[test]
    fn a_whole_zip_is_published_as_a_new_file() {
        let (builds, artifacts, held) = (
            tempfile::tempdir().unwrap(),
            tempfile::tempdir().unwrap(),
            held(),
        );
        let names = ["log/build.log", "kiibohd.dfu.bin"];
        zip_with(&builds.path().join("f.zip"), &names);
        let artifact = publish(
            builds.path(),
            "f.zip",
            &["log/build.log"],
            artifacts.path(),
            &held,
        )
        .unwrap();
        assert_eq!(artifact.files[0].name, "kiibohd.dfu.bin");
        let published = artifacts.path().join(&artifact.file);
        assert_eq!(fs::metadata(&published).unwrap().len(), artifact.bytes);
        assert_ne!(
            fs::metadata(published).unwrap().ino(),
            fs::metadata(builds.path().join("f.zip")).unwrap().ino()
        );
    }

    #[test]
    fn what_is_not_a_plain_whole_zip_is_not_published() {
        let (builds, artifacts, held) = (
            tempfile::tempdir().unwrap(),
            tempfile::tempdir().unwrap(),
            held(),
        );
        let at = |name: &str| builds.path().join(name);
        zip_with(&at("good"), &["log/build.log"]);
        symlink(at("good"), at("link")).unwrap();
        fs::write(at("text"), "no zip").unwrap();
        let whole = fs::read(at("good")).unwrap();
        fs::write(at("cut"), &whole[..whole.len() - 10]).unwrap();
        fs::create_dir(at("directory")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("pipe"),
            rustix::fs::FileType::Fifo,
            0o600.into(),
            0,
        )
        .unwrap();
        fs::write(at("named_twice"), &whole).unwrap();
        fs::hard_link(at("named_twice"), at("again")).unwrap();
        let publish = |name: &str, holds: &[&str]| {
            publish(builds.path(), name, holds, artifacts.path(), &held)
        };
        for name in ["link", "text", "cut", "directory", "pipe", "named_twice"] {
            let error = publish(name, &[]).unwrap_err();
            assert!(
                matches!(error, ArtifactError::Unusable { .. }),
                "{name}: {error}"
            );
        }
        assert!(matches!(
            publish("good", &["kiibohd.dfu.bin"]),
            Err(ArtifactError::Unusable { .. })
        ));
        assert!(matches!(
            publish("nothing", &[]),
            Err(ArtifactError::Missing(_))
        ));
        assert!(publish("good", &["log/build.log"]).is_ok());
    }
}
