//! Columns that say whose the rows of others are, only because a statement compares them with what does: the key of a
//! table of tenants, whose rows no rule knows.
//!
//! Such a column of a scan has a number of its own among the scans, as if its values were rows of that tenant. So two
//! columns of one row may name two tenants.

use sqlparser::ast::Expr;

use crate::model::ValueKind;

use super::cells::uncast;
use super::operand::{TEXT, VARCHAR};
use super::owners::{Owner, Says, has_one_text};
use super::scope::{Origin, Scope};
use super::walk::Walk;

/// A column of a scan that is compared.
pub(super) struct Holder {
    scan: usize,
    attnum: i16,
    /// Its own number among the scans.
    number: usize,
}

impl Walk<'_> {
    /// The column that says whose its rows are, which an expression is; a text may be cast to text, as PostgreSQL writes
    /// it in the definitions of views.
    pub(super) fn owner_of(&mut self, expr: &Expr, scope: &Scope<'_>) -> Option<Owner> {
        let (column, casts) = uncast(expr);
        let owner = self.owner(self.origin_of(column, scope))?;
        let is_text = [TEXT, VARCHAR].contains(&owner.type_oid);
        let mut casts = casts.into_iter();
        casts
            .all(|kind| is_text && kind == Some(ValueKind::Text))
            .then_some(owner)
    }

    /// The column of a scan that an origin is, as one that says whose rows are.
    pub(super) fn owner(&mut self, origin: Option<Origin>) -> Option<Owner> {
        self.relations.owner(origin).or_else(|| self.holder(origin))
    }

    fn holder(&mut self, origin: Option<Origin>) -> Option<Owner> {
        let relations = self.relations;
        let Some(Origin::Column(column, scan)) = origin else {
            return None;
        };
        let found = relations.table_column(column)?;
        let plain = relations
            .column(column)
            .is_none_or(|lineage| lineage.is_none());
        if !plain || !found.deterministic || !has_one_text(found.type_oid) {
            return None;
        }
        let mut known = self.holders.iter();
        let known = known.find(|known| (known.scan, known.attnum) == (scan.number, column.attnum));
        let number = match known.map(|known| known.number) {
            Some(number) => number,
            None => {
                let number = self.next_scan();
                self.holders.push(Holder {
                    scan: scan.number,
                    attnum: column.attnum,
                    number,
                });
                number
            }
        };
        Some(Owner {
            scan: number,
            rows: scan.number,
            column,
            says: Says {
                tenant: true,
                row_of: None,
            },
            type_oid: found.type_oid,
        })
    }

    /// The scan whose rows hold what has this number.
    pub(super) fn scan_of(&self, number: usize) -> usize {
        let mut holders = self.holders.iter();
        let holder = holders.find(|holder| holder.number == number);
        holder.map_or(number, |holder| holder.scan)
    }
}
