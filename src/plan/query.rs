//! Queries: sources, scopes, set operations, and what each output column carries.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, LimitClause, NamedWindowExpr, OrderByKind, Query, Select,
    SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier,
    Statement, Value, WildcardAdditionalOptions,
};

use super::refuse::{CONDITION, Construct, GROUP, ORDER, OTHER, Walked};
use super::scope::{Offered, Scope};
use super::walk::Walk;

/// The rows that a query gives.
#[derive(Clone, Default)]
pub(super) struct Rows {
    pub columns: Vec<Offered>,
    /// Whether there may be further columns (a star over an unknown relation).
    pub open: bool,
}

impl Rows {
    /// The column that a number in ORDER BY, GROUP BY or DISTINCT ON means.
    pub(super) fn numbered(&self, number: &Value) -> Option<&Offered> {
        let Value::Number(digits, _) = number else {
            return None;
        };
        let at = digits.parse::<usize>().ok()?.checked_sub(1)?;
        self.columns.get(at).filter(|_| !self.open)
    }
}

impl Walk<'_> {
    /// Visits a query in a scope.
    pub(super) fn query(&mut self, query: &Query, outer: &Scope<'_>) -> Walked<Rows> {
        let unknown = query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty();
        if unknown {
            return Err(self.not_understood("a clause of another dialect", None));
        }
        let mut scope = Scope::below(outer);
        if let Some(with) = &query.with {
            let pure = !self.changes && self.impure.is_none() && outer.outer.is_none();
            self.with(with, &mut scope)?;
            if pure && !self.changes && self.impure.is_none() {
                let start = self.token_at(with.with_token.0.span);
                self.with_prefix = start
                    .zip(self.change_start(&query.body))
                    .map(|(start, end)| start..end);
            }
        }
        let rows = self.body(&query.body, &scope, query)?;
        self.limits(query, &scope)?;
        for lock in &query.locks {
            if let Some(of) = &lock.of {
                self.place_name(of);
                self.relation_tokens.extend(self.name_token(of));
            }
        }
        Ok(rows)
    }

    /// The token at which a change of rows starts, where a query's body is one.
    fn change_start(&self, body: &SetExpr) -> Option<usize> {
        let token = match body {
            SetExpr::Insert(Statement::Insert(insert)) => &insert.insert_token,
            SetExpr::Update(Statement::Update(update)) => &update.update_token,
            SetExpr::Merge(Statement::Merge(merge)) => &merge.merge_token,
            _ => return None,
        };
        self.token_at(token.0.span)
    }

    pub(super) fn limits(&mut self, query: &Query, scope: &Scope<'_>) -> Walked<()> {
        match &query.limit_clause {
            None => {}
            Some(LimitClause::LimitOffset {
                limit,
                offset,
                limit_by,
            }) => {
                self.all_plain(limit.iter().chain(limit_by), scope, OTHER)?;
                self.all_plain(offset.iter().map(|offset| &offset.value), scope, OTHER)?;
                // Which rows it keeps may differ from one execution to the next.
                self.impure = self.impure.or(Some(self.range.start));
            }
            Some(LimitClause::OffsetCommaLimit { .. }) => {
                return Err(self.not_understood("LIMIT of another dialect", None));
            }
        }
        if let Some(fetch) = &query.fetch {
            self.all_plain(&fetch.quantity, scope, OTHER)?;
            self.impure = self.impure.or(Some(self.range.start));
        }
        Ok(())
    }

    pub(super) fn body(
        &mut self,
        body: &SetExpr,
        scope: &Scope<'_>,
        query: &Query,
    ) -> Walked<Rows> {
        match body {
            SetExpr::Select(select) => self.select(select, scope, query),
            SetExpr::Query(inner) => {
                let rows = self.query(inner, scope)?;
                self.order_outputs(query, &rows, None, scope)?;
                Ok(rows)
            }
            SetExpr::SetOperation {
                left,
                right,
                op,
                set_quantifier,
            } => {
                let bare = Query {
                    order_by: None,
                    ..bare_query(query)
                };
                let left = self.body(left, scope, &bare)?;
                let right = self.body(right, scope, &bare)?;
                let all = matches!(
                    (op, set_quantifier),
                    (SetOperator::Union, SetQuantifier::All)
                );
                let rows = self.united(left, right, all, scope)?;
                self.order_outputs(query, &rows, None, scope)?;
                Ok(rows)
            }
            SetExpr::Values(values) => {
                let rows = self.values_rows(values, scope)?;
                self.order_outputs(query, &rows, None, scope)?;
                Ok(rows)
            }
            SetExpr::Insert(Statement::Insert(insert)) => self.insert(insert, scope),
            SetExpr::Update(Statement::Update(update)) => self.update(update, scope),
            SetExpr::Delete(Statement::Delete(delete)) => self.delete(delete, scope),
            SetExpr::Merge(Statement::Merge(merge)) => self.merge(merge, scope),
            // TABLE reaches the parser as SELECT.
            SetExpr::Table(_)
            | SetExpr::Insert(_)
            | SetExpr::Update(_)
            | SetExpr::Delete(_)
            | SetExpr::Merge(_) => Err(self.not_understood("this command", None)),
        }
    }

    fn select(&mut self, select: &Select, outer: &Scope<'_>, query: &Query) -> Walked<Rows> {
        self.only_postgres(select)?;
        if let Some(into) = &select.into {
            let idents = match into.targets.as_slice() {
                [Expr::Identifier(ident)] => std::slice::from_ref(ident),
                [Expr::CompoundIdentifier(idents)] => idents.as_slice(),
                _ => return Err(self.not_understood("this form of SELECT INTO", None)),
            };
            idents.iter().for_each(|ident| self.place(ident));
            self.relation_tokens
                .extend(idents.last().and_then(|ident| self.token_at(ident.span)));
            if let Some((last, before)) = idents.split_last() {
                let name = self.name(last);
                let schema = before.last().map(|schema| self.name(schema));
                if !into.temporary && self.relations.is_ruled(schema.as_deref(), &name) {
                    return Err(self.filled_table(&name, self.token_at(last.span)));
                }
                self.into = Some(name);
            }
        }
        let mut scope = Scope::below(outer);
        let tests = self.key_tests(select.selection.as_ref());
        let around = std::mem::replace(&mut self.key_tests, tests);
        for item in &select.from {
            self.table_with_joins(item, &mut scope)?;
        }
        self.key_tests = around;
        self.all_plain(&select.selection, &scope, CONDITION)?;
        let group_by = match &select.group_by {
            GroupByExpr::Expressions(exprs, modifiers) if modifiers.is_empty() => exprs,
            _ => return Err(self.not_understood("GROUP BY of another dialect", None)),
        };
        // What aggregates are of shows in the outputs, which are not known before they are walked.
        let written = group_by.iter();
        let written = written.map(|expr| self.selected(expr, &select.projection, &scope));
        let written: Vec<&Expr> = written.collect();
        let keys = self.keys(written.iter().copied(), None, &scope);
        let around = std::mem::replace(&mut self.keys, keys);
        let mut single = self.grouped(written, &Rows::default(), &scope);
        single.extend(self.fixed(select.selection.as_ref(), &scope));
        let single_around = std::mem::replace(&mut self.single, single);
        let rows = self.outputs(&select.projection, &scope)?;
        match &select.distinct {
            None | Some(Distinct::All) => {}
            Some(Distinct::Distinct) => {
                self.use_all_plain(&rows.columns);
                let keys = self.distinct_keys(&rows.columns, &scope);
                let grouped = std::mem::replace(&mut self.keys, keys);
                self.together = rows
                    .columns
                    .iter()
                    .filter_map(|column| column.origin)
                    .collect();
                for column in &rows.columns {
                    self.comparable(&column.lineage, column.origin, GROUP)?;
                }
                self.together.clear();
                self.keys = grouped;
            }
            Some(Distinct::On(exprs)) => {
                let keys = self.keys(exprs, Some(&rows), &scope);
                let grouped = std::mem::replace(&mut self.keys, keys);
                self.by_output(exprs.iter(), &rows, &scope, GROUP)?;
                self.keys = grouped;
            }
        }
        let numbered = self.keys(group_by, Some(&rows), &scope);
        self.keys.extend(numbered);
        self.together = self.grouped(group_by, &rows, &scope);
        self.by_output(group_by.iter(), &rows, &scope, GROUP)?;
        self.together.clear();
        self.all_plain(&select.having, &scope, CONDITION)?;
        for definition in &select.named_window {
            self.place(&definition.0);
            match &definition.1 {
                NamedWindowExpr::NamedWindow(name) => self.place(name),
                NamedWindowExpr::WindowSpec(window) => self.window(window, &scope)?,
            }
        }
        self.order_outputs(query, &rows, Some(&scope), &scope)?;
        self.keys = around;
        self.single = single_around;
        self.settle_searches(select.selection.as_ref(), &scope)?;
        Ok(rows)
    }

    fn only_postgres(&self, select: &Select) -> Walked<()> {
        let Select {
            optimizer_hints,
            select_modifiers,
            top,
            exclude,
            lateral_views,
            prewhere,
            connect_by,
            ..
        } = select;
        let Select {
            cluster_by,
            distribute_by,
            sort_by,
            qualify,
            value_table_mode,
            flavor,
            ..
        } = select;
        let foreign = !optimizer_hints.is_empty()
            || select_modifiers.is_some()
            || top.is_some()
            || exclude.is_some()
            || !lateral_views.is_empty()
            || prewhere.is_some()
            || !connect_by.is_empty()
            || !cluster_by.is_empty()
            || !distribute_by.is_empty()
            || !sort_by.is_empty()
            || qualify.is_some()
            || value_table_mode.is_some()
            || *flavor != SelectFlavor::Standard;
        if foreign {
            Err(self.not_understood("a clause of another dialect", None))
        } else {
            Ok(())
        }
    }

    /// The output list of SELECT or RETURNING.
    pub(super) fn outputs(&mut self, items: &[SelectItem], scope: &Scope<'_>) -> Walked<Rows> {
        let mut rows = Rows::default();
        for item in items {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let (lineage, origin) = self.output(expr, scope)?;
                    rows.columns.push(Offered {
                        name: self.output_name(expr),
                        lineage,
                        origin,
                    });
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let (lineage, origin) = self.output(expr, scope)?;
                    self.place(alias);
                    rows.columns.push(Offered {
                        name: self.name(alias),
                        lineage,
                        origin,
                    });
                }
                SelectItem::Wildcard(options) => {
                    self.plain_star(options)?;
                    let all = scope.all_columns();
                    let star = self.token_at(options.wildcard_token.0.span);
                    self.note_sealed_at(star, &all.columns);
                    rows.columns.extend(all.columns);
                    rows.open |= all.open;
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) => {
                    self.plain_star(options)?;
                    if self.is_in_brackets(name) {
                        self.unfolded_name(name, scope, &mut rows)?;
                        continue;
                    }
                    let parts = self.names(name)?;
                    match scope.star(&parts) {
                        Some(source) => {
                            self.note_sealed_at(self.name_token(name), &source.columns);
                            rows.columns.extend(source.columns.iter().cloned());
                            rows.open |= source.open;
                            self.place_name(name);
                        }
                        None => {
                            let what = "a star over an unknown table";
                            let unknown = self.not_understood(what, self.name_token(name));
                            return Err(self.or_as_the_server_says(unknown));
                        }
                    }
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::Expr(expr),
                    options,
                ) => {
                    self.plain_star(options)?;
                    self.unfolded(expr, scope, &mut rows)?;
                }
                SelectItem::ExprWithAliases { .. } => {
                    return Err(self.not_understood("this form of an output", None));
                }
            }
        }
        Ok(rows)
    }

    fn plain_star(&self, options: &WildcardAdditionalOptions) -> Walked<()> {
        let WildcardAdditionalOptions {
            wildcard_token: _,
            opt_ilike,
            opt_exclude,
            opt_except,
            opt_replace,
            opt_rename,
            opt_alias,
        } = options;
        let bare = opt_ilike.is_none() && opt_exclude.is_none() && opt_except.is_none();
        let bare = bare && opt_replace.is_none() && opt_rename.is_none() && opt_alias.is_none();
        if bare {
            Ok(())
        } else {
            Err(self.not_understood("a star with options", None))
        }
    }

    /// The name that PostgreSQL gives an output without alias (`FigureColname`).
    fn output_name(&self, expr: &Expr) -> String {
        match expr {
            Expr::Identifier(ident) => self.name(ident),
            Expr::CompoundIdentifier(idents) => idents
                .last()
                .map(|ident| self.name(ident))
                .unwrap_or_default(),
            Expr::Nested(inner)
            | Expr::Cast { expr: inner, .. }
            | Expr::Collate { expr: inner, .. } => self.output_name(inner),
            Expr::Function(function) => self
                .names(&function.name)
                .ok()
                .and_then(|mut names| names.pop())
                .unwrap_or_default(),
            Expr::Case {
                else_result: Some(otherwise),
                ..
            } => match self.output_name(otherwise) {
                name if name == "?column?" => "case".to_owned(),
                name => name,
            },
            Expr::Case { .. } => "case".to_owned(),
            Expr::Subquery(query) => match query.body.as_ref() {
                SetExpr::Select(select) => match select.projection.first() {
                    Some(SelectItem::UnnamedExpr(expr)) => self.output_name(expr),
                    Some(SelectItem::ExprWithAlias { alias, .. }) => self.name(alias),
                    _ => "?column?".to_owned(),
                },
                _ => "?column?".to_owned(),
            },
            _ => "?column?".to_owned(),
        }
    }

    /// Expressions that may be an output's number or name, as in ORDER BY and GROUP BY.
    fn by_output<'e>(
        &mut self,
        exprs: impl Iterator<Item = &'e Expr>,
        rows: &Rows,
        scope: &Scope<'_>,
        construct: Construct,
    ) -> Walked<()> {
        for expr in exprs {
            match expr {
                Expr::Value(value) => {
                    if let Value::Number(..) = &value.value {
                        match rows.numbered(&value.value) {
                            Some(column) => {
                                self.use_plain(column.origin);
                                self.comparable(&column.lineage, column.origin, construct)?
                            }
                            None => {
                                for column in &rows.columns {
                                    self.comparable(&column.lineage, column.origin, construct)?;
                                }
                            }
                        }
                    }
                }
                Expr::Identifier(ident) => {
                    let name = self.name(ident);
                    let named: Vec<Offered> = rows
                        .columns
                        .iter()
                        .filter(|column| column.name == name)
                        .cloned()
                        .collect();
                    self.use_all_plain(&named);
                    for column in &named {
                        self.comparable(&column.lineage, column.origin, construct)?;
                    }
                    if !named.is_empty() {
                        self.place(ident);
                    }
                }
                _ => {}
            }
            let lineage = self.expr(expr, scope)?;
            self.comparable(&lineage, self.origin_of(expr, scope), construct)?;
        }
        Ok(())
    }

    fn order_outputs(
        &mut self,
        query: &Query,
        rows: &Rows,
        inner: Option<&Scope<'_>>,
        outer: &Scope<'_>,
    ) -> Walked<()> {
        let Some(order_by) = &query.order_by else {
            return Ok(());
        };
        let OrderByKind::Expressions(items) = &order_by.kind else {
            return Err(self.not_understood("ORDER BY ALL", None));
        };
        if order_by.interpolate.is_some() || items.iter().any(|item| item.with_fill.is_some()) {
            return Err(self.not_understood("ORDER BY of another dialect", None));
        }
        self.by_output(
            items.iter().map(|item| &item.expr),
            rows,
            inner.unwrap_or(outer),
            ORDER,
        )
    }
}

fn bare_query(query: &Query) -> Query {
    let body = Box::new(SetExpr::Values(sqlparser::ast::Values {
        explicit_row: false,
        value_keyword: false,
        rows: Vec::new(),
    }));
    Query {
        with: None,
        body,
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: query.for_clause.clone(),
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}
