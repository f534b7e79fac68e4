//! SQL/XML and SQL/JSON, which spell calls of functions in words of their own. The parser has no grammar for them: each is
//! read here, and given to it as an ordinary call with the same arguments. Their names and keywords are left out.
//!
//! What is read is what PostgreSQL's `gram.y` has, and nothing else. An argument is never left out: a token that is
//! neither a part of one nor a word or name at the place where the grammar has it ends the reading.

mod json;
mod xml;

use std::ops::Range;

use super::clauses::Tokens;
use super::reserved::is_reserved;
use crate::plan::lexer::TokenKind;

/// A construct that has been read.
#[derive(Debug, Default)]
pub struct Construct {
    /// Its arguments as they stand: expressions only.
    pub arguments: Vec<Range<usize>>,
    /// The names that it gives, and the numbers in the names of types: they refer to nothing.
    pub own: Vec<usize>,
    /// The names of the columns of XMLTABLE and JSON_TABLE, in the order of the result.
    pub columns: Vec<usize>,
    /// Its brackets.
    pub brackets: Range<usize>,
}

/// Reads what stands in the brackets.
type Grammar = fn(&mut Reader<'_>) -> Option<()>;

const CONSTRUCTS: &[(&str, Grammar)] = &[
    ("json_exists", json::function),
    ("json_query", json::function),
    ("json_table", json::table),
    ("json_value", json::function),
    ("xmlelement", xml::element),
    ("xmlexists", xml::exists),
    ("xmlforest", xml::labelled),
    ("xmlparse", xml::parse),
    ("xmlpi", xml::instruction),
    ("xmlroot", xml::root),
    ("xmlserialize", xml::serialize),
    ("xmltable", xml::table),
];

/// Those that the parser reads, but for `FORMAT JSON` behind a value.
const FORMATTED: &[&str] = &[
    "json",
    "json_array",
    "json_arrayagg",
    "json_object",
    "json_objectagg",
    "json_serialize",
];

/// Words behind an argument, each with what must follow it.
type Stops = &'static [&'static [&'static str]];

/// Further words in the names of types.
const OF_TYPES: &[&str] = &[
    "precision",
    "varying",
    "character",
    "char",
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "to",
];

/// Reserved words that an expression may end with.
const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "end",
    "user",
    "current_catalog",
    "current_date",
    "current_role",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
    "system_user",
];

impl Tokens<'_> {
    /// The construct whose name stands at a token; `None`: there is none, or it is not written as PostgreSQL has it.
    #[must_use]
    pub fn construct(self, name: usize) -> Option<Construct> {
        let (_, grammar) = CONSTRUCTS.iter().find(|(word, _)| self.is(name, word))?;
        let (open, close) = self.call(name)?;
        let mut reader = Reader {
            of: self,
            at: open + 1,
            end: close,
            found: Construct::default(),
        };
        grammar(&mut reader)?;
        reader.found.brackets = open..close;
        (reader.at == close).then_some(reader.found)
    }

    /// Each `FORMAT JSON` of the call at a token, with the number of its argument; `None`: of the result.
    #[must_use]
    pub fn formats(self, name: usize) -> Vec<(Option<usize>, Range<usize>)> {
        let mut found = Vec::new();
        let known = FORMATTED.iter().any(|word| self.is(name, word));
        let Some((open, close)) = self.call(name).filter(|_| known) else {
            return found;
        };
        let (mut at, mut argument) = (open + 1, Some(0));
        while at < close {
            if self.is_special(at, b',') {
                argument = argument.map(|argument| argument + 1);
            }
            if self.is(at, "returning") {
                argument = None;
            }
            if self.are(at, &["format", "json"]) && self.ended(at) {
                let encoding = self.is(at + 2, "encoding") && self.is_name(at + 3);
                let end = if encoding { at + 4 } else { at + 2 };
                found.push((argument, at..end));
                at = end;
                continue;
            }
            at = match self.is_special(at, b'(') || self.is_special(at, b'[') {
                true => self.closing(at).map_or(close, |inner| inner + 1),
                false => at + 1,
            };
        }
        found
    }

    /// The brackets of a call of this unqualified name.
    fn call(self, name: usize) -> Option<(usize, usize)> {
        let qualified = name
            .checked_sub(1)
            .is_some_and(|before| self.is_special(before, b'.'));
        let called = !qualified && self.is_special(name + 1, b'(');
        Some((name + 1, called.then(|| self.closing(name + 1)).flatten()?))
    }

    /// Whether an expression may end before a token.
    fn ended(self, at: usize) -> bool {
        let Some(last) = at.checked_sub(1).and_then(|last| self.tokens.get(last)) else {
            return false;
        };
        match last.kind {
            TokenKind::Special(byte) => byte == b')' || byte == b']',
            TokenKind::Ident => {
                let word = last.text(self.sql).to_ascii_lowercase();
                !is_reserved(&word) || VALUES.contains(&word.as_str())
            }
            TokenKind::QuotedIdent
            | TokenKind::UnicodeIdent
            | TokenKind::String(_)
            | TokenKind::Integer
            | TokenKind::Number
            | TokenKind::Param(_) => true,
            TokenKind::Operator
            | TokenKind::TypeCast
            | TokenKind::ColonEquals
            | TokenKind::DotDot => false,
        }
    }

    /// The END of the CASE at a token.
    fn end_of_case(self, case: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in case..self.tokens.len() {
            let name = at
                .checked_sub(1)
                .is_some_and(|before| self.is_special(before, b'.') || self.is(before, "as"));
            if self.is(at, "case") && !name {
                depth += 1;
            } else if self.is(at, "end") && !name {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
        }
        None
    }
}

struct Reader<'a> {
    of: Tokens<'a>,
    at: usize,
    /// The closing bracket.
    end: usize,
    found: Construct,
}

impl Reader<'_> {
    fn eat(&mut self, words: &[&str]) -> bool {
        let found = self.of.are(self.at, words);
        self.at += if found { words.len() } else { 0 };
        found
    }

    fn eat_one_of(&mut self, choices: &[&[&str]]) -> bool {
        choices.iter().any(|words| self.eat(words))
    }

    fn eat_byte(&mut self, byte: u8) -> bool {
        let found = self.of.is_special(self.at, byte);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, words: &[&str]) -> Option<()> {
        self.eat(words).then_some(())
    }

    fn need_byte(&mut self, byte: u8) -> Option<()> {
        self.eat_byte(byte).then_some(())
    }

    /// A name that it gives.
    fn label(&mut self) -> Option<()> {
        self.of.is_name(self.at).then_some(())?;
        self.found.own.push(self.at);
        self.at += 1;
        Some(())
    }

    /// An expression, up to a comma, the bracket, or one of these words behind it.
    fn argument(&mut self, stops: Stops) -> Option<()> {
        let start = self.at;
        while self.at < self.end && !self.of.is_special(self.at, b',') {
            let ends = |words: &&[&str]| self.of.are(self.at, words);
            if self.at > start && self.of.ended(self.at) && stops.iter().any(ends) {
                break;
            }
            let bracket = self.of.is_special(self.at, b'(') || self.of.is_special(self.at, b'[');
            let case = self.of.is(self.at, "case")
                && !(self.at > start && self.of.is_special(self.at - 1, b'.'));
            self.at = match (bracket, case) {
                (true, _) => self.of.closing(self.at)? + 1,
                (_, true) => self.of.end_of_case(self.at)? + 1,
                _ if self.of.is_special(self.at, b')') => return None,
                _ => self.at + 1,
            };
        }
        (start < self.at && self.at <= self.end).then(|| {
            self.found.arguments.push(start..self.at);
        })
    }

    fn string(&mut self) -> Option<()> {
        self.is_string(self.at).then_some(())?;
        self.found.arguments.push(self.at..self.at + 1);
        self.at += 1;
        Some(())
    }

    fn is_string(&self, at: usize) -> bool {
        let kind = self.of.tokens.get(at).map(|token| token.kind);
        matches!(kind, Some(TokenKind::String(_)))
    }

    fn number(&mut self) -> Option<()> {
        let kind = self.of.tokens.get(self.at).map(|token| token.kind);
        matches!(kind, Some(TokenKind::Integer)).then_some(())?;
        self.found.own.push(self.at);
        self.at += 1;
        Some(())
    }

    /// The name of a type. Its words are not `own`: of a protected table's rows nothing is known here.
    fn type_name(&mut self) -> Option<()> {
        loop {
            self.of.is_name(self.at).then_some(())?;
            self.at += 1;
            if !self.eat_byte(b'.') {
                break;
            }
        }
        while OF_TYPES.iter().any(|word| self.eat(&[word])) {}
        if self.eat_byte(b'(') {
            self.number()?;
            while self.eat_byte(b',') {
                self.number()?;
            }
            self.need_byte(b')')?;
        }
        self.eat_one_of(&[&["with", "time", "zone"], &["without", "time", "zone"]]);
        self.eat(&["array"]);
        while self.eat_byte(b'[') {
            if !self.eat_byte(b']') {
                self.number()?;
                self.need_byte(b']')?;
            }
        }
        Some(())
    }

    /// Reads what stands in the brackets that open here.
    fn in_brackets(&mut self, grammar: Grammar) -> Option<()> {
        let close = self.of.closing(self.at).filter(|close| *close < self.end)?;
        self.need_byte(b'(')?;
        let around = std::mem::replace(&mut self.end, close);
        grammar(self)?;
        self.end = around;
        (self.at == close).then_some(())?;
        self.need_byte(b')')
    }

    fn column(&mut self) -> Option<()> {
        self.found.columns.push(self.at);
        self.label()
    }
}
