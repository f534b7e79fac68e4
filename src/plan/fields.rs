//! Fields and elements of what an expression gives.

use sqlparser::ast::{AccessExpr, Expr, Spanned, Subscript};

use super::lineage::{Lineage, Shape};
use super::refuse::{JSON, Walked};
use super::scope::{Meaning, Scope, Source};
use super::walk::Walk;

impl Walk<'_> {
    /// The source whose whole row an expression is.
    fn row_source<'s>(&self, row: &Expr, scope: &'s Scope<'_>) -> Option<&'s Source> {
        let parts = self.reference_names(row)?;
        let row = matches!(scope.resolve(&parts), Meaning::Row { .. });
        scope.star(&parts).filter(|_| row)
    }

    /// The same if its row's fields have other names than its columns.
    fn renamed_row<'s>(&self, row: &Expr, scope: &'s Scope<'_>) -> Option<&'s Source> {
        let source = self.row_source(row, scope);
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
        let mut row = self.row_source(root, scope);
        for access in chain {
            let row = row.take();
            match access {
                // A field's name is no column reference; a star would unfold the row.
                AccessExpr::Dot(Expr::Identifier(field)) => {
                    self.place(field);
                    let name = self.name(field);
                    if !row.is_some_and(|row| row.offers(&name)) && !has_member(&lineage, &name) {
                        self.calls_none_of_row(&name, self.token_at(field.span))?;
                    }
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

/// Whether a record certainly has a field.
fn has_member(row: &Lineage, name: &str) -> bool {
    match row {
        Lineage::Within(shape) => match shape.as_ref() {
            Shape::Record(members) => members.iter().any(|member| member.name == name),
            _ => false,
        },
        _ => false,
    }
}
