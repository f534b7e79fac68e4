//! Prepared statements and cursors of SQL: PREPARE, DEALLOCATE, DECLARE, FETCH, CLOSE.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::model::Oid;

use super::env::Env;
use super::finish::forward;
use super::lexer::{self, Limits, TokenKind};
use super::refuse::Walked;
use super::tokens::split;
use super::types::{Outputs, Passed, Slot, SlotSource, StatementKind, StatementPlan, TenantSource};
use super::view::View;

/// Names that earlier statements of the same text make or end; of a cursor `None`: nothing protected bears this name any
/// more.
#[derive(Default)]
pub(super) struct Made {
    statements: RefCell<HashMap<String, Named>>,
    cursors: RefCell<HashMap<String, Option<Arc<StatementPlan>>>>,
}

/// What an earlier statement has made of the name of a prepared one.
#[derive(Clone)]
pub(super) enum Named {
    /// It touches something protected.
    Protected(Arc<StatementPlan>),
    /// It does not.
    Plain,
    /// There is none.
    Gone,
}

impl Made {
    /// Like [`Env::statements`], if the text has made or ended it.
    pub(super) fn statement(&self, name: &str) -> Option<Option<Arc<StatementPlan>>> {
        self.named(name).map(|named| match named {
            Named::Protected(plan) => Some(plan),
            Named::Plain | Named::Gone => None,
        })
    }

    pub(super) fn named(&self, name: &str) -> Option<Named> {
        self.statements.borrow().get(name).cloned()
    }

    pub(super) fn cursor(&self, name: &str) -> Option<Option<Arc<StatementPlan>>> {
        self.cursors.borrow().get(name).cloned()
    }

    pub(super) fn note(&self, plan: &Arc<StatementPlan>) {
        let statement = |name: &String, named| {
            self.statements.borrow_mut().insert(name.clone(), named);
        };
        let cursor = |name: &String, made| {
            self.cursors.borrow_mut().insert(name.clone(), made);
        };
        match &plan.kind {
            StatementKind::Prepare { name, inner, .. } => {
                statement(name, Named::Protected(inner.clone()));
            }
            StatementKind::PreparePlain { name } => statement(name, Named::Plain),
            StatementKind::Deallocate { name: Some(name) } => statement(name, Named::Gone),
            StatementKind::Declare { name, .. } => cursor(name, Some(plan.clone())),
            StatementKind::CloseCursor { name: Some(name) } => cursor(name, None),
            _ => {}
        }
    }
}

impl StatementPlan {
    /// The same EXECUTE or FETCH, once its name means `named`; `None`: nothing protected.
    #[must_use]
    pub fn naming(&self, named: Option<&Self>) -> Self {
        let kind = match &self.kind {
            StatementKind::Execute { name } => StatementKind::Execute { name: name.clone() },
            StatementKind::Fetch { name } => StatementKind::Fetch { name: name.clone() },
            _ => StatementKind::Run,
        };
        let unknown = Outputs::ByDescription { lineage: None };
        Self {
            kind,
            once: named.map(|named| named.once.clone()).unwrap_or_default(),
            outputs: named.map_or(unknown, |named| named.outputs.clone()),
            ..forward(self.span.clone())
        }
    }
}

impl View<'_> {
    /// PREPARE of something that is not protected, or DECLARE of that under a name that was: once it has run, the name is
    /// nothing protected any more.
    pub(super) fn name_taken_over(
        &self,
        mut plan: StatementPlan,
        range: &Range<usize>,
    ) -> StatementPlan {
        let Some(name) = self.name(range.start + 1) else {
            return plan;
        };
        if !matches!(plan.kind, StatementKind::Forward) {
        } else if self.prepares(range) {
            plan.kind = StatementKind::PreparePlain { name };
        } else if self.starts_with(range, &["declare"]) && (self.env.cursors)(&name).is_some() {
            plan.kind = StatementKind::CloseCursor { name: Some(name) };
        }
        plan
    }

    /// EXECUTE or FETCH of a name that means nothing protected now: it may when the statement runs, so the server's
    /// description says what comes out.
    pub(super) fn by_description(
        &self,
        range: &Range<usize>,
        kind: StatementKind,
    ) -> StatementPlan {
        StatementPlan {
            kind,
            outputs: Outputs::ByDescription { lineage: None },
            ..forward(self.span(range))
        }
    }

    pub(super) fn name(&self, at: usize) -> Option<String> {
        let token = self.tokens.get(at)?;
        lexer::ident(token, self.sql).map(std::borrow::Cow::into_owned)
    }

    /// Whether this is `PREPARE name …`, and not the `PREPARE TRANSACTION '…'` of two-phase commit.
    pub(super) fn prepares(&self, range: &Range<usize>) -> bool {
        let constant = self.tokens.get(range.start + 2);
        let constant = constant.is_some_and(|token| matches!(token.kind, TokenKind::String(_)));
        let two_phase = self.is_word(range.start + 1, "transaction") && constant;
        self.starts_with(range, &["prepare"]) && !two_phase
    }

    /// `CREATE TABLE … AS EXECUTE name (arguments)`: to a protected statement its arguments would go as they are. What any
    /// other gets.
    pub(super) fn created_by_name(&self, range: &Range<usize>) -> Walked<Option<Passed>> {
        let mut tokens = range.clone();
        let execute = tokens.find(|at| self.is_word(*at, "as") && self.is_word(at + 1, "execute"));
        let Some(name) = execute.and_then(|at| self.name(at + 2)) else {
            return Ok(None);
        };
        if (self.env.statements)(&name).is_some() {
            return Err(self.walk(range.clone()).create_table_as_execute(execute));
        }
        Ok(execute.and_then(|at| self.passed(name, at + 2, range)))
    }

    /// What stands behind the name of a prepared statement.
    pub(super) fn passed(&self, to: String, name: usize, range: &Range<usize>) -> Option<Passed> {
        let (name, last) = (
            self.tokens.get(name)?,
            self.tokens.get(range.end.checked_sub(1)?)?,
        );
        let span = name.end..last.end;
        (!span.is_empty()).then_some(Passed { to, span })
    }

    /// EXECUTE, DEALLOCATE, FETCH, MOVE and CLOSE.
    pub(super) fn by_name(&self, range: Range<usize>) -> Walked<StatementPlan> {
        let span = self.span(&range);
        let last = range
            .end
            .checked_sub(1)
            .and_then(|last| self.name(last))
            .unwrap_or_default();
        let all = (last == "all").then_some(());
        let kind = match self.name(range.start).as_deref() {
            Some("execute") => return self.execute(range),
            Some("deallocate") if all.is_some() => StatementKind::Deallocate { name: None },
            Some("close") if all.is_some() => StatementKind::CloseCursor { name: None },
            Some("deallocate") if !last.is_empty() => {
                StatementKind::Deallocate { name: Some(last) }
            }
            Some("close") if (self.env.cursors)(&last).is_some() => {
                StatementKind::CloseCursor { name: Some(last) }
            }
            Some("fetch") => match (self.env.cursors)(&last) {
                Some(cursor) => {
                    return Ok(StatementPlan {
                        kind: StatementKind::Fetch { name: last },
                        once: cursor.once.clone(),
                        outputs: cursor.outputs.clone(),
                        ..forward(span)
                    });
                }
                None => {
                    let kind = StatementKind::Fetch { name: last };
                    return Ok(self.by_description(&range, kind));
                }
            },
            _ => StatementKind::Forward,
        };
        Ok(StatementPlan {
            kind,
            ..forward(span)
        })
    }

    /// `DECLARE name … CURSOR … FOR query`.
    pub(super) fn declare(&self, range: Range<usize>) -> Walked<StatementPlan> {
        let walk = self.walk(range.clone());
        let name = self.name(range.start + 1);
        let query = range.clone().find(|at| {
            self.tokens
                .get(*at)
                .is_some_and(|token| token.is_word(self.sql, "for"))
        });
        let (Some(name), Some(query)) = (name, query) else {
            return Err(walk.not_understood("this form of DECLARE", None));
        };
        let mut plan = self.planned(query + 1..range.end)?;
        plan.span = self.span(&range);
        if !matches!(plan.kind, StatementKind::Forward) {
            let hold = (range.start..query).any(|at| {
                let word = |at: usize, word| {
                    let token = self.tokens.get(at);
                    token.is_some_and(|token| token.is_word(self.sql, word))
                };
                word(at, "with") && word(at + 1, "hold")
            });
            plan.kind = StatementKind::Declare { name, hold };
        }
        Ok(plan)
    }

    /// `PREPARE name [(types)] AS statement`.
    pub(super) fn prepare(&self, range: Range<usize>) -> Walked<StatementPlan> {
        let walk = self.walk(range.clone());
        let unknown = || walk.not_understood("this form of PREPARE", None);
        let Some(name) = self.name(range.start + 1) else {
            return Err(unknown());
        };
        let mut at = range.start + 2;
        let mut declared = Vec::new();
        if self
            .tokens
            .get(at)
            .is_some_and(|token| token.is_special(b'('))
        {
            let Some(close) = walk.closing(at) else {
                return Err(unknown());
            };
            declared = self
                .items(at, close)
                .into_iter()
                .map(|item| self.type_oid(item))
                .collect();
            at = close + 1;
        }
        if !self
            .tokens
            .get(at)
            .is_some_and(|token| token.is_word(self.sql, "as"))
        {
            return Err(unknown());
        }
        let env = Env {
            declared: &declared,
            ..*self.env
        };
        let inside = View {
            planner: self.planner,
            env: &env,
            sql: self.sql,
            tokens: self.tokens,
        };
        let mut inner = inside.planned(at + 1..range.end)?;
        inner.meanings = self.meanings(&range);
        if matches!(inner.kind, StatementKind::Forward) && inner.meanings.is_empty() {
            return Ok(forward(self.span(&range)));
        }
        if !inner.copies.is_empty() {
            return Err(walk.not_understood("one parameter in two roles in PREPARE", None));
        }
        let (literals, params): (Vec<Slot>, Vec<Slot>) = std::mem::take(&mut inner.slots)
            .into_iter()
            .partition(|slot| matches!(slot.source, SlotSource::Literal { .. }));
        let known =
            |slot: &Slot| matches!(inner.tenants.get(slot.tenant), Some(TenantSource::Known(_)));
        if !literals.iter().all(known) {
            return Err(
                walk.not_understood("a constant in PREPARE whose tenant is not a constant", None)
            );
        }
        inner.slots = params;
        inner.meant = self.meant(&range);
        let mut plan = forward(self.span(&range));
        plan.slots = literals;
        plan.tenants = inner.tenants.clone();
        plan.splices = inner.splices.clone();
        // Each EXECUTE gives the tenants that were found for it.
        plan.splices
            .extend(inner.guarded(|n| format!("${}::text", usize::from(inner.max_param) + 1 + n)));
        plan.kind = StatementKind::Prepare {
            name,
            inner: Arc::new(inner),
            reads: self.starts_with(&(at + 1..range.end), &["select", "table", "values"]),
        };
        Ok(plan)
    }

    /// Token ranges of the items between two brackets.
    pub(super) fn items(&self, open: usize, close: usize) -> Vec<Range<usize>> {
        let mut items = Vec::new();
        let mut depth = 0usize;
        let mut from = open + 1;
        for at in open + 1..close {
            match self.tokens.get(at).map(|token| token.kind) {
                Some(TokenKind::Special(b'(' | b'[')) => depth += 1,
                Some(TokenKind::Special(b')' | b']')) => depth = depth.saturating_sub(1),
                Some(TokenKind::Special(b',')) if depth == 0 => {
                    items.push(from..at);
                    from = at + 1;
                }
                _ => {}
            }
        }
        if from < close {
            items.push(from..close);
        }
        items
    }

    fn type_oid(&self, item: Range<usize>) -> Oid {
        let name = if item.len() == 1 {
            self.name(item.start)
        } else {
            None
        };
        Oid(match name.as_deref() {
            Some("unknown") => 0,
            Some("text") => 25,
            Some("varchar") => 1043,
            Some("json") => 114,
            Some("jsonb") => 3802,
            Some("bytea") => 17,
            Some("uuid") => 2950,
            Some("int2" | "smallint") => 21,
            Some("int4" | "int" | "integer") => 23,
            Some("int8" | "bigint") => 20,
            // Any type that is not known here: a parameter of it fits no sealed column.
            _ => 2276,
        })
    }
}

/// The names of the statements that a text prepares, if it can be cut into tokens.
#[must_use]
pub fn prepared_names(sql: &[u8]) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(sql) else {
        return Vec::new();
    };
    let Ok(tokens) = lexer::lex(text, &Limits::default()) else {
        return Vec::new();
    };
    let statements = split(text, &tokens).into_iter();
    let named = statements.filter_map(|statement| {
        let [prepare, name, ..] = tokens.get(statement)? else {
            return None;
        };
        let name = lexer::ident(name, text).filter(|_| prepare.is_word(text, "prepare"));
        name.map(std::borrow::Cow::into_owned)
    });
    named.collect()
}
