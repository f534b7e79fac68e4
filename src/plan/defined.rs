//! Relations over protected ones that no snapshot of the catalog knows yet: a text, or an open transaction, has just
//! made them. What would read or write them cannot be planned.

use std::ops::Range;

use crate::model::Refusal;

use super::lexer::{self, Limits, Token};
use super::refuse::refused;
use super::tokens::split;

/// Words that start a statement which carries values or runs code. Others (DDL, SET, COMMIT) may name a new relation.
const VALUES: &[&str] = &[
    "select", "insert", "update", "delete", "merge", "with", "values", "table", "copy", "explain",
    "prepare", "declare", "do", "call", "execute",
];

/// The token at which a statement that carries values names one of `names`.
pub(super) fn used(
    sql: &str,
    tokens: &[Token],
    statement: Range<usize>,
    names: &[String],
) -> Option<usize> {
    let first = tokens.get(statement.start)?;
    let carries = first.is_special(b'(') || VALUES.iter().any(|word| first.is_word(sql, word));
    let named = |at: &usize| {
        let name = tokens.get(*at).and_then(|token| lexer::ident(token, sql));
        name.is_some_and(|name| names.iter().any(|new| *new == *name))
    };
    statement.clone().find(|at| carries && named(at))
}

/// Says no to a text that reads or writes one of these relations; `conforming` is the session's
/// `standard_conforming_strings`. A text that cannot be read might.
#[must_use]
pub fn refuse_new(sql: &[u8], names: &[String], conforming: bool) -> Option<Refusal> {
    let Ok(text) = std::str::from_utf8(sql) else {
        return Some(not_yet(None));
    };
    let Ok(tokens) = lexer::lex_as(text, &Limits::default(), conforming) else {
        return Some(not_yet(None));
    };
    let used = split(text, &tokens)
        .into_iter()
        .find_map(|statement| used(text, &tokens, statement, names))?;
    let before = tokens
        .get(used)
        .and_then(|token| text.get(..token.start))
        .map(|before| before.chars().count() + 1);
    Some(not_yet(
        before.and_then(|before| u32::try_from(before).ok()),
    ))
}

pub(super) fn not_yet(position: Option<u32>) -> Refusal {
    refused(
        "a table or view over a protected one was just made and is not known yet",
        "Commit first, and send what uses it afterwards, in a text of its own.",
        "refused-new-relation",
        position,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_carries_values_of_a_new_relation_is_refused() {
        let names = ["keys_2".to_owned()];
        for sql in [
            "INSERT INTO keys_2 VALUES ($1)",
            "SELECT 1; COPY Keys_2 FROM STDIN",
            "(SELECT * FROM public.\"keys_2\")",
            "SELECT 'unfinished",
        ] {
            assert!(refuse_new(sql.as_bytes(), &names, true).is_some(), "{sql}");
        }
        for sql in [
            "CREATE INDEX ON keys_2 (id)",
            "SELECT 'keys_2' FROM keys_22",
            "ALTER TABLE keys_2 ADD CONSTRAINT c CHECK (id > 0); COMMIT",
            "",
        ] {
            assert!(refuse_new(sql.as_bytes(), &names, true).is_none(), "{sql}");
        }
        let sql = r"SELECT '\'; COMMIT; --', id FROM keys_2 --'";
        assert!(refuse_new(sql.as_bytes(), &names, true).is_none());
        assert!(refuse_new(sql.as_bytes(), &names, false).is_some());
    }
}
