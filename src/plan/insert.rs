//! INSERT.

use std::sync::Arc;

use sqlparser::ast::{
    Expr, Insert, ObjectName, OnConflictAction, OnInsert, Query, Select, SelectItem, SetExpr,
    Spanned, TableObject,
};

use crate::catalog::{Column, Relation};
use crate::rules::{ProtectedColumn, ProtectedTable};

use super::insert_rows::{Item, Row};
use super::lineage::Lineage;
use super::query::Rows;
use super::refuse::{COPYING, Stop, Walked};
use super::relations::Standing;
use super::scope::{Offered, Scope, Source};
use super::tenant_sql::quoted;
use super::types::Splice;
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

    /// Which value of a row a column is given.
    pub(super) fn position(&self, attnum: i16) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| column.is_some_and(|column| column.attnum == attnum))
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
                return Err(self.written_through(name));
            }
            (Standing::Table(table), Some(relation)) => {
                let columns = self.target_columns(&insert.columns, relation)?;
                let query = insert.source.as_deref();
                if let Some(more) = query.and_then(|query| beyond(query, columns.len())) {
                    self.note_no_target(self.token_at(more.span()));
                }
                if insert.columns.is_empty()
                    && let Some(query) = &insert.source
                {
                    let name = match &insert.table_alias {
                        Some(alias) => self.token_at(alias.alias.span),
                        None => self.name_token(name),
                    };
                    let end = name.and_then(|at| self.token(at)).map(|token| token.end);
                    if let Some(width) = width(query) {
                        self.name_columns(&columns, width, end);
                    }
                }
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

    pub(super) fn target_columns<'t>(
        &mut self,
        named: &[ObjectName],
        relation: &'t Relation,
    ) -> Walked<Vec<Option<&'t Column>>> {
        if named.is_empty() {
            return Ok(relation.columns.iter().map(Some).collect());
        }
        let mut columns = Vec::new();
        for name in named {
            let parts = self.names(name)?;
            let [column] = parts.as_slice() else {
                return Err(self.not_understood("a target with a field", self.name_token(name)));
            };
            let found = relation.column(column);
            if found.is_none() {
                self.note_no_column(relation, column, self.name_token(name));
            }
            columns.push(found);
        }
        Ok(columns)
    }

    /// Writes out the columns that an INSERT leaves unsaid: should the table have changed since the snapshot, a value
    /// would go into another column than the one that it is sealed for.
    pub(super) fn name_columns(
        &mut self,
        columns: &[Option<&Column>],
        width: usize,
        at: Option<usize>,
    ) {
        let names: Vec<String> = columns
            .iter()
            .take(width)
            .flatten()
            .map(|column| quoted(&column.name))
            .collect();
        if let Some(at) = at.filter(|_| !names.is_empty()) {
            self.splices.push(Splice {
                span: at..at,
                text: format!(" ({})", names.join(", ")),
            });
        }
    }

    /// The refusal of a write to a view.
    pub(super) fn written_through(&self, view: &ObjectName) -> Stop {
        let message = format!(
            "writing through{}, a view over a protected table, is not supported",
            self.protected_name()
        );
        let help = "Write to the table itself.";
        self.refuse(message, help, "refused-view", self.name_token(view))
    }

    fn insert_plain(&mut self, insert: &Insert, target: &Source, outer: &Scope<'_>) -> Walked<()> {
        if let Some(query) = &insert.source {
            let rows = self.query(query, outer)?;
            self.use_all_plain(&rows.columns);
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

    /// Visits the rows to insert and gives them.
    fn insert_source<'e>(
        &mut self,
        query: &'e Query,
        into: &Into<'_>,
        outer: &Scope<'_>,
    ) -> Walked<Vec<Row<'e>>> {
        let bare = query.with.is_none()
            && query.order_by.is_none()
            && query.limit_clause.is_none()
            && query.fetch.is_none();
        match query.body.as_ref() {
            SetExpr::Values(values) if bare && query.locks.is_empty() => {
                let mut rows = Vec::new();
                for row in &values.rows {
                    let items = row.content.iter().map(Item::Expr).collect();
                    rows.extend(self.insert_row(items, into, outer)?);
                }
                Ok(rows)
            }
            SetExpr::Select(select) if into.stores_sealed() => {
                let mut scope = Scope::below(outer);
                if let Some(with) = &query.with {
                    self.with(with, &mut scope)?;
                }
                self.insert_select(select, query, into, &scope)
            }
            _ => {
                let rows = self.query(query, outer)?;
                if rows.open && into.stores_sealed() {
                    return Err(self.unseen_rows(into, 0));
                }
                let items = rows.columns.into_iter().map(Item::Column).collect();
                self.insert_row(items, into, outer)
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

    /// `INSERT … SELECT $1, $2 [FROM …] [WHERE …]`.
    fn insert_select<'e>(
        &mut self,
        select: &'e Select,
        query: &'e Query,
        into: &Into<'_>,
        outer: &Scope<'_>,
    ) -> Walked<Vec<Row<'e>>> {
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
            with: None,
            body: Box::new(SetExpr::Select(Box::new(Select {
                from: Vec::new(),
                ..rest
            }))),
            ..query.clone()
        };
        let mut around = Scope::below(outer);
        around.sources = seen;
        self.query(&shell, &around)?;
        let items = self.select_items(select, into, &scope)?;
        self.insert_row(items, into, &scope)
    }

    fn select_items<'e>(
        &mut self,
        select: &'e Select,
        into: &Into<'_>,
        scope: &Scope<'_>,
    ) -> Walked<Vec<Item<'e>>> {
        let mut items = Vec::new();
        let group = self.new_group();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => items.push(self.select_item(expr, group)),
                SelectItem::ExprWithAlias { expr, alias } => {
                    self.place(alias);
                    items.push(self.select_item(expr, group));
                }
                star => {
                    let rows = self.outputs(std::slice::from_ref(star), scope)?;
                    if rows.open {
                        return Err(self.unseen_rows(into, items.len()));
                    }
                    items.extend(rows.columns.into_iter().map(Item::Column));
                }
            }
        }
        Ok(items)
    }

    /// Sets that are unfolded in one select list go row by row.
    fn select_item<'e>(&mut self, expr: &'e Expr, group: usize) -> Item<'e> {
        match self.unnest_call(expr, group) {
            Some(origin) => Item::Column(Offered {
                name: "unnest".to_owned(),
                lineage: Lineage::None,
                origin: Some(origin),
            }),
            None => Item::Expr(expr),
        }
    }
}

/// The first value behind as many as there are columns.
fn beyond(query: &Query, columns: usize) -> Option<&Expr> {
    match query.body.as_ref() {
        SetExpr::Values(values) => {
            let mut rows = values.rows.iter();
            rows.find_map(|row| row.content.get(columns))
        }
        SetExpr::Select(select) => {
            width(query)?;
            match select.projection.get(columns)? {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    Some(expr)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// How many columns a query gives, where that can be seen.
fn width(query: &Query) -> Option<usize> {
    match query.body.as_ref() {
        SetExpr::Values(values) => values.rows.first().map(|row| row.content.len()),
        SetExpr::Select(select) => {
            let plain = select.projection.iter().all(|item| {
                matches!(
                    item,
                    SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }
                )
            });
            plain.then_some(select.projection.len())
        }
        _ => None,
    }
}
