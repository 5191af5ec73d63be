//! The layouts that we come with, found by checked name: nothing that was sent to us ever becomes a path.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use super::base::{BaseKey, BaseLayout};
use super::name::is_layout_file;

/// In the library's directory: an object, from further names to the files they stand for.
const ALIASES: &str = "aliases.json";
/// The largest known layout has 150 KB.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// All layout files of a directory, read once. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Library {
    files: Arc<BTreeMap<String, Arc<LayoutFile>>>,
}

/// One layout file.
#[derive(Debug, PartialEq, Eq)]
pub struct LayoutFile {
    /// Its own name, also where it was asked for by another: `KType-Standard.json`.
    pub name: String,
    /// What is in it.
    pub text: Arc<str>,
    /// SHA-256 of the text, in hex.
    pub sha256: String,
    /// See [`keys`](Self::keys).
    keys: OnceLock<Result<Vec<BaseKey>, String>>,
}

/// Why a directory is no library.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The directory cannot be listed.
    #[error("listing the layout directory {path}")]
    List {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be read as text.
    #[error("reading the layout file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something with the ending of a layout is not a plain file, or too large a one.
    #[error(
        "{path} is not a plain file of at most {MAX_FILE_BYTES} bytes; second names belong in {ALIASES}"
    )]
    NotPlain {
        /// The file.
        path: PathBuf,
    },
    /// A file or an alias has a name that could not be asked for.
    #[error("the layout name {name:?} is not like KType-Standard.json")]
    Name {
        /// The name.
        name: String,
    },
    /// A file is not JSON.
    #[error("reading {name} as JSON")]
    Json {
        /// The file.
        name: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// An alias stands for nothing, or hides a file.
    #[error(
        "{ALIASES} says that {alias} is {target}; the first must be no file, and the second one"
    )]
    Alias {
        /// The further name.
        alias: String,
        /// What it is to stand for.
        target: String,
    },
}

impl Library {
    /// Reads a directory of layout files. What does not end in `.json` is left alone.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with the directory: better at start than for the first user.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, LibraryError> {
        let dir = dir.as_ref();
        let listing = |source| LibraryError::List {
            path: dir.to_owned(),
            source,
        };
        let mut texts = Vec::new();
        let mut aliases = BTreeMap::new();
        for entry in fs::read_dir(dir).map_err(listing)? {
            let entry = entry.map_err(listing)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.ends_with(".json") {
                continue;
            }
            let text = read_text(&entry)?;
            if name == ALIASES {
                aliases = serde_json::from_str(&text)
                    .map_err(|source| LibraryError::Json { name, source })?;
            } else {
                texts.push((name, text));
            }
        }
        Self::from_texts(texts, aliases)
    }

    /// A library of texts that are at hand, by file name, with further names for them.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_texts(
        texts: impl IntoIterator<Item = (String, String)>,
        aliases: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, LibraryError> {
        let mut files = BTreeMap::new();
        for (name, text) in texts {
            let file = Arc::new(LayoutFile::new(name, text)?);
            files.insert(file.name.clone(), file);
        }
        let mut further = Vec::new();
        for (alias, target) in aliases {
            if !is_layout_file(&alias) {
                return Err(LibraryError::Name { name: alias });
            }
            match files.get(&target) {
                Some(file) if !files.contains_key(&alias) => {
                    further.push((alias, Arc::clone(file)));
                }
                _ => return Err(LibraryError::Alias { alias, target }),
            }
        }
        files.extend(further);
        Ok(Self {
            files: Arc::new(files),
        })
    }

    /// The file of exactly that name, or of the name that it is an alias for.
    #[must_use]
    pub fn get(&self, file: &str) -> Option<&LayoutFile> {
        self.files.get(file).map(AsRef::as_ref)
    }

    /// All names that can be asked for, sorted, aliases among them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }
}

impl LayoutFile {
    fn new(name: String, text: String) -> Result<Self, LibraryError> {
        if !is_layout_file(&name) {
            return Err(LibraryError::Name { name });
        }
        if let Err(source) = serde_json::from_str::<IgnoredAny>(&text) {
            return Err(LibraryError::Json { name, source });
        }
        Ok(Self {
            name,
            sha256: hex::encode(Sha256::digest(text.as_bytes())),
            text: text.into(),
            keys: OnceLock::new(),
        })
    }

    /// Its keys, for a layout that builds on it. They are read once, as nearly every request builds on one of a few.
    pub(crate) fn keys(&self) -> Result<&[BaseKey], &str> {
        let keys = self.keys.get_or_init(|| {
            serde_json::from_str::<BaseLayout>(&self.text)
                .map(|layout| layout.matrix)
                .map_err(|error| error.to_string())
        });
        keys.as_deref().map_err(String::as_str)
    }
}

fn read_text(entry: &fs::DirEntry) -> Result<String, LibraryError> {
    let path = entry.path();
    let reading = |source| LibraryError::Read {
        path: entry.path(),
        source,
    };
    // The entry's own metadata: a link is not followed out of the directory.
    let metadata = entry.metadata().map_err(reading)?;
    if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
        return Err(LibraryError::NotPlain { path });
    }
    fs::read_to_string(&path).map_err(reading)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs = &'static [(&'static str, &'static str)];

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let own = |&(a, b): &(&str, &str)| (a.to_owned(), b.to_owned());
        pairs.iter().map(own).collect()
    }

    #[test]
    fn a_directory_is_read_once_with_its_aliases() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("KType-Standard.json"), "{}").unwrap();
        fs::write(dir.path().join("README.md"), "not a layout").unwrap();
        let aliases = r#"{"K-Type-Standard.json": "KType-Standard.json"}"#;
        fs::write(dir.path().join(ALIASES), aliases).unwrap();

        let library = Library::open(dir.path()).unwrap();

        let names: Vec<_> = library.names().collect();
        assert_eq!(names, ["K-Type-Standard.json", "KType-Standard.json"]);
        let file = library.get("K-Type-Standard.json").unwrap();
        assert_eq!(file.name, "KType-Standard.json");
        assert_eq!(&*file.text, "{}");
        assert!(file.sha256.starts_with("44136fa3"), "{}", file.sha256);
    }

    #[test]
    fn only_exact_names_are_found() {
        let library = Library::from_texts(owned(&[("A-B.json", "{}")]), []).unwrap();
        for name in ["a-b.json", "A-B", "./A-B.json", "../A-B.json", "", ALIASES] {
            assert!(library.get(name).is_none(), "{name}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_library_is_named() {
        let cases: [(Pairs, Pairs, &str); 6] = [
            (&[("a b.json", "{}")], &[], "\"a b.json\""),
            (&[("A.json", "{")], &[], "A.json as JSON"),
            (&[], &[("B.json", "A.json")], "B.json is A.json"),
            (
                &[("A.json", "{}"), ("B.json", "{}")],
                &[("B.json", "A.json")],
                "B.json is A.json",
            ),
            (&[("A.json", "{}")], &[("../B.json", "A.json")], "../B.json"),
            (
                &[("A.json", "{}")],
                &[("B.json", "A.json"), ("C.json", "B.json")],
                "C.json is B.json",
            ),
        ];
        for (texts, aliases, message) in cases {
            let error = Library::from_texts(owned(texts), owned(aliases)).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("A-B.json");
        std::os::unix::fs::symlink("/etc/hostname", link).unwrap();
        let error = Library::open(dir.path()).unwrap_err();
        assert!(error.to_string().contains("aliases.json"), "{error}");
    }
}
