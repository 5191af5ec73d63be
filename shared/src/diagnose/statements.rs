//! KLL taken apart into statements, as the compiler does it: what stands in brackets or quotes is one piece, and what
//! is left over after the last statement is passed over without a word.

/// `<left> <operator> <right>;`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// The line that it begins on.
    pub(super) line: usize,
    pub(super) left: String,
    pub(super) operator: &'static str,
    pub(super) right: String,
}

impl Statement {
    /// Whether it says what a key does.
    pub(super) fn is_mapping(&self) -> bool {
        self.operator.contains(':')
    }
}

/// What the compiler makes no statement of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) line: usize,
    /// There is no more text to make one of.
    pub(super) at_the_end: bool,
}

/// In the order in which they are tried.
const OPERATORS: [&str; 11] = [
    "=>", "<=", "i:+", "i:-", "i::", "i:", ":+", ":-", "::", ":", "=",
];

/// A token of the compiler's first pass. Comments and ends of lines are none.
enum Token<'t> {
    Operator(&'static str),
    End,
    Other(&'t str),
}

/// What statements are put together from.
enum Part {
    Data(String),
    Operator(&'static str),
    End,
}

/// The statements of a file, and the first place where there is none.
pub(super) fn read(text: &str) -> (Vec<Statement>, Option<Broken>) {
    let mut statements = Vec::new();
    let mut parts = parts(text).into_iter();
    while let Some((line, first)) = parts.next() {
        let second = parts.next();
        let third = parts.next();
        let fourth = parts.next();
        let at_the_end = fourth.is_none();
        match (first, second, third, fourth) {
            (
                Part::Data(left),
                Some((_, Part::Operator(operator))),
                Some((_, Part::Data(right))),
                Some((_, Part::End)),
            ) => statements.push(Statement {
                line,
                left,
                operator,
                right,
            }),
            _ => return (statements, Some(Broken { line, at_the_end })),
        }
    }
    (statements, None)
}

/// Where the text between two marks goes: a second operator in one statement is text of it.
fn parts(text: &str) -> Vec<(usize, Part)> {
    let mut parts = Vec::new();
    let mut gathered: Option<(usize, String)> = None;
    let mut last_was_end = None;
    let mut lexer = Lexer::new(text);
    while let Some((line, token)) = lexer.next_token() {
        let (mark, written) = match token {
            Token::Operator(operator) => (Part::Operator(operator), operator),
            Token::End => (Part::End, ";"),
            Token::Other(text) => {
                gather(&mut gathered, line, text);
                continue;
            }
        };
        let is_end = matches!(mark, Part::End);
        if last_was_end == Some(is_end) {
            gather(&mut gathered, line, written);
            continue;
        }
        if let Some((line, text)) = gathered.take() {
            parts.push((line, Part::Data(text)));
        }
        parts.push((line, mark));
        last_was_end = Some(is_end);
    }
    parts
}

fn gather(gathered: &mut Option<(usize, String)>, line: usize, text: &str) {
    let (begins, all) = gathered.get_or_insert_with(|| (line, String::new()));
    // Blanks at the end of the line before are no beginning.
    if all.trim().is_empty() {
        *begins = line;
    }
    all.push_str(text);
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    /// Where `)`, `]`, `"` and `'` come next, as far as it was looked for. Hostile text opens many and closes none, and
    /// is not searched to its end each time.
    next: [usize; 4],
}

impl<'t> Lexer<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            next: [0; 4],
        }
    }

    fn next_token(&mut self) -> Option<(usize, Token<'t>)> {
        loop {
            let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
            let line = self.line;
            if let Some(length) = comment(rest).or_else(|| run_of(rest, &['\r', '\n'])) {
                self.take(length);
                continue;
            }
            if let Some(length) = run_of(rest, &[' ', '\t']).or_else(|| position(rest)) {
                return Some((line, Token::Other(self.take(length))));
            }
            if let Some(length) = self.enclosed(rest) {
                return Some((line, Token::Other(self.take(length))));
            }
            if let Some(operator) = operator(rest) {
                self.take(operator.len());
                return Some((line, Token::Operator(operator)));
            }
            let other = self.take(rest.chars().next().map_or(1, char::len_utf8));
            let token = if other == ";" {
                Token::End
            } else {
                Token::Other(other)
            };
            return Some((line, token));
        }
    }

    fn take(&mut self, length: usize) -> &'t str {
        let taken = &self.text[self.at..self.at + length];
        self.at += length;
        self.line += taken.bytes().filter(|&byte| byte == b'\n').count();
        taken
    }

    /// The length of a text in brackets or quotes that begins here, if it ends anywhere.
    fn enclosed(&mut self, rest: &str) -> Option<usize> {
        let (which, end) = match rest.as_bytes().first()? {
            b'(' => (0, ')'),
            b'[' => (1, ']'),
            b'"' => (2, '"'),
            b'\'' => (3, '\''),
            _ => return None,
        };
        if self.next[which] <= self.at {
            let found = self.text[self.at + 1..].find(end);
            self.next[which] = found.map_or(usize::MAX, |found| self.at + 1 + found);
        }
        let end = self.next[which];
        (end != usize::MAX).then(|| end + 1 - self.at)
    }
}

fn operator(rest: &str) -> Option<&'static str> {
    // Hardly any text is one, and it is asked at each character.
    let may_be = matches!(rest.as_bytes().first()?, b'=' | b'<' | b'i' | b':');
    let mut operators = OPERATORS.into_iter().filter(|_| may_be);
    operators.find(|&mark| rest.starts_with(mark))
}

fn comment(rest: &str) -> Option<usize> {
    rest.trim_start_matches(' ')
        .starts_with('#')
        .then(|| rest.find('\n').unwrap_or(rest.len()))
}

fn run_of(rest: &str, which: &[char]) -> Option<usize> {
    let length = rest.len() - rest.trim_start_matches(which).len();
    (length > 0).then_some(length)
}

/// `rx:12.5`: its colon is no operator.
fn position(rest: &str) -> Option<usize> {
    let digits = |text: &str| {
        let after = text.trim_start_matches(|c: char| c.is_ascii_digit());
        text.len() - after.len()
    };
    let start = usize::from(rest.starts_with('r'));
    let axis = rest.get(start..)?.strip_prefix(['x', 'y', 'z'])?;
    let number = axis.strip_prefix(':')?;
    let whole = digits(number);
    if whole == 0 {
        return None;
    }
    let mut after = number[whole..].chars();
    let fraction = match after.next() {
        Some(c) if c != '\n' => match digits(after.as_str()) {
            0 => 0,
            some => c.len_utf8() + some,
        },
        _ => 0,
    };
    Some(start + 2 + whole + fraction)
}

/// What has no other half on the left of an operator, all of which the compiler must be able to read.
pub(super) fn unbalanced(left: &str) -> Option<char> {
    let mut open = Vec::new();
    let mut chars = left.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\'' if !chars.any(|other| other == c) => return Some(c),
            '(' | '[' => open.push(c),
            ')' if open.pop() != Some('(') => return Some(c),
            ']' if open.pop() != Some('[') => return Some(c),
            _ => {}
        }
    }
    open.pop()
}

/// What is never closed on the right of an operator. Of that side the compiler reads as much as it understands and
/// passes over the rest, once it is known to have no open quotes.
pub(super) fn never_closed(right: &str) -> Option<char> {
    let mut chars = right.chars();
    while let Some(c) = chars.next() {
        if matches!(c, '"' | '\'') && !chars.any(|other| other == c) {
            return Some(c);
        }
    }
    let after_name = right
        .trim_start()
        .trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_')
        .trim_start();
    let bracket = after_name.chars().next()?;
    let other = match bracket {
        '(' => ')',
        '[' => ']',
        _ => return None,
    };
    (!right.contains(other)).then_some(bracket)
}
