//! Equality on searchable columns (`search = "exact"`): what is compared is sealed as what is stored is.
//!
//! Where each tenant's values are equal among themselves only, every comparison must know the tenant: found by the
//! conditions of the same query, or refused. It is looked for when a query's conditions are all walked.

use std::ops::Range;
use std::sync::Arc;

use sqlparser::ast::{
    BinaryOperator, CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Query,
};

use crate::model::Oid;
use crate::rules::{ProtectedColumn, Scope as Equality};

use super::among::{How, Place};
use super::expr::kind_of;
use super::lineage::Lineage;
use super::refuse::{AGGREGATE, COMPARISON, Construct, GROUP, JOIN, Walked, full_name};
use super::scope::{Meaning, Offered, Origin, Scope};
use super::sought::array_of;
use super::walk::Walk;

/// A use of a searchable column whose tenant is still to be found.
pub(super) struct Search {
    pub column: Arc<ProtectedColumn>,
    /// The columns' token, for the position.
    pub token: Option<usize>,
    pub sides: Vec<Side>,
    /// The sealed values in [`Walk::fills`] that it is compared with.
    pub fills: Range<usize>,
    /// The comparison with them, where there is room for those of several tenants.
    pub place: Option<Place>,
    /// Scans of one tenant each in every group, where values of a group are compared.
    pub keys: Vec<usize>,
}

/// Where one side of a search comes from.
pub(super) struct Side {
    /// The scan; `None`: not known.
    pub scan: Option<usize>,
    /// The protected table.
    pub table: Oid,
}

/// A reference to a searchable column.
pub(super) struct Found {
    pub column: Arc<ProtectedColumn>,
    pub origin: Option<Origin>,
}

impl Found {
    /// The searchable column that an output surely is.
    fn of(offered: &Offered) -> Option<Self> {
        match &offered.lineage {
            Lineage::Exact(column) if column.is_comparable() => Some(Self {
                column: Arc::clone(column),
                origin: offered.origin,
            }),
            _ => None,
        }
    }

    fn equality(&self) -> Option<(Equality, &str)> {
        let search = self.column.search.as_ref()?;
        Some((search.scope, &search.domain))
    }

    /// Whether equal values of both are equal as they are sealed.
    fn is_like(&self, other: &Self) -> bool {
        self.equality() == other.equality() && self.column.kind == other.column.kind
    }

    pub(super) fn side(&self) -> Side {
        Side {
            scan: self
                .origin
                .and_then(Origin::scanned)
                .map(|(_, scan)| scan.number),
            table: self.column.column.table,
        }
    }
}

pub(super) fn shared(column: &ProtectedColumn) -> bool {
    matches!(&column.search, Some(search) if search.scope == Equality::Deployment)
}

/// The column, for a value that is only looked for: one that is too long to be stored is no error.
pub(super) fn sought(column: &ProtectedColumn) -> Arc<ProtectedColumn> {
    Arc::new(ProtectedColumn {
        max_chars: None,
        ..column.clone()
    })
}

/// Whether both are searchable columns whose equal values are equal as they are sealed.
pub(super) fn are_searchable(one: &Offered, other: &Offered) -> bool {
    Found::of(one)
        .zip(Found::of(other))
        .is_some_and(|(one, other)| one.is_like(&other))
}

/// Whether a value of this lineage is surely one of a searchable column.
pub(super) fn is_searchable(lineage: &Lineage) -> bool {
    matches!(lineage, Lineage::Exact(column) if column.is_comparable())
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
        match (left, op, right) {
            // A row is equal where each of its fields is.
            (Expr::Tuple(lefts), BinaryOperator::Eq, Expr::Tuple(rights))
                if lefts.len() == rights.len() =>
            {
                self.searched_rows(lefts, rights, scope)
            }
            (_, BinaryOperator::Eq | BinaryOperator::NotEq, _) => {
                self.searched_pair(left, right, How::of(op), scope)
            }
            _ => Ok(false),
        }
    }

    fn searched_rows(
        &mut self,
        lefts: &[Expr],
        rights: &[Expr],
        scope: &Scope<'_>,
    ) -> Walked<bool> {
        let mut sides = lefts.iter().chain(rights);
        if !sides.any(|side| self.searchable(side, scope).is_some()) {
            return Ok(false);
        }
        for (left, right) in lefts.iter().zip(rights) {
            if !self.searched_pair(left, right, None, scope)? {
                self.all_plain([left, right], scope, COMPARISON)?;
            }
        }
        Ok(true)
    }

    /// The same for `=`, `<>` and `IS [NOT] DISTINCT FROM`.
    pub(super) fn searched_pair(
        &mut self,
        left: &Expr,
        right: &Expr,
        how: Option<How>,
        scope: &Scope<'_>,
    ) -> Walked<bool> {
        let place = |column| self.place_of_pair((left, right), column, how);
        match (self.searchable(left, scope), self.searchable(right, scope)) {
            (Some(a), Some(b)) => self.searched_columns((a, left), (b, right), scope),
            (Some(found), None) if let Expr::Subquery(query) = right => {
                self.searched_query(found, left, query, scope)
            }
            (None, Some(found)) if let Expr::Subquery(query) = left => {
                self.searched_query(found, right, query, scope)
            }
            (Some(found), None) => {
                let place = place(left);
                self.searched_values(found, left, &[right], place, scope)
            }
            (None, Some(found)) => {
                let place = place(right);
                self.searched_values(found, right, &[left], place, scope)
            }
            (None, None) => Ok(false),
        }
    }

    /// `NULLIF(column, value)` of a searchable column, which the server can compare: whichever stands first, what comes
    /// out is a value of the column as it is sealed, or NULL.
    pub(super) fn searched_nullif(
        &mut self,
        function: &Function,
        names: &[String],
        scope: &Scope<'_>,
    ) -> Walked<Option<Lineage>> {
        let FunctionArguments::List(list) = &function.args else {
            return Ok(None);
        };
        let (
            [name],
            [
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)),
                FunctionArg::Unnamed(FunctionArgExpr::Expr(other)),
            ],
        ) = (names, list.args.as_slice())
        else {
            return Ok(None);
        };
        if name != "nullif" || self.is_null(value) || self.is_null(other) {
            return Ok(None);
        }
        let found = self.searchable(value, scope);
        let column = found.or_else(|| self.searchable(other, scope));
        let searched = self.searched_pair(value, other, None, scope)?;
        let column = column.filter(|_| searched);
        Ok(column.map(|found| Lineage::Exact(found.column)))
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
                let place = self.place_of_list(expr);
                self.searched_values(found, expr, &items, place, scope)
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
        if let Expr::Subquery(query) = array
            && let Some(found) = self.searchable(expr, scope)
        {
            return self.searched_query(found, expr, query, scope);
        }
        if let Some(found) = self.searchable(expr, scope)
            && let Some(token) = self.array_param(array, &found.column)
        {
            let place = self.place_of_array(expr, op, false);
            return self.searched_param(found, expr, (token, place), scope);
        }
        match (self.searchable(expr, scope), array_of(array)) {
            (Some(found), Some((items, kind)))
                if kind.is_none_or(|kind| kind == found.column.kind) =>
            {
                let items: Vec<&Expr> = items.iter().collect();
                let place = self.place_of_array(expr, op, true);
                let before = self.fills.len();
                let done = self.searched_values(found, expr, &items, place, scope)?;
                if kind.is_none() {
                    self.take_all_for_texts(&items, before);
                }
                Ok(done)
            }
            _ => Ok(false),
        }
    }

    /// The same for IN with a subquery.
    pub(super) fn searched_subquery(
        &mut self,
        expr: &Expr,
        query: &Query,
        scope: &Scope<'_>,
    ) -> Walked<bool> {
        match self.searchable(expr, scope) {
            Some(found) => self.searched_query(found, expr, query, scope),
            None => Ok(false),
        }
    }

    /// A searchable column against the rows of a subquery, which must be one column like it.
    fn searched_query(
        &mut self,
        found: Found,
        reference: &Expr,
        query: &Query,
        scope: &Scope<'_>,
    ) -> Walked<bool> {
        self.expr(reference, scope)?;
        let own = Lineage::Exact(Arc::clone(&found.column));
        let rows = self.query(query, scope)?;
        let other = match rows.columns.as_slice() {
            [only] if !rows.open => Found::of(only).filter(|other| found.is_like(other)),
            _ => None,
        };
        let Some(other) = other else {
            self.must_be_plain(&own, COMPARISON)?;
            return Ok(true);
        };
        self.search_columns(found, &other);
        Ok(true)
    }

    /// A searchable column in GROUP BY, DISTINCT, PARTITION BY or count(DISTINCT …), where equal values must be one; any
    /// other sealed column is refused.
    pub(super) fn comparable(
        &mut self,
        lineage: &Lineage,
        origin: Option<Origin>,
        construct: Construct,
    ) -> Walked<()> {
        if construct.name == GROUP.name && self.has_key(origin, &self.together) {
            return Ok(());
        }
        if [GROUP, AGGREGATE]
            .map(|one| one.anchor)
            .contains(&construct.anchor)
            && let Lineage::Exact(column) = lineage
            && column.is_comparable()
        {
            if shared(column) {
                return Ok(());
            }
            let found = Found {
                column: Arc::clone(column),
                origin,
            };
            self.searches.push(Search {
                token: self.last_sealed,
                sides: vec![found.side()],
                fills: 0..0,
                place: None,
                keys: self.keys.clone(),
                column: found.column,
            });
            return Ok(());
        }
        self.must_be_plain(lineage, construct)
    }

    /// A column that USING or NATURAL compares on both sides.
    pub(super) fn searched_using(&mut self, left: &Offered, right: &Offered) -> Walked<()> {
        match (Found::of(left), Found::of(right)) {
            (Some(a), Some(b)) if a.is_like(&b) => {
                self.search_columns(a, &b);
                Ok(())
            }
            _ => {
                self.must_be_plain(&left.lineage, JOIN)?;
                self.must_be_plain(&right.lineage, JOIN)
            }
        }
    }

    fn searchable(&self, expr: &Expr, scope: &Scope<'_>) -> Option<Found> {
        match expr {
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
            _ => {}
        }
        match scope.resolve(&self.reference_names(expr)?) {
            Meaning::Column {
                lineage: Lineage::Exact(column),
                origin,
                ..
            } if column.is_comparable() => Some(Found { column, origin }),
            _ => None,
        }
    }

    fn searched_columns(
        &mut self,
        (left, left_expr): (Found, &Expr),
        (right, right_expr): (Found, &Expr),
        scope: &Scope<'_>,
    ) -> Walked<bool> {
        if !left.is_like(&right) {
            return Ok(false);
        }
        self.expr(left_expr, scope)?;
        self.expr(right_expr, scope)?;
        self.search_columns(left, &right);
        Ok(true)
    }

    fn search_columns(&mut self, left: Found, right: &Found) {
        self.searches.extend(self.search_of(left, right));
    }

    fn search_of(&self, left: Found, right: &Found) -> Option<Search> {
        (!shared(&left.column)).then(|| Search {
            token: self.last_sealed,
            sides: vec![left.side(), right.side()],
            fills: 0..0,
            place: None,
            keys: Vec::new(),
            column: left.column,
        })
    }

    /// The search that comparing the rows of a set operation is; `None`: no tenant need be known for it.
    pub(super) fn search_between(&self, left: &Offered, right: &Offered) -> Option<Search> {
        let (left, right) = Found::of(left).zip(Found::of(right))?;
        self.search_of(left, &right)
    }

    /// Whether the tenants of both are found in the same way: in their rows, or by one rule.
    pub(super) fn are_of_one_rule(&self, left: &Offered, right: &Offered) -> bool {
        let found = Found::of(left).zip(Found::of(right));
        found.is_some_and(|(left, right)| {
            let by_rule = |found: &Found| self.tenant_by_rule(&found.side());
            left.is_like(&right)
                && match (by_rule(&left), by_rule(&right)) {
                    (None, None) => true,
                    (Some(one), Some(other)) => one.tenant == other.tenant,
                    _ => false,
                }
        })
    }

    /// Refuses a statement with a search whose tenant was not found.
    pub(super) fn all_settled(&self) -> Walked<()> {
        match self.searches.first() {
            None => Ok(()),
            Some(search) => Err(self.unknown_tenant(search)),
        }
    }

    pub(super) fn unknown_tenant(&self, search: &Search) -> super::refuse::Stop {
        let message = format!(
            "the tenant whose values of column {} are searched is not known",
            full_name(&search.column)
        );
        let help = "Hold each table to one tenant in the same WHERE (tenant = $n AND …), or join the tables by their tenant too.";
        self.refuse(message, help, "refused-search", search.token)
    }
}
