//! INSERT.

use std::rc::Rc;
use std::sync::Arc;

use sqlparser::ast::{
    Expr, Insert, ObjectName, OnConflictAction, OnInsert, Query, Select, SelectItem, SetExpr,
    TableObject,
};

use crate::catalog::{Column, Relation};
use crate::model::ColumnRef;
use crate::rules::{ProtectedColumn, ProtectedTable, Tenant};

use super::lineage::Lineage;
use super::lookup::Given;
use super::passed::Owner;
use super::query::Rows;
use super::refuse::{COPYING, Stop, Walked};
use super::relations::Standing;
use super::scope::{Offered, Origin, Scope, Source};
use super::store::{Target, is_default};
use super::tenant_sql::quoted;
use super::types::Splice;
use super::update::anchor;
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
    fn position(&self, attnum: i16) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| column.is_some_and(|column| column.attnum == attnum))
    }
}

/// A value of a row to insert.
pub(super) enum Item<'e> {
    Expr(&'e Expr),
    /// A column of a derived table, by a star or through a query.
    Column(Offered),
}

/// A row to insert.
#[derive(Clone)]
pub(super) struct Row<'e> {
    items: Rc<[(Item<'e>, Option<usize>)]>,
    /// Its place in the passed columns among the items.
    at: usize,
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
            columns.push(relation.column(column));
        }
        self.unknown_target |= columns.iter().any(Option::is_none);
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

    /// Visits the values of one row, or of all rows that a select list gives, and says whose they are.
    pub(super) fn insert_row<'e>(
        &mut self,
        items: Vec<Item<'e>>,
        into: &Into<'_>,
        scope: &Scope<'_>,
    ) -> Walked<Vec<Row<'e>>> {
        let mut copied = Vec::new();
        let mut noted = Vec::new();
        for (at, item) in items.into_iter().enumerate() {
            let passed = match &item {
                Item::Expr(expr) => self.passed_reference(expr, scope).map(|(id, _)| id),
                Item::Column(Offered {
                    origin: Some(Origin::Values(id)),
                    ..
                }) => Some(*id),
                Item::Column(_) => None,
            };
            match into.sealed(at) {
                Some(column) => copied.extend(self.insert_sealed(&item, column, scope)?),
                None => match &item {
                    Item::Expr(expr) if is_default(expr) => {}
                    Item::Expr(expr) => self.plain(expr, scope, COPYING)?,
                    Item::Column(offered) => {
                        self.use_plain(offered.origin);
                        self.must_be_plain(&offered.lineage, COPYING)?;
                    }
                },
            }
            noted.push((item, passed));
        }
        let rows = self.rows_of(noted.into());
        self.insert_owner(&rows, into)?;
        if let (Some((first, token)), Some(row)) = (copied.first(), rows.first()) {
            let anchor = self.anchor_origin(row, into, scope);
            let same = copied
                .iter()
                .all(|(column, _)| self.same_row(column.column, anchor, into));
            if !same {
                return Err(self.copied(first, *token));
            }
        }
        Ok(rows)
    }

    /// A value for a sealed column; gives the column that it copies, if it does.
    fn insert_sealed(
        &mut self,
        item: &Item<'_>,
        column: &Arc<ProtectedColumn>,
        scope: &Scope<'_>,
    ) -> Walked<Option<(Arc<ProtectedColumn>, Option<usize>)>> {
        let target = Target { column, own: &[] };
        match item {
            Item::Expr(expr) => {
                if let Some(Origin::Column(..)) = self.column_origin(expr, scope)
                    && let Lineage::Exact(from) = self.expr(expr, scope)?
                {
                    return match from.label == column.label {
                        true => Ok(Some((from, self.last_sealed))),
                        false => Err(self.copied(column, self.last_sealed)),
                    };
                }
                self.store(expr, target, scope).map(|()| None)
            }
            Item::Column(offered) => match (&offered.lineage, offered.origin) {
                (Lineage::Exact(from), Some(Origin::Column(..))) if from.label == column.label => {
                    Ok(Some((Arc::clone(from), self.last_sealed)))
                }
                _ => self.store_offered(offered, target, None).map(|()| None),
            },
        }
    }

    /// One row per cell of the passed columns among the items, which must all have as many or one.
    fn rows_of<'e>(&self, items: Rc<[(Item<'e>, Option<usize>)]>) -> Vec<Row<'e>> {
        let counts = items
            .iter()
            .filter_map(|(_, passed)| self.passed_rows((*passed)?));
        let count = counts.map(|(_, count)| count).max().unwrap_or(1);
        (0..count)
            .map(|at| Row {
                items: Rc::clone(&items),
                at,
            })
            .collect()
    }

    /// What a row gives to a column.
    pub(super) fn given<'r>(&self, row: &'r Row<'_>, into: &Into<'_>, attnum: i16) -> Given<'r> {
        let item = into.position(attnum).and_then(|at| row.items.get(at));
        match item {
            None => Given::Nothing,
            Some((_, Some(id))) => {
                let single = self.passed_rows(*id).is_some_and(|(_, count)| count == 1);
                let at = if single { 0 } else { row.at };
                self.passed_operand(*id, at)
                    .map_or(Given::Nothing, Given::Operand)
            }
            Some((Item::Expr(expr), None)) => Given::Expr(expr),
            Some((Item::Column(_), None)) => Given::Nothing,
        }
    }

    /// Says whose the rows are, if a value of them is to be sealed.
    fn insert_owner(&mut self, rows: &[Row<'_>], into: &Into<'_>) -> Walked<()> {
        let Some(first) = rows.first().filter(|_| !self.unowned.is_empty()) else {
            return Ok(());
        };
        let passed = anchor(into.table)
            .and_then(|attnum| into.position(attnum))
            .and_then(|at| first.items.get(at)?.1)
            .filter(|id| !self.passed.get(*id).is_some_and(|passed| passed.elements))
            .and_then(|id| self.passed_rows(id));
        let Some((group, count)) = passed else {
            let tenant = self.insert_tenant(first, into)?;
            return self.own(&Owner::One(tenant));
        };
        // An array may be longer than the tenants beside it.
        let longer = self.outgrows(group, count);
        let mut tenants = Vec::new();
        for row in rows.iter().take(count) {
            tenants.push(self.insert_tenant(row, into)?);
        }
        let same = tenants.iter().all(|tenant| Some(tenant) == tenants.first());
        let owner = match tenants.first() {
            Some(only) if same && !longer => Owner::One(*only),
            _ => Owner::Each { group, tenants },
        };
        self.own(&owner)
    }

    pub(super) fn insert_tenant(&mut self, row: &Row<'_>, into: &Into<'_>) -> Walked<usize> {
        let given = match anchor(into.table) {
            Some(attnum) => self.given(row, into, attnum),
            None => Given::Nothing,
        };
        self.row_tenant(into.table, given, None)
    }

    fn anchor_origin(&self, row: &Row<'_>, into: &Into<'_>, scope: &Scope<'_>) -> Option<Origin> {
        let at = into.position(anchor(into.table)?)?;
        match row.items.get(at)? {
            (Item::Expr(expr), _) => self.column_origin(expr, scope),
            (Item::Column(offered), _) => offered.origin,
        }
    }

    /// Whether a sealed value that is copied comes from the row whose tenant the new row gets.
    fn same_row(&self, copied: ColumnRef, anchored: Option<Origin>, into: &Into<'_>) -> bool {
        let Standing::Table(table) = self.relations.standing(copied.table) else {
            return false;
        };
        match (&into.table.tenant, anchor(table)) {
            (Tenant::Constant(own), _) => {
                matches!(&table.tenant, Tenant::Constant(other) if own == other)
            }
            (Tenant::Setting(_), _) | (_, None) => false,
            (_, Some(attnum)) => {
                let column = ColumnRef {
                    table: copied.table,
                    attnum,
                };
                // Two rows of one table cannot be told apart by their columns.
                anchored.is_some_and(|anchored| anchored.is(column))
                    && self.stands_once(copied.table, copied.table == into.table.oid)
            }
        }
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
