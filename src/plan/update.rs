//! UPDATE and DELETE: whose the rows are that they change.

use std::sync::Arc;

use sqlparser::ast::{
    BinaryOperator, Delete, Expr, FromTable, TableFactor, Update, UpdateTableFromKind,
};

use crate::catalog::Relation;
use crate::model::ColumnRef;
use crate::rules::{ProtectedTable, Tenant};

use super::assign::{Pair, Touches};
use super::owned::Owner;
use super::owners::has_one_text;
use super::query::Rows;
use super::refuse::{CONDITION, Walked};
use super::relations::Standing;
use super::row_tenant::Given;
use super::scope::{Meaning, Scope};
use super::types::{Expected, TenantSource};
use super::walk::Walk;

/// The protected row that assignments change.
pub(super) struct Change<'t> {
    pub table: &'t Arc<ProtectedTable>,
    /// The names under which the row itself can be referred to.
    pub own: &'t [&'t str],
    /// Whether this is ON CONFLICT DO UPDATE, whose row is known to keep its tenant.
    pub upsert: bool,
}

/// The number of the column that the row's tenant hangs on.
pub(super) fn anchor(table: &ProtectedTable) -> Option<i16> {
    match &table.tenant {
        Tenant::Column { attnum, .. } => Some(*attnum),
        Tenant::Parent { on_attnum, .. } => Some(*on_attnum),
        Tenant::Setting(_) | Tenant::Constant(_) => None,
    }
}

impl<'a> Walk<'a> {
    /// Visits an UPDATE; gives the rows of RETURNING.
    pub(super) fn update(&mut self, update: &Update, outer: &Scope<'_>) -> Walked<Rows> {
        let Update {
            update_token,
            optimizer_hints,
            table,
            on_cluster,
            assignments,
            from,
            selection,
            returning,
            output,
            or,
            order_by,
            limit,
            settings,
        } = update;
        let foreign =
            !optimizer_hints.is_empty() || on_cluster.is_some() || output.is_some() || or.is_some();
        let foreign = foreign
            || !order_by.is_empty()
            || limit.is_some()
            || settings.is_some()
            || !table.joins.is_empty();
        if foreign {
            return Err(self.not_understood("an UPDATE of another dialect", None));
        }
        self.changes = true;
        let mut scope = Scope::below(outer);
        let before = self.impure.take();
        self.changed_table(&table.relation, &mut scope)?;
        let from = match from {
            None => &[],
            Some(UpdateTableFromKind::AfterSet(from)) => from.as_slice(),
            Some(UpdateTableFromKind::BeforeSet(_)) => {
                return Err(self.not_understood("an UPDATE of another dialect", None));
            }
        };
        for item in from {
            self.table_with_joins(item, &mut scope)?;
        }
        self.all_plain(selection, &scope, CONDITION)?;
        self.settle_searches(selection.as_ref(), &scope)?;
        let impure = self.impure.take();
        let start = self.token_at(update_token.0.span);
        match self.target_table(&table.relation, &scope)? {
            None => self.assign_plain(assignments, &scope)?,
            Some((protected, relation, name)) => {
                self.sets = self.sets_only(relation, assignments);
                let own = [name.as_str()];
                let change = Change {
                    table: protected,
                    own: &own,
                    upsert: false,
                };
                let pairs = self.pairs(assignments, relation, &scope)?;
                let touches = self.touches(&pairs, &change)?;
                self.assign(&pairs, &change, &scope)?;
                if touches.any() {
                    let owner = self.update_owner(
                        &change,
                        &pairs,
                        selection.as_ref(),
                        &touches,
                        &scope,
                        (start, impure, !from.is_empty()),
                    )?;
                    if let Some(owner) = owner {
                        self.own(&owner)?;
                    }
                }
            }
        }
        self.impure = before.or(impure).or(self.impure);
        self.returning(returning.as_deref(), scope)
    }

    /// The protected table that is written to, and the name that its columns bear.
    pub(super) fn target_table(
        &self,
        table: &TableFactor,
        scope: &Scope<'_>,
    ) -> Walked<Option<(&'a Arc<ProtectedTable>, &'a Relation, String)>> {
        let TableFactor::Table { name, .. } = table else {
            return Err(self.not_understood("this target", None));
        };
        let relations = self.relations;
        let Some(source) = scope.sources.first() else {
            return Ok(None);
        };
        let Some(oid) = source.table else {
            return Ok(None);
        };
        match (relations.standing(oid), relations.catalog.relation(oid)) {
            (Standing::Table(table), Some(relation)) => {
                // A look-up that repeats both would read the query instead.
                if let [only] = self.names(name)?.as_slice()
                    && scope.cte(only).is_some()
                {
                    let what = "a query of WITH that is named like the table to be changed";
                    return Err(self.not_understood(what, self.name_token(name)));
                }
                Ok(Some((table, relation, source.name.clone())))
            }
            (Standing::View(_) | Standing::Ancestor, _) => Err(self.written_through(name)),
            _ => Ok(None),
        }
    }

    /// Whose the rows are that an UPDATE changes; `None`: each value has been given its own.
    fn update_owner(
        &mut self,
        change: &Change<'_>,
        pairs: &[Pair<'_>],
        selection: Option<&Expr>,
        touches: &Touches,
        scope: &Scope<'_>,
        (start, impure, has_from): (Option<usize>, Option<usize>, bool),
    ) -> Walked<Option<Owner>> {
        let table = change.table;
        let one = |tenant| Some(Owner::One(tenant));
        if anchor(table).is_none() {
            return self.row_tenant(table, Given::Nothing, start).map(one);
        }
        let conjunct = match &table.tenant {
            Tenant::Column { attnum, .. } if self.has_one_text(table, *attnum) => selection
                .and_then(|expr| {
                    self.equal_to(
                        expr,
                        ColumnRef {
                            table: table.oid,
                            attnum: *attnum,
                        },
                        scope,
                    )
                }),
            _ => None,
        };
        if let (Some(value), false) = (conjunct, touches.tenant) {
            return self.value_owner(value, table, scope, start).map(Some);
        }
        if !touches.tenant {
            let held = self.held_target(scope, (start, impure, has_from))?;
            if held.is_some() {
                return Ok(held.map(Owner::One));
            }
        }
        let matched = self.matched(change, start, impure, has_from)?;
        let mut found = Vec::new();
        if !touches.tenant && self.own_branches(change, &matched, &mut found) {
            self.guard_rows(change, &matched, &found);
            return Ok(None);
        }
        let term = self.rows_term(change, &matched);
        if !touches.tenant {
            self.asking.zero_rows_ok.push(term);
            let tenant = self.tenant_index(TenantSource::Asked(term));
            found.push(vec![Expected::Tenant(tenant)]);
            self.guard_rows(change, &matched, &found);
            return Ok(one(tenant));
        }
        // The tenant column is written too, as ORMs do that save whole rows: it must stay what it is.
        let new = pairs
            .iter()
            .find(|pair| pair.attnum == anchor(table))
            .and_then(|pair| pair.value.expr());
        let given = new.map_or(Given::Nothing, Given::Expr);
        let tenant = self.row_tenant(table, given, start)?;
        self.asking.must_equal.push((tenant, term));
        self.guard_rows(change, &matched, &[vec![Expected::Tenant(tenant)]]);
        Ok(one(tenant))
    }

    /// Whether equal values of a column have equal texts.
    pub(super) fn has_one_text(&self, table: &ProtectedTable, attnum: i16) -> bool {
        let column = self.catalog_column(table, attnum);
        column.is_some_and(|column| column.deterministic && has_one_text(column.type_oid))
    }

    /// Whose the rows are whose tenant equals this value.
    pub(super) fn value_owner(
        &mut self,
        value: &Expr,
        table: &ProtectedTable,
        scope: &Scope<'_>,
        at: Option<usize>,
    ) -> Walked<Owner> {
        match self.passed_reference(value, scope) {
            Some((id, _)) => self.passed_owner(id, table, at),
            None => self
                .row_tenant(table, Given::Expr(value), at)
                .map(Owner::One),
        }
    }

    /// Whose the rows are that are matched by a passed column of tenants.
    fn passed_owner(
        &mut self,
        id: usize,
        table: &ProtectedTable,
        at: Option<usize>,
    ) -> Walked<Owner> {
        let (group, count) = self.passed_rows(id).unwrap_or_default();
        let mut tenants = Vec::new();
        for row in 0..count {
            let given = self
                .passed_operand(id, row)
                .map_or(Given::Nothing, Given::Operand);
            tenants.push(self.row_tenant(table, given, at)?);
        }
        match tenants.as_slice() {
            [only] => Ok(Owner::One(*only)),
            _ => Ok(Owner::Each { group, tenants }),
        }
    }

    /// `column = value`, ANDed at the top of a condition.
    pub(super) fn equal_to<'e>(
        &self,
        expr: &'e Expr,
        column: ColumnRef,
        scope: &Scope<'_>,
    ) -> Option<&'e Expr> {
        match expr {
            Expr::Nested(inner) => self.equal_to(inner, column, scope),
            Expr::BinaryOp {
                left,
                op: BinaryOperator::And,
                right,
            } => self
                .equal_to(left, column, scope)
                .or_else(|| self.equal_to(right, column, scope)),
            Expr::BinaryOp {
                left,
                op: BinaryOperator::Eq,
                right,
            } => {
                let is_column = |expr: &Expr| self.refers_to(expr, column, scope);
                let value = if is_column(left) {
                    right
                } else if is_column(right) {
                    left
                } else {
                    return None;
                };
                let known =
                    self.operand(value).is_some() || self.passed_reference(value, scope).is_some();
                known.then_some(value.as_ref())
            }
            _ => None,
        }
    }

    fn refers_to(&self, expr: &Expr, column: ColumnRef, scope: &Scope<'_>) -> bool {
        let Some(parts) = self.reference_names(expr) else {
            return false;
        };
        let target = scope.sources.first().map(|source| source.name.as_str());
        match scope.resolve(&parts) {
            Meaning::Column { origin, source, .. } => {
                origin.is_some_and(|origin| origin.is(column)) && Some(source.as_str()) == target
            }
            _ => false,
        }
    }

    /// Visits a DELETE; gives the rows of RETURNING.
    pub(super) fn delete(&mut self, delete: &Delete, outer: &Scope<'_>) -> Walked<Rows> {
        let Delete {
            delete_token: _,
            optimizer_hints,
            tables,
            from,
            on_cluster,
            using,
            selection,
            returning,
            output,
            order_by,
            limit,
            settings,
        } = delete;
        let foreign = !optimizer_hints.is_empty()
            || !tables.is_empty()
            || on_cluster.is_some()
            || output.is_some();
        let foreign = foreign || !order_by.is_empty() || limit.is_some() || settings.is_some();
        let FromTable::WithFromKeyword(targets) = from else {
            return Err(self.not_understood("DELETE without FROM", None));
        };
        let [target] = targets.as_slice() else {
            return Err(self.not_understood("a DELETE of another dialect", None));
        };
        if foreign || !target.joins.is_empty() {
            return Err(self.not_understood("a DELETE of another dialect", None));
        }
        self.changes = true;
        let mut scope = Scope::below(outer);
        self.changed_table(&target.relation, &mut scope)?;
        for item in using.iter().flatten() {
            self.table_with_joins(item, &mut scope)?;
        }
        self.all_plain(selection, &scope, CONDITION)?;
        self.settle_searches(selection.as_ref(), &scope)?;
        self.returning(returning.as_deref(), scope)
    }
}
