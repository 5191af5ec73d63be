//! A compiler's log as complaints: what the KLL compiler, the C compiler and the linker say, and of what.

use super::clean;

/// Complaints that are kept; later ones follow from the first.
const MOST_COMPLAINTS: usize = 50;
/// Of a longer line only so many bytes are read.
const LONGEST_LINE: usize = 2048;

/// What is complained of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// No key has this name; the compiler tells it in upper case.
    Key(String),
    /// No function has this name.
    Function(String),
    /// A call with so many arguments too few or too many.
    Arguments { call: String, expected: String },
    /// No animation has this name.
    Animation(String),
    /// Something that cannot be done by a key.
    Action(String),
    /// The statement cannot be read.
    Syntax,
    /// The last statement has no end.
    Unfinished,
    /// Anything else.
    Other,
}

/// One complaint, and where it is said to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) what: What,
    /// The path of a KLL file and a line.
    pub(super) at: Option<(String, usize)>,
    /// The compiler's words.
    pub(super) words: String,
}

/// All complaints of a log, in its order. Where nothing else was found, the exception that ended the compiler is one.
pub(super) fn complaints(log: &[u8]) -> Vec<Complaint> {
    let mut reader = Reader::default();
    for line in log.split(|&byte| byte == b'\n') {
        if reader.found.len() == MOST_COMPLAINTS {
            break;
        }
        let line = &line[..line.len().min(LONGEST_LINE)];
        if says_something(line) {
            let line = clean(&without_colours(&String::from_utf8_lossy(line)));
            reader.read(&line);
        }
    }
    reader.done()
}

/// Most lines of a log are none of ours, and are passed over at once.
fn says_something(line: &[u8]) -> bool {
    [
        b"rror".as_slice(),
        b"ERROR",
        b"Exception",
        b"Not enough tokens",
        b"undefined reference",
    ]
    .into_iter()
    .any(|words| line.windows(words.len()).any(|part| part == words))
}

#[derive(Default)]
struct Reader {
    found: Vec<Complaint>,
    /// Said before the line that names the place of it.
    before: Option<(What, String)>,
    exception: Option<String>,
}

impl Reader {
    fn read(&mut self, line: &str) {
        if let Some(at) = place(line) {
            let (what, words) = self
                .before
                .take()
                .unwrap_or_else(|| (What::Syntax, line.to_owned()));
            self.push(what, Some(at), words);
        } else if let Some(what) = before_its_place(line) {
            // The first is the cause.
            self.before.get_or_insert_with(|| (what, line.to_owned()));
        } else if let Some(what) = of_itself(line) {
            self.push(what, None, line.to_owned());
        } else if line
            .split_once("Error: ")
            .is_some_and(|(name, _)| is_name(name))
        {
            self.exception = Some(line.to_owned());
        }
    }

    fn push(&mut self, what: What, at: Option<(String, usize)>, words: String) {
        let complaint = Complaint { what, at, words };
        if !self.found.contains(&complaint) {
            self.found.push(complaint);
        }
    }

    fn done(mut self) -> Vec<Complaint> {
        let left = self.before.take();
        let exception = self.exception.take().map(|words| (What::Other, words));
        if self.found.is_empty()
            && let Some((what, words)) = left.or(exception)
        {
            self.push(what, None, words);
        }
        self.found
    }
}

/// `ERROR: OperationSpecificsStage:parse -> /tmp/kll/tmpbuild@['MD1-Hacker-2']_processed.kll:11`
fn place(line: &str) -> Option<(String, usize)> {
    let (stage, place) = line.strip_prefix("ERROR: ")?.split_once(" -> ")?;
    let (name, _step) = stage.split_once(':')?;
    let (path, number) = place.rsplit_once(':')?;
    name.ends_with("Stage")
        .then(|| Some((path.to_owned(), number.parse().ok()?)))?
}

/// What the line before a place says.
fn before_its_place(line: &str) -> Option<What> {
    if line.contains(" is an invalid USB HID Code Lookup") {
        return Some(What::Key(between(line, "ERROR: '", "' (")?.to_owned()));
    }
    if line.starts_with("LexerError ") || line.starts_with("NoParseError ") {
        return Some(What::Syntax);
    }
    line.starts_with("Not enough tokens left")
        .then_some(What::Unfinished)
}

/// What a line says that names no place in a KLL file.
fn of_itself(line: &str) -> Option<What> {
    if let Some(name) = line
        .strip_prefix("KeyError: '")
        .and_then(|rest| rest.strip_suffix('\''))
        .filter(|name| is_name(name))
    {
        return Some(if name == "animationIndex" {
            What::Animation(String::new())
        } else {
            What::Function(name.to_owned())
        });
    }
    if let Some(symbol) = between(line, "undefined reference to `", "'") {
        return Some(What::Function(symbol.to_owned()));
    }
    if let Some(symbol) = between(line, "error: 'Animation__", "' undeclared") {
        return Some(What::Animation(symbol.to_owned()));
    }
    if line.contains(": error: ") || line.contains(": fatal error: ") {
        return Some(What::Other);
    }
    of_kll(line.strip_prefix("ERROR: ")?)
}

/// What the KLL compiler says when it writes its output.
fn of_kll(words: &str) -> Option<What> {
    if let Some((call, rest)) = words
        .strip_prefix("incorrect number of arguments for ")
        .and_then(|rest| rest.split_once(". Expected "))
    {
        let expected = rest.split(' ').next().unwrap_or_default().to_owned();
        let call = call.to_owned();
        return Some(What::Arguments { call, expected });
    }
    if let Some(name) = between(words, "Unknown animation 'A[", "]") {
        return Some(What::Animation(name.to_owned()));
    }
    if let Some((_, action)) = words
        .strip_prefix("Unknown identifier")
        .and_then(|rest| rest.split_once("-> "))
    {
        // An identifier's own brackets are told as those of a list.
        let action = action.replace("[['", "[").replace("']]", "]");
        return Some(What::Action(action));
    }
    // It only says that something was said before.
    (!words.starts_with("Invalid stage status")).then_some(What::Other)
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    let (inner, _) = rest.split_once(after)?;
    (!inner.is_empty()).then_some(inner)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The text without the escapes that colour it on a terminal.
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        let mut rest = code.chars();
        if rest.next().is_some() {
            plain.push_str(rest.as_str());
        }
    }
    plain
}
