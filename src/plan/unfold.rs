//! `(row).*`

use sqlparser::ast::{Expr, Ident, ObjectName};

use super::lineage::{Lineage, Shape};
use super::query::Rows;
use super::refuse::{ROW, Walked};
use super::scope::{Meaning, Offered, Scope};
use super::walk::Walk;

impl Walk<'_> {
    /// Whether a name before a star stands in brackets, of which the parser is told nothing.
    pub(super) fn is_in_brackets(&self, name: &ObjectName) -> bool {
        let after = self.name_token(name).and_then(|at| self.token(at + 1));
        after.is_some_and(|token| token.is_special(b')'))
    }

    /// `(name).*`: a row, or a column of a composite type.
    pub(super) fn unfolded_name(
        &mut self,
        name: &ObjectName,
        scope: &Scope<'_>,
        rows: &mut Rows,
    ) -> Walked<()> {
        let parts = self.names(name)?;
        if let (Meaning::Row { .. }, Some(source)) = (scope.resolve(&parts), scope.star(&parts)) {
            self.place_name(name);
            rows.columns.extend(source.columns.iter().cloned());
            rows.open |= source.open;
            return Ok(());
        }
        let idents = name.0.iter().filter_map(|part| part.as_ident());
        let idents: Vec<Ident> = idents.cloned().collect();
        let lineage = self.reference(&idents, scope)?;
        self.unfold(&lineage, rows)
    }

    /// `(row).*`
    pub(super) fn unfolded(
        &mut self,
        row: &Expr,
        scope: &Scope<'_>,
        rows: &mut Rows,
    ) -> Walked<()> {
        let lineage = self.expr(row, scope)?;
        self.unfold(&lineage, rows)
    }

    fn unfold(&self, lineage: &Lineage, rows: &mut Rows) -> Walked<()> {
        match lineage {
            Lineage::Within(shape) => match shape.as_ref() {
                Shape::Record(members) => {
                    rows.columns.extend(members.iter().map(|member| Offered {
                        name: member.name.clone(),
                        lineage: member.lineage.clone(),
                        origin: None,
                    }));
                    Ok(())
                }
                _ => self.must_be_plain(lineage, ROW),
            },
            // How many fields it has is not known.
            _ => {
                rows.open = true;
                self.must_be_plain(lineage, ROW)
            }
        }
    }
}
