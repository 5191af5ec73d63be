//! Where in the KLL files a complaint is at home, and what to say of it to people.

use crate::kll::{Generated, KllFile};

use super::{
    Diagnostic, clean,
    log::{Complaint, What},
    names::{self, Page, did_you_mean},
};

/// Places that one complaint is shown at, where it names none itself.
const MOST_PLACES: usize = 5;

/// A longer pointer is somebody's joke; the diagnostic goes without it.
const LONGEST_POINTER: usize = 300;

/// A line of a KLL file.
struct Line<'g> {
    layer: usize,
    number: usize,
    file: &'g KllFile,
    text: &'g str,
}

/// What there is to say of a complaint: once for each place that it can be about.
pub(super) fn find(complaint: &Complaint, generated: &Generated) -> Vec<Diagnostic> {
    let lines = match &complaint.at {
        Some((path, number)) => line(generated, path, *number).into_iter().collect(),
        None => needle(&complaint.what)
            .map(|needle| lines_with(generated, &needle))
            .unwrap_or_default(),
    };
    if lines.is_empty() {
        return vec![Diagnostic {
            message: clean(&message(complaint, "")),
            compiler: complaint.words.clone(),
            ..Diagnostic::default()
        }];
    }
    lines
        .into_iter()
        .map(|line| diagnostic(complaint, &line))
        .collect()
}

fn diagnostic(complaint: &Complaint, line: &Line<'_>) -> Diagnostic {
    let source = line.file.source_of(line.number);
    let key = source.and_then(|source| source.key.as_deref());
    let key = key.or_else(|| written_key(line.text)).map(clean);
    let pointer = source
        .map(|source| format!("/config{}", source.pointer))
        .filter(|pointer| pointer.len() <= LONGEST_POINTER && !pointer.contains(char::is_control));
    Diagnostic {
        layer: Some(line.layer),
        line: Some(line.number),
        key,
        pointer,
        message: clean(&message(complaint, line.text)),
        compiler: complaint.words.clone(),
    }
}

/// The key of a line that somebody wrote: `U"A" : …`.
fn written_key(text: &str) -> Option<&str> {
    let (name, _) = text.trim_start().strip_prefix("U\"")?.split_once('"')?;
    Some(name)
}

/// The line of a path such as `…/MD1-Hacker-2.kll` or `…tmpbuild@['MD1-Hacker-2']_processed.kll`.
fn line<'g>(generated: &'g Generated, path: &str, number: usize) -> Option<Line<'g>> {
    let (layer, file) = generated.files.iter().enumerate().find(|(_, file)| {
        let stem = file.name.strip_suffix(".kll").unwrap_or(&file.name);
        path.ends_with(&format!("/{}", file.name)) || path.contains(&format!("'{stem}'"))
    })?;
    let text = file.text.lines().nth(number.checked_sub(1)?)?;
    Some(Line {
        layer,
        number,
        file,
        text,
    })
}

/// What to look for where the compiler does not say where it was.
fn needle(what: &What) -> Option<String> {
    match what {
        What::Function(name) => Some(name.clone()),
        What::Arguments { call, .. } | What::Action(call) => Some(call.clone()),
        What::Animation(name) => Some(format!("A[{name}")),
        What::Key(_) | What::Syntax | What::Unfinished | What::Other => None,
    }
}

/// The lines in which this is written as a word of its own; spaces do not count, nor do comments.
fn lines_with<'g>(generated: &'g Generated, needle: &str) -> Vec<Line<'g>> {
    let needle = without_spaces(needle);
    let mut found = Vec::new();
    for (layer, file) in generated.files.iter().enumerate() {
        let lines = file.text.lines().zip(1..);
        // A line that we did not make of anything cannot be at fault.
        for (text, number) in lines.filter(|&(_, number)| file.source_of(number).is_some()) {
            let is_comment = text.trim_start().starts_with('#');
            if !is_comment && has_word(&without_spaces(text), &needle) {
                found.push(Line {
                    layer,
                    number,
                    file,
                    text,
                });
                if found.len() == MOST_PLACES {
                    return found;
                }
            }
        }
    }
    found
}

fn without_spaces(text: &str) -> String {
    text.replace([' ', '\t'], "")
}

fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let ends_as_word = word.ends_with(is_part);
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            !(before.is_some_and(is_part) || ends_as_word && after.is_some_and(is_part))
        })
}

/// What is wrong, for people.
fn message(complaint: &Complaint, text: &str) -> String {
    match &complaint.what {
        What::Key(told) => unknown_key(told, text),
        What::Function(name) => {
            let near = names::nearest_function(name).filter(|near| near != name);
            let which = did_you_mean(near);
            format!("this keyboard's firmware has no function {name:?}{which}")
        }
        What::Arguments { call, expected } => {
            let takes = match &**expected {
                "0" => "no arguments".to_owned(),
                "1" => "one argument".to_owned(),
                more => format!("{more} arguments"),
            };
            format!("{call}: this function takes {takes}")
        }
        What::Animation(name) if name.is_empty() => {
            "this keyboard's firmware has no animations".to_owned()
        }
        What::Animation(name) => format!("there is no animation {name:?}"),
        What::Action(action) => format!("a key cannot do {action}"),
        What::Syntax if text.is_empty() => "the KLL cannot be read".to_owned(),
        What::Syntax => format!("this is no KLL: {}", clean(text)),
        What::Unfinished => "the last statement misses a `;` at its end".to_owned(),
        What::Other => said(&complaint.words),
    }
}

/// The compiler tells a name in upper case; people know it as they wrote it.
fn unknown_key(told: &str, text: &str) -> String {
    let mut pieces = text.split('"');
    let mut before = pieces.next().unwrap_or_default();
    let mut found = (Page::Keyboard, told);
    for piece in pieces {
        let prefix = before.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        let word = prefix
            .rsplit(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default();
        if piece.to_uppercase() == told
            && let Some(page) = Page::of_prefix(word)
            && !page.has(piece)
        {
            found = (page, piece);
            break;
        }
        before = piece;
    }
    let (page, name) = found;
    format!(
        "there is no key {name:?}{}",
        did_you_mean(page.nearest(name))
    )
}

/// A C compiler's words without its path.
fn said(words: &str) -> String {
    let after = ["fatal error: ", "error: ", "ERROR: "]
        .into_iter()
        .find_map(|mark| words.split_once(mark));
    after.map_or_else(|| words.to_owned(), |(_, said)| said.to_owned())
}
