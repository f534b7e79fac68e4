//! INSERT and UPDATE: which values are sealed, for which column and tenant.

use std::sync::Arc;

use super::lexer::TokenKind;
use super::scope::{Meaning, Scope};
use super::slots::{Simple, Slots, simple};
use super::text::{Text, not_understood, refused};
use super::types::{Lookup, Splice, TenantSource};
use super::{Planner, StatementParts};
use crate::catalog::Relation;
use crate::model::{Oid, Refusal};
use crate::rules::{ProtectedTable, Tenant};

/// A protected table that a statement writes to.
struct Target<'a> {
    table: Arc<ProtectedTable>,
    relation: &'a Relation,
    /// Index of the token behind its name.
    after: usize,
}

/// The look-up of one statement, term by term.
#[derive(Default)]
struct Terms {
    selects: Vec<String>,
    params: Vec<u16>,
    zero_rows_ok: Vec<i32>,
    must_equal: Vec<(usize, i32)>,
}

impl Terms {
    fn add(&mut self, select: impl FnOnce(&mut Self, i32) -> String) -> i32 {
        let term = i32::try_from(self.selects.len()).unwrap_or(i32::MAX);
        self.selects.push(String::new());
        let sql = select(self, term);
        if let Some(last) = usize::try_from(term)
            .ok()
            .and_then(|term| self.selects.get_mut(term))
        {
            *last = sql;
        }
        term
    }

    /// The bytes of a part of the statement, its parameters renumbered for the look-up.
    fn quoted(&mut self, text: &Text<'_>) -> String {
        let (mut out, mut from) = (String::new(), text.span().start);
        for token in text.tokens {
            if let TokenKind::Param(number) = token.kind
                && let Ok(number) = u16::try_from(number)
            {
                out.push_str(text.sql.get(from..token.start).unwrap_or_default());
                let index = self
                    .params
                    .iter()
                    .position(|known| *known == number)
                    .unwrap_or_else(|| {
                        self.params.push(number);
                        self.params.len() - 1
                    });
                out.push_str(&format!("${}", index + 1));
                from = token.end;
            }
        }
        out.push_str(text.sql.get(from..text.span().end).unwrap_or_default());
        // A comment at the end would swallow what follows.
        out.push('\n');
        out
    }

    fn finish(self) -> Option<Lookup> {
        if self.selects.is_empty() {
            return None;
        }
        Some(Lookup {
            sql: self.selects.join(" UNION ALL "),
            params: self.params,
            zero_rows_ok: self.zero_rows_ok,
            must_equal: self.must_equal,
        })
    }
}

fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn relation_name(schema: &str, name: &str) -> String {
    format!("{}.{}", ident(schema), ident(name))
}

/// `SELECT term, tenant FROM … WHERE condition`, for rows of the table itself.
fn row_tenant(
    table: &ProtectedTable,
    source: &str,
    alias: &str,
    condition: &str,
    term: i32,
) -> Option<String> {
    let filter = if condition.is_empty() {
        String::new()
    } else {
        format!(" WHERE ({condition})")
    };
    match &table.tenant {
        Tenant::Column { name, .. } => Some(format!(
            "SELECT DISTINCT {term}::int4, {alias}.{}::text FROM {source}{filter}",
            ident(name)
        )),
        Tenant::Parent {
            schema,
            table_name,
            on,
            key,
            column,
            ..
        } => Some(format!(
            "SELECT DISTINCT {term}::int4, _pgseal_parent.{}::text FROM {} AS _pgseal_parent WHERE _pgseal_parent.{} IN (SELECT {alias}.{} FROM {source}{filter})",
            ident(column),
            relation_name(schema, table_name),
            ident(key),
            ident(on),
        )),
        Tenant::Setting(_) | Tenant::Constant(_) => None,
    }
}

impl Planner {
    fn target<'a>(
        &'a self,
        text: &Text<'_>,
        scope: &Scope,
        at: usize,
    ) -> Result<Option<Target<'a>>, Refusal> {
        let mut index = at + usize::from(text.is_word(at, "only"));
        while text.is_special(index + 1, b'.') {
            index += 2;
        }
        let Some(mention) = scope.mentions.iter().find(|mention| mention.index == index) else {
            return Ok(None);
        };
        match &mention.meaning {
            Meaning::Table(table) => {
                let relation = self.catalog.relation(table.oid).ok_or_else(|| {
                    not_understood(
                        text,
                        index,
                        &table.name,
                        "a table that was dropped meanwhile",
                    )
                })?;
                Ok(Some(Target {
                    table: table.clone(),
                    relation,
                    after: index + 1,
                }))
            }
            Meaning::View { name, .. } => {
                Err(not_understood(text, index, name, "writing through a view"))
            }
            Meaning::Plain => Ok(None),
        }
    }

    /// INSERT, from its first word on.
    pub(super) fn insert(
        &self,
        text: &Text<'_>,
        scope: &Scope,
        declared: &[Oid],
    ) -> Result<StatementParts, Refusal> {
        let Some(target) = self.target(text, scope, 2)? else {
            // Into another table: sealed values may be copied there only sealed, which nobody would open.
            return Err(not_understood(
                text,
                0,
                &scope.named(),
                "INSERT into another table",
            ));
        };
        let mut at = target.after;
        if text.is_word(at, "as") {
            at += 2;
        }
        let columns =
            if text.is_special(at, b'(') && !text.is_any(at + 1, &["select", "values", "with"]) {
                let end = text.closed(at);
                let names = text
                    .part(at + 1..end - 1)
                    .split(b',')
                    .iter()
                    .map(|part| self.column_of(&target, part))
                    .collect::<Result<Vec<_>, _>>()?;
                at = end;
                names
            } else {
                target
                    .relation
                    .columns
                    .iter()
                    .map(|column| column.attnum)
                    .collect()
            };
        if text.is_word(at, "overriding") {
            at += 3;
        }
        let body_end = text.find(at, &["on", "returning"]);
        let conflict = text.find(at, &["on"]).min(text.len());
        let returning = text.find(at, &["returning"]);
        let mut slots = Slots::new(*text, declared);
        let mut terms = Terms::default();
        let rows = self.rows(text, &target, at, body_end)?;
        for row in &rows {
            if row.len() > columns.len() {
                return Err(refused(
                    text,
                    at,
                    "INSERT has more expressions than target columns".into(),
                    "Give one value per column.",
                    "refused-value",
                ));
            }
            self.insert_row(&target, &columns, row, &mut slots, &mut terms)?;
        }
        if conflict < returning.min(text.len()) {
            let clause = text.part(conflict..returning);
            self.on_conflict(&clause, &target, &columns, &rows, &mut slots, &mut terms)?;
        }
        self.check_rest(text, scope, &target, &rows, conflict, returning)?;
        slots.settle();
        Ok(StatementParts::of(slots, terms.finish(), Vec::new()))
    }

    /// Sealed names may stand in the column list and in SET; elsewhere only as outputs.
    fn check_rest(
        &self,
        text: &Text<'_>,
        scope: &Scope,
        target: &Target<'_>,
        rows: &[Vec<Text<'_>>],
        conflict: usize,
        returning: usize,
    ) -> Result<(), Refusal> {
        for value in rows.iter().flatten() {
            if simple(value).is_none() {
                scope.check_reads(value)?;
                if (0..value.len()).any(|index| value.is_word(index, "select"))
                    && scope.mentions.len() > 1
                {
                    return Err(not_understood(
                        value,
                        0,
                        &target.table.name,
                        "a subquery over a protected table among the values",
                    ));
                }
            }
        }
        let clause = text.part(conflict.min(text.len())..returning);
        let filter = clause.find(0, &["where"]);
        let after_update = clause.find(0, &["update"]);
        if filter < after_update {
            scope.check_reads(&clause.part(filter..after_update))?;
        }
        let last = clause.part(after_update..clause.len());
        scope.check_reads(&last.from(last.find(0, &["where"])))?;
        scope.check_reads(&text.from(returning))
    }

    fn column_of(&self, target: &Target<'_>, part: &Text<'_>) -> Result<i16, Refusal> {
        let name = part.name(0).filter(|_| part.len() == 1);
        let column = name.as_ref().and_then(|name| target.relation.column(name));
        column.map(|column| column.attnum).ok_or_else(|| {
            not_understood(
                part,
                0,
                &target.table.name,
                "a target that is no plain column, or is unknown,",
            )
        })
    }

    fn rows<'a>(
        &self,
        text: &Text<'a>,
        target: &Target<'_>,
        at: usize,
        end: usize,
    ) -> Result<Vec<Vec<Text<'a>>>, Refusal> {
        let body = text.part(at..end);
        if body.is_word(0, "default") && body.is_word(1, "values") {
            return Ok(Vec::new());
        }
        if body.is_word(0, "values") {
            let rows = body.from(1).split(b',');
            return rows
                .iter()
                .map(|row| {
                    let whole = row.is_special(0, b'(') && row.closed(0) == row.len();
                    if whole {
                        Ok(row.part(1..row.len() - 1).split(b','))
                    } else {
                        Err(not_understood(
                            row,
                            0,
                            &target.table.name,
                            "this form of VALUES",
                        ))
                    }
                })
                .collect();
        }
        if body.is_word(0, "select") && !body.is_any(1, &["distinct", "all"]) {
            let list_end = body.find(
                1,
                &[
                    "from",
                    "where",
                    "group",
                    "having",
                    "order",
                    "limit",
                    "offset",
                    "union",
                    "except",
                    "intersect",
                    "fetch",
                    "for",
                    "window",
                ],
            );
            let set = body.find(1, &["union", "except", "intersect"]);
            if set == body.len() {
                let values = body.part(1..list_end).split(b',');
                let named = values
                    .iter()
                    .map(|value| value.part(0..value.find(0, &["as"])))
                    .collect();
                return Ok(vec![named]);
            }
        }
        Err(not_understood(
            &body,
            0,
            &target.table.name,
            "this source of INSERT's rows",
        ))
    }

    fn insert_row<'a>(
        &self,
        target: &Target<'_>,
        columns: &[i16],
        row: &[Text<'a>],
        slots: &mut Slots<'a>,
        terms: &mut Terms,
    ) -> Result<(), Refusal> {
        let value_of = |attnum: i16| {
            columns
                .iter()
                .position(|column| *column == attnum)
                .and_then(|index| row.get(index))
        };
        for (attnum, value) in columns.iter().zip(row) {
            let Some(column) = target.table.column(*attnum) else {
                continue;
            };
            slots.place(value, column, |slots| {
                self.insert_tenant(target, &value_of, value, slots, terms)
            })?;
        }
        // A sealed column that is left out gets its default, which is NULL unless somebody set another: `check` tells.
        Ok(())
    }

    fn insert_tenant<'a, 'v>(
        &self,
        target: &Target<'_>,
        value_of: &dyn Fn(i16) -> Option<&'v Text<'a>>,
        at: &Text<'_>,
        slots: &mut Slots<'_>,
        terms: &mut Terms,
    ) -> Result<usize, Refusal>
    where
        'a: 'v,
    {
        let unknown = |what: &str| {
            refused(
                at,
                0,
                format!(
                    "the tenant of a new row of {}.{} is not known: {what}",
                    target.table.schema, target.table.name
                ),
                "Give it as a constant or a parameter in the same row.",
                "refused-tenant",
            )
        };
        let source = match &target.table.tenant {
            Tenant::Constant(tenant) => TenantSource::Known(tenant.clone()),
            Tenant::Setting(setting) => {
                TenantSource::Asked(terms.add(|_, term| setting_term(setting, term)))
            }
            Tenant::Column { name, attnum } => {
                let value = value_of(*attnum)
                    .ok_or_else(|| unknown(&format!("the column \"{name}\" is missing")))?;
                let type_oid = target
                    .relation
                    .attnum(*attnum)
                    .map_or(Oid(0), |column| column.type_oid);
                slots
                    .tenant_value(value, type_oid)
                    .ok_or_else(|| unknown(&format!("\"{name}\" is no constant or parameter")))?
            }
            Tenant::Parent {
                schema,
                table_name,
                on,
                on_attnum,
                key,
                column,
                ..
            } => {
                let value = value_of(*on_attnum)
                    .filter(|value| simple(value).is_some())
                    .ok_or_else(|| unknown(&format!("\"{on}\" is no constant or parameter")))?;
                TenantSource::Asked(terms.add(|terms, term| {
                    let value = terms.quoted(value);
                    format!(
                        "SELECT DISTINCT {term}::int4, p.{}::text FROM {} p WHERE p.{} = {value}",
                        ident(column),
                        relation_name(schema, table_name),
                        ident(key)
                    )
                }))
            }
        };
        Ok(slots.tenant(source))
    }

    fn on_conflict<'a>(
        &self,
        clause: &Text<'a>,
        target: &Target<'_>,
        columns: &[i16],
        rows: &[Vec<Text<'a>>],
        slots: &mut Slots<'a>,
        terms: &mut Terms,
    ) -> Result<(), Refusal> {
        let set = clause.find(0, &["set"]);
        if set == clause.len() {
            return Ok(());
        }
        let end = clause.from(set).find(1, &["where"]) + set;
        let mut sealed = false;
        for (name, value) in self.assignments(&clause.part(set + 1..end), target)? {
            let same = value.len() == 3
                && value.is_word(0, "excluded")
                && value.is_special(1, b'.')
                && value.name(2).is_some_and(|excluded| {
                    Some(excluded.as_ref())
                        == target
                            .relation
                            .attnum(name)
                            .map(|column| column.name.as_str())
                });
            let unchanged = self.is_self(&value, target, name);
            if let Some(column) = target.table.column(name) {
                sealed |= !unchanged;
                if !same && !unchanged {
                    let [_] = rows else {
                        return Err(not_understood(
                            &value,
                            0,
                            &target.table.name,
                            "DO UPDATE with a value of its own for several rows",
                        ));
                    };
                    let row = rows.first().map(Vec::as_slice).unwrap_or_default();
                    let value_of = |attnum: i16| {
                        columns
                            .iter()
                            .position(|column| *column == attnum)
                            .and_then(|index| row.get(index))
                    };
                    slots.place(&value, column, |slots| {
                        self.insert_tenant(target, &value_of, &value, slots, terms)
                    })?;
                }
            } else if self.decides_tenant(target, name) {
                if !same {
                    return Err(tenant_changed(&value, target));
                }
                sealed = true;
            }
        }
        if sealed {
            self.same_tenant(clause, target, columns, rows, slots, terms)
        } else {
            Ok(())
        }
    }

    /// The row that a conflict would update must be of the tenant that its new values are sealed for.
    fn same_tenant<'a>(
        &self,
        clause: &Text<'a>,
        target: &Target<'_>,
        columns: &[i16],
        rows: &[Vec<Text<'a>>],
        slots: &mut Slots<'a>,
        terms: &mut Terms,
    ) -> Result<(), Refusal> {
        let unclear = || {
            not_understood(
                clause,
                0,
                &target.table.name,
                "a conflict target other than plain columns with simple values",
            )
        };
        let keys: Vec<i16> = if clause.is_special(2, b'(') {
            let end = clause.closed(2);
            clause
                .part(3..end - 1)
                .split(b',')
                .iter()
                .map(|part| self.column_of(target, part))
                .collect::<Result<_, _>>()?
        } else if clause.is_word(2, "on") && clause.is_word(3, "constraint") {
            let name = clause.name(4).ok_or_else(unclear)?;
            target
                .relation
                .unique_keys
                .iter()
                .find(|key| key.name == name)
                .map(|key| key.attnums.clone())
                .ok_or_else(unclear)?
        } else {
            return Err(unclear());
        };
        match &target.table.tenant {
            Tenant::Column { attnum, .. } if keys.contains(attnum) => return Ok(()),
            Tenant::Parent { on_attnum, .. } if keys.contains(on_attnum) => return Ok(()),
            Tenant::Setting(_) | Tenant::Constant(_) => return Ok(()),
            Tenant::Column { .. } | Tenant::Parent { .. } => {}
        }
        for row in rows {
            let value_of = |attnum: i16| {
                columns
                    .iter()
                    .position(|column| *column == attnum)
                    .and_then(|index| row.get(index))
            };
            let mut conditions = Vec::new();
            for key in &keys {
                let value = value_of(*key).filter(|value| {
                    simple(value).is_some_and(|(value, _)| !matches!(value, Simple::Default))
                });
                match (value, target.relation.attnum(*key)) {
                    (Some(value), Some(column)) => conditions.push((column.name.clone(), *value)),
                    // A key that the server generates meets no row yet.
                    (None, Some(_))
                        if value_of(*key).is_none_or(|value| value.is_word(0, "default")) =>
                    {
                        conditions.clear();
                        break;
                    }
                    _ => return Err(unclear()),
                }
            }
            if conditions.is_empty() {
                continue;
            }
            let tenant = self.insert_tenant(target, &value_of, clause, slots, terms)?;
            let term = terms.add(|terms, term| {
                let condition: Vec<String> = conditions
                    .iter()
                    .map(|(name, value)| {
                        format!("_pgseal_row.{} = {}", ident(name), terms.quoted(value))
                    })
                    .collect();
                let source = format!(
                    "{} AS _pgseal_row",
                    relation_name(&target.table.schema, &target.table.name)
                );
                row_tenant(
                    &target.table,
                    &source,
                    "_pgseal_row",
                    &condition.join(" AND "),
                    term,
                )
                .unwrap_or_default()
            });
            terms.must_equal.push((tenant, term));
        }
        Ok(())
    }

    fn decides_tenant(&self, target: &Target<'_>, attnum: i16) -> bool {
        match &target.table.tenant {
            Tenant::Column { attnum: tenant, .. } => *tenant == attnum,
            Tenant::Parent { on_attnum, .. } => *on_attnum == attnum,
            Tenant::Setting(_) | Tenant::Constant(_) => false,
        }
    }

    /// `SET a = 1, (b, c) = (2, 3)`: column and value of each.
    fn assignments<'a>(
        &self,
        text: &Text<'a>,
        target: &Target<'_>,
    ) -> Result<Vec<(i16, Text<'a>)>, Refusal> {
        let mut found = Vec::new();
        for part in text.split(b',') {
            if part.is_special(0, b'(') {
                let end = part.closed(0);
                let values = part.from(end + 1 + usize::from(part.is_word(end + 1, "row")));
                let names = part.part(1..end - 1).split(b',');
                let listed = values.is_special(0, b'(')
                    && values.closed(0) == values.len()
                    && !values.is_any(1, &["select", "with", "values"]);
                let values = if listed {
                    values.part(1..values.len() - 1).split(b',')
                } else {
                    Vec::new()
                };
                if values.len() != names.len() || !part.is_operator(end, "=") {
                    return Err(not_understood(
                        &part,
                        0,
                        &target.table.name,
                        "this assignment to several columns",
                    ));
                }
                for (name, value) in names.iter().zip(values) {
                    found.push((self.column_of(target, name)?, value));
                }
            } else if part.is_operator(1, "=") {
                found.push((self.column_of(target, &part.part(0..1))?, part.from(2)));
            } else {
                return Err(not_understood(
                    &part,
                    0,
                    &target.table.name,
                    "an assignment to a part of a column",
                ));
            }
        }
        Ok(found)
    }

    /// The column's own value, copied to itself.
    fn is_self(&self, value: &Text<'_>, target: &Target<'_>, attnum: i16) -> bool {
        let name = target
            .relation
            .attnum(attnum)
            .map(|column| column.name.as_str());
        let at = value.len().saturating_sub(1);
        let excluded = value.len() == 3 && value.is_word(0, "excluded");
        !excluded
            && matches!(value.len(), 1 | 3)
            && value.name(at).as_deref() == name
            && (at == 0 || value.is_special(1, b'.'))
    }

    /// UPDATE, from its first word on.
    pub(super) fn update(
        &self,
        text: &Text<'_>,
        scope: &Scope,
        declared: &[Oid],
    ) -> Result<StatementParts, Refusal> {
        let set = text.find(1, &["set"]);
        let returning = text.find(set, &["returning"]);
        let filter = text.find(set, &["where"]).min(returning);
        let from = text.find(set, &["from"]).min(filter);
        let condition = text.part((filter + 1).min(returning)..returning);
        scope.check_reads(&text.part(from..filter))?;
        scope.check_reads(&condition)?;
        scope.check_reads(&text.from(returning))?;
        let mut slots = Slots::new(*text, declared);
        let Some(target) = self.target(text, scope, 1)? else {
            scope.check_reads(&text.part(set..from))?;
            return Ok(StatementParts::of(slots, None, Vec::new()));
        };
        let mut terms = Terms::default();
        let assignments = self.assignments(&text.part(set + 1..from), &target)?;
        let source = text.part(1..set);
        let alias = if target.after < set {
            text.name(set - 1)
        } else {
            text.name(target.after - 1)
        };
        let alias = alias.map(|alias| ident(&alias)).unwrap_or_default();
        let moved = assignments
            .iter()
            .find(|(attnum, _)| self.decides_tenant(&target, *attnum));
        let mut asked = None;
        for (attnum, value) in &assignments {
            match target.table.column(*attnum) {
                Some(_) if self.is_self(value, &target, *attnum) => {}
                Some(column) => slots.place(value, column, |slots| {
                    let tenant = self.update_tenant(
                        text,
                        &target,
                        &alias,
                        (&source, &text.part(from..filter), &condition),
                        moved.map(|(_, value)| value),
                        slots,
                        &mut terms,
                        &mut asked,
                    )?;
                    Ok(tenant)
                })?,
                None => scope.check_reads(value)?,
            }
        }
        if let (Some((_, value)), true) = (moved, slots.slots.is_empty()) {
            return Err(tenant_changed(value, &target));
        }
        let none_matched = match asked {
            None => Vec::new(),
            Some(()) => no_row(text, filter, returning),
        };
        slots.settle();
        Ok(StatementParts::of(slots, terms.finish(), none_matched))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one UPDATE")]
    fn update_tenant(
        &self,
        text: &Text<'_>,
        target: &Target<'_>,
        alias: &str,
        (source, from, condition): (&Text<'_>, &Text<'_>, &Text<'_>),
        moved: Option<&Text<'_>>,
        slots: &mut Slots<'_>,
        terms: &mut Terms,
        asked: &mut Option<()>,
    ) -> Result<usize, Refusal> {
        match &target.table.tenant {
            Tenant::Constant(tenant) => {
                return Ok(slots.tenant(TenantSource::Known(tenant.clone())));
            }
            Tenant::Setting(setting) => {
                let term = terms.add(|_, term| setting_term(setting, term));
                return Ok(slots.tenant(TenantSource::Asked(term)));
            }
            Tenant::Column { name, attnum } if moved.is_none() => {
                let type_oid = target
                    .relation
                    .attnum(*attnum)
                    .map_or(Oid(0), |column| column.type_oid);
                if let Some(value) = anded(condition, name)
                    && let Some(known) = slots.tenant_value(&value, type_oid)
                {
                    return Ok(slots.tenant(known));
                }
            }
            Tenant::Column { .. } | Tenant::Parent { .. } => {}
        }
        if asked.is_some() {
            let term = terms.zero_rows_ok.first().copied().unwrap_or_default();
            return Ok(self
                .moved_tenant(target, moved, slots)
                .unwrap_or_else(|| slots.tenant(TenantSource::Asked(term))));
        }
        check_repeatable(condition, &target.table.name)?;
        check_repeatable(from, &target.table.name)?;
        let term = terms.add(|terms, term| {
            let mut rows = terms.quoted(source);
            if from.len() > 1 {
                rows.push_str(", ");
                rows.push_str(&terms.quoted(&from.from(1)));
            }
            let condition = if condition.len() > 0 {
                terms.quoted(condition)
            } else {
                String::new()
            };
            row_tenant(&target.table, &rows, alias, &condition, term).unwrap_or_default()
        });
        terms.zero_rows_ok.push(term);
        *asked = Some(());
        match moved {
            None => Ok(slots.tenant(TenantSource::Asked(term))),
            // An ORM that saves every column writes the tenant that the row already has.
            Some(value) => {
                let tenant = self
                    .moved_tenant(target, Some(value), slots)
                    .ok_or_else(|| tenant_changed(text, target))?;
                terms.must_equal.push((tenant, term));
                Ok(tenant)
            }
        }
    }

    fn moved_tenant(
        &self,
        target: &Target<'_>,
        moved: Option<&Text<'_>>,
        slots: &mut Slots<'_>,
    ) -> Option<usize> {
        let Tenant::Column { attnum, .. } = &target.table.tenant else {
            return None;
        };
        let type_oid = target
            .relation
            .attnum(*attnum)
            .map_or(Oid(0), |column| column.type_oid);
        let source = slots.tenant_value(moved?, type_oid)?;
        Some(slots.tenant(source))
    }
}

fn setting_term(setting: &str, term: i32) -> String {
    format!(
        "SELECT {term}::int4, pg_catalog.current_setting('{}', true)",
        setting.replace('\'', "''")
    )
}

fn tenant_changed(text: &Text<'_>, target: &Target<'_>) -> Refusal {
    refused(
        text,
        0,
        format!(
            "a row of {}.{} would change its tenant",
            target.table.schema, target.table.name
        ),
        "Its sealed values are the old tenant's: read the row, delete it, and insert it for the new tenant.",
        "refused-tenant-change",
    )
}

/// The value of `name = value` where that is ANDed at the top of a condition.
fn anded<'a>(condition: &Text<'a>, name: &str) -> Option<Text<'a>> {
    let (mut start, mut found) = (0, None);
    if condition.find(0, &["or", "between"]) < condition.len() {
        return None;
    }
    while start < condition.len() {
        let end = condition.find(start, &["and"]);
        let part = condition.part(start..end);
        let at = (0..part.len()).find(|index| part.is_operator(*index, "="));
        if let Some(at) = at {
            let named = part.name(at.wrapping_sub(1)).as_deref() == Some(name)
                && (at == 1 || (at == 3 && part.is_special(1, b'.')));
            if named {
                found = Some(part.from(at + 1));
            }
        }
        start = end + 1;
    }
    found
}

/// A condition that is asked first and evaluated again must say the same both times.
fn check_repeatable(condition: &Text<'_>, table: &str) -> Result<(), Refusal> {
    const SAFE: &[&str] = &[
        "in",
        "any",
        "all",
        "some",
        "exists",
        "and",
        "or",
        "not",
        "lower",
        "upper",
        "coalesce",
        "nullif",
        "greatest",
        "least",
        "abs",
        "length",
        "trim",
        "btrim",
        "cast",
        "array",
        "row",
        "values",
        "select",
        "where",
        "from",
        "on",
        "now",
        "current_setting",
        "date_trunc",
        "md5",
        "concat",
        "varchar",
        "numeric",
        "char",
        "interval",
        "timestamp",
        "time",
        "as",
        "between",
        "like",
        "when",
        "then",
        "else",
        "count",
        "max",
        "min",
        "sum",
        "using",
    ];
    for index in 0..condition.len() {
        let called =
            condition.get(index).is_some_and(lexer_ident) && condition.is_special(index + 1, b'(');
        let name = condition.name(index).unwrap_or_default();
        if (called && !SAFE.contains(&name.as_ref()))
            || condition.is_word(index, "current_timestamp")
                && condition.is_special(index + 1, b'(')
        {
            return Err(not_understood(
                condition,
                index,
                table,
                &format!(
                    "the function {name} in the WHERE of an UPDATE whose tenant must be looked up"
                ),
            ));
        }
        if condition.is_word(index, "current") && condition.is_word(index + 1, "of") {
            return Err(not_understood(condition, index, table, "WHERE CURRENT OF"));
        }
    }
    Ok(())
}

fn lexer_ident(token: &super::lexer::Token) -> bool {
    token.is_ident()
}

/// Edits that keep an UPDATE from touching any row.
fn no_row(text: &Text<'_>, filter: usize, returning: usize) -> Vec<Splice> {
    let end = text.before(returning).map_or(0, |token| token.end);
    match text.get(filter).filter(|_| filter < returning) {
        Some(word) => vec![
            Splice {
                span: word.end..word.end,
                text: " false AND (".into(),
            },
            Splice {
                span: end..end,
                text: "\n)".into(),
            },
        ],
        None => vec![Splice {
            span: end..end,
            text: " WHERE false".into(),
        }],
    }
}
