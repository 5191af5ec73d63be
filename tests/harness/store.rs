//! A table of its own for a test, builds to put into it, and a hand that changes it as an operator would.
#![expect(
    clippy::disallowed_types,
    reason = "tests look at the table as an operator's SQLite client does"
)]

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use shared::{
    channel::Dialect,
    job::{Artifact, Fingerprint, Outcome, Reason},
    store::{
        Store,
        jobs::{Enqueued, NewBuild, enqueue},
        requests::Visitor,
    },
};

/// A store in a directory of its own, which goes when the test ends.
pub struct OwnStore {
    /// The store.
    pub store: Store,
    directory: tempfile::TempDir,
}

impl OwnStore {
    /// Opens an empty one.
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory for the table");
        let store = Store::open(directory.path()).await.expect("an empty table");
        Self { store, directory }
    }

    /// Another process's handle to the same table.
    pub async fn another_handle(&self) -> Store {
        Store::open(self.directory())
            .await
            .expect("the same table again")
    }

    /// Where the table is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The table in an operator's hands.
    #[must_use]
    pub fn by_hand(&self) -> ByHand {
        ByHand::open(self.directory())
    }
}

/// A table as an SQLite client sees it, with no word from the program.
pub struct ByHand {
    table: rusqlite::Connection,
}

impl ByHand {
    /// Opens the table in this directory.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn open(directory: &Path) -> Self {
        let file: PathBuf = directory.join("kiisrv.db");
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let table = rusqlite::Connection::open_with_flags(file, flags).expect("a table");
        Self { table }
    }

    /// Runs statements, and gives back the complaint where the table has one.
    ///
    /// # Errors
    /// SQLite's words.
    pub fn run(&self, statements: &str) -> Result<(), String> {
        self.table
            .execute_batch(statements)
            .map_err(|error| error.to_string())
    }

    /// Lets a version's name stand for a controller, as an operator does.
    ///
    /// # Panics
    /// When the table does not take it.
    pub fn stand_for(&self, version: &str, controller: &str) {
        let sql = "INSERT INTO versions (name, channel, controller) VALUES (?1, 'test', ?2)";
        let changed = self.table.execute(sql, [version, controller]);
        changed.expect("a row");
    }

    /// The first column of every row, as text.
    ///
    /// # Panics
    /// When the question cannot be answered.
    #[must_use]
    pub fn ask(&self, question: &str) -> Vec<String> {
        self.column(question, 0)
    }

    /// How SQLite would answer a question: the steps of its plan.
    ///
    /// # Panics
    /// When the question is not understood.
    #[must_use]
    pub fn plan_of(&self, statement: &str) -> String {
        self.column(&format!("EXPLAIN QUERY PLAN {statement}"), 3)
            .join("\n")
    }

    fn column(&self, question: &str, column: usize) -> Vec<String> {
        let mut statement = self.table.prepare(question).expect("a question");
        statement
            .query_map([], |row| row.get::<_, rusqlite::types::Value>(column))
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .expect("an answer")
            .into_iter()
            .map(|value| match value {
                rusqlite::types::Value::Text(text) => text,
                rusqlite::types::Value::Integer(number) => number.to_string(),
                other => format!("{other:?}"),
            })
            .collect()
    }
}

/// A build that is about to be asked for.
pub struct ABuild(NewBuild);

/// A build of a board's layout, such as `KType-Standard`: the same text is the same build.
#[must_use]
pub fn a_build(name: &str) -> ABuild {
    let (keyboard, layout) = name.split_once('-').unwrap_or((name, "Standard"));
    ABuild(NewBuild {
        fingerprint: fingerprint(name),
        client: "somebody".to_owned(),
        keyboard: keyboard.to_owned(),
        layout: layout.to_owned(),
        layers: 2,
        version: "latest".to_owned(),
        controller: "057".to_owned(),
        image: "sha256:057".to_owned(),
        protocol: 2,
        dialect: Dialect::Latest,
        config: "{}".to_owned(),
        visitor: Visitor::from_user_agent("Mozilla/5.0 (X11; Linux x86_64)"),
    })
}

impl ABuild {
    /// By this client. Without it: by somebody.
    #[must_use]
    pub fn by(mut self, client: &str) -> Self {
        client.clone_into(&mut self.0.client);
        self
    }

    /// With another of its members changed.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut NewBuild)) -> Self {
        change(&mut self.0);
        self
    }

    /// Asks for it.
    ///
    /// # Panics
    /// When the table does not take it.
    pub async fn enqueue(self, store: &Store) -> Enqueued {
        enqueue(store, self.0).await.expect("a build in the queue")
    }
}

impl From<ABuild> for NewBuild {
    fn from(build: ABuild) -> Self {
        build.0
    }
}

/// The fingerprint of everything that bears this name.
///
/// # Panics
/// Never: it has the form of one.
#[must_use]
pub fn fingerprint(name: &str) -> Fingerprint {
    let quarter = |part: u8| {
        let mut hasher = DefaultHasher::new();
        (part, name).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    };
    let text: String = (0..4).map(quarter).collect();
    Fingerprint::parse(&text).expect("64 hex digits")
}

/// The end of a build with firmware.
#[must_use]
pub fn firmware() -> Outcome {
    Outcome::Built(a_zip())
}

/// The end of a build without.
#[must_use]
pub fn failed(reason: Reason) -> Outcome {
    Outcome::Failed {
        reason,
        detail: "it did not end well".to_owned(),
        artifact: Some(a_zip()),
        diagnostics: Vec::new(),
    }
}

fn a_zip() -> Artifact {
    Artifact {
        file: "a build/1.zip".to_owned(),
        bytes: 4096,
        sha256: "0".repeat(64),
        files: Vec::new(),
    }
}
