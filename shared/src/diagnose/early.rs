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

/// A layout of more KLL than this, in bytes, is left to the compiler: taken apart, text takes far more memory. The
/// largest that the project comes with has a tenth of it.
const LONGEST: usize = 512 << 10;

/// Every fault that keeps the compiler of the kit from this layout, with its place in the document.
///
/// Functions are only looked at where the release is known: a firmware of one's own may have others.
#[must_use]
pub fn before_queueing(generated: &Generated, release: Option<&Release>) -> Vec<Fault> {
    let faults = Faults::default();
    let length: usize = generated.files.iter().map(|file| file.text.len()).sum();
    if length > LONGEST {
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
    let (left, right) = (&*statement.left, &*statement.right);
    let open = statements::unbalanced(left).map(|bracket| (bracket, left));
    let open = open.or_else(|| Some((statements::never_closed(right)?, right)));
    if let Some((bracket, side)) = open {
        let text = shown(side.trim());
        let message = format!("{within}has a {bracket:?} without its other half: {text}");
        faults.note(&source.pointer, message);
        return;
    }
    // The left of a key's own line is the base layout's.
    let of_left = source.key.is_none().then(|| names_in(left));
    let names = of_left.into_iter().flatten().chain(first_names_in(right));
    for (page, name) in names {
        if !page.has(name) && !faults.is_full() {
            let (shown, which) = (shown(name), did_you_mean(page.nearest(name)));
            let message = format!("{within}there is no key {shown}{which}");
            faults.note(&source.pointer, message);
        }
    }
}

/// All keys that a text names: `U"A" + U"B"`.
fn names_in(text: &str) -> Vec<(Page, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'']) {
        let (before, quoted) = rest.split_at(at);
        if let Some((page, name, after)) = name_at(before, quoted) {
            found.push((page, name));
            rest = after;
        } else {
            let quote = if quoted.starts_with('"') { '"' } else { '\'' };
            rest = quoted[1..].split_once(quote).map_or("", |(_, after)| after);
        }
    }
    found
}

/// The keys that the right of a mapping begins with. What comes after anything else is perhaps never read.
fn first_names_in(right: &str) -> Vec<(Page, &str)> {
    let mut found = Vec::new();
    let mut rest = right.trim_start();
    while let Some(at) = rest.find('"') {
        let (before, quoted) = rest.split_at(at);
        let Some((page, name, after)) =
            name_at(before, quoted).filter(|_| before.chars().all(|c| c.is_ascii_alphanumeric()))
        else {
            break;
        };
        found.push((page, name));
        let Some(next) = after.trim_start().strip_prefix(['+', ',']) else {
            break;
        };
        rest = next.trim_start();
    }
    found
}

/// The key whose page stands at the end of what is before the quotes, and what comes after it.
fn name_at<'t>(before: &str, quoted: &'t str) -> Option<(Page, &'t str, &'t str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let page = Page::of_prefix(&before[before.trim_end_matches(is_word).len()..])?;
    let (name, after) = quoted.strip_prefix('"')?.split_once('"')?;
    (!name.is_empty()).then_some((page, name, after))
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
