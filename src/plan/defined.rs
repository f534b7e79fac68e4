//! Relations over protected ones that no snapshot of the catalog knows yet: a text, or an open transaction, has just
//! made them. What would read or write them cannot be planned.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::model::Refusal;

use super::env::Defined;
use super::lexer::{self, Token, TokenKind};
use super::mention::MentionFilter;
use super::refuse::refused;
use super::tokens::executes_text;
use super::types::{StatementKind, StatementPlan};

/// Words that start a statement which carries values or runs code. Others (DDL, SET, COMMIT) may name a new relation.
pub(super) const VALUES: &[&str] = &[
    "select", "insert", "update", "delete", "merge", "with", "values", "table", "copy", "explain",
    "prepare", "declare", "do", "call", "execute",
];

/// The token at which a statement that carries values, or stores code, names one of `names`.
pub(super) fn used(
    sql: &str,
    tokens: &[Token],
    statement: Range<usize>,
    names: &BTreeSet<String>,
) -> Option<usize> {
    let first = tokens.get(statement.start)?;
    if names.is_empty() {
        return None;
    }
    let own = tokens.get(statement.clone()).unwrap_or_default();
    let runs = executes_text(sql, own);
    let carries = first.is_special(b'(') || VALUES.iter().any(|word| first.is_word(sql, word));
    if !(carries || runs) {
        return None;
    }
    let named = |at: &usize| {
        let name = tokens.get(*at).and_then(|token| lexer::ident(token, sql));
        name.is_some_and(|name| names.contains(name.as_ref()))
    };
    let in_text = || {
        let filter = MentionFilter::new(names.iter().map(String::as_str));
        filter.map_or(true, |filter| {
            filter.real_in(sql, tokens, statement.clone())
        })
    };
    statement
        .clone()
        .find(named)
        .or_else(|| (runs && in_text()).then_some(statement.start))
}

/// Names of relations that CREATE and ALTER make over those of `known`, bind to them, rename or move, in one statement that
/// names some of them; those left out that mean the same as before.
pub(super) fn makes(sql: &str, statement: &[Token], known: &BTreeSet<String>) -> Vec<Defined> {
    let ident = |at: usize| statement.get(at).and_then(|token| lexer::ident(token, sql));
    let word = |at: usize| {
        let unquoted = statement.get(at).filter(|t| t.kind == TokenKind::Ident);
        unquoted.and_then(|token| lexer::ident(token, sql))
    };
    let is = |at: usize, wanted: &[&str]| word(at).is_some_and(|word| wanted.contains(&&*word));
    let creates = is(0, &["create"]);
    let names_some =
        || (0..statement.len()).any(|at| ident(at).is_some_and(|name| known.contains(&*name)));
    if !(creates || is(0, &["alter"])) || !names_some() {
        return Vec::new();
    }
    // A foreign key, or LIKE, is no way to the rows of what it names.
    let any = |words| (0..statement.len()).any(|at| is(at, words));
    let moves =
        !creates && (1..statement.len()).any(|at| is(at, &["schema"]) && is(at - 1, &["set"]));
    let links = match creates {
        true => any(&["inherits", "partition", "view", "as"]),
        false => moves || any(&["inherit", "attach", "to"]),
    };
    let mut names = Vec::new();
    let mut first = creates;
    for at in 0..statement.len() {
        let renamed = is(at, &["to"])
            && at
                .checked_sub(1)
                .is_some_and(|before| is(before, &["rename"]));
        if !(renamed || is(at, &["table", "view", "partition"])) {
            continue;
        }
        let mut next = at + 1;
        while is(next, &["if", "not", "exists", "only", "of"]) {
            next += 1;
        }
        let mut last = next;
        while statement
            .get(last + 1)
            .is_some_and(|point| point.is_special(b'.'))
        {
            last += 2;
        }
        // A second table of a known name: a temporary one, or one of another schema.
        let second = std::mem::take(&mut first) && next == at + 1;
        let name = ident(last).map(std::borrow::Cow::into_owned);
        let new = |name: &String| match known.contains(name) {
            true => second || renamed || moves,
            false => links,
        };
        names.extend(name.filter(new).map(Defined::Relation));
    }
    names
}

/// Words behind ADD in ALTER TABLE that are no column's name.
pub(super) const CONSTRAINTS: [&str; 6] = [
    "check",
    "constraint",
    "exclude",
    "foreign",
    "primary",
    "unique",
];

/// Names of columns that an ALTER adds, or that columns get by it.
pub(super) fn columns_of(sql: &str, statement: &[Token]) -> Vec<Defined> {
    let word = |at: usize, wanted: &str| {
        let token = statement.get(at);
        token.is_some_and(|token| token.is_word(sql, wanted))
    };
    if !word(0, "alter") {
        return Vec::new();
    }
    let mut names = Vec::new();
    for at in 1..statement.len() {
        let name = if word(at, "add") && !CONSTRAINTS.iter().any(|other| word(at + 1, other)) {
            let name = at + 1 + usize::from(word(at + 1, "column"));
            name + 3 * usize::from(word(name, "if") && word(name + 1, "not"))
        } else if word(at, "rename") {
            let to = at + 2 + usize::from(word(at + 1, "column"));
            if !word(to, "to") {
                continue;
            }
            to + 1
        } else {
            continue;
        };
        let column = statement
            .get(name)
            .and_then(|token| lexer::ident(token, sql));
        names.extend(column.map(|column| Defined::Column(column.into_owned())));
    }
    names
}

impl StatementPlan {
    /// It makes these relations, too.
    pub(super) fn also_makes(&mut self, names: Vec<Defined>) {
        if names.is_empty() {
            return;
        }
        if matches!(self.kind, StatementKind::Forward) {
            self.kind = StatementKind::Define;
        }
        self.defines.extend(names);
    }
}

pub(super) fn not_yet(position: Option<u32>) -> Refusal {
    refused(
        "a table or view over a protected one was just made and is not known yet",
        "Commit first, and send what uses it afterwards, in a text of its own.",
        "refused-new-relation",
        position,
    )
}
