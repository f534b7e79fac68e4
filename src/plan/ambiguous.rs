//! Names that only the server knows the meaning of.
//!
//! The snapshot may hold several relations of a name, and which is meant hangs on the session's search_path; or none in the
//! schema that the text gives, which may be a protected one's schema by another name.

use std::ops::Range;

use crate::model::Oid;

use super::defined::VALUES;
use super::env::{Defined, Env};
use super::finish::BEFORE_RELATION;
use super::lexer::{self, Limits, Token};
use super::planner::Planner;
use super::types::Meant;
use super::view::View;

impl Planner {
    /// All names of a text that only the server knows the meaning of, as it is asked about them.
    pub(super) fn ambiguous_in(&self, sql: &[u8], env: &Env<'_>) -> Vec<String> {
        let text = std::str::from_utf8(sql).unwrap_or_default();
        let conforming = env.standard_conforming_strings;
        let tokens = lexer::lex_as(text, &Limits::default(), conforming).unwrap_or_default();
        let found = (0..tokens.len()).filter_map(|at| self.ambiguous_at(text, &tokens, at));
        let mut names: Vec<String> = found.collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether one of these names may mean another relation by now, also one of those that the session has just `made`.
    #[must_use]
    pub fn may_mean_another(&self, names: &[Meant], made: &[Defined]) -> bool {
        let is_made = |name: &String| made.iter().any(|made| made.relation() == Some(name));
        let doubtful =
            |meant: &Meant| self.relations.is_ambiguous(&meant.name) || is_made(&meant.name);
        names.iter().any(doubtful)
    }

    /// The name that ends at a token, as the server is asked about it, if only the server knows which relation it means.
    fn ambiguous_at(&self, sql: &str, tokens: &[Token], at: usize) -> Option<String> {
        let name = lexer::ident(tokens.get(at)?, sql)?;
        let before = |n| at.checked_sub(n).and_then(|before| tokens.get(before));
        if !before(1).is_some_and(|token| token.is_special(b'.')) {
            return self.relations.is_ambiguous(&name).then(|| asked_as(&name));
        }
        let schema = lexer::ident(before(2)?, sql)?;
        self.relations
            .may_have_moved(&schema, &name)
            .then(|| format!("{}.{}", asked_as(&schema), asked_as(&name)))
    }
}

impl View<'_> {
    /// The unqualified names of protected relations, where each can mean only one.
    pub(super) fn meant(&self, range: &Range<usize>) -> Vec<Meant> {
        let mut names: Vec<Meant> = Vec::new();
        for at in range.clone() {
            let point = |at: usize| {
                self.tokens
                    .get(at)
                    .is_some_and(|token| token.is_special(b'.'))
            };
            let Some(name) = self
                .name(at)
                .filter(|_| !at.checked_sub(1).is_some_and(point))
            else {
                continue;
            };
            let relation = self.planner.relations.sole(&name);
            if let Some(relation) =
                relation.filter(|_| names.iter().all(|meant| meant.name != name))
            {
                names.push(Meant { name, relation });
            }
        }
        names
    }

    /// What the names in a statement mean of which the server was asked.
    pub(super) fn meanings(&self, range: &Range<usize>) -> Vec<(String, Option<Oid>)> {
        let asked = range.clone().filter_map(|at| {
            let name = self.planner.ambiguous_at(self.sql, self.tokens, at)?;
            let meaning = self.env.resolved.get(&name)?;
            Some((name, *meaning))
        });
        let mut meanings: Vec<_> = asked.collect();
        meanings.sort_unstable();
        meanings.dedup();
        meanings
    }

    /// The first token whose name only the server knows the meaning of. Behind a point it may be a column's, or one that DDL
    /// makes.
    pub(super) fn ambiguous(&self, range: &Range<usize>) -> Option<usize> {
        let planner = self.planner;
        let carries = self.starts_with(range, VALUES);
        let is_relation = |at: usize| {
            let point = |at: usize| {
                self.tokens
                    .get(at)
                    .is_some_and(|token| token.is_special(b'.'))
            };
            let mut first = at;
            while let Some(before) = first.checked_sub(2).filter(|_| point(first - 1)) {
                first = before;
            }
            let before = first.checked_sub(1);
            first == at
                || carries
                    && before
                        .is_some_and(|at| BEFORE_RELATION.iter().any(|word| self.is_word(at, word)))
        };
        range.clone().find(|at| {
            is_relation(*at) && planner.ambiguous_at(self.sql, self.tokens, *at).is_some()
        })
    }
}

/// A name as the server is asked about it.
pub(super) fn asked_as(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
