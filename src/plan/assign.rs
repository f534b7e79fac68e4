//! The assignments of UPDATE, of ON CONFLICT DO UPDATE and of MERGE.

use sqlparser::ast::{
    Assignment, AssignmentTarget, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName,
};

use super::refuse::{COPYING, Stop, Walked};
use super::scope::{Offered, Scope};
use super::store::{Target, is_default, is_empty_value};
use super::types::AssignedTenant;
use super::update::{Change, anchor};
use super::walk::Walk;
use crate::catalog::Relation;
use crate::rules::{ProtectedTable, Tenant};

/// What assignments do to a protected row.
#[derive(Default)]
pub(super) struct Touches {
    /// Constants or parameters are stored in sealed columns.
    pub values: bool,
    /// Sealed columns get the new row's values.
    pub excluded: bool,
    /// The column that the tenant hangs on is assigned.
    pub tenant: bool,
}

impl Touches {
    pub(super) fn any(&self) -> bool {
        self.values || self.excluded || self.tenant
    }
}

/// A column and what it is assigned.
pub(super) struct Pair<'e> {
    pub name: &'e ObjectName,
    pub value: PairValue<'e>,
    /// `None`: not in the catalog.
    pub attnum: Option<i16>,
}

pub(super) enum PairValue<'e> {
    Expr(&'e Expr),
    /// A column of a subquery that gives several.
    Column(Offered),
}

impl<'e> PairValue<'e> {
    pub(super) fn expr(&self) -> Option<&'e Expr> {
        match self {
            Self::Expr(expr) => Some(expr),
            Self::Column(_) => None,
        }
    }
}

impl Walk<'_> {
    /// Visits the assignments of a statement whose target is not protected.
    pub(super) fn assign_plain(
        &mut self,
        assignments: &[Assignment],
        scope: &Scope<'_>,
    ) -> Walked<()> {
        for assignment in assignments {
            let names = match &assignment.target {
                AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
                AssignmentTarget::Tuple(names) => names.as_slice(),
            };
            for name in names {
                self.place_name(name);
                self.subscripted(name, scope)?;
            }
            match &assignment.value {
                value if is_default(value) => {}
                Expr::Subquery(query)
                    if matches!(assignment.target, AssignmentTarget::Tuple(_)) =>
                {
                    let rows = self.query(query, scope)?;
                    self.use_all_plain(&rows.columns);
                    for column in &rows.columns {
                        self.must_be_plain(&column.lineage, COPYING)?;
                    }
                }
                value => match row_values(value) {
                    Some(values) => values
                        .into_iter()
                        .filter(|value| !is_default(value))
                        .try_for_each(|value| self.plain(value, scope, COPYING))?,
                    None => self.plain(value, scope, COPYING)?,
                },
            }
        }
        Ok(())
    }

    /// Visits assignments to a protected row; whose it is must be said afterwards.
    pub(super) fn assign(
        &mut self,
        pairs: &[Pair<'_>],
        change: &Change<'_>,
        scope: &Scope<'_>,
    ) -> Walked<()> {
        for pair in pairs {
            self.place_name(pair.name);
            let sealed = pair.attnum.and_then(|attnum| change.table.column(attnum));
            match (sealed, &pair.value) {
                (Some(column), PairValue::Expr(value)) => {
                    let target = Target {
                        column,
                        own: change.own,
                    };
                    self.next_case = self.case_token(value);
                    self.store(value, target, scope)?;
                }
                (Some(column), PairValue::Column(offered)) => {
                    let target = Target {
                        column,
                        own: change.own,
                    };
                    self.store_offered(offered, target, self.name_token(pair.name))?;
                }
                (None, PairValue::Expr(value)) if is_default(value) => {}
                (None, PairValue::Expr(value)) => self.plain(value, scope, COPYING)?,
                (None, PairValue::Column(offered)) => {
                    self.use_plain(offered.origin);
                    self.must_be_plain(&offered.lineage, COPYING)?;
                }
            }
        }
        Ok(())
    }

    /// What assignments do.
    pub(super) fn touches(&mut self, pairs: &[Pair<'_>], change: &Change<'_>) -> Walked<Touches> {
        let mut touches = Touches::default();
        for pair in pairs {
            let sealed = pair
                .attnum
                .and_then(|attnum| change.table.column(attnum))
                .is_some_and(|column| column.is_sealed_on_write());
            let expr = pair.value.expr();
            let own = expr.and_then(|expr| self.own_reference(expr, change));
            if sealed && expr.is_none_or(|expr| !is_empty_value(expr)) {
                touches.excluded |= own == Some("excluded");
                touches.values |= own.is_none();
            }
            let same_column = expr.is_some_and(|expr| self.same_column(expr, pair.name));
            if !(own.is_some() && own != Some("excluded") && same_column)
                && pair
                    .attnum
                    .is_some_and(|attnum| self.is_tenant_below(change.table, attnum))
            {
                return Err(self.tenant_change("rows below it", change, pair.name));
            }
            if pair.attnum.is_some() && pair.attnum == anchor(change.table) {
                let operand = expr.and_then(|expr| self.operand(expr)).is_some();
                match own {
                    Some("excluded") if change.upsert && same_column => touches.tenant = true,
                    Some(_) if same_column => {}
                    None if !change.upsert && operand => touches.tenant = true,
                    _ => return Err(self.tenant_change("a row", change, pair.name)),
                }
                self.asking.assigned = Some(AssignedTenant {
                    column: self.assigned_name(change, pair.name),
                    position: self.position(self.name_token(pair.name)),
                });
            }
        }
        Ok(touches)
    }

    fn assigned_name(&self, change: &Change<'_>, name: &ObjectName) -> String {
        let column = self.names(name).ok().and_then(|mut names| names.pop());
        let (schema, table) = (&change.table.schema, &change.table.name);
        format!("{schema}.{table}.{}", column.unwrap_or_default())
    }

    /// Whether rows of other tables take their tenant from this column, and it is not what the row's own tenant is read from:
    /// that one is compared with the new value.
    fn is_tenant_below(&self, table: &ProtectedTable, attnum: i16) -> bool {
        if matches!(&table.tenant, Tenant::Column { attnum: own, .. } if *own == attnum) {
            return false;
        }
        let relations = self.relations;
        let Some(relation) = relations.catalog.relation(table.oid) else {
            return false;
        };
        let Some(named) = relation.attnum(attnum) else {
            return false;
        };
        let mut tables = relations.protection.tables.values();
        tables.any(|below| match &below.tenant {
            Tenant::Parent {
                table: above,
                column,
                ..
            } => *column == named.name && relations.catalog.is_within(relation.oid, *above),
            _ => false,
        })
    }

    fn tenant_change(&self, whose: &str, change: &Change<'_>, name: &ObjectName) -> Stop {
        let message = format!(
            "the tenant of {whose}, {}, cannot be changed",
            self.assigned_name(change, name)
        );
        let help = "Insert the row anew for the other tenant, through pgseal, and delete this one.";
        self.refuse(
            message,
            help,
            "refused-tenant-change",
            self.name_token(name),
        )
    }

    /// The row that a column reference belongs to, if it is the changed row itself or `excluded`.
    fn own_reference<'c>(&self, expr: &Expr, change: &Change<'c>) -> Option<&'c str> {
        match expr {
            Expr::Nested(inner) => self.own_reference(inner, change),
            Expr::Identifier(_) if !is_default(expr) => change.own.first().copied(),
            Expr::CompoundIdentifier(idents) => {
                let [.., qualifier, _] = idents.as_slice() else {
                    return None;
                };
                let qualifier = self.name(qualifier);
                change.own.iter().find(|name| **name == qualifier).copied()
            }
            _ => None,
        }
    }

    fn same_column(&self, expr: &Expr, target: &ObjectName) -> bool {
        let target = self.names(target).ok().and_then(|mut names| names.pop());
        target.is_some() && self.reference_names(expr).and_then(|mut names| names.pop()) == target
    }

    /// Assignments one column at a time. A subquery that gives several is visited here, once.
    pub(super) fn pairs<'e>(
        &mut self,
        assignments: &'e [Assignment],
        relation: &Relation,
        scope: &Scope<'_>,
    ) -> Walked<Vec<Pair<'e>>> {
        let mut pairs = Vec::new();
        for assignment in assignments {
            let names = match &assignment.target {
                AssignmentTarget::ColumnName(name) => {
                    let value = PairValue::Expr(&assignment.value);
                    pairs.push(self.pair(name, value, relation)?);
                    self.subscripted_plain(name, relation, scope)?;
                    continue;
                }
                AssignmentTarget::Tuple(names) => names,
            };
            let values: Option<Vec<PairValue<'e>>> = match &assignment.value {
                Expr::Subquery(query) => {
                    let rows = self.query(query, scope)?;
                    (!rows.open).then(|| rows.columns.into_iter().map(PairValue::Column).collect())
                }
                value => row_values(value)
                    .map(|values| values.into_iter().map(PairValue::Expr).collect()),
            };
            let Some(values) = values.filter(|values| values.len() == names.len()) else {
                let token = names.first().and_then(|name| self.name_token(name));
                return Err(
                    self.not_understood("an assignment of a row that is not written out", token)
                );
            };
            for (name, value) in names.iter().zip(values) {
                pairs.push(self.pair(name, value, relation)?);
                self.subscripted_plain(name, relation, scope)?;
            }
        }
        Ok(pairs)
    }

    fn pair<'e>(
        &mut self,
        name: &'e ObjectName,
        value: PairValue<'e>,
        relation: &Relation,
    ) -> Walked<Pair<'e>> {
        let names = self.names(name)?;
        let [column] = names.as_slice() else {
            return Err(self.not_understood("a qualified assignment target", self.name_token(name)));
        };
        let attnum = relation.column(column).map(|column| column.attnum);
        if attnum.is_none() {
            self.note_no_column(relation, column, self.name_token(name));
        }
        Ok(Pair {
            name,
            value,
            attnum,
        })
    }
}

fn row_values(value: &Expr) -> Option<Vec<&Expr>> {
    match value {
        Expr::Tuple(items) => Some(items.iter().collect()),
        Expr::Nested(inner) => Some(vec![inner]),
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("row") => {
            let FunctionArguments::List(list) = &function.args else {
                return None;
            };
            let values = list.args.iter().map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            });
            values.collect()
        }
        _ => None,
    }
}
