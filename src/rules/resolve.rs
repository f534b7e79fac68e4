//! Rules applied to a catalog, and to the catalogs that follow it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::file::{ColumnRule, Rule, TenantRule, qualified};
use super::protection::{ProtectedColumn, ProtectedTable, Protection, Search, Tenant};
use crate::catalog::{Catalog, Column, Relation, RelationKind};
use crate::model::{ColumnRef, Oid, ValueKind};

/// A rule that cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct RuleProblem {
    /// The rule's file.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

const GONE: &str = "was dropped, renamed or moved since pgseal started: correct the rule";

/// Applies rules to a catalog.
///
/// # Errors
/// Every rule that cannot be applied: none is ever left out silently.
pub fn resolve(rules: &[Rule], catalog: &Catalog) -> Result<Protection, Vec<RuleProblem>> {
    let former = None;
    let (protection, problems) = resolve_in(rules, Tables { catalog, former });
    match problems.is_empty() {
        true => Ok(protection),
        false => Err(problems),
    }
}

/// The same while the database changes, with what is to be told of it. A table or column that has another name, or stands
/// in another schema, than its rule says is still the one that `former` protects; of one that was dropped nothing is left
/// to protect; and a table that its rule no longer fits cannot be used.
#[must_use]
pub fn resolve_again(
    rules: &[Rule],
    catalog: &Catalog,
    former: &Protection,
) -> (Protection, Vec<RuleProblem>) {
    let former = Some(former);
    resolve_in(rules, Tables { catalog, former })
}

fn resolve_in(rules: &[Rule], tables: Tables<'_>) -> (Protection, Vec<RuleProblem>) {
    let mut protection = Protection {
        epoch: tables.catalog.epoch,
        ..Protection::default()
    };
    let mut problems = Vec::new();
    for rule in rules {
        let mut told = Vec::new();
        let columns = || rule.columns.iter().map(|column| column.name.clone());
        if find_table(tables.catalog, &rule.schema, &rule.table).is_err() {
            let name = (rule.schema.clone(), rule.table.clone());
            let table = protection.vacant.tables.entry(name);
            table.or_default().extend(columns());
        }
        if let Some(root) = tables.root(rule, &mut told) {
            let family = descendants(root, tables.catalog);
            let name = (rule.schema.clone(), rule.table.clone());
            protection.roots.insert(name, root.oid);
            tables.note_names(rule, &family, &mut protection);
            for member in &family {
                let missing = columns().filter(|name| member.column(name).is_none());
                let missing: BTreeSet<String> = missing.collect();
                if !missing.is_empty() {
                    let known = protection.vacant.columns.entry(member.oid);
                    known.or_default().extend(missing);
                }
            }
            let fitting = fit(rule, (root, &family), tables, &mut told);
            match fitting {
                Some(fitting) => fitting
                    .into_iter()
                    .for_each(|table| add(&mut protection, table)),
                None => protection
                    .unfit
                    .extend(family.iter().map(|member| member.oid)),
            }
        }
        problems.extend(told.into_iter().map(|message| RuleProblem {
            file: rule.file.clone(),
            line: rule.line,
            message,
        }));
    }
    (protection, problems)
}

fn add(protection: &mut Protection, table: ProtectedTable) {
    // All of its sealed columns were dropped.
    if table.columns.is_empty() {
        return;
    }
    let table = match protection.tables.remove(&table.oid) {
        Some(other) => both(&other, table),
        None => table,
    };
    protection.tables.insert(table.oid, Arc::new(table));
}

/// A table of two rules, of itself and a parent or of two parents: all that either seals.
fn both(one: &ProtectedTable, mut other: ProtectedTable) -> ProtectedTable {
    let agrees = |column: &Arc<ProtectedColumn>| match other.column(column.column.attnum) {
        Some(same) => same == column,
        None => true,
    };
    let torn = one.tenant != other.tenant || !one.columns.iter().all(agrees);
    let more: Vec<_> = one
        .columns
        .iter()
        .filter(|column| other.column(column.column.attnum).is_none())
        .cloned()
        .collect();
    other.columns.extend(more);
    other.torn |= one.torn || torn;
    other
}

/// The tables and columns that rules name.
#[derive(Clone, Copy)]
struct Tables<'a> {
    catalog: &'a Catalog,
    /// What was protected before, where a name that is gone may mean what it meant.
    former: Option<&'a Protection>,
}

impl<'a> Tables<'a> {
    /// The table of a rule; `None`: it is not there, which is told.
    fn root(self, rule: &Rule, told: &mut Vec<String>) -> Option<&'a Relation> {
        let problem = match find_table(self.catalog, &rule.schema, &rule.table) {
            Ok(relation) => return Some(relation),
            Err(problem) => problem,
        };
        told.push(match self.former {
            None => problem,
            Some(_) => format!("its table {GONE}"),
        });
        self.former_table(&rule.schema, &rule.table)
    }

    fn table(self, schema: &str, name: &str) -> Result<&'a Relation, String> {
        let found = find_table(self.catalog, schema, name);
        found.or_else(|problem| self.former_table(schema, name).ok_or(problem))
    }

    /// The table that the name meant, if it is still there.
    fn former_table(self, schema: &str, name: &str) -> Option<&'a Relation> {
        let name = (schema.to_owned(), name.to_owned());
        let oid = self.former?.roots.get(&name)?;
        self.catalog.relation(*oid)
    }

    /// The column of this name, or the one that the name meant.
    fn column(self, relation: &'a Relation, name: &str) -> Option<&'a Column> {
        let meant = || {
            let name = (relation.oid, name.to_owned());
            relation.attnum(*self.former?.names.get(&name)?)
        };
        relation.column(name).or_else(meant)
    }

    /// The same in a table that inherits from the rule's: under the name that it has there, or had.
    fn inherited(self, member: &'a Relation, root: &'a Relation, name: &str) -> Option<&'a Column> {
        match self.column(root, name) {
            Some(column) => member.column(&column.name),
            // Dropped from the parent alone it is the child's own.
            None => self.column(member, name),
        }
    }

    /// Remembers what the names of a rule mean in this catalog.
    fn note_names(self, rule: &Rule, family: &[&'a Relation], protection: &mut Protection) {
        let mut note = |relation: &Relation, name: &str, column: Option<&Column>| {
            let column = column.map(|column| ((relation.oid, name.to_owned()), column.attnum));
            protection.names.extend(column);
        };
        let Some(root) = family.first().copied() else {
            return;
        };
        let sealed = rule.columns.iter().map(|column| column.name.as_str());
        let tenant = match &rule.tenant {
            TenantRule::Column(name) => Some(name.as_str()),
            TenantRule::Parent(parent) => Some(parent.on.as_str()),
            TenantRule::Setting(_) | TenantRule::Constant(_) => None,
        };
        for name in sealed.chain(tenant) {
            for member in family {
                note(member, name, self.inherited(member, root, name));
            }
        }
        if let TenantRule::Parent(rule) = &rule.tenant {
            let (schema, table) = qualified(&rule.parent);
            let Ok(parent) = self.table(&schema, &table) else {
                return;
            };
            for name in std::iter::once(&rule.column).chain(&rule.key) {
                note(parent, name, self.column(parent, name));
            }
            // A parent without a rule of its own is found again, too.
            let roots = protection.roots.entry((schema, table));
            roots.or_insert(parent.oid);
        }
    }
}

/// What a rule protects in its table and all that inherit from it; `None`: it does not fit, which is told.
fn fit(
    rule: &Rule,
    (root, family): (&Relation, &[&Relation]),
    tables: Tables<'_>,
    told: &mut Vec<String>,
) -> Option<Vec<ProtectedTable>> {
    let tenant = tenant_of(rule, root, tables, told)
        .map_err(|problem| told.push(problem))
        .ok();
    let mut fits = true;
    for column in &rule.columns {
        match kind_of(rule, column, root, tables) {
            Ok(Some(found)) if found.name != column.name => {
                told.push(renamed(rule, column, &found.name));
            }
            Ok(Some(_)) => {}
            Ok(None) => told.push(format!(
                "column \"{}\" was dropped since pgseal started: nothing is sealed in its place; correct the rule",
                column.name
            )),
            Err(problem) => {
                told.push(problem);
                fits = false;
            }
        }
    }
    let tenant = tenant.filter(|_| fits)?;
    let members = family.iter();
    members
        .map(|member| protect(rule, (member, root), &tenant, tables))
        .collect()
}

fn renamed(rule: &Rule, column: &ColumnRule, now: &str) -> String {
    let label = match column.label {
        Some(_) => String::new(),
        None => format!(
            " and give it label = \"{}\", under which its values are sealed",
            label_of(rule, column)
        ),
    };
    format!(
        "column \"{}\" was renamed to \"{now}\" since pgseal started, and is sealed there: correct the rule{label}",
        column.name
    )
}

fn find_table<'a>(catalog: &'a Catalog, schema: &str, name: &str) -> Result<&'a Relation, String> {
    let found = catalog.find(Some(schema), name);
    let relation = found.first().ok_or_else(|| {
        format!("table {schema}.{name} does not exist: create it first, or correct the rule")
    })?;
    match relation.kind {
        RelationKind::Table | RelationKind::Partitioned => Ok(relation),
        _ => Err(format!(
            "{schema}.{name} is not a table: only tables can be protected"
        )),
    }
}

fn tenant_of(
    rule: &Rule,
    relation: &Relation,
    tables: Tables<'_>,
    told: &mut Vec<String>,
) -> Result<Tenant, String> {
    if let (Some(_), TenantRule::Parent(rule)) = (tables.former, &rule.tenant) {
        let (schema, name) = qualified(&rule.parent);
        if find_table(tables.catalog, &schema, &name).is_err() {
            told.push(format!("the parent table {schema}.{name} {GONE}"));
        }
    }
    let mut column_of = |relation: &Relation, name: &str| {
        let found = tables.column(relation, name).cloned().ok_or_else(|| {
            format!(
                "{}.{} has no column \"{name}\" to find the tenant in",
                relation.schema, relation.name
            )
        })?;
        if found.name != *name {
            told.push(format!(
                "column \"{name}\" of {}.{} was renamed to \"{}\" since pgseal started: correct the rule",
                relation.schema, relation.name, found.name
            ));
        }
        Ok::<Column, String>(found)
    };
    match &rule.tenant {
        TenantRule::Column(name) => {
            let column = column_of(relation, name)?;
            Ok(Tenant::Column {
                name: column.name,
                attnum: column.attnum,
            })
        }
        TenantRule::Setting(rule) => Ok(Tenant::Setting(rule.setting.clone())),
        TenantRule::Constant(rule) => Ok(Tenant::Constant(rule.constant.clone())),
        TenantRule::Parent(rule) => {
            let (schema, name) = qualified(&rule.parent);
            let parent = tables.table(&schema, &name)?;
            let column = column_of(parent, &rule.column)?;
            let key = match &rule.key {
                Some(key) => column_of(parent, key)?.name,
                None => primary_key(parent)?,
            };
            let on = column_of(relation, &rule.on)?;
            Ok(Tenant::Parent {
                table: parent.oid,
                schema: parent.schema.clone(),
                table_name: parent.name.clone(),
                on: on.name,
                on_attnum: on.attnum,
                key,
                column: column.name,
                only: parent.kind == RelationKind::Table,
            })
        }
    }
}

fn primary_key(relation: &Relation) -> Result<String, String> {
    let attnums = relation
        .unique_keys
        .iter()
        .find(|key| key.primary)
        .map(|key| key.attnums.as_slice());
    let column = match attnums {
        Some([attnum]) => relation.attnum(*attnum),
        _ => None,
    };
    let name = format!("{}.{}", relation.schema, relation.name);
    column.map(|column| column.name.clone()).ok_or_else(|| {
        format!("{name} has no primary key of one column: say `key = \"…\"` in the tenant's rule")
    })
}

/// The column of the table that can be sealed; `None`: it was there once.
fn kind_of<'a>(
    rule: &Rule,
    column: &ColumnRule,
    relation: &'a Relation,
    tables: Tables<'a>,
) -> Result<Option<&'a Column>, String> {
    let table = format!("{}.{}", relation.schema, relation.name);
    let Some(found) = tables.column(relation, &column.name) else {
        return match tables.former {
            Some(_) => Ok(None),
            None => Err(format!("{table} has no column \"{}\"", column.name)),
        };
    };
    if matches!(&rule.tenant, TenantRule::Column(tenant) if *tenant == column.name) {
        return Err(format!(
            "{table}.{} is the tenant's own column and cannot be sealed",
            column.name
        ));
    }
    let kind = value_kind(found).ok_or_else(|| {
        format!("{table}.{} has type {}: only text, varchar, json, jsonb and bytea columns can be sealed", column.name, found.type_name)
    })?;
    if column.search.is_some() && !matches!(kind, ValueKind::Text | ValueKind::Bytea) {
        return Err(format!(
            "{table}.{} has type {}: only text, varchar and bytea columns can be searched for equal values",
            column.name, found.type_name
        ));
    }
    Ok(Some(found))
}

/// By `pg_type`'s fixed OIDs.
fn value_kind(column: &Column) -> Option<ValueKind> {
    match column.type_oid {
        Oid(25 | 1043) => Some(ValueKind::Text),
        Oid(114) => Some(ValueKind::Json),
        Oid(3802) => Some(ValueKind::Jsonb),
        Oid(17) => Some(ValueKind::Bytea),
        _ => None,
    }
}

/// The table itself and everything that inherits from it.
fn descendants<'a>(relation: &'a Relation, catalog: &'a Catalog) -> Vec<&'a Relation> {
    let mut family = vec![relation];
    let mut next = 0;
    while let Some(parent) = family.get(next).map(|member| member.oid) {
        let children = catalog
            .relations()
            .filter(|other| other.parents.contains(&parent));
        for child in children {
            if family.iter().all(|member| member.oid != child.oid) {
                family.push(child);
            }
        }
        next += 1;
    }
    family
}

/// A partition's values are sealed under the rule's table: they may be moved by ATTACH and DETACH.
fn label_of(rule: &Rule, column: &ColumnRule) -> String {
    let own = || format!("{}.{}.{}", rule.schema, rule.table, column.name);
    column.label.clone().unwrap_or_else(own)
}

/// What is protected in a table of the family; `None`: it lacks the column that says whose its rows are, or has a sealed
/// one of another type.
fn protect(
    rule: &Rule,
    (member, root): (&Relation, &Relation),
    tenant: &Tenant,
    tables: Tables<'_>,
) -> Option<ProtectedTable> {
    let found = rule.columns.iter().filter_map(|column| {
        let found = tables.inherited(member, root, &column.name)?;
        Some((column, found))
    });
    let columns = found.map(|(column, found)| {
        let label = label_of(rule, column);
        let search = column.search.as_ref().map(|search| Search {
            scope: search.scope,
            domain: search
                .domain
                .clone()
                .unwrap_or_else(|| label.clone())
                .into(),
        });
        let former_domain = (column.state.keeps_former() && search.is_none()).then(|| {
            column
                .former_domain
                .as_ref()
                .unwrap_or(&label)
                .as_str()
                .into()
        });
        Some(Arc::new(ProtectedColumn {
            column: ColumnRef {
                table: member.oid,
                attnum: found.attnum,
            },
            schema: member.schema.clone(),
            table: member.name.clone(),
            name: found.name.clone(),
            label: label.into(),
            kind: value_kind(found)?,
            state: column.state,
            max_chars: found.max_chars,
            search,
            former_domain,
        }))
    });
    let tenant = match tenant {
        Tenant::Column { name, .. } => Tenant::Column {
            name: name.clone(),
            attnum: member.column(name)?.attnum,
        },
        Tenant::Parent { on, .. } => {
            let attnum = member.column(on)?.attnum;
            let mut tenant = tenant.clone();
            if let Tenant::Parent { on_attnum, .. } = &mut tenant {
                *on_attnum = attnum;
            }
            tenant
        }
        Tenant::Setting(_) | Tenant::Constant(_) => tenant.clone(),
    };
    Some(ProtectedTable {
        oid: member.oid,
        schema: member.schema.clone(),
        name: member.name.clone(),
        tenant,
        columns: columns.collect::<Option<Vec<_>>>()?,
        torn: false,
    })
}
