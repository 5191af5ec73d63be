//! The rules of the house that no compiler checks. Each message says what to do.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Beyond this a file has more than one subject.
const LONGEST_SOURCE: usize = 400;

/// A newcomer reads each of them in five minutes.
const LONGEST_README: usize = 119;
const LONGEST_ARCHITECTURE: usize = 149;

/// Libraries that only their homes know, so that each of them could be exchanged.
const HOMES: &[(&str, &[&str])] = &[
    ("warp", &["api/"]),
    (
        "rusqlite",
        &["shared/src/store/", "tests/", "bench/src/limit/"],
    ),
    ("rusqlite_migration", &["shared/src/store/"]),
    ("deadpool_sqlite", &["shared/src/store/"]),
    ("bollard", &["worker/src/container/docker"]),
];

/// Where packages come from may be somebody's mirror. Written in two pieces, as this file is looked at too.
const REGISTRIES: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("registry.npmjs", ".org"),
    concat!("deb.debian", ".org"),
];

/// How an SQL statement begins in a source: behind a quotation mark.
const STATEMENTS: &[&str] = &[
    "SELECT ", "INSERT ", "UPDATE ", "DELETE ", "CREATE ", "PRAGMA ", "BEGIN ",
];

#[test]
fn no_source_is_longer_than_one_subject_needs() {
    complain(sources().iter().filter_map(|source| {
        let lines = source.text.lines().count();
        (lines > LONGEST_SOURCE).then(|| {
            format!(
                "{} has {lines} lines: give a part of it a file of its own, {LONGEST_SOURCE} are the most",
                source.path
            )
        })
    }));
}

#[test]
fn every_source_opens_with_what_it_owns() {
    complain(
        sources()
            .iter()
            .filter(|source| !source.text.starts_with("//! "))
            .map(|source| {
                format!(
                    "{} does not open with `//! `: say in one sentence what it owns",
                    source.path
                )
            }),
    );
}

#[test]
fn a_library_is_named_only_in_its_home() {
    let sources = sources();
    complain(HOMES.iter().flat_map(|(library, homes)| {
        outside(&sources, homes)
            .flat_map(|source| source.code())
            .filter(|line| names(line.text, library))
            .map(move |line| format!("{line} names {library}: use what {} makes of it", homes[0]))
    }));
}

#[test]
fn no_member_depends_on_a_library_that_lives_elsewhere() {
    let manifests: Vec<_> = files()
        .into_iter()
        .filter(|file| file.path.ends_with("/Cargo.toml"))
        .collect();
    complain(HOMES.iter().flat_map(|(library, homes)| {
        manifests
            .iter()
            .filter(|manifest| {
                let member = manifest.path.trim_end_matches("Cargo.toml");
                !homes.iter().any(|home| home.starts_with(member)) && requires(manifest, library)
            })
            .map(move |manifest| {
                format!(
                    "{} depends on {library}, which lives in {}",
                    manifest.path, homes[0]
                )
            })
    }));
}

#[test]
fn no_member_depends_on_one_that_is_built_on_it() {
    let pointing_back = [
        ("api", &["worker", "cli"][..]),
        ("worker", &["api", "cli"]),
        ("shared", &["api", "worker", "cli"]),
    ];
    complain(pointing_back.iter().flat_map(|(member, others)| {
        let manifest = read(&format!("{member}/Cargo.toml")).unwrap();
        others
            .iter()
            .filter(move |other| requires(&manifest, other))
            .map(move |other| {
                format!("{member} depends on {other}: what both need belongs into shared")
            })
    }));
}

#[test]
fn the_environment_is_read_in_one_place() {
    let sources = sources();
    // The tests have switches of their own, which are no settings.
    let homes = &["shared/src/settings.rs", "tests/"];
    complain(
        outside(&sources, homes)
            .flat_map(File::code)
            .filter(|line| line.text.contains("env::var"))
            .map(|line| {
                format!(
                    "{line} reads the environment: make it a setting in {}",
                    homes[0]
                )
            }),
    );
}

#[test]
fn only_the_store_speaks_sql() {
    let sources = sources();
    // The store's tests look at its table as an operator does.
    complain(
        outside(
            &sources,
            &[
                "shared/src/store/",
                "tests/",
                "bench/src/limit/",
                "bench/src/crowd.rs",
            ],
        )
        .flat_map(File::code)
        .filter(|line| {
            STATEMENTS
                .iter()
                .any(|statement| line.text.contains(&format!("\"{statement}")))
        })
        .map(|line| format!("{line} holds a statement: make it a function of shared/src/store")),
    );
}

#[test]
fn kll_is_made_of_text_and_touches_no_file() {
    complain(
        sources()
            .iter()
            .filter(|source| source.path.starts_with("shared/src/kll/"))
            .filter(|source| !source.path.ends_with("/tests.rs"))
            .flat_map(File::code)
            .filter(|line| {
                ["fs::", "File::", "std::fs"]
                    .iter()
                    .any(|word| line.text.contains(word))
            })
            .map(|line| format!("{line} touches a file: take the text as an argument")),
    );
}

#[test]
fn the_first_pages_are_short() {
    let pages = [
        ("README.md", LONGEST_README),
        ("ARCHITECTURE.md", LONGEST_ARCHITECTURE),
    ];
    complain(pages.iter().filter_map(|(path, most)| {
        let lines = read(path)?.text.lines().count();
        (lines > *most).then(|| {
            format!("{path} has {lines} lines, {most} are the most: move a part of it into docs/")
        })
    }));
}

#[test]
fn no_registry_is_named() {
    // These say which registry the packages are from, and cannot do without.
    let exempt = [
        "Cargo.lock",
        "bench/peers/Cargo.lock",
        "fuzz/Cargo.lock",
        "deny.toml",
    ];
    let files = files();
    complain(
        outside(&files, &exempt)
            .flat_map(File::lines)
            .filter(|line| REGISTRIES.iter().any(|name| line.text.contains(name)))
            .map(|line| {
                format!("{line} names a registry: leave that to the machine's own settings")
            }),
    );
}

#[test]
fn the_rules_find_what_breaks_them() {
    let file = File {
        path: "worker/src/run.rs".to_owned(),
        text: "// use acme::Filter;\n    use acme::Filter;\nlet a = acmes::b();".to_owned(),
    };
    let found: Vec<_> = file
        .code()
        .filter(|line| names(line.text, "acme"))
        .map(|line| line.to_string())
        .collect();
    assert_eq!(found, ["worker/src/run.rs:2"]);
    for naming in [
        "let x: Result<(), acme::Error>;",
        "use {acme::Tool, std::fs};",
        "use acme as tools;",
    ] {
        assert!(names(naming, "acme"), "{naming}");
    }
    assert!(!names("use shared::acme::X;", "acme"));
    assert!(!names("use shared::acme_like::X;", "acme"));
    let all = files();
    assert!(all.iter().any(|file| file.path == "shared/src/lib.rs"));
    assert!(all.iter().all(|file| !file.path.starts_with("target/")));
}

/// A file of the repository, by its path from the root.
struct File {
    path: String,
    text: String,
}

/// One line of a file, and where it is.
struct Line<'file> {
    path: &'file str,
    number: usize,
    text: &'file str,
}

impl std::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.path, self.number)
    }
}

impl File {
    fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.text.lines().zip(1..).map(|(text, number)| Line {
            path: &self.path,
            number,
            text,
        })
    }

    /// The lines that are no comments.
    fn code(&self) -> impl Iterator<Item = Line<'_>> {
        self.lines()
            .filter(|line| !line.text.trim_start().starts_with("//"))
    }
}

/// Whether a line uses this library: in a path, or as a whole in a `use`.
fn names(line: &str, library: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(library).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + library.len()..]);
        let imported = before.trim_end().ends_with("use") && !after.starts_with(is_word);
        // Within a path of another library it is only a module of that name.
        let begins = !before.ends_with(is_word) && !before.ends_with("::");
        imported || (begins && after.starts_with("::"))
    })
}

/// Whether a manifest has this dependency.
fn requires(manifest: &File, library: &str) -> bool {
    let dashed = library.replace('_', "-");
    manifest.text.lines().any(|line| {
        [library, &dashed].iter().any(|name| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
        })
    })
}

fn outside<'files>(
    files: &'files [File],
    homes: &'files [&str],
) -> impl Iterator<Item = &'files File> {
    files
        .iter()
        .filter(|file| !homes.iter().any(|home| file.path.starts_with(home)))
}

#[track_caller]
fn complain(complaints: impl Iterator<Item = String>) {
    let complaints: Vec<_> = complaints.collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn sources() -> Vec<File> {
    let mut files = files();
    files.retain(|file| file.path.ends_with(".rs"));
    files
}

/// Every text of the repository, without what git is told to ignore.
fn files() -> Vec<File> {
    let mut ignored = vec![".git".to_owned(), "target".to_owned()];
    if let Some(file) = read(".gitignore") {
        let lines = file.text.lines().filter_map(|line| line.strip_prefix('/'));
        ignored.extend(lines.map(|line| line.trim_end_matches('/').to_owned()));
    }
    let mut files = Vec::new();
    walk(&root(), &ignored, &mut files);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

fn walk(directory: &Path, ignored: &[String], files: &mut Vec<File>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let (kind, name) = (entry.file_type().unwrap(), entry.file_name());
        if ignored.iter().any(|one| name == one.as_str()) {
            continue;
        }
        if kind.is_dir() {
            walk(&entry.path(), ignored, files);
        } else if kind.is_file()
            // What is no text has no lines to look at.
            && let Ok(text) = fs::read_to_string(entry.path())
        {
            let path = entry.path();
            let path = path.strip_prefix(root()).unwrap().to_str().unwrap();
            files.push(File {
                path: path.to_owned(),
                text,
            });
        }
    }
}

fn read(path: &str) -> Option<File> {
    let text = fs::read_to_string(root().join(path)).ok()?;
    Some(File {
        path: path.to_owned(),
        text,
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
