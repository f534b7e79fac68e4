//! INSERT.

use std::sync::Arc;

use sqlparser::ast::{
    ConflictTarget, Expr, Insert, OnConflict, OnConflictAction, OnInsert, Query, Select,
    SelectItem, SetExpr, TableObject, Values,
};

use crate::catalog::{Column, Relation};
use crate::rules::{ProtectedColumn, ProtectedTable, Tenant};

use super::lookup::quoted;
use super::query::Rows;
use super::refuse::{COPYING, Walked};
use super::relations::Standing;
use super::scope::{Scope, Source};
use super::store::{Target, is_default, is_empty_value};
use super::update::Change;
use super::walk::Walk;

/// The protected table that an INSERT writes to.
pub(super) struct Into<'t> {
    pub table: &'t Arc<ProtectedTable>,
    pub relation: &'t Relation,
    /// The name that its columns are qualified with.
    pub name: String,
    /// The columns that get values, in the order of the values; `None`: not in the catalog.
    pub columns: Vec<Option<&'t Column>>,
}

impl<'t> Into<'t> {
    pub(super) fn sealed(&self, at: usize) -> Option<&'t Arc<ProtectedColumn>> {
        let column = self.columns.get(at).copied().flatten()?;
        self.table.column(column.attnum)
    }

    fn stores_sealed(&self) -> bool {
        (0..self.columns.len()).any(|at| self.sealed(at).is_some())
    }

    /// The expression that a row gives to a column.
    fn value<'e>(&self, row: &[&'e Expr], attnum: i16) -> Option<&'e Expr> {
        let at = self
            .columns
            .iter()
            .position(|column| column.is_some_and(|column| column.attnum == attnum))?;
        row.get(at).copied()
    }
}

impl<'a> Walk<'a> {
    /// Visits an INSERT; gives the rows of RETURNING.
    pub(super) fn insert(&mut self, insert: &Insert, outer: &Scope<'_>) -> Walked<Rows> {
        self.only_postgres_insert(insert)?;
        self.changes = true;
        let TableObject::TableName(name) = &insert.table else {
            return Err(self.not_understood("INSERT into a function", None));
        };
        let parts = self.names(name)?;
        let oid = self.relation(name)?;
        let mut source = self.relation_source(oid, &parts, name)?;
        if let Some(alias) = &insert.table_alias {
            self.place(&alias.alias);
            source.name = self.name(&alias.alias);
            source.schema = None;
        }
        for column in &insert.columns {
            self.place_name(column);
        }
        let relations = self.relations;
        let standing = oid.map_or(Standing::Plain, |oid| relations.standing(oid));
        let relation = oid.and_then(|oid| relations.catalog.relation(oid));
        match (standing, relation) {
            (Standing::View(_) | Standing::Ancestor, _) => {
                return Err(self.refuse(
                    "writing through a view over a protected table is not supported",
                    "Write to the table itself.",
                    "refused-view",
                    self.name_token(name),
                ));
            }
            (Standing::Table(table), Some(relation)) => {
                let columns = self.insert_columns(insert, relation)?;
                let into = Into {
                    table,
                    relation,
                    name: source.name.clone(),
                    columns,
                };
                self.insert_protected(insert, &into, &source, outer)?;
            }
            _ => self.insert_plain(insert, &source, outer)?,
        }
        let mut scope = Scope::below(outer);
        scope.sources.push(source);
        self.returning(insert.returning.as_deref(), scope)
    }

    fn only_postgres_insert(&self, insert: &Insert) -> Walked<()> {
        let Insert {
            optimizer_hints,
            or,
            ignore,
            by_name,
            overwrite,
            assignments,
            partitioned,
            after_columns,
            ..
        } = insert;
        let Insert {
            has_table_keyword,
            output,
            replace_into,
            priority,
            insert_alias,
            settings,
            format_clause,
            ..
        } = insert;
        let Insert {
            multi_table_insert_type,
            multi_table_into_clauses,
            multi_table_when_clauses,
            multi_table_else_clause,
            ..
        } = insert;
        let foreign = !optimizer_hints.is_empty()
            || or.is_some()
            || *ignore
            || *by_name
            || *overwrite
            || !assignments.is_empty();
        let foreign = foreign
            || partitioned.is_some()
            || !after_columns.is_empty()
            || *has_table_keyword
            || output.is_some();
        let foreign = foreign
            || *replace_into
            || priority.is_some()
            || insert_alias.is_some()
            || settings.is_some();
        let foreign = foreign
            || format_clause.is_some()
            || multi_table_insert_type.is_some()
            || !multi_table_into_clauses.is_empty();
        let foreign =
            foreign || !multi_table_when_clauses.is_empty() || multi_table_else_clause.is_some();
        if foreign {
            Err(self.not_understood("an INSERT of another dialect", None))
        } else {
            Ok(())
        }
    }

    fn insert_columns<'t>(
        &mut self,
        insert: &Insert,
        relation: &'t Relation,
    ) -> Walked<Vec<Option<&'t Column>>> {
        if insert.columns.is_empty() {
            return Ok(relation.columns.iter().map(Some).collect());
        }
        let mut columns = Vec::new();
        for name in &insert.columns {
            let parts = self.names(name)?;
            let [column] = parts.as_slice() else {
                return Err(self.not_understood("a target with a field", self.name_token(name)));
            };
            columns.push(relation.column(column));
        }
        Ok(columns)
    }

    fn insert_plain(&mut self, insert: &Insert, target: &Source, outer: &Scope<'_>) -> Walked<()> {
        if let Some(query) = &insert.source {
            let rows = self.query(query, outer)?;
            for column in &rows.columns {
                self.must_be_plain(&column.lineage, COPYING)?;
            }
        }
        match &insert.on {
            None => Ok(()),
            Some(OnInsert::OnConflict(conflict)) => {
                let mut scope = Scope::below(outer);
                scope.sources = vec![
                    target.clone(),
                    Source {
                        name: "excluded".to_owned(),
                        schema: None,
                        ..target.clone()
                    },
                ];
                self.conflict_target(conflict, &scope)?;
                if let OnConflictAction::DoUpdate(update) = &conflict.action {
                    self.assign_plain(&update.assignments, &scope)?;
                    self.all_plain(&update.selection, &scope, super::refuse::CONDITION)?;
                }
                Ok(())
            }
            Some(_) => Err(self.not_understood("an INSERT of another dialect", None)),
        }
    }

    fn insert_protected(
        &mut self,
        insert: &Insert,
        into: &Into<'_>,
        target: &Source,
        outer: &Scope<'_>,
    ) -> Walked<()> {
        let rows = match &insert.source {
            None => Vec::new(),
            Some(query) => self.insert_source(query, into, outer)?,
        };
        match &insert.on {
            None => Ok(()),
            Some(OnInsert::OnConflict(conflict)) => {
                self.on_conflict(conflict, into, &rows, target, outer)
            }
            Some(_) => Err(self.not_understood("an INSERT of another dialect", None)),
        }
    }

    /// Visits the rows to insert; gives their expressions where they can be told one by one.
    fn insert_source<'e>(
        &mut self,
        query: &'e Query,
        into: &Into<'_>,
        outer: &Scope<'_>,
    ) -> Walked<Vec<Vec<&'e Expr>>> {
        let bare = query.with.is_none()
            && query.order_by.is_none()
            && query.limit_clause.is_none()
            && query.fetch.is_none();
        match query.body.as_ref() {
            SetExpr::Values(values) if bare && query.locks.is_empty() => {
                self.insert_values(values, into, outer)
            }
            SetExpr::Select(select) if query.with.is_none() && into.stores_sealed() => {
                self.insert_select(select, query, into, outer)
            }
            _ => {
                let rows = self.query(query, outer)?;
                for (at, column) in rows.columns.iter().enumerate() {
                    self.must_be_plain(&column.lineage, COPYING)?;
                    if into.sealed(at).is_some() {
                        return Err(self.unseen_rows(into, at));
                    }
                }
                if rows.open && into.stores_sealed() {
                    return Err(self.unseen_rows(into, 0));
                }
                Ok(Vec::new())
            }
        }
    }

    fn unseen_rows(&self, into: &Into<'_>, at: usize) -> super::refuse::Stop {
        let column = into.sealed(at).map_or(into.table.name.clone(), |column| {
            super::refuse::full_name(column)
        });
        let message = format!("the value for sealed column {column} comes out of a query");
        self.refuse(
            message,
            "Give it as a string constant or a parameter in VALUES or in the select list.",
            "refused-stored-value",
            None,
        )
    }

    fn insert_values<'e>(
        &mut self,
        values: &'e Values,
        into: &Into<'_>,
        outer: &Scope<'_>,
    ) -> Walked<Vec<Vec<&'e Expr>>> {
        let mut rows = Vec::new();
        for row in &values.rows {
            let row: Vec<&Expr> = row.content.iter().collect();
            self.insert_row(&row, into, outer)?;
            rows.push(row);
        }
        Ok(rows)
    }

    /// One row: plain columns first, then the sealed ones with the row's tenant.
    fn insert_row(&mut self, row: &[&Expr], into: &Into<'_>, scope: &Scope<'_>) -> Walked<()> {
        let mut needs_tenant = false;
        for (at, expr) in row.iter().enumerate() {
            match into.sealed(at) {
                Some(_) => needs_tenant |= !is_empty_value(expr),
                None if is_default(expr) => {}
                None => self.plain(expr, scope, COPYING)?,
            }
        }
        let tenant = if needs_tenant {
            self.insert_tenant(row, into)?
        } else {
            0
        };
        for (at, expr) in row.iter().enumerate() {
            if let Some(column) = into.sealed(at) {
                self.store(
                    expr,
                    Target {
                        column,
                        tenant,
                        own: &[],
                    },
                    scope,
                )?;
            }
        }
        Ok(())
    }

    fn insert_tenant(&mut self, row: &[&Expr], into: &Into<'_>) -> Walked<usize> {
        let value = |attnum| into.value(row, attnum);
        self.row_tenant(into.table, &value, None)
    }

    /// `INSERT … SELECT $1, $2 [FROM …] [WHERE …]`.
    fn insert_select<'e>(
        &mut self,
        select: &'e Select,
        query: &'e Query,
        into: &Into<'_>,
        outer: &Scope<'_>,
    ) -> Walked<Vec<Vec<&'e Expr>>> {
        let mut row = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => row.push(expr),
                SelectItem::ExprWithAlias { expr, alias } => {
                    self.place(alias);
                    row.push(expr);
                }
                _ => return Err(self.unseen_rows(into, 0)),
            }
        }
        if let Some(rows) = self.insert_from_values(select, query, &row, into, outer)? {
            return Ok(rows);
        }
        // Everything but the select list is analysed as a query with an empty list.
        let rest = Select {
            projection: Vec::new(),
            ..select.clone()
        };
        if rest.distinct.is_some() {
            return Err(self.unseen_rows(into, 0));
        }
        let mut scope = Scope::below(outer);
        for item in &select.from {
            self.table_with_joins(item, &mut scope)?;
        }
        let seen = scope.sources.clone();
        let shell = Query {
            body: Box::new(SetExpr::Select(Box::new(Select {
                from: Vec::new(),
                ..rest
            }))),
            ..query.clone()
        };
        let mut around = Scope::below(outer);
        around.sources = seen;
        self.query(&shell, &around)?;
        self.insert_row(&row, into, &scope)?;
        Ok(vec![row])
    }

    /// `INSERT … SELECT p0, p1::text FROM (VALUES ($1, $2), …) AS v(p0, p1) [ORDER BY …]`, the form of SQLAlchemy's batches.
    fn insert_from_values<'e>(
        &mut self,
        select: &'e Select,
        query: &'e Query,
        row: &[&'e Expr],
        into: &Into<'_>,
        outer: &Scope<'_>,
    ) -> Walked<Option<Vec<Vec<&'e Expr>>>> {
        let Some((values, alias)) = super::batch::values_source(select, query) else {
            return Ok(None);
        };
        let names: Vec<String> = alias
            .columns
            .iter()
            .map(|column| self.name(&column.name))
            .collect();
        let Some(columns) = row
            .iter()
            .map(|expr| self.batch_column(expr, &names))
            .collect::<Option<Vec<usize>>>()
        else {
            return Ok(None);
        };
        self.batch_places(select, query, alias, row);
        let mut rows = Vec::new();
        for tuple in &values.rows {
            let tuple = &tuple.content;
            let picked: Option<Vec<&Expr>> = columns.iter().map(|at| tuple.get(*at)).collect();
            let Some(picked) = picked else {
                return Err(self.unseen_rows(into, 0));
            };
            for (_, expr) in tuple
                .iter()
                .enumerate()
                .filter(|(at, _)| !columns.contains(at))
            {
                self.plain(expr, outer, COPYING)?;
            }
            self.batch_casts(row, into)?;
            self.text_params = true;
            let inserted = self.insert_row(&picked, into, outer);
            self.text_params = false;
            inserted?;
            rows.push(picked);
        }
        Ok(Some(rows))
    }

    fn conflict_target(&mut self, conflict: &OnConflict, scope: &Scope<'_>) -> Walked<()> {
        match &conflict.conflict_target {
            None => Ok(()),
            Some(ConflictTarget::Columns { columns, predicate }) => {
                for column in columns {
                    let lineage = self.reference(std::slice::from_ref(column), scope)?;
                    self.must_be_plain(&lineage, super::refuse::COMPARISON)?;
                    self.place(column);
                }
                self.all_plain(predicate, scope, super::refuse::CONDITION)
                    .map(|_| ())
            }
            Some(ConflictTarget::OnConstraint(name)) => {
                self.place_name(name);
                Ok(())
            }
        }
    }

    fn on_conflict(
        &mut self,
        conflict: &OnConflict,
        into: &Into<'_>,
        rows: &[Vec<&Expr>],
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
        self.all_plain(&update.selection, &bare, super::refuse::CONDITION)?;
        let own = [into.name.as_str(), "excluded"];
        let change = Change {
            table: into.table,
            relation: into.relation,
            own: &own,
            upsert: true,
        };
        let touches = self.touches(&update.assignments, &change)?;
        if !touches.any() {
            return self.assign(&update.assignments, &change, 0, &bare);
        }
        let mut tenants = Vec::new();
        for row in rows {
            let tenant = self.insert_tenant(row, into)?;
            self.same_tenant(conflict, into, row, tenant)?;
            tenants.push(tenant);
        }
        tenants.dedup();
        let [tenant] = tenants.as_slice() else {
            if tenants.is_empty() || touches.values {
                return Err(self.refuse(
                    "an ON CONFLICT DO UPDATE whose rows have several tenants cannot store one value",
                    "Use EXCLUDED.column in DO UPDATE, or one statement per tenant.",
                    "refused-upsert",
                    None,
                ));
            }
            return self.assign(&update.assignments, &change, 0, &bare);
        };
        self.assign(&update.assignments, &change, *tenant, &bare)
    }

    /// Makes sure that the row which is updated on conflict has the inserted row's tenant.
    fn same_tenant(
        &mut self,
        conflict: &OnConflict,
        into: &Into<'_>,
        row: &[&Expr],
        tenant: usize,
    ) -> Walked<()> {
        let anchor = match &into.table.tenant {
            Tenant::Column { attnum, .. } => *attnum,
            Tenant::Parent { on_attnum, .. } => *on_attnum,
            Tenant::Setting(_) | Tenant::Constant(_) => return Ok(()),
        };
        let attnums = self.conflict_columns(conflict, into)?;
        if attnums.contains(&anchor) {
            return Ok(());
        }
        let mut conditions = Vec::new();
        for attnum in attnums {
            let operand = into.value(row, attnum).and_then(|expr| self.operand(expr));
            let column = self.catalog_column(into.table, attnum);
            let (Some(operand), Some(column)) = (operand, column) else {
                return Err(self.no_upsert(into));
            };
            let value = self.operand_sql(operand, &column);
            conditions.push(format!("t.{} = {value}", quoted(&column.name)));
        }
        let query = format!(
            "SELECT DISTINCT {} FROM {}.{} AS t WHERE {}",
            super::update::row_tenant_sql(into.table, "t."),
            quoted(&into.relation.schema),
            quoted(&into.relation.name),
            conditions.join(" AND ")
        );
        let term = self.asking.term(query);
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
                let names: Vec<String> = columns.iter().map(|column| self.name(column)).collect();
                let attnums = names
                    .iter()
                    .map(|name| into.relation.column(name).map(|column| column.attnum));
                attnums
                    .collect::<Option<Vec<_>>>()
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
}

/// In DO UPDATE an unqualified column is the target's: `excluded` must be named. Its columns are hidden from bare names.
fn unqualified_target<'s>(scope: &'s Scope<'s>, target: &Source) -> Scope<'s> {
    let mut bare = Scope::below(scope);
    bare.sources.push(target.clone());
    bare
}
