//! A text's statements.

use std::ops::Range;

use crate::plan::lexer::{Token, has_word};

/// The non-empty statements of a text as ranges of its tokens, the semicolons left out.
///
/// Semicolons in brackets (rules with several actions) and in the `BEGIN ATOMIC … END` body of a function or
/// procedure belong to their statement.
#[must_use]
pub fn split(sql: &str, tokens: &[Token]) -> Vec<Range<usize>> {
    let mut statements = Vec::new();
    let mut start = 0;
    let mut body = Body::default();
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate() {
        if token.is_special(b'(') || token.is_special(b'[') {
            depth += 1;
        } else if token.is_special(b')') || token.is_special(b']') {
            depth = depth.saturating_sub(1);
        } else if depth == 0 {
            let ends = token.is_special(b';') && body.starts.is_empty();
            if ends {
                statements.push(start..index);
                start = index + 1;
            } else {
                body.note(sql, tokens, start, index);
            }
        }
    }
    statements.push(start..tokens.len());
    statements.retain(|statement| !statement.is_empty());
    statements
}

/// The bytes that these tokens span, first to last.
#[must_use]
pub fn text_span(tokens: &[Token]) -> Range<usize> {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => first.start..last.end,
        _ => 0..0,
    }
}

/// The `BEGIN ATOMIC` bodies that are open, one in another.
#[derive(Default)]
struct Body {
    /// The token at which the current statement of each open body starts.
    starts: Vec<usize>,
}

impl Body {
    fn note(&mut self, sql: &str, tokens: &[Token], outer: usize, index: usize) {
        let is = |index: Option<usize>, word: &str| {
            index
                .and_then(|index| tokens.get(index))
                .is_some_and(|token| token.is_word(sql, word))
        };
        let here = Some(index);
        if is(here, "atomic") && is(index.checked_sub(1), "begin") {
            let start = self.starts.last().copied().unwrap_or(outer);
            if defines_routine(sql, tokens.get(start..index).unwrap_or_default()) {
                self.starts.push(index + 1);
            }
            return;
        }
        let Some(start) = self.starts.last_mut() else {
            return;
        };
        if tokens
            .get(index)
            .is_some_and(|token| token.is_special(b';'))
        {
            *start = index + 1;
        } else if *start == index && is(here, "end") {
            // An END that starts a statement of the body closes it: as a transaction command it may not stand here.
            self.starts.pop();
        }
    }
}

fn defines_routine(sql: &str, tokens: &[Token]) -> bool {
    created(sql, tokens).is_some_and(|kind| {
        ["function", "procedure"]
            .iter()
            .any(|word| kind.is_word(sql, word))
    })
}

/// What a CREATE statement creates: the first word after CREATE and its modifiers.
fn created<'a>(sql: &str, tokens: &'a [Token]) -> Option<&'a Token> {
    let (create, rest) = tokens.split_first()?;
    let modifiers = ["or", "replace", "constraint", "event"];
    let modifies = |token: &&Token| modifiers.iter().any(|word| token.is_word(sql, word));
    if create.is_word(sql, "create") {
        rest.iter().find(|token| !modifies(token))
    } else {
        None
    }
}

/// Whether a statement runs or stores SQL that stands in its string constants: DO, PREPARE, EXECUTE and
/// CREATE FUNCTION, PROCEDURE, TRIGGER or RULE.
#[must_use]
pub fn executes_text(sql: &str, statement: &[Token]) -> bool {
    let Some(first) = statement.first() else {
        return false;
    };
    let one_of = |token: &Token, words: &[&str]| words.iter().any(|word| token.is_word(sql, word));
    one_of(first, RUNNING) || created(sql, statement).is_some_and(|kind| one_of(kind, STORING))
}

/// Whether [`executes_text`] may hold for a statement of a text that cannot be cut into tokens.
#[must_use]
pub fn may_execute_text(sql: &[u8]) -> bool {
    let any = |words: &[&str]| words.iter().any(|word| has_word(sql, word));
    any(RUNNING) || any(&["create"]) && any(STORING)
}

/// Commands whose string constants are run.
const RUNNING: &[&str] = &["do", "prepare", "execute"];

/// What CREATE stores text of.
const STORING: &[&str] = &["function", "procedure", "trigger", "rule"];
