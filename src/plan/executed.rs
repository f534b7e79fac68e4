//! Code that runs a prepared statement, or reads a cursor, of this session by its name: DO, and functions that are made. What
//! it passes would be stored, and what it reads be seen, as it is.

use std::ops::Range;

use super::lexer::{self, Limits, Token, TokenKind};
use super::refuse::Walked;
use super::tokens::executes_text;
use super::view::View;

/// Texts in texts are followed so far.
const DEPTH: usize = 8;

impl View<'_> {
    /// Refuses code whose text names a protected statement behind EXECUTE, or a protected cursor beside FETCH.
    pub(super) fn executes_nothing(&self, range: &Range<usize>) -> Walked<()> {
        let own = self.tokens.get(range.clone()).unwrap_or_default();
        if self.starts_with(range, &["prepare", "execute"]) || !executes_text(self.sql, own) {
            return Ok(());
        }
        for at in range.clone() {
            let token = self.tokens.get(at);
            let Some(text) = token.and_then(|token| constant(token, self.sql)) else {
                continue;
            };
            if let Some(named) = self.executed_in(&text, DEPTH) {
                let message = format!(
                    "code that runs in the server and uses {named}, which is on a protected table, is not supported"
                );
                return Err(self.walk(range.clone()).code(message, at));
            }
        }
        Ok(())
    }

    /// The protected statement or cursor that a text uses.
    fn executed_in(&self, text: &str, depth: usize) -> Option<String> {
        let tokens = lexer::lex_as(
            text,
            &Limits::default(),
            self.env.standard_conforming_strings,
        );
        let tokens = tokens.ok()?;
        let names = |token: &Token| lexer::ident(token, text).map(std::borrow::Cow::into_owned);
        let mut pairs = tokens.windows(2);
        let statement = pairs.find_map(|pair| match pair {
            [execute, name] if execute.is_word(text, "execute") => {
                names(name).filter(|name| self.reaches_protected(name))
            }
            _ => None,
        });
        if let Some(name) = statement {
            return Some(format!("prepared statement {name}"));
        }
        let fetches = tokens.iter().any(|token| token.is_word(text, "fetch"));
        tokens.iter().find_map(|token| {
            let inner = constant(token, text);
            let name = inner.clone().or_else(|| names(token))?;
            if fetches && (self.env.cursors)(&name).is_some() {
                return Some(format!("cursor {name}"));
            }
            self.executed_in(&inner?, depth.checked_sub(1)?)
        })
    }
}

/// The text of a string constant.
fn constant(token: &Token, sql: &str) -> Option<String> {
    let string = matches!(token.kind, TokenKind::String(_));
    let text = lexer::string_value(token, sql).ok().filter(|_| string)?;
    Some(text.to_string())
}
