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

/// A log under its cap. It is the same file however the output came in pieces.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    cap: u64,
    /// Bytes that the engine had to carry.
    carried: u64,
    /// Bytes that were kept.
    kept: u64,
    /// The beginning of a character whose end has not come yet.
    half: Vec<u8>,
    /// Bytes of the present line.
    line: usize,
    line_is_cut: bool,
    /// Whether what was written last ended its line.
    at_start: bool,
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
            half: Vec::new(),
            line: 0,
            line_is_cut: false,
            at_start: true,
            cut: false,
        })
    }

    /// Adds a line of our own, whatever the cap.
    pub fn say(&mut self, words: &str) {
        let mut out = self.end_of_output();
        self.own_line(&mut out, words);
        drop(self.file.write_all(&out));
    }

    /// Adds output, as far as there is room.
    pub fn take(&mut self, piece: &[u8]) {
        self.carried += piece.len() as u64 + ENVELOPE;
        if self.cut {
            return;
        }
        let mut bytes = std::mem::take(&mut self.half);
        bytes.extend_from_slice(piece);
        self.half = bytes.split_off(bytes.len() - half_character(&bytes));
        let mut out = Vec::with_capacity(bytes.len());
        self.add(&mut out, &bytes);
        drop(self.file.write_all(&out));
    }

    /// Half a character is all that will come of it.
    fn end_of_output(&mut self) -> Vec<u8> {
        let half = std::mem::take(&mut self.half);
        let mut out = Vec::new();
        self.add(&mut out, &half);
        out
    }

    /// Adds whole characters, the lines among them shortened.
    fn add(&mut self, out: &mut Vec<u8>, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            if !self.line_is_cut {
                let fits = up_to(text, LONGEST_LINE - self.line);
                self.keep(out, fits);
                self.line += fits.len();
                if fits.len() < text.len() {
                    self.line_is_cut = true;
                    self.keep(out, " … (line cut)".as_bytes());
                }
            }
            if text.len() < part.len() {
                self.keep(out, b"\n");
                self.line = 0;
                self.line_is_cut = false;
            }
        }
    }

    /// Keeps what there is room for; the first that has none is where the log is cut.
    fn keep(&mut self, out: &mut Vec<u8>, bytes: &[u8]) {
        if self.cut || bytes.is_empty() {
            return;
        }
        let room = usize::try_from(self.cap - self.kept).unwrap_or(usize::MAX);
        let fits = up_to(bytes, room);
        out.extend_from_slice(fits);
        self.kept += fits.len() as u64;
        self.at_start = fits.last().map_or(self.at_start, |last| *last == b'\n');
        if fits.len() < bytes.len() {
            self.cut = true;
            let kept = self.cap / 1024;
            let words = format!("the log is cut here, at {kept} KiB; the build went on");
            self.own_line(out, &words);
        }
    }

    fn own_line(&mut self, out: &mut Vec<u8>, words: &str) {
        let start = if self.at_start { "" } else { "\n" };
        out.extend_from_slice(format!("{start}kiisrv: {words}\n").as_bytes());
        self.at_start = true;
        self.line = 0;
        self.line_is_cut = false;
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        let out = self.end_of_output();
        drop(self.file.write_all(&out));
    }
}

/// How many bytes at the end are the beginning of a character that is not whole.
fn half_character(bytes: &[u8]) -> usize {
    (1..=bytes.len().min(3))
        .find(|length| {
            // `error_len` is `None` exactly when the end came too early.
            let end = std::str::from_utf8(&bytes[bytes.len() - length..]);
            end.is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
        })
        .unwrap_or(0)
}

/// As many of the bytes as there is room for, without a part of a character at their end.
fn up_to(bytes: &[u8], room: usize) -> &[u8] {
    if bytes.len() <= room {
        return bytes;
    }
    let fits = &bytes[..room];
    let half = half_character(fits);
    // Where no character goes over the edge, the half is only bytes that look like one.
    let rest = &bytes[room - half..];
    let is_character = (2..=rest.len().min(4)).any(|length| {
        std::str::from_utf8(&rest[..length]).is_ok_and(|text| text.chars().count() == 1)
    });
    if half > 0 && is_character {
        &fits[..room - half]
    } else {
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(cap: u64, pieces: &[&str]) -> String {
        let pieces: Vec<_> = pieces.iter().map(|piece| piece.as_bytes()).collect();
        String::from_utf8(logged_bytes(cap, &pieces)).unwrap()
    }

    fn logged_bytes(cap: u64, pieces: &[&[u8]]) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("build/1.log");
        let mut log = LogFile::create(&path, cap).unwrap();
        for piece in pieces {
            log.take(piece);
        }
        drop(log);
        fs::read(path).unwrap()
    }

    #[test]
    fn a_character_that_comes_in_two_pieces_is_whole_or_not_there() {
        let (first, second) = "é".as_bytes().split_at(1);
        assert_eq!(logged_bytes(10, &[first, second]), "é".as_bytes());
        let cut = logged_bytes(3, &[b"ab", first, second]);
        assert!(cut.starts_with(b"ab\nkiisrv: "), "{cut:?}");
        assert_eq!(
            logged_bytes(10, &[b"a", first]),
            b"a\xc3",
            "nothing came after it"
        );
    }

    #[test]
    fn our_own_words_stand_on_a_line_of_their_own() {
        let text = logged(5, &["abcdefg\n"]);
        assert!(text.starts_with("abcde\nkiisrv: "), "{text}");
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
