//! A statement as a run of tokens, and the questions that are asked of it.

use std::borrow::Cow;
use std::ops::Range;

use super::lexer::{self, Token, TokenKind};
use crate::model::Refusal;

/// Tokens of one statement (or a part of it) over the whole text.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) sql: &'a str,
    pub(super) tokens: &'a [Token],
}

impl<'a> Text<'a> {
    pub(super) fn part(&self, range: Range<usize>) -> Self {
        Self {
            sql: self.sql,
            tokens: self.tokens.get(range).unwrap_or_default(),
        }
    }

    pub(super) fn from(&self, start: usize) -> Self {
        self.part(start..self.tokens.len())
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&'a Token> {
        self.tokens.get(index)
    }

    pub(super) fn before(&self, index: usize) -> Option<&'a Token> {
        index.checked_sub(1).and_then(|index| self.get(index))
    }

    pub(super) fn is_word(&self, index: usize, word: &str) -> bool {
        self.get(index)
            .is_some_and(|token| token.is_word(self.sql, word))
    }

    pub(super) fn is_any(&self, index: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(index, word))
    }

    pub(super) fn is_special(&self, index: usize, byte: u8) -> bool {
        self.get(index).is_some_and(|token| token.is_special(byte))
    }

    pub(super) fn is_operator(&self, index: usize, operator: &str) -> bool {
        self.get(index)
            .is_some_and(|token| token.is_operator(self.sql, operator))
    }

    pub(super) fn name(&self, index: usize) -> Option<Cow<'a, str>> {
        self.get(index)
            .and_then(|token| lexer::ident(token, self.sql))
    }

    /// The bytes from the first to the last token.
    pub(super) fn span(&self) -> Range<usize> {
        match (self.tokens.first(), self.tokens.last()) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => 0..0,
        }
    }

    /// The index behind the bracket that closes the one at `open`.
    pub(super) fn closed(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(open) {
            match token.kind {
                TokenKind::Special(b'(' | b'[') => depth += 1,
                TokenKind::Special(b')' | b']') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return index + 1;
                    }
                }
                _ => {}
            }
        }
        self.len()
    }

    /// The first of these words from `start` on that stands outside brackets; the end if there is none.
    pub(super) fn find(&self, start: usize, words: &[&str]) -> usize {
        let mut index = start;
        while index < self.len() {
            if self.is_special(index, b'(') || self.is_special(index, b'[') {
                index = self.closed(index);
                continue;
            }
            // A name behind a dot or AS is no keyword.
            let named = self
                .before(index)
                .is_some_and(|token| token.is_special(b'.') || token.is_word(self.sql, "as"));
            if !named && self.is_any(index, words) {
                return index;
            }
            index += 1;
        }
        self.len()
    }

    /// Parts between commas that stand outside brackets.
    pub(super) fn split(&self, separator: u8) -> Vec<Self> {
        let (mut parts, mut start, mut index) = (Vec::new(), 0, 0);
        while index < self.len() {
            if self.is_special(index, b'(') || self.is_special(index, b'[') {
                index = self.closed(index);
                continue;
            }
            if self.is_special(index, separator) {
                parts.push(self.part(start..index));
                start = index + 1;
            }
            index += 1;
        }
        parts.push(self.part(start..self.len()));
        parts
    }

    /// The 1-based position of a token in the text, in characters.
    pub(super) fn position(&self, index: usize) -> u32 {
        let at = self
            .get(index)
            .or(self.tokens.first())
            .map_or(0, |token| token.start);
        let chars = self
            .sql
            .get(..at)
            .map_or(0, |before| before.chars().count());
        u32::try_from(chars + 1).unwrap_or(u32::MAX)
    }
}

/// A statement on a protected table that is not understood, or cannot work on sealed values.
pub(super) fn refused(
    text: &Text<'_>,
    index: usize,
    message: String,
    hint: &str,
    anchor: &str,
) -> Refusal {
    Refusal::new(
        "0A000",
        message,
        format!("{hint} See docs/errors.md#{anchor}."),
    )
    .at(text.position(index))
}

/// A construct that is not understood.
pub(super) fn not_understood(
    text: &Text<'_>,
    index: usize,
    table: &str,
    construct: &str,
) -> Refusal {
    refused(
        text,
        index,
        format!("{construct} is not supported on the protected table {table}"),
        "Write the statement in a simpler form, or leave the protected table out of it.",
        "refused-construct",
    )
}
