//! What can be said before anything is compiled, and only what is certain: a layout that builds is never refused here.
//!
//! It is said of the text that the compiler would get, so that all which is left out there is left out here.

use std::collections::HashMap;

use crate::{
    kll::{Generated, KllFile, Source},
    layout::{
        Fault,
        fault::{Faults, shown},
    },
    release::Release,
};

use super::{
    names::{self, Page, did_you_mean},
    statements::{self, Broken, Statement},
};

/// A layout of more KLL than this, in bytes, is left to the compiler.
const LONGEST: usize = 4 << 20;

/// Every fault that keeps the compiler of the kit from this layout, with its place in the document.
///
/// Functions are only looked at where the release is known: a firmware of one's own may have others.
#[must_use]
pub fn before_queueing(generated: &Generated, release: Option<&Release>) -> Vec<Fault> {
    let faults = Faults::default();
    if generated
        .files
        .iter()
        .map(|file| file.text.len())
        .sum::<usize>()
        > LONGEST
    {
        return Vec::new();
    }
    let mut defines_functions = false;
    let mut read = Vec::new();
    for file in &generated.files {
        let (statements, broken) = statements::read(&file.text);
        defines_functions |= statements.iter().any(|one| one.operator == "=>");
        read.push((file, statements, broken));
    }
    let release = release.filter(|_| !defines_functions);
    for (file, statements, broken) in &read {
        for statement in statements.iter().filter(|one| one.is_mapping()) {
            check_statement(file, statement, &faults);
        }
        if let Some(broken) = broken {
            note_broken(file, broken, &faults);
        }
        if let Some(release) = release {
            check_functions(file, statements, release, &faults);
        }
    }
    faults.into_vec()
}

/// Which place a line is of, and how to name the line where the place has several.
fn place(file: &KllFile, line: usize) -> Option<(&Source, String)> {
    let source = file.source_of(line)?;
    let within = if source.key.is_none() {
        format!("line {}: ", line - source.line + 1)
    } else {
        String::new()
    };
    Some((source, within))
}

fn note_broken(file: &KllFile, broken: &Broken, faults: &Faults) {
    let Some((source, within)) = place(file, broken.line) else {
        return;
    };
    let message = if broken.at_the_end {
        "misses a `;` at its end"
    } else {
        "is no statement of KLL"
    };
    faults.note(&source.pointer, format!("{within}{message}"));
}

fn check_statement(file: &KllFile, statement: &Statement, faults: &Faults) {
    // What was meant is only looked for where it is shown.
    let Some((source, within)) = place(file, statement.line).filter(|_| !faults.is_full()) else {
        return;
    };
    for side in [&statement.left, &statement.right] {
        if let Some(bracket) = statements::unbalanced(side) {
            let text = shown(side.trim());
            let message = format!("{within}has a {bracket:?} without its other half: {text}");
            faults.note(&source.pointer, message);
            return;
        }
    }
    // The other side of a key's own line is the base layout's.
    let left = source.key.is_none().then_some(&statement.left);
    for side in left.into_iter().chain([&statement.right]) {
        for (page, name) in names_in(side) {
            if !page.has(name) && !faults.is_full() {
                let (shown, which) = (shown(name), did_you_mean(page.nearest(name)));
                let message = format!("{within}there is no key {shown}{which}");
                faults.note(&source.pointer, message);
            }
        }
    }
}

/// The keys that are named in one side of a mapping: `U"A" + CONS"Mute"`.
fn names_in(side: &str) -> Vec<(Page, &str)> {
    let mut found = Vec::new();
    let mut rest = side;
    while let Some(at) = rest.find(['"', '\'']) {
        let before = &rest[..at];
        let word_at = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let quote = if rest[at..].starts_with('"') {
            '"'
        } else {
            '\''
        };
        let Some((inner, after)) = rest[at + 1..].split_once(quote) else {
            break;
        };
        if quote == '"'
            && !inner.is_empty()
            && let Some(page) = Page::of_prefix(&before[word_at.len()..])
        {
            found.push((page, inner));
        }
        rest = after;
    }
    found
}

/// A key that calls a function which the release does not have. The person's own text of a layer may take a key's action
/// back, and then nobody misses the function.
fn check_functions(file: &KllFile, statements: &[Statement], release: &Release, faults: &Faults) {
    if file
        .sources
        .iter()
        .any(|source| source.pointer.starts_with("/custom/"))
    {
        return;
    }
    let mut uses: HashMap<&str, usize> = HashMap::new();
    for statement in statements {
        *uses.entry(statement.left.trim()).or_default() += 1;
    }
    for statement in statements.iter().filter(|one| one.operator == ":") {
        let source = file.source_of(statement.line);
        let once = uses.get(statement.left.trim()) == Some(&1);
        if let Some(source) =
            source.filter(|source| once && source.key.is_some() && !faults.is_full())
            && let Some(name) = function_in(&statement.right)
            && !names::functions_of(release).any(|known| known == name)
        {
            let near = names::nearest(name, names::functions_of(release));
            let (name, which, version) = (shown(name), did_you_mean(near), release.version);
            let message = format!("{version} has no function {name}{which}");
            faults.note(&source.pointer, message);
        }
    }
}

/// The function of an action that is a single call with numbers: `ledControl( 3, 0 )`.
fn function_in(action: &str) -> Option<&str> {
    let (name, arguments) = action.trim().split_once('(')?;
    let arguments = arguments.strip_suffix(')')?;
    let is_number = |c: char| c.is_ascii_hexdigit() || matches!(c, 'x' | ',' | ' ');
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts_well = !name.starts_with(|c: char| c.is_ascii_digit());
    (!name.is_empty()
        && starts_well
        && name.chars().all(is_word)
        && arguments.chars().all(is_number))
    .then_some(name)
}
