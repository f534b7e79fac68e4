//! A CASE whose values are stored by an UPDATE, as ORMs write that update many rows at once: the rows that take one branch
//! may be another tenant's than those that take the next.
//!
//! The look-up asks which branch each row takes, together with its tenant, by the CASE itself with numbers for its values.
//! So a value is sealed for the rows that it will be stored in, however they are told apart. A branch that no row took is
//! shut in the statement: a row that takes it by the time the statement runs was not asked about.

use std::collections::BTreeMap;
use std::ops::Range;

use sqlparser::ast::Expr;

use super::guard::of_branches;
use super::lexer::TokenKind;
use super::lookup::Reads;
use super::matched::Parts;
use super::refuse::{COMPARISON, CONDITION, Walked};
use super::scope::Scope;
use super::store::Target;
use super::types::{Expected, TenantSource};
use super::update::Change;
use super::walk::Walk;
use crate::model::ValueKind;

/// A CASE whose values are assigned.
pub(super) struct Case {
    /// What stands between CASE and the first WHEN.
    operand: Range<usize>,
    /// What stands between each WHEN and its THEN.
    whens: Vec<Range<usize>>,
    /// A look-up may repeat these.
    repeatable: bool,
}

/// One of its branches.
#[derive(Clone, Copy)]
pub(super) struct Branch {
    /// Index into [`Walk::cases`].
    case: usize,
    /// 0: ELSE; then each WHEN.
    number: i32,
}

impl Case {
    fn heads(&self) -> impl Iterator<Item = &Range<usize>> {
        self.whens.iter().chain([&self.operand])
    }
}

impl Walk<'_> {
    /// The CASE that an assigned value is, casts aside.
    pub(super) fn case_token(&self, value: &Expr) -> Option<usize> {
        match value {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => self.case_token(inner),
            Expr::Case { case_token, .. } => self.token_at(case_token.0.span),
            _ => None,
        }
    }

    /// Visits a CASE whose values are stored in a sealed column.
    pub(super) fn store_case(
        &mut self,
        expr: &Expr,
        target: Target<'_>,
        scope: &Scope<'_>,
        cast: Option<ValueKind>,
    ) -> Walked<()> {
        let Expr::Case {
            operand,
            conditions,
            else_result,
            ..
        } = expr
        else {
            return Err(self.computed(target.column, None));
        };
        let assigned = self.next_case.take();
        let case = assigned
            .filter(|at| self.case_token(expr) == Some(*at))
            .and_then(|at| self.case_at(at, conditions.len()))
            .map(|case| {
                self.cases.push(case);
                self.cases.len() - 1
            });
        let mut impure = self.impure.take();
        self.all_plain(operand.as_deref(), scope, COMPARISON)?;
        let whens = conditions.iter().map(|when| (Some(when), &when.result));
        let otherwise = else_result.iter().map(|value| (None, value.as_ref()));
        let mut number = 0;
        for (when, result) in whens.chain(otherwise) {
            if let Some(when) = when {
                number += 1;
                self.plain(&when.condition, scope, CONDITION)?;
            } else {
                number = 0;
            }
            let head = self.impure.take();
            let first = self.fills.len();
            self.store_cast(result, target, scope, cast)?;
            self.in_branch(case, number, first, head.is_none());
            impure = impure.or(head).or(self.impure.take());
        }
        self.impure = impure;
        Ok(())
    }

    fn in_branch(&mut self, case: Option<usize>, number: i32, first: usize, repeatable: bool) {
        let Some(case) = case else {
            return;
        };
        // Cells of derived rows have owners of their own.
        let mut whole = repeatable;
        for fill in self.fills.iter_mut().skip(first) {
            whole &= fill.row.is_none();
            fill.branch = Some(Branch { case, number });
        }
        if let Some(case) = self.cases.get_mut(case) {
            case.repeatable &= whole;
        }
    }

    /// Finds the parts of a CASE by its keywords outside of brackets and of other CASEs.
    fn case_at(&self, at: usize, count: usize) -> Option<Case> {
        let (mut brackets, mut inside) = (0usize, 0usize);
        let mut words: Vec<(&str, usize)> = Vec::new();
        for here in at + 1..self.range.end {
            let token = self.token(here)?;
            let named = self
                .token(here - 1)
                .is_some_and(|before| before.is_special(b'.'));
            match token.kind {
                TokenKind::Special(b'(' | b'[') => brackets += 1,
                TokenKind::Special(b')' | b']') => brackets = brackets.checked_sub(1)?,
                TokenKind::Ident if brackets > 0 || named => {}
                TokenKind::Ident if token.is_word(self.sql, "case") => inside += 1,
                TokenKind::Ident if token.is_word(self.sql, "end") => {
                    let Some(outer) = inside.checked_sub(1) else {
                        break;
                    };
                    inside = outer;
                }
                TokenKind::Ident if inside == 0 => {
                    let word = ["when", "then"]
                        .into_iter()
                        .find(|word| token.is_word(self.sql, word));
                    words.extend(word.map(|word| (word, here)));
                }
                _ => {}
            }
        }
        let mut whens = Vec::new();
        for pair in words.chunks(2) {
            let [("when", when), ("then", then)] = pair else {
                return None;
            };
            whens.push(when + 1..*then);
        }
        let (_, first) = words.first()?;
        (whens.len() == count).then_some(Case {
            operand: at + 1..*first,
            whens,
            repeatable: true,
        })
    }

    /// Gives the values of branches their tenants; true: no value is left without one.
    /// `found` gets how the statement says the tenant of the branch that a row takes, for each CASE.
    pub(super) fn own_branches(
        &mut self,
        change: &Change<'_>,
        parts: &Parts,
        found: &mut Vec<Vec<Expected>>,
    ) -> bool {
        let unowned = std::mem::take(&mut self.unowned);
        let mut asked: Vec<(usize, usize)> = Vec::new();
        let mut tenants: BTreeMap<usize, BTreeMap<i32, usize>> = BTreeMap::new();
        for index in unowned {
            let fill = self.fills.get(index);
            let branch = fill
                .filter(|fill| fill.tenant.is_none())
                .and_then(|fill| fill.branch)
                .filter(|branch| self.is_askable(branch.case));
            let Some(Branch { case, number }) = branch else {
                self.unowned.push(index);
                continue;
            };
            let known = asked.iter().find(|(known, _)| *known == case);
            let term = match known {
                Some((_, term)) => *term,
                None => {
                    let term = self.case_term(case, change, parts);
                    asked.push((case, term));
                    term
                }
            };
            let tenant = self.tenant_index(TenantSource::Branch { case: term, number });
            tenants.entry(term).or_default().insert(number, tenant);
            if let Some(fill) = self.fills.get_mut(index) {
                fill.tenant = Some(tenant);
            }
        }
        found.extend(
            tenants
                .iter()
                .map(|(case, tenants)| of_branches(self.asking.branch_number(*case), tenants)),
        );
        self.unowned.is_empty()
    }

    /// Whether a look-up can tell which branch a row takes: no value that is sealed stands before a THEN.
    fn is_askable(&self, case: usize) -> bool {
        let sealed = self.sealed_tokens();
        self.cases.get(case).is_some_and(|case| {
            case.repeatable
                && case
                    .heads()
                    .all(|head| !head.clone().any(|at| sealed.contains_key(&at)))
        })
    }

    fn case_term(&mut self, case: usize, change: &Change<'_>, parts: &Parts) -> usize {
        let heads = self.cases.get(case);
        let heads = heads.map(|case| (case.operand.clone(), case.whens.clone()));
        let (operand, whens) = heads.unwrap_or_default();
        let mut reads = self.rows_read(change, parts);
        for head in whens.iter().chain([&operand]) {
            reads.and(self.names_in(head, change));
        }
        let count = i32::try_from(whens.len() + 1).unwrap_or(i32::MAX);
        let number = numbered(&operand, &whens, |range| {
            self.text_of(range).unwrap_or_default().to_owned()
        });
        let asked = numbered(&operand, &whens, |range| self.repeated(range));
        let query = self.rows_query(change, parts, &format!("{asked}, "));
        self.asking.case(query, reads, count, number)
    }

    pub(super) fn text_of(&self, range: Range<usize>) -> Option<&str> {
        let last = self.token(range.end.checked_sub(1)?)?;
        self.sql.get(self.token(range.start)?.start..last.end)
    }

    /// What the look-up for the rows that an UPDATE matches reads.
    pub(super) fn rows_read(&self, change: &Change<'_>, parts: &Parts) -> Reads {
        if parts.from.is_some() || !self.cte_reads.is_empty() {
            return Reads::Unclear;
        }
        let mut reads = self.tenant_reads(change.table);
        if let Some(condition) = &parts.condition {
            reads.and(self.names_in(condition, change));
        }
        reads
    }
}

/// The CASE with each branch's number in the place of its value.
fn numbered(
    operand: &Range<usize>,
    whens: &[Range<usize>],
    mut text: impl FnMut(Range<usize>) -> String,
) -> String {
    let mut sql = String::from("CASE");
    if !operand.is_empty() {
        sql.push(' ');
        sql.push_str(&text(operand.clone()));
    }
    for (when, number) in whens.iter().zip(1..) {
        sql.push_str(&format!(" WHEN {} THEN {number}", text(when.clone())));
    }
    sql.push_str(" ELSE 0 END");
    sql
}
