//! The documents say what is there: their links lead somewhere, and no setting is left out.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use regex::Regex;

/// What no compose file passes on: paths are the images' own, and a token's file has to be mounted.
const NOT_PASSED_ON: [&str; 10] = [
    "DOCKER_HOST",
    "KIISRV_ARTIFACTS",
    "KIISRV_DATA",
    "KIISRV_HOST",
    "KIISRV_LAYOUTS",
    "KIISRV_LOGS",
    "KIISRV_OPERATOR_TOKEN_FILE",
    "KIISRV_STOP_SECONDS",
    "KIISRV_TMP_BUILDS",
    "KIISRV_TMP_CONFIG",
];

/// Read by the command line alone.
const OF_THE_COMMAND_LINE: &str = "KIISRV_URL";

#[test]
fn every_link_of_a_document_leads_to_a_file_and_a_heading() {
    let documents = documents();
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let code = Regex::new("`[^`\n]*`").unwrap();
    let mut complaints = Vec::new();
    let mut followed = 0;
    for (path, text) in &documents {
        for found in link.captures_iter(&code.replace_all(&prose(text), "")) {
            let target = &found[1];
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            followed += 1;
            if let Some(words) = what_is_wrong(&documents, path, target) {
                complaints.push(format!("{}: {target}: {words}", path.display()));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
    assert!(followed > 50, "only {followed} links were found");
}

#[test]
fn the_index_has_every_document_once() {
    let index = read("docs/README.md");
    let mut complaints = Vec::new();
    for path in documents().keys() {
        let Ok(name) = path.strip_prefix("docs") else {
            continue;
        };
        let name = name.to_str().unwrap();
        // Decisions have an index of their own.
        if name == "README.md" || (name.starts_with("decisions/") && name != "decisions/README.md")
        {
            continue;
        }
        let lines = index
            .lines()
            .filter(|line| line.contains(&format!("({name})")));
        if lines.count() != 1 {
            complaints.push(name.to_owned());
        }
    }
    assert!(
        complaints.is_empty(),
        "docs/README.md has not one line of {complaints:?}"
    );
}

#[test]
fn every_setting_is_in_the_documents_and_in_the_compose_file() {
    let settings = settings();
    assert!(settings.len() > 30, "only {settings:?} were found");
    let known: BTreeSet<_> = words(
        &read("docs/settings.md"),
        r"`((?:KIISRV|HOST|DOCKER)_[A-Z_]+)`",
    );
    let mut documented = settings.clone();
    documented.insert(OF_THE_COMMAND_LINE.to_owned());
    let lacking: Vec<_> = documented.difference(&known).collect();
    assert!(
        lacking.is_empty(),
        "docs/settings.md has no line for {lacking:?}"
    );
    let invented: Vec<_> = known.difference(&documented).collect();
    assert!(
        invented.is_empty(),
        "nobody reads {invented:?} of docs/settings.md"
    );

    let passed = words(&read("compose.prod.yaml"), r"\$\{([A-Z_]+)");
    let lacking: Vec<_> = settings
        .difference(&passed)
        .filter(|name| !NOT_PASSED_ON.contains(&name.as_str()))
        .collect();
    assert!(
        lacking.is_empty(),
        "compose.prod.yaml does not pass {lacking:?} on"
    );
}

#[test]
fn every_alarm_is_explained() {
    let alarms = words(&read("docs/monitoring/alerts.yml"), r"- alert: (\w+)");
    assert!(alarms.len() > 10, "only {alarms:?} were found");
    let explained = words(&read("docs/operating.md"), r"(?m)^\| `(Kiisrv\w+)` \|");
    assert_eq!(alarms, explained, "docs/operating.md explains others");
}

#[test]
fn a_heading_is_called_as_the_pages_of_a_forge_call_it() {
    let text = "# `kiisrv doctor`\n## What each alarm means, and what to do\n```sh\n# a comment\n```\n## Twice\n## Twice\n";
    let expected = [
        "kiisrv-doctor",
        "what-each-alarm-means-and-what-to-do",
        "twice",
        "twice-1",
    ];
    assert_eq!(anchors(text), expected.map(str::to_owned).into());
    let documents = documents();
    let readme = Path::new("README.md");
    assert!(what_is_wrong(&documents, readme, "docs/nothing.md").is_some());
    assert!(what_is_wrong(&documents, readme, "docs/security.md#nothing").is_some());
    assert!(what_is_wrong(&documents, readme, "docs/security.md#what-is-not").is_none());
}

fn what_is_wrong(
    documents: &BTreeMap<PathBuf, String>,
    from: &Path,
    target: &str,
) -> Option<&'static str> {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let place = match file {
        "" => from.to_owned(),
        file => plain(&from.parent().unwrap().join(file)),
    };
    if !root().join(&place).exists() {
        return Some("there is no such file");
    }
    if anchor.is_empty() {
        return None;
    }
    let has_it = documents
        .get(&place)
        .is_some_and(|text| anchors(text).contains(anchor));
    (!has_it).then_some("it has no such heading")
}

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path {
        if part == ".." {
            plain.pop();
        } else if part != "." {
            plain.push(part);
        }
    }
    plain
}

fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for heading in prose(text).lines().filter(|line| line.starts_with('#')) {
        let name: String = heading
            .trim_start_matches('#')
            .trim()
            .to_lowercase()
            .replace(' ', "-")
            .chars()
            .filter(|character| character.is_alphanumeric() || "-_".contains(*character))
            .collect();
        let mut numbered = name.clone();
        let mut number = 0;
        while !anchors.insert(numbered.clone()) {
            number += 1;
            numbered = format!("{name}-{number}");
        }
    }
    anchors
}

/// A text without its blocks of code.
fn prose(text: &str) -> String {
    let mut is_code = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// Every variable that the settings read.
fn settings() -> BTreeSet<String> {
    let mut sources = vec![root().join("shared/src/settings.rs")];
    let parts = fs::read_dir(root().join("shared/src/settings")).unwrap();
    sources.extend(parts.map(|part| part.unwrap().path()));
    let mut names = BTreeSet::new();
    for source in sources {
        let text = fs::read_to_string(source).unwrap();
        let (code, _tests) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
        names.extend(words(code, r#""((?:KIISRV|HOST|DOCKER)_[A-Z_]+)""#));
    }
    // Its name is put together where it is read.
    names.insert("KIISRV_OPERATOR_TOKEN_FILE".to_owned());
    names
}

fn words(text: &str, pattern: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).unwrap();
    pattern
        .captures_iter(text)
        .map(|found| found[1].to_owned())
        .collect()
}

/// Every Markdown file of the project, by its path from the root.
fn documents() -> BTreeMap<PathBuf, String> {
    let mut documents = BTreeMap::new();
    let mut places = vec![PathBuf::new()];
    while let Some(place) = places.pop() {
        for entry in fs::read_dir(root().join(&place)).unwrap() {
            let entry = entry.unwrap();
            let path = place.join(entry.file_name());
            let name = entry.file_name().into_string().unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() && !name.starts_with('.') && name != "target" {
                places.push(path);
            } else if kind.is_file() && name.ends_with(".md") {
                documents.insert(path, fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    documents
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
