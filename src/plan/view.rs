//! One text under analysis, statement by statement.

use std::ops::Range;

use super::env::{Defined, Env};
use super::finish::forward;
use super::lexer::Token;
use super::planner::Planner;
use super::query::Rows;
use super::refuse::Walked;
use super::tokens::text_span;
use super::types::{Outputs, StatementKind, StatementPlan};
use super::walk::Walk;

/// Commands on prepared statements and cursors: they need no table's name to reach a protected table.
const BY_NAME: &[&str] = &["execute", "deallocate", "fetch", "move", "close"];

/// One text under analysis.
pub(super) struct View<'a> {
    pub planner: &'a Planner,
    pub env: &'a Env<'a>,
    pub sql: &'a str,
    pub tokens: &'a [Token],
}

impl<'a> View<'a> {
    pub(super) fn walk(&self, range: Range<usize>) -> Walk<'a> {
        Walk::new(
            &self.planner.relations,
            self.env,
            self.sql,
            self.tokens,
            range,
        )
    }

    pub(super) fn starts_with(&self, range: &Range<usize>, words: &[&str]) -> bool {
        let first = self.tokens.get(range.start);
        first.is_some_and(|token| words.iter().any(|word| token.is_word(self.sql, word)))
    }

    pub(super) fn is_word(&self, at: usize, word: &str) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| token.is_word(self.sql, word))
    }

    pub(super) fn span(&self, range: &Range<usize>) -> Range<usize> {
        text_span(self.tokens.get(range.clone()).unwrap_or_default())
    }

    /// Plans one statement.
    pub(super) fn statement(&self, range: Range<usize>) -> Walked<StatementPlan> {
        let passes = match self.starts_with(&range, &["create", "prepare"]) {
            true => self.created_by_name(&range)?,
            false => None,
        };
        let plan = self.statement_itself(range.clone())?;
        let mut plan = self.name_taken_over(plan, &range);
        plan.passes = plan.passes.or(passes);
        Ok(plan)
    }

    fn statement_itself(&self, range: Range<usize>) -> Walked<StatementPlan> {
        let plain = || forward(self.span(&range));
        self.runs_no_text(&range)?;
        self.executes_nothing(&range)?;
        if self.starts_with(&range, BY_NAME) {
            return self.by_name(range);
        }
        let real = self
            .planner
            .filter
            .as_ref()
            .is_none_or(|filter| filter.real_in(self.sql, self.tokens, range.clone()));
        let explained = self.starts_with(&range, &["explain"]);
        if !real && !explained {
            return Ok(plain());
        }
        if explained {
            return self.explain(range);
        }
        if self.starts_with(&range, &["prepare"]) {
            return if self.prepares(&range) {
                self.prepare(range)
            } else {
                Ok(plain())
            };
        }
        if self.starts_with(&range, &["declare"]) {
            return self.declare(range);
        }
        if self.starts_with(&range, &["copy"]) {
            return self.copy(range);
        }
        let bracket = self
            .tokens
            .get(range.start)
            .is_some_and(|token| token.is_special(b'('));
        if bracket
            || self.starts_with(
                &range,
                &[
                    "select", "with", "insert", "update", "delete", "merge", "values", "table",
                ],
            )
        {
            return self.planned(range);
        }
        self.walk(range).utility()
    }

    /// Plans a query or a change of rows.
    pub(super) fn planned(&self, range: Range<usize>) -> Walked<StatementPlan> {
        let mut walk = self.walk(range);
        let rows = walk.parsed()?;
        let Some(into) = walk.into.take() else {
            return walk.finish(rows);
        };
        let notice = walk.copies_sealed(&rows)?;
        let mut plan = walk.finish(Rows::default())?;
        plan.defines = vec![Defined::Relation(into)];
        plan.notice = notice;
        Ok(plan)
    }

    /// `EXPLAIN …`: the statement under it is sealed too, its rows are the server's.
    fn explain(&self, range: Range<usize>) -> Walked<StatementPlan> {
        let mut at = range.start + 1;
        if self
            .tokens
            .get(at)
            .is_some_and(|token| token.is_special(b'('))
        {
            let Some(close) = self.walk(range.clone()).closing(at) else {
                return Ok(forward(self.span(&range)));
            };
            at = close + 1;
        }
        while self.is_word(at, "analyze")
            || self.is_word(at, "analyse")
            || self.is_word(at, "verbose")
        {
            at += 1;
        }
        if at >= range.end {
            return Ok(forward(self.span(&range)));
        }
        let analyzed =
            (range.start..at).any(|at| self.is_word(at, "analyze") || self.is_word(at, "analyse"));
        let mut plan = self.statement(at..range.end)?;
        plan.span = self.span(&range);
        if !analyzed {
            plan.notice = None;
        }
        // What a name executes is asked again when the statement runs.
        if !matches!(
            plan.kind,
            StatementKind::Forward | StatementKind::Execute { .. }
        ) {
            plan.kind = StatementKind::Run;
        }
        plan.outputs = Outputs::None;
        Ok(plan)
    }
}
