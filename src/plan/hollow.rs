//! A statement without its constants: the server says what is wrong with a name in it, in its own words and with its hint.
//!
//! It is never run. What it says is told only if it is about a name, so that constants may be others.

use std::collections::HashSet;

use sqlparser::keywords::ALL_KEYWORDS;

use super::lexer::{Token, TokenKind};
use super::refuse::Stop;
use super::tokens::is_reserved;
use super::walk::Walk;
use crate::model::{Hollow, Refusal};

/// Words before a constant that are no type, the reserved ones aside.
const BEFORE_CONSTANT: &[&str] = &[
    "between", "by", "escape", "like", "ilike", "to", "values", "zone",
];

/// Words before what must be a name.
const BEFORE_NAME: &[&str] = &["as", "recursive", "with"];

/// What stands for a constant.
const NOTHING: &str = "NULL";

impl Walk<'_> {
    /// A refusal that gives way to what the server says of a name.
    pub(super) fn or_as_the_server_says(&self, stop: Stop) -> Stop {
        match stop {
            Stop::Refuse(refusal) => Stop::Refuse(Refusal {
                hollow: self.hollow().map(|text| Box::new(Hollow(text))),
                ..refusal
            }),
            Stop::Resolve(name) => Stop::Resolve(name),
        }
    }

    /// The text, if it is one statement and all that it holds can be told to be a name or a constant.
    fn hollow(&self) -> Option<String> {
        let outside = |at: &usize| !self.range.contains(at);
        let mut rest = (0..self.tokens.len()).filter(outside);
        let ends = |at: usize| self.token(at).is_some_and(|token| token.is_special(b';'));
        if !rest.all(ends) {
            return None;
        }
        let known = self.known_names();
        let mut text = String::with_capacity(self.sql.len());
        let mut from = 0;
        for at in self.range.clone() {
            let token = self.token(at)?;
            blank(self.sql.get(from..token.start)?, &mut text);
            let own = token.text(self.sql);
            match token.kind {
                TokenKind::String(_) => {
                    let next = self.token(at + 1);
                    let apart = next.is_none_or(|next| next.start > token.end);
                    self.is_untyped(at).then_some(())?;
                    nothing(own.chars().count(), from < token.start, apart, &mut text)?;
                }
                TokenKind::Integer | TokenKind::Number => {
                    text.extend(own.chars().map(|_| '1'));
                }
                _ if token.is_ident() && !self.is_name(at, &known) => return None,
                _ => text.push_str(own),
            }
            from = token.end;
        }
        blank(self.sql.get(from..)?, &mut text);
        Some(text)
    }

    /// Whether no name of a type stands before a constant.
    fn is_untyped(&self, constant: usize) -> bool {
        let before = constant.checked_sub(1).and_then(|at| self.token(at));
        before.is_none_or(|before| match before.kind {
            TokenKind::Ident => {
                let word = before.text(self.sql).to_ascii_lowercase();
                is_reserved(&word) || BEFORE_CONSTANT.contains(&word.as_str())
            }
            TokenKind::QuotedIdent | TokenKind::UnicodeIdent => false,
            _ => true,
        })
    }

    /// The names that are known: the catalog's, those of relations and their aliases in the text, and what is qualified by
    /// or qualifies one of these.
    fn known_names(&self) -> HashSet<String> {
        let name = |at: usize| self.name_at(at);
        let all: HashSet<String> = self.range.clone().filter_map(name).collect();
        let places = self.range.clone().filter(|at| self.is_place_of_name(*at));
        let mut known: HashSet<String> = places.filter_map(name).collect();
        for relation in self.relations.catalog.relations() {
            let columns = relation.columns.iter().map(|column| &column.name);
            let own = columns.chain(std::iter::once(&relation.name));
            known.extend(own.filter(|own| all.contains(*own)).cloned());
        }
        let starts = self.range.clone().filter(|at| !self.is_qualified(*at));
        let whole = starts.map(|at| self.parts(at).filter_map(name).collect::<Vec<_>>());
        let is_known = |parts: &Vec<String>| parts.iter().any(|part| known.contains(part));
        let further: Vec<String> = whole.filter(is_known).flatten().collect();
        known.extend(further);
        known
    }

    /// Whether what stands here is no value that somebody has put into the wrong quotes, or into none.
    fn is_name(&self, at: usize, known: &HashSet<String>) -> bool {
        let token = self.token(at);
        let is_keyword =
            |token: &Token| token.kind == TokenKind::Ident && is_keyword(token.text(self.sql));
        let keyword = token.is_some_and(is_keyword);
        let after = self.token(at + 1);
        let called = after.is_some_and(|token| token.is_special(b'('));
        let own = self.name_at(at);
        keyword || called || own.is_some_and(|own| known.contains(&own)) || self.is_of_row(at)
    }

    fn before(&self, at: usize) -> Option<&Token> {
        let before = at.checked_sub(1)?;
        self.token(before).filter(|_| before >= self.range.start)
    }

    /// Whether an alias, a type, or the name of an output or of a query must stand here.
    fn is_place_of_name(&self, at: usize) -> bool {
        let word = |token: &Token| {
            let mut words = BEFORE_NAME.iter();
            words.any(|word| token.is_word(self.sql, word))
        };
        self.before(at).is_some_and(|before| match before.kind {
            TokenKind::TypeCast | TokenKind::Special(b')') => true,
            TokenKind::Ident => word(before) || !is_keyword(before.text(self.sql)),
            TokenKind::QuotedIdent | TokenKind::UnicodeIdent => true,
            TokenKind::Special(b',') => self.is_query_behind(at),
            _ => false,
        })
    }

    /// `, name AS (` and `, name AS MATERIALIZED (` of WITH.
    fn is_query_behind(&self, at: usize) -> bool {
        let word = |at: usize, word| {
            self.token(at)
                .is_some_and(|token| token.is_word(self.sql, word))
        };
        let opens = self
            .token(at + 2)
            .is_some_and(|token| token.is_special(b'('));
        word(at + 1, "as") && (opens || word(at + 2, "materialized") || word(at + 2, "not"))
    }

    fn is_qualified(&self, at: usize) -> bool {
        self.before(at)
            .is_some_and(|before| before.is_special(b'.'))
    }

    /// Where the parts of a qualified name stand that begins here.
    fn parts(&self, start: usize) -> impl Iterator<Item = usize> {
        let goes_on = |at: usize| {
            self.token(at + 1)
                .is_some_and(|token| token.is_special(b'.'))
        };
        std::iter::successors(Some(start), move |at| goes_on(*at).then_some(*at + 2))
    }

    /// Whether all columns are taken of it, or it is one of what stands in brackets: `x.*`, `(x).y`.
    fn is_of_row(&self, at: usize) -> bool {
        let point = |at: usize| self.token(at).is_some_and(|token| token.is_special(b'.'));
        let star = |token: &Token| token.kind == TokenKind::Operator && token.text(self.sql) == "*";
        let closes = |token: &Token| token.is_special(b')') || token.is_special(b']');
        let behind = at.checked_sub(2).filter(|_| point(at - 1));
        point(at + 1) && self.token(at + 2).is_some_and(star)
            || behind.and_then(|at| self.token(at)).is_some_and(closes)
    }
}

fn is_keyword(word: &str) -> bool {
    ALL_KEYWORDS
        .binary_search(&word.to_ascii_uppercase().as_str())
        .is_ok()
}

/// As many blanks as characters.
fn blank(text: &str, hollow: &mut String) {
    hollow.extend(text.chars().map(|_| ' '));
}

/// Something of no value of as many characters as a constant.
fn nothing(length: usize, begins: bool, ends: bool, hollow: &mut String) -> Option<()> {
    let pad = length.checked_sub(NOTHING.len());
    match pad.filter(|pad| begins && (ends || *pad > 0)) {
        Some(pad) => {
            hollow.push_str(NOTHING);
            hollow.extend(std::iter::repeat_n(' ', pad));
        }
        None => {
            let inner = length.checked_sub(2)?;
            hollow.push('\'');
            hollow.extend(std::iter::repeat_n(' ', inner));
            hollow.push('\'');
        }
    }
    Some(())
}
