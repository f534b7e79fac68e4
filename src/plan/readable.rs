//! How a text is cut into tokens, and what becomes of one that cannot be.

use std::borrow::Cow;

use crate::model::Refusal;

use super::defined::not_yet;
use super::env::Env;
use super::lexer::{self, LexError, LexErrorKind, Limits, Token};
use super::planner::Planner;
use super::refuse::{Walked, refused};

/// The command that reaches a protected table without naming it, and carries values.
const EXECUTE: &str = "execute";

/// No parser sees a text that names nothing protected, so that the depth of its syntax tree does not matter.
const UNPARSED: Limits = Limits {
    nesting: usize::MAX,
    chain: usize::MAX,
    bytes: 64 << 20,
    tokens: 500_000,
};

impl Planner {
    /// The text and its tokens; `None`: nothing in it can touch anything protected, read or not.
    pub(super) fn tokens<'a>(
        &self,
        sql: &'a [u8],
        env: &Env<'_>,
    ) -> Walked<Option<(Cow<'a, str>, Vec<Token>)>> {
        let conforming = env.standard_conforming_strings;
        let error = match std::str::from_utf8(sql) {
            Ok(text) => match lexer::lex_as(text, &Limits::default(), conforming) {
                Ok(tokens) => return Ok(Some((text.into(), tokens))),
                Err(error) => Some((text, error)),
            },
            Err(_) => None,
        };
        if self.may_name(sql) {
            return Err(match error {
                Some((text, error)) => unreadable(text, error, NAMES),
                None => encoding(),
            }
            .into());
        }
        if env.made.iter().any(|made| made.relation().is_some()) {
            return Err(not_yet(None).into());
        }
        if !lexer::has_word(sql, EXECUTE) {
            return Ok(None);
        }
        let text: Option<Cow<'_, str>> = match error {
            Some((text, _)) => Some(text.into()),
            None => in_ascii(sql).map(Cow::Owned),
        };
        let tokens = match &text {
            Some(text) => lexer::lex_as(text, &UNPARSED, conforming),
            None if env.executes => return Err(encoding().into()),
            None => return Ok(None),
        };
        match (text, tokens) {
            (Some(text), Ok(tokens)) => Ok(Some((text, tokens))),
            (Some(text), Err(error)) if env.executes || fails(&text, error) => {
                Err(unreadable(&text, error, EXECUTES).into())
            }
            _ => Ok(None),
        }
    }
}

/// Whether it is an EXECUTE that the server cannot read either: it would write the text into its log.
fn fails(text: &str, error: LexError) -> bool {
    let start = text.trim_start().as_bytes();
    let command = start.get(..EXECUTE.len()).unwrap_or_default();
    // What only we do not read, or only a server in UTF-8.
    let ours = matches!(
        error.kind,
        LexErrorKind::TextTooLong
            | LexErrorKind::TooManyTokens
            | LexErrorKind::TooDeep
            | LexErrorKind::ChainTooLong
            | LexErrorKind::InvalidUtf8
    );
    !ours && command.eq_ignore_ascii_case(EXECUTE.as_bytes())
}

/// A text in another encoding than UTF-8, its tokens where they are: `_` stands for each byte of letters beyond ASCII, in
/// names too. `None` where a backslash follows one: in some encodings it belongs to the letter.
fn in_ascii(sql: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(sql.len());
    let mut in_letter = false;
    for &byte in sql {
        if in_letter && byte == b'\\' {
            return None;
        }
        in_letter = !byte.is_ascii();
        text.push(if in_letter { '_' } else { char::from(byte) });
    }
    Some(text)
}

pub(super) fn encoding() -> Refusal {
    let help = "Set client_encoding to UTF8.";
    refused(
        "statements on protected tables must be sent in UTF-8",
        help,
        "refused-encoding",
        None,
    )
}

/// What an unreadable text does that it must be read for.
const NAMES: &str = "names a protected table";
const EXECUTES: &str = "executes a prepared statement";

fn unreadable(text: &str, error: LexError, does: &str) -> Refusal {
    let before = text
        .get(..error.at)
        .map(|before| before.chars().count() + 1);
    let position = before.and_then(|before| u32::try_from(before).ok());
    let message = format!("this text {does} and cannot be read: {}", error.kind);
    let help = "Correct the statement, or split it into smaller ones.";
    refused(message, help, "refused-limits", position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stay_where_they_are_in_any_encoding() {
        assert_eq!(
            in_ascii(b"EXECUTE q('caf\xe9', E'a\\'b')").as_deref(),
            Some("EXECUTE q('caf_', E'a\\'b')")
        );
        assert_eq!(in_ascii(b"EXECUTE q(E'\x83\\')"), None);
    }

    #[test]
    fn an_execute_that_nobody_can_read_fails() {
        let fails = |sql: &str| {
            let error = lexer::lex(sql, &Limits::default()).unwrap_err();
            fails(sql, error)
        };
        assert!(fails("\n execute q('it's')"));
        assert!(fails("EXECUTE q('x'"));
        assert!(!fails("SELECT 'execute"));
        let deep = format!("EXECUTE q({}1{})", "(".repeat(200), ")".repeat(200));
        assert!(!fails(&deep));
    }
}
