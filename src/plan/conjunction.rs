//! Conditions that are put together with AND.

use sqlparser::ast::{BinaryOperator, Expr};

/// The conditions that all hold where a condition does, from left to right.
pub(super) fn terms(condition: Option<&Expr>) -> Vec<&Expr> {
    let (mut terms, mut open) = (Vec::new(), Vec::from_iter(condition));
    while let Some(expr) = open.pop() {
        match expr {
            Expr::Nested(inner) => open.push(inner),
            Expr::BinaryOp {
                left,
                op: BinaryOperator::And,
                right,
            } => open.extend([right.as_ref(), left]),
            term => terms.push(term),
        }
    }
    terms
}

/// The two sides of the equalities among them.
pub(super) fn equalities(condition: Option<&Expr>) -> Vec<(&Expr, &Expr)> {
    let mut found = Vec::new();
    for term in terms(condition) {
        let Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } = term
        else {
            continue;
        };
        match (left.as_ref(), right.as_ref()) {
            (Expr::Tuple(lefts), Expr::Tuple(rights)) if lefts.len() == rights.len() => {
                found.extend(lefts.iter().zip(rights));
            }
            pair => found.push(pair),
        }
    }
    found
}
