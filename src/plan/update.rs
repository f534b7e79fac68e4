//! UPDATE and DELETE, and the assignments of ON CONFLICT DO UPDATE.

use std::ops::Range;
use std::sync::Arc;

use sqlparser::ast::{
    Assignment, AssignmentTarget, BinaryOperator, Delete, Expr, FromTable, FunctionArg,
    FunctionArgExpr, FunctionArguments, Ident, ObjectName, TableFactor, Update,
    UpdateTableFromKind,
};

use crate::catalog::Relation;
use crate::model::ColumnRef;
use crate::rules::{ProtectedTable, Tenant};

use super::lexer::TokenKind;
use super::lookup::{Given, quoted};
use super::owners::has_one_text;
use super::passed::Owner;
use super::query::Rows;
use super::refuse::{CONDITION, COPYING, Stop, Walked};
use super::relations::Standing;
use super::scope::{Meaning, Offered, Scope};
use super::store::{Target, is_default, is_empty_value};
use super::types::{Expected, Splice, TenantSource};
use super::walk::Walk;

/// The protected row that assignments change.
pub(super) struct Change<'t> {
    pub table: &'t Arc<ProtectedTable>,
    /// The names under which the row itself can be referred to.
    pub own: &'t [&'t str],
    /// Whether this is ON CONFLICT DO UPDATE, whose row is known to keep its tenant.
    pub upsert: bool,
}

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

/// The tokens of an UPDATE's parts.
pub(super) struct Parts {
    table: Range<usize>,
    pub from: Option<Range<usize>>,
    pub condition: Option<Range<usize>>,
    /// The token before which a WHERE would stand.
    pub end: usize,
}

/// The row's tenant as SQL; `row` qualifies its columns.
pub(super) fn row_tenant_sql(table: &ProtectedTable, row: &str) -> String {
    match &table.tenant {
        Tenant::Column { name, .. } => format!("{row}{}::text", quoted(name)),
        Tenant::Parent {
            schema,
            table_name,
            on,
            key,
            column,
            only,
            ..
        } => format!(
            "(SELECT pgseal_parent.{}::text FROM {}{}.{} AS pgseal_parent WHERE pgseal_parent.{} = {row}{})",
            quoted(column),
            if *only { "ONLY " } else { "" },
            quoted(schema),
            quoted(table_name),
            quoted(key),
            quoted(on)
        ),
        Tenant::Setting(_) | Tenant::Constant(_) => "NULL::text".to_owned(),
    }
}

/// The number of the column that the row's tenant hangs on.
pub(super) fn anchor(table: &ProtectedTable) -> Option<i16> {
    match &table.tenant {
        Tenant::Column { attnum, .. } => Some(*attnum),
        Tenant::Parent { on_attnum, .. } => Some(*on_attnum),
        Tenant::Setting(_) | Tenant::Constant(_) => None,
    }
}

impl<'a> Walk<'a> {
    /// Visits an UPDATE; gives the rows of RETURNING.
    pub(super) fn update(&mut self, update: &Update, outer: &Scope<'_>) -> Walked<Rows> {
        let Update {
            update_token,
            optimizer_hints,
            table,
            on_cluster,
            assignments,
            from,
            selection,
            returning,
            output,
            or,
            order_by,
            limit,
            settings,
        } = update;
        let foreign =
            !optimizer_hints.is_empty() || on_cluster.is_some() || output.is_some() || or.is_some();
        let foreign = foreign
            || !order_by.is_empty()
            || limit.is_some()
            || settings.is_some()
            || !table.joins.is_empty();
        if foreign {
            return Err(self.not_understood("an UPDATE of another dialect", None));
        }
        self.changes = true;
        let mut scope = Scope::below(outer);
        let before = self.impure.take();
        self.changed_table(&table.relation, &mut scope)?;
        let from = match from {
            None => &[],
            Some(UpdateTableFromKind::AfterSet(from)) => from.as_slice(),
            Some(UpdateTableFromKind::BeforeSet(_)) => {
                return Err(self.not_understood("an UPDATE of another dialect", None));
            }
        };
        for item in from {
            self.table_with_joins(item, &mut scope)?;
        }
        self.all_plain(selection, &scope, CONDITION)?;
        self.settle_searches(selection.as_ref(), &scope)?;
        let impure = self.impure.take();
        let start = self.token_at(update_token.0.span);
        match self.target_table(&table.relation, &scope)? {
            None => self.assign_plain(assignments, &scope)?,
            Some((protected, relation, name)) => {
                self.sets = self.sets_only(relation, assignments);
                let own = [name.as_str()];
                let change = Change {
                    table: protected,
                    own: &own,
                    upsert: false,
                };
                let pairs = self.pairs(assignments, relation, &scope)?;
                let touches = self.touches(&pairs, &change)?;
                self.assign(&pairs, &change, &scope)?;
                if touches.any() {
                    let owner = self.update_owner(
                        &change,
                        &pairs,
                        selection.as_ref(),
                        &touches,
                        &scope,
                        (start, impure, !from.is_empty()),
                    )?;
                    if let Some(owner) = owner {
                        self.own(&owner)?;
                    }
                }
            }
        }
        self.impure = before.or(impure).or(self.impure);
        self.returning(returning.as_deref(), scope)
    }

    /// The protected table that is written to, and the name that its columns bear.
    pub(super) fn target_table(
        &self,
        table: &TableFactor,
        scope: &Scope<'_>,
    ) -> Walked<Option<(&'a Arc<ProtectedTable>, &'a Relation, String)>> {
        let TableFactor::Table { name, .. } = table else {
            return Err(self.not_understood("this target", None));
        };
        let relations = self.relations;
        let Some(source) = scope.sources.first() else {
            return Ok(None);
        };
        let Some(oid) = source.table else {
            return Ok(None);
        };
        match (relations.standing(oid), relations.catalog.relation(oid)) {
            (Standing::Table(table), Some(relation)) => {
                // A look-up that repeats both would read the query instead.
                if let [only] = self.names(name)?.as_slice()
                    && scope.cte(only).is_some()
                {
                    let what = "a query of WITH that is named like the table to be changed";
                    return Err(self.not_understood(what, self.name_token(name)));
                }
                Ok(Some((table, relation, source.name.clone())))
            }
            (Standing::View(_) | Standing::Ancestor, _) => Err(self.refuse(
                "writing through a view over a protected table is not supported",
                "Write to the table itself.",
                "refused-view",
                self.name_token(name),
            )),
            _ => Ok(None),
        }
    }

    /// Whose the rows are that an UPDATE changes; `None`: each value has been given its own.
    fn update_owner(
        &mut self,
        change: &Change<'_>,
        pairs: &[Pair<'_>],
        selection: Option<&Expr>,
        touches: &Touches,
        scope: &Scope<'_>,
        (start, impure, has_from): (Option<usize>, Option<usize>, bool),
    ) -> Walked<Option<Owner>> {
        let table = change.table;
        let one = |tenant| Some(Owner::One(tenant));
        if anchor(table).is_none() {
            return self.row_tenant(table, Given::Nothing, start).map(one);
        }
        let conjunct = match &table.tenant {
            Tenant::Column { attnum, .. } if self.has_one_text(table, *attnum) => selection
                .and_then(|expr| {
                    self.equal_to(
                        expr,
                        ColumnRef {
                            table: table.oid,
                            attnum: *attnum,
                        },
                        scope,
                    )
                }),
            _ => None,
        };
        if let (Some(value), false) = (conjunct, touches.tenant) {
            return self.value_owner(value, table, scope, start).map(Some);
        }
        if let (Some(token), false) = (impure, touches.tenant) {
            let parts = self.named_rows(table, selection, scope, (start, has_from))?;
            let Some((parts, term)) = parts else {
                return Err(self.unrepeatable(table, token));
            };
            self.asking.none_matched = self.matching_none(&parts);
            self.asking.may_be_none.remove(&term);
            self.asking.zero_rows_ok.push(term);
            return Ok(one(self.tenant_index(TenantSource::Asked(term))));
        }
        let matched = self.matched(change, start, impure, has_from)?;
        let mut found = Vec::new();
        if !touches.tenant && self.own_branches(change, &matched, &mut found) {
            self.guard_rows(change, &matched, &found);
            return Ok(None);
        }
        let term = self.rows_term(change, &matched);
        if !touches.tenant {
            self.asking.zero_rows_ok.push(term);
            let tenant = self.tenant_index(TenantSource::Asked(term));
            found.push(vec![Expected::Tenant(tenant)]);
            self.guard_rows(change, &matched, &found);
            return Ok(one(tenant));
        }
        // The tenant column is written too, as ORMs do that save whole rows: it must stay what it is.
        let new = pairs
            .iter()
            .find(|pair| pair.attnum == anchor(table))
            .and_then(|pair| pair.value.expr());
        let given = new.map_or(Given::Nothing, Given::Expr);
        let tenant = self.row_tenant(table, given, start)?;
        self.asking.must_equal.push((tenant, term));
        self.guard_rows(change, &matched, &[vec![Expected::Tenant(tenant)]]);
        Ok(one(tenant))
    }

    /// Whether equal values of a column have equal texts.
    pub(super) fn has_one_text(&self, table: &ProtectedTable, attnum: i16) -> bool {
        let column = self.catalog_column(table, attnum);
        column.is_some_and(|column| column.deterministic && has_one_text(column.type_oid))
    }

    /// Whose the rows are whose tenant equals this value.
    pub(super) fn value_owner(
        &mut self,
        value: &Expr,
        table: &ProtectedTable,
        scope: &Scope<'_>,
        at: Option<usize>,
    ) -> Walked<Owner> {
        match self.passed_reference(value, scope) {
            Some((id, _)) => self.passed_owner(id, table, at),
            None => self
                .row_tenant(table, Given::Expr(value), at)
                .map(Owner::One),
        }
    }

    /// Whose the rows are that are matched by a passed column of tenants.
    fn passed_owner(
        &mut self,
        id: usize,
        table: &ProtectedTable,
        at: Option<usize>,
    ) -> Walked<Owner> {
        let (group, count) = self.passed_rows(id).unwrap_or_default();
        let mut tenants = Vec::new();
        for row in 0..count {
            let given = self
                .passed_operand(id, row)
                .map_or(Given::Nothing, Given::Operand);
            tenants.push(self.row_tenant(table, given, at)?);
        }
        match tenants.as_slice() {
            [only] => Ok(Owner::One(*only)),
            _ => Ok(Owner::Each { group, tenants }),
        }
    }

    /// `column = value`, ANDed at the top of a condition.
    pub(super) fn equal_to<'e>(
        &self,
        expr: &'e Expr,
        column: ColumnRef,
        scope: &Scope<'_>,
    ) -> Option<&'e Expr> {
        match expr {
            Expr::Nested(inner) => self.equal_to(inner, column, scope),
            Expr::BinaryOp {
                left,
                op: BinaryOperator::And,
                right,
            } => self
                .equal_to(left, column, scope)
                .or_else(|| self.equal_to(right, column, scope)),
            Expr::BinaryOp {
                left,
                op: BinaryOperator::Eq,
                right,
            } => {
                let is_column = |expr: &Expr| self.refers_to(expr, column, scope);
                let value = if is_column(left) {
                    right
                } else if is_column(right) {
                    left
                } else {
                    return None;
                };
                let known =
                    self.operand(value).is_some() || self.passed_reference(value, scope).is_some();
                known.then_some(value.as_ref())
            }
            _ => None,
        }
    }

    fn refers_to(&self, expr: &Expr, column: ColumnRef, scope: &Scope<'_>) -> bool {
        let idents: &[Ident] = match expr {
            Expr::Nested(inner) => return self.refers_to(inner, column, scope),
            Expr::Identifier(ident) => std::slice::from_ref(ident),
            Expr::CompoundIdentifier(idents) => idents,
            _ => return false,
        };
        let parts: Vec<String> = idents.iter().map(|ident| self.name(ident)).collect();
        let target = scope.sources.first().map(|source| source.name.as_str());
        match scope.resolve(&parts) {
            Meaning::Column { origin, source, .. } => {
                origin.is_some_and(|origin| origin.is(column)) && Some(source.as_str()) == target
            }
            _ => false,
        }
    }

    /// The rows that an UPDATE matches, where a look-up can find the same ones.
    fn matched(
        &mut self,
        change: &Change<'_>,
        start: Option<usize>,
        impure: Option<usize>,
        has_from: bool,
    ) -> Walked<Parts> {
        let table = change.table;
        if let Some(token) = impure {
            return Err(self.unrepeatable(table, token));
        }
        let parts = self.askable_parts(start, has_from)?;
        self.asking.none_matched = self.matching_none(&parts);
        Ok(parts)
    }

    /// The parts of an UPDATE, the only one of the statement whose tenants are asked for.
    fn askable_parts(&self, start: Option<usize>, has_from: bool) -> Walked<Parts> {
        if !self.asking.none_matched.is_empty() {
            return Err(
                self.not_understood("several UPDATEs whose tenants must be asked for", start)
            );
        }
        match start.and_then(|start| self.update_parts(start, has_from)) {
            Some(parts) => Ok(parts),
            None => Err(self.not_understood("this form of UPDATE", start)),
        }
    }

    /// The term that asks for the tenant of rows that all belong to one row of another table, which the condition names:
    /// no need to repeat the condition.
    fn named_rows(
        &mut self,
        table: &ProtectedTable,
        selection: Option<&Expr>,
        scope: &Scope<'_>,
        (start, has_from): (Option<usize>, bool),
    ) -> Walked<Option<(Parts, i32)>> {
        let Tenant::Parent { on_attnum, .. } = &table.tenant else {
            return Ok(None);
        };
        let on = ColumnRef {
            table: table.oid,
            attnum: *on_attnum,
        };
        let value = selection.and_then(|expr| self.equal_to(expr, on, scope));
        let operand = value.and_then(|value| self.operand(value));
        match operand.and_then(|operand| self.named_tenant(on, operand)) {
            Some(TenantSource::Asked(term)) => {
                let parts = self.askable_parts(start, has_from)?;
                Ok(Some((parts, term)))
            }
            _ => Ok(None),
        }
    }

    /// The term that asks for the tenants of these rows.
    fn rows_term(&mut self, change: &Change<'_>, parts: &Parts) -> i32 {
        let query = self.rows_query(change, parts, "");
        let reads = self.rows_read(change, parts);
        self.asking.term(query, reads)
    }

    /// The query for the tenants of the rows that an UPDATE matches, and for `before` them.
    pub(super) fn rows_query(
        &mut self,
        change: &Change<'_>,
        parts: &Parts,
        before: &str,
    ) -> String {
        let name = change.own.first().copied().unwrap_or_default();
        let mut query = format!(
            "{}SELECT DISTINCT {before}{} FROM {}",
            self.repeated_with(),
            row_tenant_sql(change.table, &format!("{}.", quoted(name))),
            self.repeated(parts.table.clone())
        );
        if let Some(from) = &parts.from {
            query.push_str(", ");
            query.push_str(&self.repeated(from.clone()));
        }
        if let Some(condition) = &parts.condition {
            query.push_str(" WHERE ");
            query.push_str(&self.repeated(condition.clone()));
        }
        query
    }

    pub(super) fn unrepeatable(&self, table: &ProtectedTable, token: usize) -> Stop {
        let message = format!(
            "the tenant of the rows of {}.{} cannot be asked for: the condition may not give the same rows twice",
            table.schema, table.name
        );
        let help = "Add the tenant column to the condition (tenant = $n AND …).";
        self.refuse(message, help, "refused-lookup", Some(token))
    }

    fn matching_none(&self, parts: &Parts) -> Vec<Splice> {
        let end = |at: usize| {
            at.checked_sub(1)
                .and_then(|last| self.token(last))
                .map_or(0, |token| token.end)
        };
        match &parts.condition {
            Some(condition) => {
                let start = self.token(condition.start).map_or(0, |token| token.start);
                let end = end(condition.end);
                vec![
                    Splice {
                        span: start..start,
                        text: "false AND (".to_owned(),
                    },
                    Splice {
                        span: end..end,
                        text: ")".to_owned(),
                    },
                ]
            }
            None => vec![Splice {
                span: end(parts.end)..end(parts.end),
                text: " WHERE false".to_owned(),
            }],
        }
    }

    /// Finds an UPDATE's clauses by its keywords outside of brackets.
    fn update_parts(&self, start: usize, has_from: bool) -> Option<Parts> {
        let mut depth = 0usize;
        let mut words: Vec<(&str, usize)> = Vec::new();
        let mut end = self.range.end;
        for at in start..self.range.end {
            let token = self.token(at)?;
            match token.kind {
                TokenKind::Special(b'(' | b'[') => depth += 1,
                TokenKind::Special(b')' | b']') if depth == 0 => {
                    end = at;
                    break;
                }
                TokenKind::Special(b')' | b']') => depth -= 1,
                TokenKind::Ident if depth == 0 => {
                    words.extend(self.clause_word(at).map(|word| (word, at)))
                }
                _ => {}
            }
        }
        let seek = |word: &str, after: usize| {
            words
                .iter()
                .find(|(known, at)| *known == word && *at > after)
                .map(|(_, at)| *at)
        };
        let set = seek("set", start)?;
        let returning = seek("returning", set).unwrap_or(end);
        let condition = seek("where", set).filter(|at| *at < returning);
        let until = condition.unwrap_or(returning);
        let from = has_from
            .then(|| seek("from", set))
            .flatten()
            .filter(|at| *at < until);
        if has_from != from.is_some() {
            return None;
        }
        Some(Parts {
            table: start + 1..set,
            from: from.map(|from| from + 1..until),
            condition: condition.map(|condition| condition + 1..returning),
            end: returning,
        })
    }

    fn clause_word(&self, at: usize) -> Option<&'static str> {
        let token = self.token(at)?;
        let word = ["set", "from", "where", "returning"]
            .into_iter()
            .find(|word| token.is_word(self.sql, word))?;
        // IS DISTINCT FROM is no clause, and neither is a name after a point or AS.
        let before = at.checked_sub(1).and_then(|before| self.token(before));
        let inside = before.is_some_and(|before| {
            before.is_word(self.sql, "distinct")
                || before.is_word(self.sql, "as")
                || before.is_special(b'.')
        });
        (!inside).then_some(word)
    }

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
    pub(super) fn touches(&self, pairs: &[Pair<'_>], change: &Change<'_>) -> Walked<Touches> {
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
            if pair.attnum.is_some() && pair.attnum == anchor(change.table) {
                let same_column = expr.is_some_and(|expr| self.same_column(expr, pair.name));
                let operand = expr.and_then(|expr| self.operand(expr)).is_some();
                match own {
                    Some("excluded") if change.upsert && same_column => touches.tenant = true,
                    Some(_) if same_column => {}
                    None if !change.upsert && operand => touches.tenant = true,
                    _ => return Err(self.tenant_change(change, pair.name)),
                }
            }
        }
        Ok(touches)
    }

    fn tenant_change(&self, change: &Change<'_>, name: &ObjectName) -> Stop {
        let message = format!(
            "the tenant of a row of {}.{} cannot be changed",
            change.table.schema, change.table.name
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
        target.is_some() && self.last_name(expr) == target
    }

    fn last_name(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Nested(inner) => self.last_name(inner),
            Expr::Identifier(ident) => Some(self.name(ident)),
            Expr::CompoundIdentifier(idents) => idents.last().map(|ident| self.name(ident)),
            _ => None,
        }
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
        self.unknown_target |= attnum.is_none();
        Ok(Pair {
            name,
            value,
            attnum,
        })
    }

    /// Visits a DELETE; gives the rows of RETURNING.
    pub(super) fn delete(&mut self, delete: &Delete, outer: &Scope<'_>) -> Walked<Rows> {
        let Delete {
            delete_token: _,
            optimizer_hints,
            tables,
            from,
            on_cluster,
            using,
            selection,
            returning,
            output,
            order_by,
            limit,
            settings,
        } = delete;
        let foreign = !optimizer_hints.is_empty()
            || !tables.is_empty()
            || on_cluster.is_some()
            || output.is_some();
        let foreign = foreign || !order_by.is_empty() || limit.is_some() || settings.is_some();
        let FromTable::WithFromKeyword(targets) = from else {
            return Err(self.not_understood("DELETE without FROM", None));
        };
        let [target] = targets.as_slice() else {
            return Err(self.not_understood("a DELETE of another dialect", None));
        };
        if foreign || !target.joins.is_empty() {
            return Err(self.not_understood("a DELETE of another dialect", None));
        }
        self.changes = true;
        let mut scope = Scope::below(outer);
        self.changed_table(&target.relation, &mut scope)?;
        for item in using.iter().flatten() {
            self.table_with_joins(item, &mut scope)?;
        }
        self.all_plain(selection, &scope, CONDITION)?;
        self.settle_searches(selection.as_ref(), &scope)?;
        self.returning(returning.as_deref(), scope)
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
