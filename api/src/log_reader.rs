//! A log as it grows, in pieces of whole characters, from any byte on.

use std::{io, path::Path};

use shared::store::jobs::Build;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};

use crate::{feed::log_of, files};

/// Bytes that are read at once. It is all that a watcher holds, however long the log is.
const PIECE: usize = 16 * 1024;

/// A place in the logs of a build: each claim of it has a log of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The claim.
    pub(crate) epoch: u32,
    /// Bytes before it.
    pub(crate) offset: u64,
}

/// A piece of a log.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Where it begins.
    pub(crate) from: Mark,
    /// Where it ends.
    pub(crate) to: Mark,
    /// What stands there, with a replacement for what is no character.
    pub(crate) text: String,
}

/// Reads the log of a build's last claim.
#[derive(Default)]
pub(crate) struct LogReader {
    at: Mark,
    file: Option<File>,
    /// What was read and is not a whole character yet.
    half: Vec<u8>,
}

impl LogReader {
    /// One that goes on here.
    pub(crate) fn from(mark: Mark) -> Self {
        Self {
            at: mark,
            ..Self::default()
        }
    }

    /// Where it stands.
    pub(crate) fn at(&self) -> Mark {
        self.at
    }

    /// What comes next, or nothing where nothing is there yet. A build that was claimed anew has a new log, which is
    /// read from its beginning.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) async fn next(&mut self, logs: &Path, build: &Build) -> io::Result<Option<Piece>> {
        if self.at.epoch != build.epoch {
            *self = Self::from(Mark {
                epoch: build.epoch,
                offset: 0,
            });
        }
        if self.file.is_none() {
            self.file = self.open(logs, build).await?;
        }
        let Some(file) = &mut self.file else {
            return Ok(None);
        };
        loop {
            let mut bytes = std::mem::take(&mut self.half);
            let held = bytes.len();
            bytes.resize(held + PIECE, 0);
            let read = file.read(&mut bytes[held..]).await?;
            bytes.truncate(held + read);
            let is_all = read == 0 && build.status.is_final();
            // The end of a log that grows no more is told as it is.
            let whole = if is_all {
                bytes.len()
            } else {
                whole_characters(&bytes)
            };
            self.half = bytes.split_off(whole);
            if !bytes.is_empty() {
                return Ok(Some(self.piece(&bytes)));
            }
            if read == 0 {
                return Ok(None);
            }
        }
    }

    async fn open(&mut self, logs: &Path, build: &Build) -> io::Result<Option<File>> {
        let Some((mut file, length)) = files::open_below(logs, &log_of(build)).await? else {
            return Ok(None);
        };
        if self.at.offset > length {
            // Whoever asks to go on there never was there.
            self.at.offset = 0;
        }
        file.seek(io::SeekFrom::Start(self.at.offset)).await?;
        Ok(Some(file))
    }

    fn piece(&mut self, bytes: &[u8]) -> Piece {
        let from = self.at;
        self.at.offset += bytes.len() as u64;
        Piece {
            from,
            to: self.at,
            text: String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// How many bytes there are without a character at the end that is not whole. Bytes there that are no character at all
/// are left out too: they come with the next piece.
fn whole_characters(bytes: &[u8]) -> usize {
    let last = bytes.utf8_chunks().last();
    bytes.len() - last.map_or(0, |chunk| chunk.invalid().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_told_when_it_is_whole() {
        let text = "aäö€𝄞".as_bytes();
        for end in 0..=text.len() {
            let whole = whole_characters(&text[..end]);
            assert!(std::str::from_utf8(&text[..whole]).is_ok());
            assert!(end - whole < 4, "only a part of one character is held back");
        }
        assert_eq!(whole_characters(text), text.len());
        assert_eq!(whole_characters(b"\xff\xfea\xff"), 3);
    }
}
