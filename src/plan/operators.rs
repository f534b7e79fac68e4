//! Operators, and chains of them.

use sqlparser::ast::{BinaryOperator, Expr, InTarget, Spanned};

use super::lineage::Lineage;
use super::refuse::{COMPARISON, CONDITION, Construct, JSON, LIKE, OPERATOR, OTHER, Walked};
use super::scope::Scope;
use super::walk::Walk;

impl Walk<'_> {
    /// A chain of operators leans to the left: walked without a stack frame per link.
    pub(super) fn chain(&mut self, expr: &Expr, scope: &Scope<'_>) -> Walked<Lineage> {
        let (operands, first) = links(expr, &BinaryOperator::StringConcat);
        if !operands.is_empty() && is_operand(first) {
            return self.concatenated(first, &operands, scope);
        }
        let (keys, first) = links(expr, &BinaryOperator::Minus);
        if !keys.is_empty() && is_operand(first) {
            return self.without(first, &keys, scope);
        }
        if let Some(lineage) = self.stepped(expr, scope)? {
            return Ok(lineage);
        }
        let (mut at, mut construct) = (expr, OTHER);
        while let Expr::BinaryOp { left, right, op } = at {
            construct = operation(op);
            if self.searched(left, op, right, scope)? {
                return Ok(Lineage::None);
            }
            if let BinaryOperator::Custom(_) | BinaryOperator::PGCustomBinaryOperator(_) = op {
                self.impure = self.impure.or(Some(self.range.start));
            }
            self.plain(right, scope, construct)?;
            if let Some(lineage) = self.stepped(left, scope)? {
                return self
                    .must_be_plain(&lineage, construct)
                    .map(|()| Lineage::None);
            }
            at = left;
        }
        self.all_plain([at], scope, construct)
    }

    pub(super) fn in_target(
        &mut self,
        expr: &Expr,
        target: &InTarget,
        scope: &Scope<'_>,
    ) -> Walked<Lineage> {
        if let InTarget::List(items) = target
            && self.searched_list(expr, items, scope)?
        {
            return Ok(Lineage::None);
        }
        if let InTarget::Subquery(query) = target
            && self.searched_subquery(expr, query, scope)?
        {
            return Ok(Lineage::None);
        }
        self.plain(expr, scope, COMPARISON)?;
        match target {
            InTarget::List(items) => self.all_plain(items, scope, COMPARISON),
            InTarget::Subquery(query) => {
                let rows = self.query(query, scope)?;
                self.use_all_plain(&rows.columns);
                for column in &rows.columns {
                    self.must_be_plain(&column.lineage, COMPARISON)?;
                }
                Ok(Lineage::None)
            }
            InTarget::Unnest(_) | InTarget::Table { .. } => {
                Err(self.not_understood("this form of IN", self.token_at(expr.span())))
            }
        }
    }
}

/// The right sides of a chain of one operator, from left to right, and what it begins with.
fn links<'e>(expr: &'e Expr, operator: &BinaryOperator) -> (Vec<&'e Expr>, &'e Expr) {
    let (mut rights, mut at) = (Vec::new(), expr);
    while let Expr::BinaryOp { left, right, op } = at
        && op == operator
    {
        rights.push(right.as_ref());
        at = left;
    }
    rights.reverse();
    (rights, at)
}

/// What an operator does with its operands.
fn operation(op: &BinaryOperator) -> Construct {
    use BinaryOperator as Op;
    match op {
        Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => COMPARISON,
        Op::And | Op::Or => CONDITION,
        Op::PGRegexMatch
        | Op::PGRegexIMatch
        | Op::PGRegexNotMatch
        | Op::PGRegexNotIMatch
        | Op::PGLikeMatch
        | Op::PGILikeMatch
        | Op::PGNotLikeMatch
        | Op::PGNotILikeMatch
        | Op::PGStartsWith => LIKE,
        Op::Arrow
        | Op::LongArrow
        | Op::HashArrow
        | Op::HashLongArrow
        | Op::HashMinus
        | Op::AtArrow
        | Op::ArrowAt
        | Op::AtQuestion
        | Op::AtAt
        | Op::Question
        | Op::QuestionAnd
        | Op::QuestionPipe => JSON,
        _ => OPERATOR,
    }
}

/// Whether an expression binds tighter than operators of any name, so that walking it does not go down a chain.
fn is_operand(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op, .. } => matches!(
            op,
            BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo
        ),
        _ => true,
    }
}
