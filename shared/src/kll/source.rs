//! Which part of a document each line of a KLL file was made of.

/// A part of a KLL file. It goes on to where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The line it begins on, from 1.
    pub line: usize,
    /// What it was made of, as a JSON pointer into the document.
    pub pointer: String,
    /// The key that the line is for, as the base layout names it.
    pub key: Option<String>,
}

/// A file while it is written.
pub(super) struct Page {
    pub(super) text: String,
    sources: Vec<Source>,
    /// The line that the text up to `counted` ends on.
    line: usize,
    counted: usize,
}

impl Page {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            sources: Vec::new(),
            line: 1,
            counted: 0,
        }
    }

    /// What follows was made of this.
    pub(super) fn begin(&mut self, pointer: String, key: Option<&str>) {
        self.begin_after(0, pointer, key);
    }

    /// What follows in so many lines was made of this.
    pub(super) fn begin_after(&mut self, lines: usize, pointer: String, key: Option<&str>) {
        let new = &self.text.as_bytes()[self.counted..];
        self.line += new.iter().filter(|&&byte| byte == b'\n').count();
        self.counted = self.text.len();
        self.sources.push(Source {
            line: self.line + lines,
            pointer,
            key: key.map(str::to_owned),
        });
    }

    pub(super) fn done(self) -> (String, Vec<Source>) {
        (self.text, self.sources)
    }
}
