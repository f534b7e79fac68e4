//! Sealed columns that are compared together with a key of their row.
//!
//! Ciphertext of equal plaintext differs, so that it cannot be grouped. Beside a key of the row that it comes from it can:
//! rows of equal keys are one row with one ciphertext, and rows of different keys differ whatever else they hold. ORMs
//! group and count by all columns of an entity, its key among them.

use sqlparser::ast::{Expr, SelectItem, Value};

use super::conjunction::equalities;
use super::lineage::{Lineage, Shape};
use super::owners::is_alone;
use super::query::Rows;
use super::scope::{Meaning, Offered, Origin, Scope};
use super::walk::Walk;
use super::within::Call;

impl Walk<'_> {
    /// Whether a call's DISTINCT compares whole rows of columns, a key beside each sealed one.
    pub(super) fn counts_keyed(&self, call: &Call<'_, '_>) -> bool {
        let [argument] = call.arguments else {
            return false;
        };
        let (Some(Expr::Tuple(items)), Lineage::Within(shape)) = (argument.expr, &argument.lineage)
        else {
            return false;
        };
        let Shape::Record(members) = shape.as_ref() else {
            return false;
        };
        let origins: Vec<Option<Origin>> = items
            .iter()
            .map(|item| self.origin_of(item, call.scope))
            .collect();
        let together: Vec<Origin> = origins.iter().copied().flatten().collect();
        let mut sealed = members.iter().zip(&origins);
        call.name == "count"
            && members.len() == items.len()
            && sealed.all(|(member, origin)| {
                member.lineage.is_none() || self.has_key(*origin, &together)
            })
    }

    /// What GROUP BY compares; a name is an input column's before it is an output's.
    pub(super) fn grouped<'e>(
        &self,
        exprs: impl IntoIterator<Item = &'e Expr>,
        outputs: &Rows,
        scope: &Scope<'_>,
    ) -> Vec<Origin> {
        let origin = |expr: &Expr| match expr {
            Expr::Value(value) => outputs.numbered(&value.value)?.origin,
            _ => match self.output_named(expr, outputs, scope) {
                Some(column) => column.origin,
                None => self.origin_of(expr, scope),
            },
        };
        exprs.into_iter().filter_map(origin).collect()
    }

    /// The expression of the select list that one of GROUP BY means by its number or its name; else itself.
    pub(super) fn selected<'e>(
        &self,
        expr: &'e Expr,
        items: &'e [SelectItem],
        scope: &Scope<'_>,
    ) -> &'e Expr {
        let found = match expr {
            Expr::Value(value) => numbered(&value.value, items),
            Expr::Identifier(ident) => {
                let name = self.name(ident);
                let mut named = items.iter().filter_map(|item| match item {
                    SelectItem::ExprWithAlias { expr, alias } => {
                        (self.name(alias) == name).then_some(expr)
                    }
                    _ => None,
                });
                let (found, other) = (named.next(), named.next());
                let unknown = matches!(scope.resolve(&[name]), Meaning::Unknown);
                found.filter(|_| unknown && other.is_none())
            }
            _ => None,
        };
        found.unwrap_or(expr)
    }

    /// The one output of this name, where no input column has it.
    fn output_named<'r>(
        &self,
        expr: &Expr,
        outputs: &'r Rows,
        scope: &Scope<'_>,
    ) -> Option<&'r Offered> {
        let Expr::Identifier(ident) = expr else {
            return None;
        };
        let name = self.name(ident);
        let mut named = outputs.columns.iter().filter(|column| column.name == name);
        let (found, other) = (named.next()?, named.next());
        let unknown = matches!(scope.resolve(&[name]), Meaning::Unknown);
        (unknown && other.is_none() && !outputs.open).then_some(found)
    }

    /// The columns that a condition holds to one value.
    pub(super) fn fixed(&self, condition: Option<&Expr>, scope: &Scope<'_>) -> Vec<Origin> {
        let mut found = Vec::new();
        for (left, right) in equalities(condition) {
            for (column, value) in [(left, right), (right, left)] {
                let once = self.operand(value).is_some();
                found.extend(self.origin_of(column, scope).filter(|_| once));
            }
        }
        found
    }

    /// Whether those that are compared together hold a key of the row that a column comes from.
    pub(super) fn has_key(&self, origin: Option<Origin>, together: &[Origin]) -> bool {
        let Some(Origin::Column(column, scan)) = origin else {
            return false;
        };
        let catalog = &self.relations.catalog;
        let Some(relation) = catalog.relation(column.table) else {
            return false;
        };
        let alone = is_alone(catalog, relation);
        let held = |attnum: i16| {
            together.iter().any(|other| match other {
                Origin::Column(of, at) => {
                    of.table == column.table && of.attnum == attnum && at.number == scan.number
                }
                Origin::United(..) | Origin::Values(_) => false,
            })
        };
        let not_null = |attnum: i16| relation.attnum(attnum).is_some_and(|key| key.not_null);
        let mut keys = relation.unique_keys.iter().filter(|key| key.enforced);
        alone
            && keys.any(|key| {
                let mut attnums = key.attnums.iter().copied();
                attnums.all(|attnum| held(attnum) && (key.primary || not_null(attnum)))
            })
    }
}

/// The item of a select list that a number means; a star before it stands for any number of items.
fn numbered<'e>(number: &Value, items: &'e [SelectItem]) -> Option<&'e Expr> {
    let Value::Number(digits, _) = number else {
        return None;
    };
    let at = digits.parse::<usize>().ok()?.checked_sub(1)?;
    let exprs: Option<Vec<&Expr>> = items
        .get(..=at)?
        .iter()
        .map(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
            _ => None,
        })
        .collect();
    exprs?.pop()
}
