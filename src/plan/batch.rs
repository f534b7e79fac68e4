//! `INSERT … SELECT … FROM (VALUES …) AS v(…)`: rows told one by one, as SQLAlchemy sends its batches.

use sqlparser::ast::{Expr, OrderByKind, Query, Select, SetExpr, TableAlias, TableFactor, Values};

use super::expr::kind_of;
use super::insert::Into;
use super::refuse::{Walked, full_name};
use super::walk::Walk;

/// The VALUES list and its alias, where that is all that the query selects from.
pub(super) fn values_source<'e>(
    select: &'e Select,
    query: &'e Query,
) -> Option<(&'e Values, &'e TableAlias)> {
    let [from] = select.from.as_slice() else {
        return None;
    };
    let TableFactor::Derived {
        subquery,
        alias: Some(alias),
        sample: None,
        ..
    } = &from.relation
    else {
        return None;
    };
    let SetExpr::Values(values) = subquery.body.as_ref() else {
        return None;
    };
    let plain_list =
        subquery.with.is_none() && subquery.order_by.is_none() && subquery.limit_clause.is_none();
    let plain_query = query.with.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && query.locks.is_empty();
    let plain_select = select.selection.is_none()
        && select.having.is_none()
        && select.distinct.is_none()
        && select.into.is_none();
    let grouped = match &select.group_by {
        sqlparser::ast::GroupByExpr::Expressions(exprs, modifiers) => {
            !exprs.is_empty() || !modifiers.is_empty()
        }
        sqlparser::ast::GroupByExpr::All(_) => true,
    };
    let ordered = match &query.order_by {
        None => true,
        Some(order_by) => match &order_by.kind {
            OrderByKind::Expressions(items) => items
                .iter()
                .all(|item| matches!(item.expr, Expr::Identifier(_))),
            OrderByKind::All(_) => false,
        },
    };
    let fits = from.joins.is_empty()
        && plain_list
        && plain_query
        && plain_select
        && !grouped
        && ordered
        && subquery.fetch.is_none();
    fits.then_some((values, alias))
}

impl Walk<'_> {
    /// The column of the VALUES list that an output is, casts aside.
    pub(super) fn batch_column(&self, expr: &Expr, names: &[String]) -> Option<usize> {
        match expr {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => self.batch_column(inner, names),
            Expr::Identifier(ident) => {
                let name = self.name(ident);
                names.iter().position(|known| *known == name)
            }
            Expr::CompoundIdentifier(idents) => {
                let name = idents.last().map(|ident| self.name(ident))?;
                names.iter().position(|known| *known == name)
            }
            _ => None,
        }
    }

    /// Places the identifiers of the list's alias and of the references to it.
    pub(super) fn batch_places(
        &mut self,
        _select: &Select,
        query: &Query,
        alias: &TableAlias,
        row: &[&Expr],
    ) {
        self.place(&alias.name);
        alias
            .columns
            .iter()
            .for_each(|column| self.place(&column.name));
        row.iter().for_each(|expr| self.place_reference(expr));
        if let Some(OrderByKind::Expressions(items)) =
            query.order_by.as_ref().map(|order_by| &order_by.kind)
        {
            items
                .iter()
                .for_each(|item| self.place_reference(&item.expr));
        }
    }

    fn place_reference(&mut self, expr: &Expr) {
        match expr {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => self.place_reference(inner),
            Expr::Identifier(ident) => self.place(ident),
            Expr::CompoundIdentifier(idents) => idents.iter().for_each(|ident| self.place(ident)),
            _ => {}
        }
    }

    /// Refuses a cast in the select list that a sealed value does not survive.
    pub(super) fn batch_casts(&self, row: &[&Expr], into: &Into<'_>) -> Walked<()> {
        for (at, expr) in row.iter().enumerate() {
            let Some(column) = into.sealed(at) else {
                continue;
            };
            let mut expr = *expr;
            while let Expr::Nested(inner) | Expr::Cast { expr: inner, .. } = expr {
                if let Expr::Cast { data_type, .. } = expr
                    && !super::store::keeps(kind_of(data_type), column.kind)
                {
                    let message = format!(
                        "the value for sealed column {} is cast to another type",
                        full_name(column)
                    );
                    return Err(self.refuse(
                        message,
                        "Cast it to the column's own type, without a length.",
                        "refused-cast",
                        None,
                    ));
                }
                expr = inner;
            }
        }
        Ok(())
    }
}
