//! Conditions in definitions: of a partial index, a constraint, a policy, a publication's rows.

use std::ops::Range;

use super::refuse::CONDITION;
use super::scope::{Scope, Source};
use super::tokens::{self, Tokens};
use super::walk::Walk;

/// Words before a condition in brackets.
const BEFORE: &[&str] = &["check", "using", "where"];

impl Walk<'_> {
    /// Where a condition of a definition can be decided without the plaintext of a sealed column that it names, as
    /// `key IS NOT NULL` can, among these tokens.
    pub(super) fn harmless_conditions(&self, definition: &Range<usize>) -> Vec<Range<usize>> {
        let of = Tokens {
            sql: self.sql,
            tokens: self.tokens.get(..definition.end).unwrap_or_default(),
        };
        let index = self.creates_index();
        let mut found = Vec::new();
        for at in definition.clone() {
            if !BEFORE.iter().any(|word| of.is(at, word)) {
                continue;
            }
            // That of an index stands at its end, without brackets of its own.
            let condition = match index {
                true if of.is(at, "where") => at + 1..definition.end,
                true => continue,
                false if of.is_special(at + 1, b'(') => match self.closing(at + 1) {
                    Some(close) => at + 2..close,
                    None => continue,
                },
                false => continue,
            };
            if self.asks_nothing_sealed(&condition) {
                found.push(condition);
            }
        }
        found
    }

    fn creates_index(&self) -> bool {
        let at = self.range.start;
        self.word(at) == "create" && (self.word(at + 1) == "index" || self.word(at + 2) == "index")
    }

    fn asks_nothing_sealed(&self, condition: &Range<usize>) -> bool {
        let own = self.tokens.get(condition.clone()).unwrap_or_default();
        let Ok(expr) = tokens::parse_element(self.sql, own) else {
            return false;
        };
        let mut inner = Walk::new(
            self.relations,
            self.env,
            self.sql,
            self.tokens,
            condition.clone(),
        );
        inner.met = self.named();
        let mut scope = Scope::default();
        for relation in inner.met.clone() {
            let Some(relation) = self.relations.catalog.relation(relation) else {
                continue;
            };
            let source = Source {
                name: relation.name.clone(),
                schema: Some(relation.schema.clone()),
                columns: inner.columns_read(relation),
                table: Some(relation.oid),
                ..Source::default()
            };
            scope.sources.push(source);
        }
        let walked = inner.plain(&expr, &scope, CONDITION);
        walked
            .and_then(|()| inner.settle())
            .and_then(|()| inner.account())
            .is_ok()
    }
}
