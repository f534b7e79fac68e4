//! Clauses of PostgreSQL that the parser has no grammar for. It is given the statement without them, and the analysis
//! reads them itself where they matter: their constants and protected names must be accounted for like all others.

use std::ops::Range;

use super::reserved::is_reserved;
use crate::plan::lexer::{Token, TokenKind};

/// Clauses that change nothing that the analysis looks at: the words that they stand behind, and how they are spelled.
const WITHOUT_MEANING: &[(&[&[&str]], &[&str])] = &[
    (&[&["group", "by"]], &["distinct"]),
    (&[&["group", "by"]], &["all"]),
    (FRAME_BOUNDS, &["exclude", "current", "row"]),
    (FRAME_BOUNDS, &["exclude", "group"]),
    (FRAME_BOUNDS, &["exclude", "ties"]),
    (FRAME_BOUNDS, &["exclude", "no", "others"]),
    (&[&[]], &["with", "unique", "keys"]),
    (&[&[]], &["without", "unique", "keys"]),
    (&[&[]], &["with", "unique"]),
    (&[&[]], &["without", "unique"]),
];

/// The ends of a window's frame.
const FRAME_BOUNDS: &[&[&str]] = &[&["current", "row"], &["preceding"], &["following"]];

/// A statement's tokens with its text.
#[derive(Clone, Copy)]
pub struct Tokens<'a> {
    /// The text.
    pub sql: &'a str,
    /// Its tokens.
    pub tokens: &'a [Token],
}

/// `SEARCH …` and `CYCLE …` behind a recursive query.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recursion {
    /// The names behind SEARCH … FIRST BY.
    pub searched: Vec<usize>,
    /// The names behind CYCLE.
    pub compared: Vec<usize>,
    /// The names of the columns that are added, in their order.
    pub added: Vec<usize>,
    /// The constants that mark a cycle.
    pub marks: Range<usize>,
    /// The token behind the clauses.
    pub end: usize,
}

impl Tokens<'_> {
    /// Whether this word stands at a token.
    #[must_use]
    pub fn is(self, at: usize, word: &str) -> bool {
        let token = self.tokens.get(at);
        token.is_some_and(|token| token.is_word(self.sql, word))
    }

    /// Whether this punctuation stands at a token.
    #[must_use]
    pub fn is_special(self, at: usize, byte: u8) -> bool {
        let token = self.tokens.get(at);
        token.is_some_and(|token| token.is_special(byte))
    }

    /// The last part of the name that begins at a token, behind its schema.
    #[must_use]
    pub fn last_part(self, mut name: usize) -> usize {
        while self.is_special(name + 1, b'.') {
            name += 2;
        }
        name
    }

    pub(super) fn is_name(self, at: usize) -> bool {
        let kind = self.tokens.get(at).map(|token| token.kind);
        matches!(
            kind,
            Some(TokenKind::Ident | TokenKind::QuotedIdent | TokenKind::UnicodeIdent)
        )
    }

    /// Whether a name that no reserved word can be mistaken for stands at a token.
    fn is_own_name(self, at: usize) -> bool {
        let plain = self
            .tokens
            .get(at)
            .filter(|token| token.kind == TokenKind::Ident);
        let folded = plain.map(|token| token.text(self.sql).to_ascii_lowercase());
        self.is_name(at) && !folded.is_some_and(|word| is_reserved(&word))
    }

    pub(super) fn are(self, at: usize, words: &[&str]) -> bool {
        words.iter().zip(at..).all(|(word, at)| self.is(at, word))
    }

    /// Whether these words stand before a token.
    pub(super) fn follow(self, at: usize, words: &[&str]) -> bool {
        at.checked_sub(words.len())
            .is_some_and(|from| self.are(from, words))
    }

    /// The bracket that closes the one at a token.
    pub(super) fn closing(self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in open..self.tokens.len() {
            if self.is_special(at, b'(') || self.is_special(at, b'[') {
                depth += 1;
            } else if self.is_special(at, b')') || self.is_special(at, b']') {
                depth = depth.checked_sub(1)?;
            }
            if depth == 0 {
                return Some(at);
            }
        }
        None
    }

    /// The elements of the list whose first one begins at a token.
    #[must_use]
    pub fn elements(self, mut start: usize) -> Vec<Range<usize>> {
        let mut elements = Vec::new();
        while let Some(end) = self.element_end(start) {
            elements.push(start..end);
            if !self.is_special(end, b',') {
                break;
            }
            start = end + 1;
        }
        elements
    }

    /// The comma or bracket behind an element of a list.
    #[must_use]
    pub fn element_end(self, start: usize) -> Option<usize> {
        let mut at = start;
        while at < self.tokens.len() {
            if self.is_special(at, b',') || self.is_special(at, b')') {
                return Some(at);
            }
            at = match self.is_special(at, b'(') || self.is_special(at, b'[') {
                true => self.closing(at)? + 1,
                false => at + 1,
            };
        }
        None
    }

    /// How many tokens a clause without meaning has that starts here.
    pub(super) fn without_meaning(self, at: usize) -> Option<usize> {
        let mut known = WITHOUT_MEANING.iter();
        let (_, spelled) = known.find(|(before, spelled)| {
            self.are(at, spelled) && before.iter().any(|words| self.follow(at, words))
        })?;
        Some(spelled.len())
    }

    /// The options of `RETURNING WITH (OLD AS o, NEW AS n)`, whose WITH stands here: their closing bracket.
    pub(super) fn returning_options(self, with: usize) -> Option<usize> {
        let options = self.follow(with, &["returning"])
            && self.is(with, "with")
            && self.is_special(with + 1, b'(');
        options.then(|| self.closing(with + 1)).flatten()
    }

    /// `SEARCH` and `CYCLE` that start at a token, as they stand behind the closing bracket of a query in WITH.
    #[must_use]
    pub fn recursion(self, start: usize) -> Option<Recursion> {
        let closed = start
            .checked_sub(1)
            .is_some_and(|before| self.is_special(before, b')'));
        let mut found = Recursion::default();
        let mut at = start;
        let depth_or_breadth = self.is(at + 1, "depth") || self.is(at + 1, "breadth");
        if self.is(at, "search") && depth_or_breadth && self.are(at + 2, &["first", "by"]) {
            (found.searched, at) = self.names(at + 4)?;
            at = self.set(at, &mut found)?;
        }
        if self.is(at, "cycle")
            && let Some((compared, set)) = self.names(at + 1)
        {
            let mut cycle = Recursion::default();
            let mut next = self.set(set, &mut cycle)?;
            if self.is(next, "to") {
                let using = (next..self.tokens.len()).find(|at| self.is(*at, "using"))?;
                found.marks = next + 1..using;
                next = using;
            }
            // USING with a bracket would belong to a join.
            if !self.is(next, "using") || !self.is_own_name(next + 1) {
                return None;
            }
            found.compared = compared;
            found.added.extend(cycle.added);
            found.added.push(next + 1);
            at = next + 2;
        }
        found.end = at;
        (closed && at > start).then_some(found)
    }

    /// Names with commas between them, and the token behind.
    fn names(self, mut at: usize) -> Option<(Vec<usize>, usize)> {
        let mut names = Vec::new();
        loop {
            if !self.is_own_name(at) {
                return None;
            }
            names.push(at);
            if !self.is_special(at + 1, b',') {
                return Some((names, at + 1));
            }
            at += 2;
        }
    }

    fn set(self, at: usize, found: &mut Recursion) -> Option<usize> {
        let named = self.is(at, "set") && self.is_own_name(at + 1);
        named.then(|| {
            found.added.push(at + 1);
            at + 2
        })
    }

    /// The subscripts of the targets of the SET at a token: their brackets.
    pub(super) fn subscripts(self, set: usize) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut at = set + 1;
        loop {
            let mut next = at + 1;
            while self.is_name(at) && self.is_special(next, b'[') {
                let Some(close) = self.closing(next) else {
                    return found;
                };
                found.push(next..close + 1);
                next = close + 1;
            }
            // On to the next target.
            at = loop {
                let ended = ["from", "where", "returning", "when"];
                let ends =
                    self.is_special(next, b')') || ended.iter().any(|word| self.is(next, word));
                if ends || next >= self.tokens.len() {
                    return found;
                }
                if self.is_special(next, b',') {
                    break next + 1;
                }
                next = match self.is_special(next, b'(') || self.is_special(next, b'[') {
                    true => match self.closing(next) {
                        Some(close) => close + 1,
                        None => return found,
                    },
                    false => next + 1,
                };
            };
        }
    }
}
