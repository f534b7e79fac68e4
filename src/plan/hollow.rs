//! A statement without its constants: the server says what is wrong with a name in it, in its own words and with its hint.
//!
//! It is never run. What it says is told only if it is about a name, so that constants may be others.

use super::lexer::{self, TokenKind};
use super::refuse::Stop;
use super::tokens::is_reserved;
use super::walk::Walk;
use crate::model::{Hollow, Refusal};

/// Words before a constant that are no type, the reserved ones aside.
const BEFORE_CONSTANT: &[&str] = &[
    "between", "by", "escape", "like", "ilike", "to", "values", "zone",
];

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
                TokenKind::QuotedIdent | TokenKind::UnicodeIdent if !self.is_known(at) => {
                    return None;
                }
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

    /// Whether what stands in double quotes is a name, and no value that somebody has put into the wrong ones.
    fn is_known(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| self.token(before));
        let names =
            |before: &lexer::Token| before.is_special(b'.') || before.is_word(self.sql, "as");
        if before.is_some_and(names) {
            return true;
        }
        let name = |at: usize| lexer::ident(self.token(at)?, self.sql);
        let Some(own) = name(at) else {
            return false;
        };
        let mut relations = self.relations.catalog.relations();
        let again = self
            .range
            .clone()
            .filter(|at| name(*at).is_some_and(|name| name == own));
        again.count() > 1
            || relations.any(|relation| relation.name == *own || relation.column(&own).is_some())
    }
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
