//! References to columns: what they name, and what that is.

use sqlparser::ast::Expr;

use super::scope::{Meaning, Origin, Scope};
use super::walk::Walk;

impl Walk<'_> {
    /// The parts of the name that an expression is.
    pub(super) fn reference_names(&self, expr: &Expr) -> Option<Vec<String>> {
        match expr {
            Expr::Nested(inner) => self.reference_names(inner),
            Expr::Identifier(ident) => Some(vec![self.name(ident)]),
            Expr::CompoundIdentifier(idents) => {
                Some(idents.iter().map(|ident| self.name(ident)).collect())
            }
            _ => None,
        }
    }

    /// Where the values of a column reference come from.
    pub(super) fn origin_of(&self, expr: &Expr, scope: &Scope<'_>) -> Option<Origin> {
        match scope.resolve(&self.reference_names(expr)?) {
            Meaning::Column { origin, .. } => origin,
            Meaning::Row { .. } | Meaning::Unknown => None,
        }
    }
}
