//! Fields and elements of what an expression gives.

use sqlparser::ast::{AccessExpr, Expr, Spanned, Subscript};

use super::lineage::Lineage;
use super::refuse::{JSON, Walked};
use super::scope::{Meaning, Scope, Source};
use super::walk::Walk;

impl Walk<'_> {
    /// The source whose whole row an expression is, if its row's fields have other names than its columns.
    fn renamed_row<'s>(&self, row: &Expr, scope: &'s Scope<'_>) -> Option<&'s Source> {
        let parts = self.reference_names(row)?;
        let row = matches!(scope.resolve(&parts), Meaning::Row { .. });
        let source = scope.star(&parts).filter(|_| row);
        source.filter(|source| !source.fields.is_empty())
    }

    pub(super) fn field_access(
        &mut self,
        root: &Expr,
        chain: &[AccessExpr],
        scope: &Scope<'_>,
    ) -> Walked<Lineage> {
        let mut lineage = self.expr(root, scope)?;
        let mut renamed = self.renamed_row(root, scope);
        for access in chain {
            match access {
                // A field's name is no column reference; a star would unfold the row.
                AccessExpr::Dot(Expr::Identifier(field)) => {
                    self.place(field);
                    let name = self.name(field);
                    // `(t).x` is `t.x`, whatever the fields of its rows are called.
                    lineage = match renamed.take() {
                        Some(source) => source.column(&name),
                        None => self.field(&lineage, &name)?,
                    };
                }
                AccessExpr::Dot(_) => {
                    return Err(
                        self.not_understood("this access to a field", self.token_at(root.span()))
                    );
                }
                AccessExpr::Subscript(Subscript::Index { index }) => {
                    self.plain(index, scope, JSON)?;
                    lineage = self.element_at(&lineage, index)?;
                }
                AccessExpr::Subscript(Subscript::Slice {
                    lower_bound,
                    upper_bound,
                    stride,
                }) => {
                    let bounds = lower_bound.iter().chain(upper_bound).chain(stride);
                    self.all_plain(bounds, scope, JSON)?;
                    lineage = self.element(&lineage, true)?;
                }
            }
        }
        Ok(lineage)
    }
}
