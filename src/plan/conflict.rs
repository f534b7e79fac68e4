//! ON CONFLICT.

use std::ops::Range;

use sqlparser::ast::{ConflictTarget, Ident, OnConflict, OnConflictAction};

use super::insert::Into;
use super::insert_rows::Row;
use super::lookup::Reads;
use super::owned::Owner;
use super::refuse::{COMPARISON, CONDITION, Walked};
use super::row_tenant::Given;
use super::scope::{Scope, Source};
use super::search::is_searchable;
use super::tenant_sql::{quoted, row_tenant_sql};
use super::tokens;
use super::update::{Change, anchor};
use super::walk::Walk;

impl Walk<'_> {
    pub(super) fn conflict_target(
        &mut self,
        conflict: &OnConflict,
        scope: &Scope<'_>,
    ) -> Walked<()> {
        match &conflict.conflict_target {
            None => Ok(()),
            Some(ConflictTarget::Columns { columns, predicate }) => {
                for column in columns {
                    if let Some(element) = self.conflict_expression(column) {
                        self.compared_expression(element, scope)?;
                        continue;
                    }
                    let lineage = self.reference(std::slice::from_ref(column), scope)?;
                    if !is_searchable(&lineage) {
                        self.must_be_plain(&lineage, COMPARISON)?;
                    }
                    self.place(column);
                }
                self.all_plain(predicate, scope, CONDITION).map(|_| ())
            }
            Some(ConflictTarget::OnConstraint(name)) => {
                self.place_name(name);
                Ok(())
            }
        }
    }

    pub(super) fn on_conflict(
        &mut self,
        conflict: &OnConflict,
        into: &Into<'_>,
        rows: &[Row<'_>],
        target: &Source,
        outer: &Scope<'_>,
    ) -> Walked<()> {
        let mut scope = Scope::below(outer);
        scope.sources = vec![target.clone()];
        self.conflict_target(conflict, &scope)?;
        let OnConflictAction::DoUpdate(update) = &conflict.action else {
            return Ok(());
        };
        scope.sources.push(Source {
            name: "excluded".to_owned(),
            schema: None,
            ..target.clone()
        });
        let bare = unqualified_target(&scope, target);
        self.all_plain(&update.selection, &bare, CONDITION)?;
        let own = [into.name.as_str(), "excluded"];
        let change = Change {
            table: into.table,
            own: &own,
            upsert: true,
        };
        let pairs = self.pairs(&update.assignments, into.relation, &bare)?;
        let touches = self.touches(&pairs, &change)?;
        self.assign(&pairs, &change, &bare)?;
        if !touches.any() {
            return Ok(());
        }
        let asked = self.asking.must_equal.len();
        let mut tenants = Vec::new();
        for row in rows {
            let tenant = self.insert_tenant(row, into)?;
            self.same_tenant(conflict, into, row, tenant)?;
            tenants.push(tenant);
        }
        let set = pairs.first().and_then(|pair| self.name_token(pair.name));
        if let Some(set) = set.filter(|_| self.asking.must_equal.len() > asked) {
            self.guard_upsert(into.table, &into.name, set);
        }
        tenants.dedup();
        match tenants.as_slice() {
            [tenant] => self.own(&Owner::One(*tenant)),
            [_, ..] if self.unowned.is_empty() => Ok(()),
            _ => Err(self.refuse(
                "an ON CONFLICT DO UPDATE whose rows have several tenants cannot store one value",
                "Use EXCLUDED.column in DO UPDATE, or one statement per tenant.",
                "refused-upsert",
                None,
            )),
        }
    }

    /// Makes sure that the row which is updated on conflict has the inserted row's tenant.
    fn same_tenant(
        &mut self,
        conflict: &OnConflict,
        into: &Into<'_>,
        row: &Row<'_>,
        tenant: usize,
    ) -> Walked<()> {
        let Some(anchor) = anchor(into.table) else {
            return Ok(());
        };
        let attnums = self.conflict_columns(conflict, into)?;
        if attnums.contains(&anchor) && self.has_one_text(into.table, anchor) {
            return Ok(());
        }
        // A look-up would send the value of a sealed column as the client wrote it.
        if attnums
            .iter()
            .any(|attnum| into.table.column(*attnum).is_some())
        {
            return Err(self.no_upsert(into));
        }
        let mut conditions = Vec::new();
        for attnum in attnums {
            let operand = match self.given(row, into, attnum) {
                Given::Operand(operand) => Some(operand),
                Given::Expr(expr) => self.operand(expr),
                Given::Nothing => None,
            };
            let operand = operand.filter(|operand| !operand.elements);
            let column = self.catalog_column(into.table, attnum);
            let (Some(operand), Some(column)) = (operand, column) else {
                return Err(self.no_upsert(into));
            };
            let value = self.operand_sql(operand, &column);
            conditions.push(format!("t.{} = {value}", quoted(&column.name)));
        }
        let query = format!(
            "SELECT DISTINCT {} FROM {}.{} AS t WHERE {}",
            row_tenant_sql(into.table, "t."),
            quoted(&into.relation.schema),
            quoted(&into.relation.name),
            conditions.join(" AND ")
        );
        let term = self.asking.term(query, Reads::Unclear);
        self.asking.must_equal.push((tenant, term));
        Ok(())
    }

    fn no_upsert(&self, into: &Into<'_>) -> super::refuse::Stop {
        let message = format!(
            "the tenant of the row of {}.{} that ON CONFLICT would update cannot be asked for",
            into.table.schema, into.table.name
        );
        self.refuse(
            message,
            "Give the conflict columns as constants or parameters, or make the tenant one of them.",
            "refused-upsert",
            None,
        )
    }

    fn conflict_columns(&mut self, conflict: &OnConflict, into: &Into<'_>) -> Walked<Vec<i16>> {
        match &conflict.conflict_target {
            Some(ConflictTarget::Columns { columns, .. }) => {
                let whole = columns
                    .iter()
                    .filter(|column| self.conflict_expression(column).is_none());
                let names: Vec<String> = whole.map(|column| self.name(column)).collect();
                let attnums = names
                    .iter()
                    .map(|name| into.relation.column(name).map(|column| column.attnum));
                let attnums: Option<Vec<i16>> = attnums.collect();
                // What equals an expression cannot be asked for, but rows of one tenant are found by that.
                let all = names.len() == columns.len();
                attnums
                    .filter(|found| {
                        all || anchor(into.table).is_some_and(|own| found.contains(&own))
                    })
                    .ok_or_else(|| self.no_upsert(into))
            }
            Some(ConflictTarget::OnConstraint(name)) => {
                let name = self.names(name)?.pop().unwrap_or_default();
                let key = into
                    .relation
                    .unique_keys
                    .iter()
                    .find(|key| key.name == name);
                key.map(|key| key.attnums.clone())
                    .ok_or_else(|| self.no_upsert(into))
            }
            None => Err(self.no_upsert(into)),
        }
    }

    /// The tokens of an element of ON CONFLICT that is more than a column: the parser is given its first one alone.
    fn conflict_expression(&self, column: &Ident) -> Option<Range<usize>> {
        let start = self.token_at(column.span)?;
        let end = self.up_to_end().element_end(start)?;
        (end > start + 1).then_some(start..end)
    }

    /// Such an element: a column or an expression, with a collation and an operator class.
    fn compared_expression(&mut self, element: Range<usize>, scope: &Scope<'_>) -> Walked<()> {
        let tokens = self.tokens.get(element.clone()).unwrap_or_default();
        let parsed = tokens::parse_element(self.sql, tokens);
        let Ok(expr) = parsed else {
            return Err(self.not_understood("this element of ON CONFLICT", Some(element.start)));
        };
        self.plain(&expr, scope, COMPARISON)
    }
}

/// In DO UPDATE an unqualified column is the target's: `excluded` must be named. Its columns are hidden from bare names.
fn unqualified_target<'s>(scope: &'s Scope<'s>, target: &Source) -> Scope<'s> {
    let mut bare = Scope::below(scope);
    bare.sources.push(target.clone());
    bare
}
