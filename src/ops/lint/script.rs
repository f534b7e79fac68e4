//! An SQL script as psql reads it: statements, psql's own commands, and the rows of COPY.

use std::ops::Range;

use crate::plan::lexer::{self, LexError, LexErrorKind, Limits, Token};
use crate::plan::tokens::{split, text_span};

use super::entry::{Entry, Unread};

/// Whether a statement can be read is the planner's to say.
const UNLIMITED: Limits = Limits {
    bytes: usize::MAX,
    tokens: usize::MAX,
    nesting: usize::MAX,
    chain: usize::MAX,
};
/// After so many lines with a semicolon that end no statement it goes on in longer steps.
const PATIENCE: usize = 200;
/// psql's commands that send what was written before them.
const SENDING: &[&str] = &[
    "g",
    "gx",
    "gset",
    "gdesc",
    "gexec",
    "watch",
    "crosstabview",
    "bind",
    "bind_named",
    "parse",
    ";",
];

struct Script<'a> {
    text: &'a str,
    database: &'a str,
    /// The bytes and lines that are read.
    at: usize,
    line: usize,
    found: Vec<Entry>,
}

/// How a piece of the script ends.
enum End {
    /// Behind a semicolon, or with the script.
    Whole(Vec<Token>),
    /// At a backslash, this far into the piece.
    Command(Vec<Token>, usize),
    /// It cannot be cut into tokens.
    Unreadable(LexErrorKind),
}

/// The statements of a script for this database.
pub(super) fn entries(text: &str, database: &str) -> Vec<Entry> {
    let mut script = Script {
        text,
        database,
        at: 0,
        line: 1,
        found: Vec::new(),
    };
    while script.at < text.len() {
        script.piece();
    }
    script.found
}

impl<'a> Script<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes on by so many bytes.
    fn pass(&mut self, bytes: usize) {
        let passed = self.rest().get(..bytes).unwrap_or_default();
        self.line += passed.matches('\n').count();
        self.at = self.at.saturating_add(bytes.max(1)).min(self.text.len());
    }

    fn unread(&mut self, why: String) {
        let line = self.line;
        self.found.push(Entry::at_line(line, Err(Unread(why))));
    }

    /// Reads up to where statements end.
    fn piece(&mut self) {
        let (length, end) = self.next_end();
        let piece = self.rest().get(..length).unwrap_or_default();
        match end {
            End::Whole(tokens) => {
                let rows = self.statements(piece, &tokens, true);
                self.pass(length);
                if rows {
                    self.pass_rows();
                }
            }
            End::Command(tokens, at) => {
                let line = piece.get(at..).unwrap_or_default();
                let name = line.trim_start_matches('\\');
                let name = name.split(|c: char| c.is_whitespace() || c == '\\');
                let sends = name
                    .into_iter()
                    .next()
                    .is_some_and(|name| SENDING.contains(&name) || name.starts_with(';'));
                self.statements(piece.get(..at).unwrap_or_default(), &tokens, sends);
                self.pass(at);
                self.command();
            }
            End::Unreadable(kind) => {
                self.unread(format!("it cannot be cut into statements: {kind}"));
                self.pass(length);
            }
        }
    }

    /// How long the piece is that begins here, and how it ends.
    fn next_end(&self) -> (usize, End) {
        let rest = self.rest();
        let (mut length, mut tries) = (0, 0usize);
        loop {
            let steps = 1 + tries / PATIENCE * tries;
            for _ in 0..steps {
                length = line_with_semicolon(rest, length);
            }
            tries += 1;
            let piece = rest.get(..length).unwrap_or_default();
            let last = length == rest.len();
            match lexer::lex(piece, &UNLIMITED) {
                Ok(tokens) if last || ends(piece, &tokens) => return (length, End::Whole(tokens)),
                Ok(_) => {}
                Err(error) if is_command(piece, error) => {
                    let before = piece.get(..error.at).unwrap_or_default();
                    return match lexer::lex(before, &UNLIMITED) {
                        Ok(tokens) => (length, End::Command(tokens, error.at)),
                        Err(error) => (length, End::Unreadable(error.kind)),
                    };
                }
                Err(error) if last || !may_go_on(error.kind) => {
                    return (length, End::Unreadable(error.kind));
                }
                Err(_) => {}
            }
        }
    }

    /// Notes the statements of a piece; `sent`: the last one, too, is whole. Gives whether rows of a COPY follow.
    fn statements(&mut self, piece: &str, tokens: &[Token], sent: bool) -> bool {
        let ranges = split(piece, tokens);
        let (mut rows, count) = (false, ranges.len());
        let ended = sent || tokens.last().is_some_and(|token| token.is_special(b';'));
        for (number, range) in ranges.into_iter().enumerate() {
            let own = tokens.get(range).unwrap_or_default();
            let span = text_span(own);
            let before = piece.get(..span.start).unwrap_or_default();
            let line = self.line + before.matches('\n').count();
            let sql = piece.get(span).unwrap_or_default();
            rows |= takes_rows(sql_words(piece, own));
            let text = if number + 1 == count && !ended {
                let why = "a command of psql's stands inside of it";
                Err(Unread(why.to_owned()))
            } else if has_variable(own) {
                let why = "psql puts a variable's value into it";
                Err(Unread(why.to_owned()))
            } else {
                Ok(sql.to_owned())
            };
            self.found.push(Entry::at_line(line, text));
        }
        rows
    }

    /// A command of psql's, up to the end of its line.
    fn command(&mut self) {
        let line = self.rest().lines().next().unwrap_or_default();
        let mut words = line.trim_start_matches('\\').split_whitespace();
        let (name, argument) = (words.next().unwrap_or_default(), words.next());
        let here = argument.is_none_or(|name| name == self.database || name == "-");
        let why = match name {
            "i" | "ir" | "include" | "include_relative" => {
                Some("psql reads another file here: lint that file, too".to_owned())
            }
            "gexec" => Some("psql runs what the query before gives as statements".to_owned()),
            "copy" => Some(
                "\\copy: lint the COPY … FROM STDIN or TO STDOUT that psql makes of it".to_owned(),
            ),
            "e" | "edit" | "ef" | "ev" => Some("psql opens an editor here".to_owned()),
            "c" | "connect" if !here => {
                let to = argument.unwrap_or_default();
                Some(format!(
                    "psql connects to another database here ({to}): what follows was judged by the rules of {}",
                    self.database
                ))
            }
            _ => None,
        };
        if let Some(why) = why {
            self.unread(why);
        }
        // What stands behind `\;` is the script's again.
        match line.starts_with("\\;") {
            true => self.pass(2),
            false => self.pass(line_end(self.rest(), 0)),
        }
    }

    fn pass_rows(&mut self) {
        while self.at < self.text.len() {
            let length = line_end(self.rest(), 0);
            let row = self.rest().get(..length).unwrap_or_default();
            let last = row.trim_end_matches(['\r', '\n']) == "\\.";
            self.pass(length);
            if last {
                return;
            }
        }
    }
}

/// The offset behind the line that `from` stands in.
fn line_end(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.find('\n').map_or(text.len(), |at| from + at + 1)
}

/// The offset behind the next line that holds a semicolon, or a backslash: psql's commands need none.
fn line_with_semicolon(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.find([';', '\\'])
        .map_or(text.len(), |at| line_end(text, from + at))
}

/// Whether a piece ends with the semicolon of its last statement.
fn ends(piece: &str, tokens: &[Token]) -> bool {
    let Some(last) = tokens.last().filter(|token| token.is_special(b';')) else {
        return tokens.is_empty();
    };
    let within = |range: &Range<usize>| {
        let tokens = tokens.get(range.clone()).unwrap_or_default();
        text_span(tokens).end >= last.end
    };
    !split(piece, tokens).iter().any(within)
}

fn is_command(piece: &str, error: LexError) -> bool {
    error.kind == LexErrorKind::UnexpectedCharacter
        && piece.as_bytes().get(error.at) == Some(&b'\\')
}

/// Whether more text could put an end to what has none.
fn may_go_on(kind: LexErrorKind) -> bool {
    matches!(
        kind,
        LexErrorKind::UnterminatedComment
            | LexErrorKind::UnterminatedString
            | LexErrorKind::UnterminatedIdentifier
            | LexErrorKind::UnbalancedBracket
    )
}

fn sql_words<'a>(sql: &'a str, tokens: &'a [Token]) -> impl Iterator<Item = &'a str> {
    tokens.iter().map(|token| token.text(sql))
}

/// `COPY … FROM STDIN`
fn takes_rows<'a>(words: impl Iterator<Item = &'a str>) -> bool {
    let mut words = words.map(str::to_ascii_lowercase);
    let copies = words.next().is_some_and(|word| word == "copy");
    let mut from = false;
    copies
        && words.any(|word| {
            let found = from && word == "stdin";
            from = word == "from";
            found
        })
}

/// Whether psql would put a variable into it: `:name`, `:'name'`; not the bounds of a slice.
fn has_variable(tokens: &[Token]) -> bool {
    let mut depth = 0usize;
    tokens
        .iter()
        .zip(tokens.iter().skip(1))
        .any(|(token, next)| {
            if token.is_special(b'[') {
                depth += 1;
            } else if token.is_special(b']') {
                depth = depth.saturating_sub(1);
            }
            let named = next.is_ident() || matches!(next.kind, lexer::TokenKind::String(_));
            depth == 0 && token.is_special(b':') && token.end == next.start && named
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(script: &str) -> Vec<(String, Result<String, String>)> {
        let entries = entries(script, "app").into_iter();
        let words = |entry: Entry| (entry.place, entry.text.map_err(|unread| unread.0));
        entries.map(words).collect()
    }

    fn judged(script: &str) -> Vec<(String, String)> {
        let found = found(script).into_iter();
        found
            .filter_map(|(place, text)| Some((place, text.ok()?)))
            .collect()
    }

    fn at(line: usize, text: &str) -> (String, String) {
        (format!("line {line}"), text.to_owned())
    }

    #[test]
    fn rows_of_copy_and_commands_of_psql_are_no_statements() {
        let script = "\\connect app\nCOPY t (a)\n FROM stdin WITH (FORMAT csv); -- rows\nit's; DROP\n\\.\nSELECT\n2; SELECT 3\n;\n\\echo it's\n\
            SELECT 4 \\gset\nSELECT 'a;\nb' \\g\nSELECT 5\\;SELECT 6;\nSELECT $$;\n$$; SELECT 7";
        let expected = [
            at(2, "COPY t (a)\n FROM stdin WITH (FORMAT csv)"),
            at(6, "SELECT\n2"),
            at(7, "SELECT 3"),
            at(10, "SELECT 4"),
            at(11, "SELECT 'a;\nb'"),
            at(13, "SELECT 5"),
            at(13, "SELECT 6"),
            at(14, "SELECT $$;\n$$"),
            at(15, "SELECT 7"),
        ];
        assert_eq!(judged(script), expected);
        assert_eq!(found(script).len(), expected.len());
    }

    #[test]
    fn a_function_of_many_statements_is_one() {
        let sql = "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;\nSELECT 2;\nEND";
        let body = "DO $$ BEGIN\n x;\n y;\nEND $$";
        let script = format!("{sql};\n{body};\nSELECT 3;");
        assert_eq!(
            judged(&script),
            [at(1, sql), at(4, body), at(8, "SELECT 3")]
        );
    }

    #[test]
    fn what_psql_would_do_besides_is_not_judged() {
        let script = "\\i other.sql\nSELECT :name;\nSELECT :'name', a[1:n];\nSELECT a[1:n], b::text;\n\\c crm\nSELECT 'SELECT 1' \\gexec\nSELECT 1\n\\p\nSELECT 2;\n\\copy t from 'x'\nSELECT 'open";
        assert_eq!(
            judged(script),
            [
                at(4, "SELECT a[1:n], b::text"),
                at(6, "SELECT 'SELECT 1'"),
                at(9, "SELECT 2")
            ]
        );
        assert_eq!(found(script).len(), 11);
    }
}
