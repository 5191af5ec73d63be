//! A build's output on its way into a file: bounded, cut at a character, and saying so.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};

use crate::container::ContainerError;

/// A longer line helps nobody and can stop a page from showing the log.
const LONGEST_LINE: usize = 16 * 1024;

/// How far a log may go over its cap before its build is ended: past the cap nothing is kept, but the
/// engine still has to carry it. With its [`ENVELOPE`], a log of lines as people write them is cut first.
const ENDLESS: u64 = 8;

/// How much the engine keeps of a log under this cap.
///
/// It must be well above [`ENDLESS`]: an engine that starts its file anew loses what was not followed yet,
/// or stops following, and it writes some characters longer than they came.
#[must_use]
pub fn engine_keeps(cap: u64) -> u64 {
    /// What a flood writes before anybody reads it, whatever the cap is.
    const BURST: u64 = 64 << 20;
    cap.saturating_mul(2 * ENDLESS).max(BURST)
}

/// What the engine writes around each piece of output, roughly. A log of very short lines is mostly that.
const ENVELOPE: u64 = 100;

/// How following a log ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// With the container.
    ToItsEnd,
    /// It had no end.
    Endless,
}

/// Writes a container's output into a file until it ends.
///
/// # Errors
/// When the engine stops answering. What our own disk does not take is left out, as the build is worth
/// more than its log.
pub async fn follow(
    mut output: BoxStream<'static, Result<Bytes, ContainerError>>,
    log: &mut LogFile,
) -> Result<Followed, ContainerError> {
    while let Some(piece) = output.next().await {
        log.take(&piece?);
        if log.carried > log.cap.saturating_mul(ENDLESS) {
            return Ok(Followed::Endless);
        }
    }
    Ok(Followed::ToItsEnd)
}

/// A log under its cap.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    cap: u64,
    /// Bytes that the engine had to carry.
    carried: u64,
    /// Bytes that were kept.
    kept: u64,
    line: usize,
    cut: bool,
}

impl LogFile {
    /// Starts a log, with its directory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path, cap: u64) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        Ok(Self {
            file: File::create(path)?,
            cap,
            carried: 0,
            kept: 0,
            line: 0,
            cut: false,
        })
    }

    /// Adds a line of our own, whatever the cap.
    pub fn say(&mut self, words: &str) {
        let start = if self.line == 0 { "" } else { "\n" };
        drop(writeln!(self.file, "{start}kiisrv: {words}"));
        self.line = 0;
    }

    /// Adds output, as far as there is room.
    pub fn take(&mut self, piece: &[u8]) {
        self.carried += piece.len() as u64 + ENVELOPE;
        if self.cut {
            return;
        }
        let shortened = self.shorten_lines(piece);
        let room = usize::try_from(self.cap - self.kept).unwrap_or(usize::MAX);
        let fits = if shortened.len() <= room {
            &shortened[..]
        } else {
            at_character(&shortened[..room])
        };
        drop(self.file.write_all(fits));
        self.kept += fits.len() as u64;
        if fits.len() < shortened.len() {
            self.cut = true;
            let kept = self.cap / 1024;
            self.say(&format!(
                "the log is cut here, at {kept} KiB; the build went on"
            ));
        }
    }

    fn shorten_lines(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut shortened = Vec::with_capacity(piece.len());
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let ends = part.ends_with(b"\n");
            let room = LONGEST_LINE.saturating_sub(self.line);
            if part.len() <= room {
                shortened.extend_from_slice(part);
            } else if self.line <= LONGEST_LINE {
                shortened.extend_from_slice(at_character(&part[..room]));
                shortened.extend_from_slice(" … (line cut)\n".as_bytes());
            }
            self.line = if ends {
                0
            } else {
                (self.line + part.len()).min(LONGEST_LINE + 1)
            };
        }
        shortened
    }
}

/// The bytes without a character that is cut at their end.
fn at_character(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        // `error_len` is `None` exactly when the end came too early.
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(cap: u64, pieces: &[&str]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("build/1.log");
        let mut log = LogFile::create(&path, cap).unwrap();
        for piece in pieces {
            log.take(piece.as_bytes());
        }
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_log_is_cut_at_a_character_and_says_so() {
        let text = logged(5, &["abäö", "more"]);
        assert!(
            text.starts_with("abä\nkiisrv: the log is cut here"),
            "{text}"
        );
        assert!(!text.contains("more"));
    }

    #[test]
    fn an_endless_line_is_cut_once_and_the_next_line_is_whole() {
        let long = "x".repeat(LONGEST_LINE);
        let text = logged(1 << 20, &[&long, &long, "y\nnext\n"]);
        assert_eq!(text.matches("(line cut)").count(), 1);
        assert!(
            text.ends_with("(line cut)\nnext\n"),
            "{}",
            &text[text.len() - 40..]
        );
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        assert_eq!(logged(1 << 20, &["a\nb", "c\n\n", "d"]), "a\nbc\n\nd");
    }
}
