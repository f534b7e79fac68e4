//! Prepared statements and cursors of SQL: PREPARE, EXECUTE, DEALLOCATE, DECLARE, FETCH, CLOSE.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use crate::model::{Oid, Plain, TenantId};

use super::finish::forward;
use super::lexer::{self, Limits, StringKind, TokenKind};
use super::planner::View;
use super::refuse::Walked;
use super::store::literal_kind;
use super::types::{
    Env, Guard, Lookup, Outputs, Slot, SlotSource, StatementKind, StatementPlan, TenantSource,
};

/// Names that earlier statements of the same text make or end; `None`: nothing protected bears this name any more.
#[derive(Default)]
pub(super) struct Made {
    statements: RefCell<HashMap<String, Option<Arc<StatementPlan>>>>,
    cursors: RefCell<HashMap<String, Option<Arc<StatementPlan>>>>,
}

impl Made {
    pub(super) fn statement(&self, name: &str) -> Option<Option<Arc<StatementPlan>>> {
        self.statements.borrow().get(name).cloned()
    }

    pub(super) fn cursor(&self, name: &str) -> Option<Option<Arc<StatementPlan>>> {
        self.cursors.borrow().get(name).cloned()
    }

    pub(super) fn note(&self, plan: &Arc<StatementPlan>) {
        let (names, name, made) = match &plan.kind {
            StatementKind::Prepare { name, inner, .. } => (&self.statements, name, Some(inner)),
            StatementKind::Deallocate { name: Some(name) } => (&self.statements, name, None),
            StatementKind::Declare { name, .. } => (&self.cursors, name, Some(plan)),
            StatementKind::CloseCursor { name: Some(name) } => (&self.cursors, name, None),
            _ => return,
        };
        names.borrow_mut().insert(name.clone(), made.cloned());
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
    /// PREPARE or DECLARE of something that is not protected, under a name that was: once it has run, the name is
    /// nothing protected any more.
    pub(super) fn name_taken_over(
        &self,
        mut plan: StatementPlan,
        range: &Range<usize>,
    ) -> StatementPlan {
        let name = self.name(range.start + 1).unwrap_or_default();
        if !matches!(plan.kind, StatementKind::Forward) {
        } else if self.starts_with(range, &["prepare"]) && (self.env.statements)(&name).is_some() {
            plan.kind = StatementKind::Deallocate { name: Some(name) };
        } else if self.starts_with(range, &["declare"]) && (self.env.cursors)(&name).is_some() {
            plan.kind = StatementKind::CloseCursor { name: Some(name) };
        }
        plan
    }

    /// EXECUTE or FETCH of a name that means nothing protected now: it may when the statement runs, so the server's
    /// description says what comes out.
    fn by_description(&self, range: &Range<usize>, kind: StatementKind) -> StatementPlan {
        StatementPlan {
            kind,
            outputs: Outputs::ByDescription { lineage: None },
            ..forward(self.span(range))
        }
    }

    fn name(&self, at: usize) -> Option<String> {
        let token = self.tokens.get(at)?;
        lexer::ident(token, self.sql).map(std::borrow::Cow::into_owned)
    }

    /// `CREATE TABLE … AS EXECUTE name (arguments)` of a protected statement: its arguments would go as they are.
    pub(super) fn created_by_name(&self, range: &Range<usize>) -> Walked<()> {
        let mut tokens = range.clone();
        let execute = tokens.find(|at| self.is_word(*at, "as") && self.is_word(at + 1, "execute"));
        let name = execute.and_then(|at| self.name(at + 2));
        if name.is_some_and(|name| (self.env.statements)(&name).is_some()) {
            return Err(self.walk(range.clone()).create_table_as_execute(execute));
        }
        Ok(())
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
            Some("deallocate") if (self.env.statements)(&last).is_some() => {
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
            utf8: self.env.utf8,
            standard_conforming_strings: self.env.standard_conforming_strings,
            statements: self.env.statements,
            cursors: self.env.cursors,
            resolved: self.env.resolved,
            made: self.env.made,
        };
        let inside = View {
            planner: self.planner,
            env: &env,
            sql: self.sql,
            tokens: self.tokens,
        };
        if let Some(token) = self.ambiguous(&range) {
            let help = "Qualify it with its schema, or prepare the statement through the driver.";
            let message =
                "the table's name has several meanings, and EXECUTE would look it up anew";
            return Err(walk.refuse(message, help, "refused-ambiguous-name", Some(token)));
        }
        let mut inner = inside.planned(at + 1..range.end)?;
        if matches!(inner.kind, StatementKind::Forward) {
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
    fn items(&self, open: usize, close: usize) -> Vec<Range<usize>> {
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

    /// Whether an EXECUTE of this name comes to a protected statement, by whatever detours.
    fn reaches_protected(&self, name: &str) -> bool {
        let mut passed = BTreeSet::new();
        let mut name = name.to_owned();
        // Names that execute each other come to nothing.
        while passed.insert(name.clone()) {
            match (self.env.statements)(&name).as_deref() {
                None => return false,
                Some(StatementPlan {
                    kind: StatementKind::Execute { name: next },
                    ..
                }) => name.clone_from(next),
                Some(_) => return true,
            }
        }
        false
    }

    /// `EXECUTE name [(arguments)]`.
    fn execute(&self, range: Range<usize>) -> Walked<StatementPlan> {
        let walk = self.walk(range.clone());
        let span = self.span(&range);
        let name = self.name(range.start + 1).unwrap_or_default();
        let Some(prepared) = (self.env.statements)(&name) else {
            return Ok(self.by_description(&range, StatementKind::Execute { name }));
        };
        let inner = match &prepared.kind {
            StatementKind::Prepare { inner, .. } => Arc::clone(inner),
            _ => prepared,
        };
        if inner.ambiguous {
            let help = "Qualify the name with its schema in the statement that is executed.";
            let message = "a table's name in the statement that is executed has several meanings, and EXECUTE looks it up anew";
            return Err(walk.refuse(message, help, "refused-ambiguous-name", None));
        }
        if let StatementKind::Execute { name: next } = &inner.kind {
            if self.reaches_protected(next) {
                return Err(walk.not_understood("EXECUTE of an EXECUTE", None));
            }
            return Ok(self.by_description(&range, StatementKind::Execute { name }));
        }
        if matches!(inner.kind, StatementKind::Forward) {
            return Ok(forward(span));
        }
        let constant = |slot: &Slot| matches!(slot.source, SlotSource::Literal { .. });
        if inner.slots.iter().any(constant) {
            return Err(walk.not_understood(
                "EXECUTE of a statement that the client prepared with a constant for a sealed column",
                None,
            ));
        }
        if !inner.copies.is_empty() {
            return Err(walk.not_understood(
                "EXECUTE of a statement with one parameter in two roles",
                None,
            ));
        }
        let open = range.start + 2;
        let arguments = match walk.closing(open) {
            Some(close) if close < range.end => self.items(open, close),
            _ => Vec::new(),
        };
        let argument = |number: u16| {
            usize::from(number)
                .checked_sub(1)
                .and_then(|at| arguments.get(at))
                .cloned()
        };
        let mut slots = Vec::new();
        for slot in &inner.slots {
            let SlotSource::Param { number, kind } = &slot.source else {
                continue;
            };
            let value = argument(*number).map(|item| self.argument(item));
            match value {
                Some(Argument::Text(span, value)) => {
                    slots.push(Slot {
                        source: SlotSource::Literal {
                            span,
                            value,
                            kind: literal_kind(slot.column.kind, Some(*kind)),
                            text: false,
                        },
                        column: Arc::clone(&slot.column),
                        tenant: slot.tenant,
                        elements: slot.elements,
                        sought: slot.sought,
                        null_if: slot.null_if.clone(),
                    });
                }
                Some(Argument::Null) => {}
                Some(Argument::Other) | None => {
                    let message = format!(
                        "the argument for sealed column {} is not a string constant",
                        super::refuse::full_name(&slot.column)
                    );
                    return Err(walk.refuse(
                        message,
                        "Give a string constant or NULL.",
                        "refused-parameter",
                        None,
                    ));
                }
            }
        }
        let mut tenants = Vec::new();
        for tenant in &inner.tenants {
            tenants.push(match tenant {
                TenantSource::Param { number, type_oid } => {
                    let known =
                        argument(*number).and_then(|item| self.tenant_argument(item, *type_oid));
                    let Some(known) = known else {
                        return Err(
                            walk.not_understood("a tenant that is not a constant in EXECUTE", None)
                        );
                    };
                    TenantSource::Known(known)
                }
                TenantSource::Elements { .. } => {
                    return Err(walk.not_understood("an array of tenants in EXECUTE", None));
                }
                other => other.clone(),
            });
        }
        let lookup = match &inner.lookup {
            None => None,
            Some(lookup) => {
                let text = |number: u16| {
                    argument(number)
                        .and_then(|item| self.sql.get(self.span(&item)).map(str::to_owned))
                };
                let sql = substituted(lookup, &text);
                let Some(sql) = sql else {
                    return Err(walk.not_understood("this form of EXECUTE", None));
                };
                Some(Lookup {
                    sql,
                    params: Vec::new(),
                    zero_rows_ok: Vec::new(),
                    may_be_none: lookup.may_be_none.clone(),
                    must_equal: lookup.must_equal.clone(),
                    cases: lookup.cases.clone(),
                    reads: None,
                })
            }
        };
        let outputs = match &inner.outputs {
            Outputs::None => Outputs::None,
            known => known.clone(),
        };
        let close = walk.closing(open).filter(|close| *close < range.end);
        let (at, around) = match close.and_then(|close| self.tokens.get(close)) {
            Some(close) => (close.start, [", ", ""]),
            None => (span.end, ["(", ")"]),
        };
        Ok(StatementPlan {
            kind: StatementKind::Execute { name },
            guards: Guard::arguments(at, around, &inner.guarding())
                .into_iter()
                .collect(),
            once: inner.once.clone(),
            slots,
            tenants,
            agree: inner.agree.clone(),
            lookup,
            outputs,
            ..forward(span)
        })
    }

    fn argument(&self, item: Range<usize>) -> Argument {
        let Some(token) = self.tokens.get(item.start) else {
            return Argument::Other;
        };
        if item.len() == 1 && token.is_word(self.sql, "null") {
            return Argument::Null;
        }
        let string = matches!(
            token.kind,
            TokenKind::String(
                StringKind::Plain
                    | StringKind::Escaping
                    | StringKind::Escape
                    | StringKind::Unicode
                    | StringKind::Dollar
            )
        );
        match lexer::string_value(token, self.sql) {
            Ok(value) if item.len() == 1 && string => {
                Argument::Text(token.span(), Plain::new(value.as_bytes().to_vec()))
            }
            _ => Argument::Other,
        }
    }

    fn tenant_argument(&self, item: Range<usize>, type_oid: Oid) -> Option<TenantId> {
        let token = self.tokens.get(item.start).filter(|_| item.len() == 1)?;
        let text = match token.kind {
            TokenKind::String(_) => lexer::string_value(token, self.sql).ok()?,
            TokenKind::Integer => token.text(self.sql).into(),
            _ => return None,
        };
        match type_oid.0 {
            20 | 21 | 23 => TenantId::new(&text.parse::<i64>().ok()?.to_string()),
            2950 => TenantId::new(&text.to_ascii_lowercase()).filter(|_| text.len() == 36),
            _ => TenantId::new(&text),
        }
    }
}

enum Argument {
    Text(Range<usize>, Plain),
    Null,
    Other,
}

/// The look-up with the arguments in the place of its parameters.
fn substituted(lookup: &Lookup, argument: &dyn Fn(u16) -> Option<String>) -> Option<String> {
    let tokens = lexer::lex(&lookup.sql, &Limits::default()).ok()?;
    let mut text = String::new();
    let mut from = 0;
    for token in &tokens {
        if let TokenKind::Param(number) = token.kind {
            let original = usize::try_from(number)
                .ok()?
                .checked_sub(1)
                .and_then(|at| lookup.params.get(at))?;
            text.push_str(lookup.sql.get(from..token.start)?);
            text.push_str(&format!("({})", argument(*original)?));
            from = token.end;
        }
    }
    text.push_str(lookup.sql.get(from..)?);
    Some(text)
}
