//! The rows that an UPDATE changes: its clauses in the text, and the questions whose these rows are.

use std::ops::Range;

use super::lexer::TokenKind;
use super::refuse::{Stop, Walked};
use super::scope::Scope;
use super::tenant_sql::{quoted, row_tenant_sql};
use super::types::{Splice, TenantSource};
use super::update::Change;
use super::walk::Walk;
use crate::rules::ProtectedTable;

/// The tokens of an UPDATE's parts.
pub(super) struct Parts {
    table: Range<usize>,
    pub from: Option<Range<usize>>,
    pub condition: Option<Range<usize>>,
    /// The token before which a WHERE would stand.
    pub end: usize,
}

impl Walk<'_> {
    /// The rows that an UPDATE matches, where a look-up can find the same ones.
    pub(super) fn matched(
        &mut self,
        change: &Change<'_>,
        start: Option<usize>,
        impure: Option<usize>,
        has_from: bool,
    ) -> Walked<Parts> {
        let table = change.table;
        if let Some(token) = impure {
            return Err(self.unrepeatable(table, token));
        }
        let parts = self.askable_parts(start, has_from)?;
        self.asking.none_matched = self.matching_none(&parts);
        Ok(parts)
    }

    /// The parts of an UPDATE, the only one of the statement whose tenants are asked for.
    fn askable_parts(&self, start: Option<usize>, has_from: bool) -> Walked<Parts> {
        if !self.asking.none_matched.is_empty() {
            return Err(
                self.not_understood("several UPDATEs whose tenants must be asked for", start)
            );
        }
        match start.and_then(|start| self.update_parts(start, has_from)) {
            Some(parts) => Ok(parts),
            None => Err(self.not_understood("this form of UPDATE", start)),
        }
    }

    /// The tenant that the statement itself holds the rows to that it changes, so that nobody need ask for theirs.
    pub(super) fn held_target(
        &mut self,
        scope: &Scope<'_>,
        (start, impure, has_from): (Option<usize>, Option<usize>, bool),
    ) -> Walked<Option<usize>> {
        let target = scope.sources.first();
        let mut columns = target.iter().flat_map(|target| &target.columns);
        let scan = columns.find_map(|column| column.origin?.scanned());
        let Some(held) = scan.and_then(|(_, scan)| self.held_rows(scan.number)) else {
            return Ok(None);
        };
        if held.is_by_name() && impure.is_none() {
            // What the rows themselves say is compared once more when they are changed.
            return Ok(None);
        }
        let Some(tenant) = self.held_tenant(&held, start)? else {
            return Ok(None);
        };
        if let (true, Some(TenantSource::Asked(term))) =
            (held.is_by_name(), self.tenants.get(tenant).cloned())
        {
            let parts = self.askable_parts(start, has_from)?;
            self.asking.none_matched = self.matching_none(&parts);
            self.asking.may_be_none.remove(&term);
            self.asking.zero_rows_ok.push(term);
        }
        Ok(Some(tenant))
    }

    /// The term that asks for the tenants of these rows.
    pub(super) fn rows_term(&mut self, change: &Change<'_>, parts: &Parts) -> i32 {
        let query = self.rows_query(change, parts, "");
        let reads = self.rows_read(change, parts);
        self.asking.term(query, reads)
    }

    /// The query for the tenants of the rows that an UPDATE matches, and for `before` them.
    pub(super) fn rows_query(
        &mut self,
        change: &Change<'_>,
        parts: &Parts,
        before: &str,
    ) -> String {
        let name = change.own.first().copied().unwrap_or_default();
        let mut query = format!(
            "{}SELECT DISTINCT {before}{} FROM {}",
            self.repeated_with(),
            row_tenant_sql(change.table, &format!("{}.", quoted(name))),
            self.repeated(parts.table.clone())
        );
        if let Some(from) = &parts.from {
            query.push_str(", ");
            query.push_str(&self.repeated(from.clone()));
        }
        if let Some(condition) = &parts.condition {
            query.push_str(" WHERE ");
            query.push_str(&self.repeated(condition.clone()));
        }
        query
    }

    pub(super) fn unrepeatable(&self, table: &ProtectedTable, token: usize) -> Stop {
        let message = format!(
            "the tenant of the rows of {}.{} cannot be asked for: the condition may not give the same rows twice",
            table.schema, table.name
        );
        let help = "Add the tenant column to the condition (tenant = $n AND …).";
        self.refuse(message, help, "refused-lookup", Some(token))
    }

    fn matching_none(&self, parts: &Parts) -> Vec<Splice> {
        let end = |at: usize| {
            at.checked_sub(1)
                .and_then(|last| self.token(last))
                .map_or(0, |token| token.end)
        };
        match &parts.condition {
            Some(condition) => {
                let start = self.token(condition.start).map_or(0, |token| token.start);
                let end = end(condition.end);
                vec![
                    Splice {
                        span: start..start,
                        text: "false AND (".to_owned(),
                    },
                    Splice {
                        span: end..end,
                        text: ")".to_owned(),
                    },
                ]
            }
            None => vec![Splice {
                span: end(parts.end)..end(parts.end),
                text: " WHERE false".to_owned(),
            }],
        }
    }

    /// Finds an UPDATE's clauses by its keywords outside of brackets.
    fn update_parts(&self, start: usize, has_from: bool) -> Option<Parts> {
        let mut depth = 0usize;
        let mut words: Vec<(&str, usize)> = Vec::new();
        let mut end = self.range.end;
        for at in start..self.range.end {
            let token = self.token(at)?;
            match token.kind {
                TokenKind::Special(b'(' | b'[') => depth += 1,
                TokenKind::Special(b')' | b']') if depth == 0 => {
                    end = at;
                    break;
                }
                TokenKind::Special(b')' | b']') => depth -= 1,
                TokenKind::Ident if depth == 0 => {
                    words.extend(self.clause_word(at).map(|word| (word, at)))
                }
                _ => {}
            }
        }
        let seek = |word: &str, after: usize| {
            words
                .iter()
                .find(|(known, at)| *known == word && *at > after)
                .map(|(_, at)| *at)
        };
        let set = seek("set", start)?;
        let returning = seek("returning", set).unwrap_or(end);
        let condition = seek("where", set).filter(|at| *at < returning);
        let until = condition.unwrap_or(returning);
        let from = has_from
            .then(|| seek("from", set))
            .flatten()
            .filter(|at| *at < until);
        if has_from != from.is_some() {
            return None;
        }
        Some(Parts {
            table: start + 1..set,
            from: from.map(|from| from + 1..until),
            condition: condition.map(|condition| condition + 1..returning),
            end: returning,
        })
    }

    fn clause_word(&self, at: usize) -> Option<&'static str> {
        let token = self.token(at)?;
        let word = ["set", "from", "where", "returning"]
            .into_iter()
            .find(|word| token.is_word(self.sql, word))?;
        // IS DISTINCT FROM is no clause, and neither is a name after a point or AS.
        let before = at.checked_sub(1).and_then(|before| self.token(before));
        let inside = before.is_some_and(|before| {
            before.is_word(self.sql, "distinct")
                || before.is_word(self.sql, "as")
                || before.is_special(b'.')
        });
        (!inside).then_some(word)
    }
}
