//! Values that a searchable column is compared with: each becomes a slot.

use std::ops::Range;

use sqlparser::ast::{ArrayElemTypeDef, CastKind, DataType, Expr};

use crate::model::{TenantId, ValueKind};
use crate::rules::ProtectedColumn;

use super::among::Place;
use super::expr::kind_of;
use super::refuse::Walked;
use super::scope::Scope;
use super::search::{Found, Search, shared, sought};
use super::store::{Target, is_default, is_empty_value};
use super::types::TenantSource;
use super::walk::Walk;

impl Walk<'_> {
    pub(super) fn searched_values(
        &mut self,
        found: Found,
        reference: &Expr,
        values: &[&Expr],
        place: Option<Place>,
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
        self.wait_for_tenant(found, first, place)?;
        Ok(true)
    }

    /// The token of a parameter that is an array of the column's type.
    pub(super) fn array_param(&self, expr: &Expr, column: &ProtectedColumn) -> Option<usize> {
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

    pub(super) fn searched_param(
        &mut self,
        found: Found,
        reference: &Expr,
        (token, place): (usize, Option<Place>),
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
        self.wait_for_tenant(found, first, place)?;
        Ok(true)
    }

    /// Before values that are searched for; gives the first slot that they can become.
    fn begin(&mut self) -> usize {
        // A look-up repeats the condition as the client wrote it, unsealed.
        self.impure = self.impure.or(self.last_sealed).or(Some(self.range.start));
        self.fills.len()
    }

    /// The values from slot `first` on belong to no row that is written: their tenant is the query's.
    fn wait_for_tenant(&mut self, found: Found, first: usize, place: Option<Place>) -> Walked<()> {
        self.unowned.retain(|fill| *fill < first);
        let fills = first..self.fills.len();
        let sought = self.fills.get_mut(fills.clone()).unwrap_or_default();
        sought.iter_mut().for_each(|fill| fill.sought = true);
        if shared(&found.column) {
            let tenant = self.tenant_index(TenantSource::Known(TenantId::deployment()));
            self.give_tenant(fills, tenant);
        } else {
            self.searches.push(Search {
                token: self.last_sealed,
                sides: vec![found.side()],
                fills,
                place,
                keys: Vec::new(),
                column: found.column,
            });
        }
        Ok(())
    }

    pub(super) fn give_tenant(&mut self, fills: Range<usize>, tenant: usize) {
        let fills = self.fills.get_mut(fills).unwrap_or_default();
        fills.iter_mut().for_each(|fill| fill.tenant = Some(tenant));
    }
}

/// The items of an array constructor, and the kind that it is cast to.
pub(super) fn array_of(expr: &Expr) -> Option<(&[Expr], Option<ValueKind>)> {
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
