//! Equality on searchable columns (`search = "exact"`): what is compared is sealed as what is stored is.
//!
//! Where each tenant's values are equal among themselves only, every comparison must know the tenant: found by the
//! conditions of the same query, or refused. It is looked for when a query's conditions are all walked.

use std::ops::Range;
use std::sync::Arc;

use sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, CastKind, DataType, Expr, Ident, JoinConstraint,
    JoinOperator, TableWithJoins,
};

use crate::model::{ColumnRef, Oid, TenantId, ValueKind};
use crate::rules::{ProtectedColumn, Scope as Equality, Tenant};

use super::expr::kind_of;
use super::lineage::Lineage;
use super::lookup::Given;
use super::refuse::{Construct, DEDUPE, GROUP, Walked, full_name};
use super::relations::Standing;
use super::scope::{Meaning, Origin, Scope};
use super::store::{Target, is_default, is_empty_value};
use super::types::TenantSource;
use super::walk::Walk;

/// A use of a searchable column whose tenant is still to be found.
pub(super) struct Search {
    column: Arc<ProtectedColumn>,
    /// The columns' token, for the position.
    token: Option<usize>,
    sides: Vec<Side>,
    /// The sealed values in [`Walk::fills`] that it is compared with.
    fills: Range<usize>,
}

/// A source of rows in a search: by name, or every one of a table.
struct Side {
    name: Option<String>,
    table: Oid,
}

/// A reference to a searchable column.
struct Found {
    column: Arc<ProtectedColumn>,
    source: String,
}

impl Found {
    fn equality(&self) -> Option<(Equality, &str)> {
        let search = self.column.search.as_ref()?;
        Some((search.scope, &search.domain))
    }

    fn side(&self) -> Side {
        Side {
            name: Some(self.source.clone()),
            table: self.column.column.table,
        }
    }
}

fn shared(column: &ProtectedColumn) -> bool {
    matches!(&column.search, Some(search) if search.scope == Equality::Deployment)
}

/// The column, for a value that is only looked for: one that is too long to be stored is no error.
fn sought(column: &ProtectedColumn) -> Arc<ProtectedColumn> {
    Arc::new(ProtectedColumn {
        max_chars: None,
        ..column.clone()
    })
}

/// Whether a value of this lineage is surely one of a searchable column.
pub(super) fn is_searchable(lineage: &Lineage) -> bool {
    matches!(lineage, Lineage::Exact(column) if column.search.is_some())
}

impl Walk<'_> {
    /// Visits a comparison of a searchable column; false when it is none, and nothing was visited.
    pub(super) fn searched(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Walked<bool> {
        if !matches!(op, BinaryOperator::Eq | BinaryOperator::NotEq) {
            return Ok(false);
        }
        self.searched_pair(left, right, scope)
    }

    /// The same for `=`, `<>` and IS [NOT] DISTINCT FROM.
    pub(super) fn searched_pair(
        &mut self,
        left: &Expr,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Walked<bool> {
        match (self.searchable(left, scope), self.searchable(right, scope)) {
            (Some(a), Some(b)) => self.searched_columns((a, left), (b, right), scope),
            (Some(found), None) => self.searched_values(found, left, &[right], scope),
            (None, Some(found)) => self.searched_values(found, right, &[left], scope),
            (None, None) => Ok(false),
        }
    }

    /// The same for IN with a list.
    pub(super) fn searched_list(
        &mut self,
        expr: &Expr,
        items: &[Expr],
        scope: &Scope<'_>,
    ) -> Walked<bool> {
        match self.searchable(expr, scope) {
            Some(found) => {
                let items: Vec<&Expr> = items.iter().collect();
                self.searched_values(found, expr, &items, scope)
            }
            None => Ok(false),
        }
    }

    /// The same for `= ANY (ARRAY[…])` and `<> ALL (ARRAY[…])`.
    pub(super) fn searched_array(
        &mut self,
        expr: &Expr,
        op: &BinaryOperator,
        array: &Expr,
        scope: &Scope<'_>,
    ) -> Walked<bool> {
        if !matches!(op, BinaryOperator::Eq | BinaryOperator::NotEq) {
            return Ok(false);
        }
        if let Some(found) = self.searchable(expr, scope)
            && let Some(token) = self.array_param(array, &found.column)
        {
            return self.searched_param(found, expr, token, scope);
        }
        match (self.searchable(expr, scope), array_of(array)) {
            (Some(found), Some((items, kind)))
                if kind.is_none_or(|kind| kind == found.column.kind) =>
            {
                let items: Vec<&Expr> = items.iter().collect();
                self.searched_values(found, expr, &items, scope)
            }
            _ => Ok(false),
        }
    }

    /// A searchable column in GROUP BY or DISTINCT, where equal values must be one; any other sealed column is refused.
    pub(super) fn comparable(&mut self, lineage: &Lineage, construct: Construct) -> Walked<()> {
        if construct.anchor == GROUP.anchor
            && let Lineage::Exact(column) = lineage
            && column.search.is_some()
        {
            if shared(column) {
                return Ok(());
            }
            // The branches of a set operation have no condition in common.
            if construct.name != DEDUPE.name {
                self.searches.push(Search {
                    column: Arc::clone(column),
                    token: self.last_sealed,
                    sides: vec![Side {
                        name: None,
                        table: column.column.table,
                    }],
                    fills: 0..0,
                });
                return Ok(());
            }
        }
        self.must_be_plain(lineage, construct)
    }

    fn searchable(&self, expr: &Expr, scope: &Scope<'_>) -> Option<Found> {
        let idents: &[Ident] = match expr {
            Expr::Nested(inner) => return self.searchable(inner, scope),
            Expr::Cast {
                expr: inner,
                data_type,
                kind: CastKind::Cast | CastKind::DoubleColon,
                format: None,
                ..
            } => {
                let found = self.searchable(inner, scope)?;
                return (kind_of(data_type) == Some(found.column.kind)).then_some(found);
            }
            Expr::Identifier(ident) => std::slice::from_ref(ident),
            Expr::CompoundIdentifier(idents) => idents,
            _ => return None,
        };
        let parts: Vec<String> = idents.iter().map(|ident| self.name(ident)).collect();
        match scope.resolve(&parts) {
            Meaning::Column {
                lineage: Lineage::Exact(column),
                source,
                ..
            } if column.search.is_some() => Some(Found { column, source }),
            _ => None,
        }
    }

    fn searched_values(
        &mut self,
        found: Found,
        reference: &Expr,
        values: &[&Expr],
        scope: &Scope<'_>,
    ) -> Walked<bool> {
        let value = |expr: &&Expr| {
            self.operand(expr).is_some() || (is_empty_value(expr) && !is_default(expr))
        };
        if !values.iter().all(value) {
            return Ok(false);
        }
        self.expr(reference, scope)?;
        let first = self.begin();
        let column = sought(&found.column);
        for value in values {
            let target = Target {
                column: &column,
                own: &[],
            };
            self.store(value, target, scope)?;
        }
        self.wait_for_tenant(found, first)?;
        Ok(true)
    }

    /// The token of a parameter that is an array of the column's type.
    fn array_param(&self, expr: &Expr, column: &ProtectedColumn) -> Option<usize> {
        match expr {
            Expr::Nested(inner) => self.array_param(inner, column),
            Expr::Cast {
                expr: inner,
                data_type: DataType::Array(ArrayElemTypeDef::SquareBracket(element, None)),
                kind: CastKind::Cast | CastKind::DoubleColon,
                format: None,
                ..
            } => (kind_of(element) == Some(column.kind))
                .then(|| self.array_param(inner, column))
                .flatten(),
            Expr::Value(value) => {
                let token = self.token_at(value.span)?;
                self.param_number(token).map(|_| token)
            }
            _ => None,
        }
    }

    fn searched_param(
        &mut self,
        found: Found,
        reference: &Expr,
        token: usize,
        scope: &Scope<'_>,
    ) -> Walked<bool> {
        self.expr(reference, scope)?;
        let first = self.begin();
        let column = sought(&found.column);
        let target = Target {
            column: &column,
            own: &[],
        };
        self.store_token(token, target, None, None, true)?;
        self.wait_for_tenant(found, first)?;
        Ok(true)
    }

    /// Before values that are searched for; gives the first slot that they can become.
    fn begin(&mut self) -> usize {
        // A look-up repeats the condition as the client wrote it, unsealed.
        self.impure = self.impure.or(self.last_sealed).or(Some(self.range.start));
        self.fills.len()
    }

    /// The values from slot `first` on belong to no row that is written: their tenant is the query's.
    fn wait_for_tenant(&mut self, found: Found, first: usize) -> Walked<()> {
        self.unowned.retain(|fill| *fill < first);
        let fills = first..self.fills.len();
        if shared(&found.column) {
            let tenant = self.tenant_index(TenantSource::Known(TenantId::deployment()));
            self.give_tenant(fills, tenant);
        } else {
            self.searches.push(Search {
                token: self.last_sealed,
                sides: vec![found.side()],
                fills,
                column: found.column,
            });
        }
        Ok(())
    }

    fn give_tenant(&mut self, fills: Range<usize>, tenant: usize) {
        let fills = self.fills.get_mut(fills).unwrap_or_default();
        fills.iter_mut().for_each(|fill| fill.tenant = Some(tenant));
    }

    fn searched_columns(
        &mut self,
        (left, left_expr): (Found, &Expr),
        (right, right_expr): (Found, &Expr),
        scope: &Scope<'_>,
    ) -> Walked<bool> {
        let alike = left.equality() == right.equality() && left.column.kind == right.column.kind;
        if !alike {
            return Ok(false);
        }
        self.expr(left_expr, scope)?;
        self.expr(right_expr, scope)?;
        if !shared(&left.column) {
            self.searches.push(Search {
                token: self.last_sealed,
                sides: vec![left.side(), right.side()],
                fills: 0..0,
                column: left.column,
            });
        }
        Ok(true)
    }

    /// Finds the tenants of searches in a query whose sources and conditions are known; those of outer sources wait.
    pub(super) fn settle_searches(
        &mut self,
        from: &[TableWithJoins],
        condition: Option<&Expr>,
        scope: &Scope<'_>,
    ) -> Walked<()> {
        if self.searches.is_empty() {
            return Ok(());
        }
        let mut conditions = Vec::new();
        condition
            .into_iter()
            .for_each(|expr| ands(expr, &mut conditions));
        for join in from.iter().flat_map(|item| &item.joins) {
            if let JoinOperator::Join(JoinConstraint::On(expr))
            | JoinOperator::Inner(JoinConstraint::On(expr)) = &join.join_operator
            {
                ands(expr, &mut conditions);
            }
        }
        for search in std::mem::take(&mut self.searches) {
            let mut sources = Vec::new();
            let mut here = true;
            for side in &search.sides {
                let fits = scope.sources.iter().filter(|source| match &side.name {
                    Some(name) => source.name == *name,
                    None => source.table == Some(side.table),
                });
                let before = sources.len();
                sources.extend(fits.map(|source| (source.name.clone(), source.table)));
                here &= sources.len() > before;
            }
            if !here {
                self.searches.push(search);
                continue;
            }
            let tenant = self.one_tenant(&sources, &conditions, scope, search.token)?;
            let Some(tenant) = tenant else {
                return Err(self.unknown_tenant(&search));
            };
            self.give_tenant(search.fills, tenant);
        }
        Ok(())
    }

    /// The tenant that the conditions hold all these sources to.
    fn one_tenant(
        &mut self,
        sources: &[(String, Option<Oid>)],
        conditions: &[&Expr],
        scope: &Scope<'_>,
        token: Option<usize>,
    ) -> Walked<Option<usize>> {
        let mut all: Option<usize> = None;
        for (name, table) in sources {
            let Some(Standing::Table(table)) = table.map(|oid| self.relations.standing(oid)) else {
                return Ok(None);
            };
            let tenant = match &table.tenant {
                Tenant::Constant(_) | Tenant::Setting(_) => {
                    self.row_tenant(table, Given::Nothing, token)?
                }
                Tenant::Parent { .. } => return Ok(None),
                Tenant::Column { attnum, .. } => {
                    let column = ColumnRef {
                        table: table.oid,
                        attnum: *attnum,
                    };
                    let value = conditions.iter().find_map(|condition| {
                        let Expr::BinaryOp { left, right, .. } = condition else {
                            return None;
                        };
                        let is_tenant = |expr: &Expr| self.names_column(expr, column, name, scope);
                        let value = if is_tenant(left) { right } else { left };
                        let other = if is_tenant(left) { left } else { right };
                        (is_tenant(other) && self.operand(value).is_some()).then_some(value)
                    });
                    let Some(value) = value else {
                        return Ok(None);
                    };
                    self.row_tenant(table, Given::Expr(value), token)?
                }
            };
            if all.is_some_and(|known| known != tenant) {
                return Ok(None);
            }
            all = Some(tenant);
        }
        Ok(all)
    }

    fn names_column(&self, expr: &Expr, column: ColumnRef, name: &str, scope: &Scope<'_>) -> bool {
        let idents: &[Ident] = match expr {
            Expr::Nested(inner) => return self.names_column(inner, column, name, scope),
            Expr::Identifier(ident) => std::slice::from_ref(ident),
            Expr::CompoundIdentifier(idents) => idents,
            _ => return false,
        };
        let parts: Vec<String> = idents.iter().map(|ident| self.name(ident)).collect();
        match scope.resolve(&parts) {
            Meaning::Column { origin, source, .. } => {
                matches!(origin, Some(Origin::Column(of, _)) if of == column) && source == name
            }
            _ => false,
        }
    }

    /// Refuses a statement with a search whose tenant was not found.
    pub(super) fn all_settled(&self) -> Walked<()> {
        match self.searches.first() {
            None => Ok(()),
            Some(search) => Err(self.unknown_tenant(search)),
        }
    }

    fn unknown_tenant(&self, search: &Search) -> super::refuse::Stop {
        let message = format!(
            "the tenant whose values of column {} are searched is not known",
            full_name(&search.column)
        );
        let help = "Hold each table to one tenant in the same WHERE (tenant = $n AND …).";
        self.refuse(message, help, "refused-search", search.token)
    }
}

/// The equalities that are ANDed at the top of a condition.
fn ands<'e>(expr: &'e Expr, found: &mut Vec<&'e Expr>) {
    match expr {
        Expr::Nested(inner) => ands(inner, found),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            ands(left, found);
            ands(right, found);
        }
        Expr::BinaryOp {
            op: BinaryOperator::Eq,
            ..
        } => found.push(expr),
        _ => {}
    }
}

/// The items of an array constructor, and the kind that it is cast to.
fn array_of(expr: &Expr) -> Option<(&[Expr], Option<ValueKind>)> {
    match expr {
        Expr::Nested(inner) => array_of(inner),
        Expr::Cast {
            expr: inner,
            data_type: DataType::Array(element),
            kind: CastKind::Cast | CastKind::DoubleColon,
            format: None,
            ..
        } => {
            let element = match element {
                ArrayElemTypeDef::SquareBracket(element, None) => element,
                _ => return None,
            };
            let (items, _) = array_of(inner)?;
            Some((items, Some(kind_of(element)?)))
        }
        Expr::Array(array) => Some((&array.elem, None)),
        _ => None,
    }
}
