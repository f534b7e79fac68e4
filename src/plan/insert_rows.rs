//! The rows that an INSERT stores: each value in its column, and for whose tenant.

use std::rc::Rc;
use std::sync::Arc;

use sqlparser::ast::Expr;

use crate::model::ColumnRef;
use crate::rules::{ProtectedColumn, Tenant};

use super::insert::Into;
use super::lineage::Lineage;
use super::owned::Owner;
use super::refuse::{COPYING, Walked};
use super::relations::Standing;
use super::row_tenant::Given;
use super::scope::{Offered, Origin, Scope};
use super::store::{Target, is_default};
use super::update::anchor;
use super::walk::Walk;

/// A value of a row to insert.
pub(super) enum Item<'e> {
    Expr(&'e Expr),
    /// A column of a derived table, by a star or through a query.
    Column(Offered),
}

/// A row to insert.
#[derive(Clone)]
pub(super) struct Row<'e> {
    items: Rc<[(Item<'e>, Option<usize>)]>,
    /// Its place in the passed columns among the items.
    at: usize,
}

impl<'a> Walk<'a> {
    /// Visits the values of one row, or of all rows that a select list gives, and says whose they are.
    pub(super) fn insert_row<'e>(
        &mut self,
        items: Vec<Item<'e>>,
        into: &Into<'_>,
        scope: &Scope<'_>,
    ) -> Walked<Vec<Row<'e>>> {
        let mut copied = Vec::new();
        let mut noted = Vec::new();
        for (at, item) in items.into_iter().enumerate() {
            let passed = match &item {
                Item::Expr(expr) => self.passed_reference(expr, scope).map(|(id, _)| id),
                Item::Column(Offered {
                    origin: Some(Origin::Values(id)),
                    ..
                }) => Some(*id),
                Item::Column(_) => None,
            };
            match into.sealed(at) {
                Some(column) => copied.extend(self.insert_sealed(&item, column, scope)?),
                None => match &item {
                    Item::Expr(expr) if is_default(expr) => {}
                    Item::Expr(expr) => self.plain(expr, scope, COPYING)?,
                    Item::Column(offered) => {
                        self.use_plain(offered.origin);
                        self.must_be_plain(&offered.lineage, COPYING)?;
                    }
                },
            }
            noted.push((item, passed));
        }
        let rows = self.rows_of(noted.into());
        self.insert_owner(&rows, into)?;
        if let (Some((first, token)), Some(row)) = (copied.first(), rows.first()) {
            let anchor = self.anchor_origin(row, into, scope);
            let same = copied
                .iter()
                .all(|(column, _)| self.same_row(column.column, anchor, into));
            if !same {
                return Err(self.copied(first, *token));
            }
        }
        Ok(rows)
    }

    /// A value for a sealed column; gives the column that it copies, if it does.
    fn insert_sealed(
        &mut self,
        item: &Item<'_>,
        column: &Arc<ProtectedColumn>,
        scope: &Scope<'_>,
    ) -> Walked<Option<(Arc<ProtectedColumn>, Option<usize>)>> {
        let target = Target { column, own: &[] };
        match item {
            Item::Expr(expr) => {
                if let Some(Origin::Column(..)) = self.origin_of(expr, scope)
                    && let Lineage::Exact(from) = self.expr(expr, scope)?
                {
                    return match from.label == column.label {
                        true => Ok(Some((from, self.last_sealed))),
                        false => Err(self.copied(column, self.last_sealed)),
                    };
                }
                self.store(expr, target, scope).map(|()| None)
            }
            Item::Column(offered) => match (&offered.lineage, offered.origin) {
                (Lineage::Exact(from), Some(Origin::Column(..))) if from.label == column.label => {
                    Ok(Some((Arc::clone(from), self.last_sealed)))
                }
                _ => self.store_offered(offered, target, None).map(|()| None),
            },
        }
    }

    /// One row per cell of the passed columns among the items, which must all have as many or one.
    fn rows_of<'e>(&self, items: Rc<[(Item<'e>, Option<usize>)]>) -> Vec<Row<'e>> {
        let counts = items
            .iter()
            .filter_map(|(_, passed)| self.passed_rows((*passed)?));
        let count = counts.map(|(_, count)| count).max().unwrap_or(1);
        (0..count)
            .map(|at| Row {
                items: Rc::clone(&items),
                at,
            })
            .collect()
    }

    /// What a row gives to a column.
    pub(super) fn given<'r>(&self, row: &'r Row<'_>, into: &Into<'_>, attnum: i16) -> Given<'r> {
        let item = into.position(attnum).and_then(|at| row.items.get(at));
        match item {
            None => Given::Nothing,
            Some((_, Some(id))) => {
                let single = self.passed_rows(*id).is_some_and(|(_, count)| count == 1);
                let at = if single { 0 } else { row.at };
                self.passed_operand(*id, at)
                    .map_or(Given::Nothing, Given::Operand)
            }
            Some((Item::Expr(expr), None)) => Given::Expr(expr),
            Some((Item::Column(_), None)) => Given::Nothing,
        }
    }

    /// Says whose the rows are, if a value of them is to be sealed.
    fn insert_owner(&mut self, rows: &[Row<'_>], into: &Into<'_>) -> Walked<()> {
        let Some(first) = rows.first().filter(|_| !self.unowned.is_empty()) else {
            return Ok(());
        };
        let passed = anchor(into.table)
            .and_then(|attnum| into.position(attnum))
            .and_then(|at| first.items.get(at)?.1)
            .filter(|id| !self.passed.get(*id).is_some_and(|passed| passed.elements))
            .and_then(|id| self.passed_rows(id));
        let Some((group, count)) = passed else {
            let tenant = self.insert_tenant(first, into)?;
            return self.own(&Owner::One(tenant));
        };
        // An array may be longer than the tenants beside it.
        let longer = self.outgrows(group, count);
        let mut tenants = Vec::new();
        for row in rows.iter().take(count) {
            tenants.push(self.insert_tenant(row, into)?);
        }
        let same = tenants.iter().all(|tenant| Some(tenant) == tenants.first());
        let owner = match tenants.first() {
            Some(only) if same && !longer => Owner::One(*only),
            _ => Owner::Each { group, tenants },
        };
        self.own(&owner)
    }

    pub(super) fn insert_tenant(&mut self, row: &Row<'_>, into: &Into<'_>) -> Walked<usize> {
        let given = match anchor(into.table) {
            Some(attnum) => self.given(row, into, attnum),
            None => Given::Nothing,
        };
        self.row_tenant(into.table, given, None)
    }

    fn anchor_origin(&self, row: &Row<'_>, into: &Into<'_>, scope: &Scope<'_>) -> Option<Origin> {
        let at = into.position(anchor(into.table)?)?;
        match row.items.get(at)? {
            (Item::Expr(expr), _) => self.origin_of(expr, scope),
            (Item::Column(offered), _) => offered.origin,
        }
    }

    /// Whether a sealed value that is copied comes from the row whose tenant the new row gets.
    fn same_row(&self, copied: ColumnRef, anchored: Option<Origin>, into: &Into<'_>) -> bool {
        let Standing::Table(table) = self.relations.standing(copied.table) else {
            return false;
        };
        match (&into.table.tenant, anchor(table)) {
            (Tenant::Constant(own), _) => {
                matches!(&table.tenant, Tenant::Constant(other) if own == other)
            }
            (Tenant::Setting(_), _) | (_, None) => false,
            (_, Some(attnum)) => {
                let column = ColumnRef {
                    table: copied.table,
                    attnum,
                };
                // Two rows of one table cannot be told apart by their columns.
                anchored.is_some_and(|anchored| anchored.is(column))
                    && self.stands_once(copied.table, copied.table == into.table.oid)
            }
        }
    }
}
