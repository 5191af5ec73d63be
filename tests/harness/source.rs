//! The predecessor's tables, with its columns, as it would have left them.
#![expect(
    clippy::disallowed_types,
    reason = "another program's tables are made by hand"
)]
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{collections::BTreeSet, path::PathBuf};

use rusqlite::{Connection, params};
use shared::store::statistics::Statistics;

/// The predecessor's files, as it would have left them.
pub struct Source {
    /// Its file of requests.
    pub stats: PathBuf,
    table: Connection,
    _directory: tempfile::TempDir,
}

impl Source {
    /// With no request yet.
    ///
    /// # Panics
    /// When SQLite does not do it.
    #[must_use]
    pub fn empty() -> Self {
        Self::of("NOT NULL")
    }

    /// A table that lets everything in, as other hands may have made it.
    ///
    /// # Panics
    /// When SQLite does not do it.
    #[must_use]
    pub fn loose() -> Self {
        Self::of("")
    }

    fn of(not_null: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let stats = directory.path().join("stats.db");
        let table = Connection::open(&stats).unwrap();
        let columns = format!(
            "id INTEGER PRIMARY KEY AUTOINCREMENT, uid INTEGER, ip_addr TEXT {not_null},
             os TEXT {not_null}, web INTEGER {not_null}, serial INTEGER, hash TEXT {not_null},
             board TEXT {not_null}, variant TEXT {not_null}, layers INTEGER {not_null},
             container TEXT {not_null}, success INTEGER {not_null},
             request_time INTEGER {not_null}, build_duration INTEGER"
        );
        table
            .execute_batch(&format!("CREATE TABLE Requests ({columns})"))
            .unwrap();
        Self {
            stats,
            table,
            _directory: directory,
        }
    }

    /// This many rows from some hundred addresses.
    ///
    /// # Panics
    /// When SQLite does not do it.
    #[must_use]
    pub fn with_requests(rows: i64) -> Self {
        let source = Self::empty();
        source.run("BEGIN");
        for number in 1..=rows {
            let one_of = number * 7 % 211;
            let address = if one_of % 3 == 0 {
                format!("2001:db8:77:{one_of:x}::4711")
            } else {
                format!("198.51.100.{one_of}")
            };
            source.add(number, &address);
        }
        source.run("COMMIT");
        source
    }

    /// Adds a request from this address; all else follows from its number.
    ///
    /// # Panics
    /// When SQLite does not do it.
    pub fn add(&self, number: i64, address: &str) {
        let pick = |of: &[&'static str]| of[usize::try_from(number).unwrap() % of.len()];
        let (hour, minute, second) = (number / 3600 % 24, number / 60 % 60, number % 60);
        self.table
            .prepare_cached(
                "INSERT INTO Requests (id, ip_addr, os, web, hash, board, variant, layers, container,
                                       success, request_time, build_duration)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )
            .unwrap()
            .execute(params![
                number,
                address,
                pick(&["Windows", "Mac", "Linux", "Unknown"]),
                number % 5 != 0,
                format!("{:x}", (number % 997).wrapping_mul(0x9e37_79b9_7f4a)),
                pick(&["KType", "MDErgo1", "MD1.1", "WhiteFox", "K-Type"]),
                pick(&["Standard", "Default", "My_Layout"]),
                1,
                pick(&["controller-057", "controller-057", "controller-050"]),
                number % 9 != 0,
                // As its library wrote a time into a column of numbers.
                format!("2019-03-05T{hour:02}:{minute:02}:{second:02}.123456789+00:00"),
                (number % 3 == 0).then_some(20_000 + number),
            ])
            .unwrap();
    }

    /// Its other file, with versions that fit and some that do not.
    ///
    /// # Panics
    /// When SQLite does not do it.
    #[must_use]
    pub fn with_versions(&self) -> PathBuf {
        let path = self.stats.with_file_name("config.db");
        let table = Connection::open(&path).unwrap();
        table
            .execute_batch(
                "CREATE TABLE Versions (name TEXT PRIMARY KEY, channel TEXT, container TEXT, git_tag TEXT);
                 INSERT INTO Versions VALUES
                     ('latest', 'stable', 'controller-057', 'v0.5.7'), ('lts', 'lts', 'controller-050', 'v0.5.0'),
                     ('v0.4.9', 'lts', 'controller-049', 'v0.4.9'), (NULL, 'beta', 'controller-051', NULL),
                     ('../x', 'beta', 'controller-051', NULL), ('odd', 'beta', 'firmware', NULL),
                     ('channelless', NULL, 'controller-051', NULL);",
            )
            .unwrap();
        path
    }

    /// Runs statements.
    ///
    /// # Panics
    /// When SQLite does not do it.
    pub fn run(&self, statements: &str) {
        self.table.execute_batch(statements).unwrap();
    }

    /// The first column of every row, as text.
    ///
    /// # Panics
    /// When SQLite does not do it.
    #[must_use]
    pub fn ask(&self, question: &str) -> Vec<String> {
        self.table
            .prepare(question)
            .unwrap()
            .query_map([], |row| row.get::<_, rusqlite::types::Value>(0))
            .unwrap()
            .map(|value| match value.unwrap() {
                rusqlite::types::Value::Text(text) => text,
                rusqlite::types::Value::Integer(number) => number.to_string(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    /// The sums behind its page of statistics, which it made from all rows each time.
    ///
    /// # Panics
    /// When SQLite does not do it.
    #[must_use]
    pub fn as_the_predecessor_counts(&self) -> Statistics {
        let mut all = Statistics::default();
        let (mut hashes, mut users) = (BTreeSet::new(), BTreeSet::new());
        let mut statement = self.table.prepare("SELECT * FROM Requests").unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let text = |column: &str| row.get::<_, String>(column).unwrap();
            let web: bool = row.get("web").unwrap();
            let took: Option<u64> = row.get("build_duration").unwrap();
            all.builds += 1;
            all.layers += row.get::<_, u64>("layers").unwrap();
            all.build_ms += took.unwrap_or(0);
            *all.os.entry(text("os")).or_default() += 1;
            let platform = if web { "Web" } else { "Desktop" };
            *all.platforms.entry(platform.to_owned()).or_default() += 1;
            let keyboard = format!("{}-{}", text("board"), text("variant"));
            *all.keyboards.entry(keyboard).or_default() += 1;
            *all.versions.entry(text("container")).or_default() += 1;
            hashes.insert(text("hash"));
            users.insert(text("ip_addr"));
        }
        all.unique_builds = u64::try_from(hashes.len()).unwrap();
        all.users = u64::try_from(users.len()).unwrap();
        all
    }
}
