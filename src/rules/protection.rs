//! Rules applied to a catalog: which columns of which relations are protected.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use serde::Deserialize;

use super::file::{ColumnRule, Rule, TenantRule, qualified};
use crate::catalog::{Catalog, Column, Relation, RelationKind};
use crate::model::{ColumnRef, Oid, TenantId, ValueKind};

/// Whether unsealed values may stand in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnState {
    /// Writes are sealed; an unsealed value that is read passes.
    Migrating,
    /// Its values are sealed anew, by `pgseal rotate`: searchable ones may stand beside others, or beside those of the search
    /// key before, so that none are compared.
    Rotating,
    /// Writes are left as they are, and both kinds are read: the way out, by `pgseal unseal`.
    Unsealing,
    /// An unsealed value that is read is an error: somebody planted it.
    #[default]
    Sealed,
}

impl ColumnState {
    /// Whether searchable values of before may stand there although the rule makes no more.
    #[must_use]
    pub fn keeps_former(self) -> bool {
        matches!(self, Self::Rotating | Self::Unsealing)
    }
}

/// Whose values of a searchable column are equal to whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Each tenant's among themselves.
    #[default]
    Tenant,
    /// All: for columns that are looked up before the tenant is known.
    Deployment,
}

/// A column that can be searched for equal values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Whose values are equal to whose.
    pub scope: Scope,
    /// Columns of one domain and scope can be compared with each other.
    pub domain: Arc<str>,
}

/// Where a row's tenant is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenant {
    /// In a column of the row.
    Column {
        /// Its name.
        name: String,
        /// Its number.
        attnum: i16,
    },
    /// In a setting of the session.
    Setting(String),
    /// Always the same.
    Constant(TenantId),
    /// In the row that this one belongs to.
    Parent {
        /// The parent table.
        table: Oid,
        /// Its schema.
        schema: String,
        /// Its name.
        table_name: String,
        /// The column of this table that names the parent's row.
        on: String,
        /// Its number.
        on_attnum: i16,
        /// The parent's column that `on` refers to.
        key: String,
        /// The parent's tenant column.
        column: String,
        /// Whether only the parent's own rows count, not those of tables that inherit from it: a foreign key reaches no others.
        only: bool,
    },
}

/// A protected column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectedColumn {
    /// Its table and number.
    pub column: ColumnRef,
    /// Its table's schema.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// The field of the AAD: stable when the column is renamed.
    pub label: Arc<str>,
    /// How its values are written.
    pub kind: ValueKind,
    /// Whether unsealed values may stand in it.
    pub state: ColumnState,
    /// n of `varchar(n)`, kept for the plaintext.
    pub max_chars: Option<u32>,
    /// Whether it can be searched for equal values.
    pub search: Option<Search>,
    /// The domain of what was searchable before, while the column is rotated or unsealed.
    pub former_domain: Option<Arc<str>>,
}

impl ProtectedColumn {
    /// Whether equal values are equal as they are sealed, all of them.
    #[must_use]
    pub fn is_comparable(&self) -> bool {
        self.search.is_some() && self.state == ColumnState::Sealed
    }

    /// Whether values are sealed that are written to it.
    #[must_use]
    pub fn is_sealed_on_write(&self) -> bool {
        self.state != ColumnState::Unsealing
    }

    /// Whether every value in it is a sealed one.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        matches!(self.state, ColumnState::Sealed | ColumnState::Rotating)
    }

    /// The domain of its searchable values, if it may hold any.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        let own = self.search.as_ref().map(|search| &search.domain);
        own.or(self.former_domain.as_ref()).map(AsRef::as_ref)
    }
}

/// A protected table, or a partition or child of one.
#[derive(Debug, PartialEq, Eq)]
pub struct ProtectedTable {
    /// `pg_class.oid`.
    pub oid: Oid,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Where a row's tenant is found.
    pub tenant: Tenant,
    /// Its protected columns.
    pub columns: Vec<Arc<ProtectedColumn>>,
    /// It inherits from tables whose rules disagree, and cannot be used itself.
    pub torn: bool,
}

impl ProtectedTable {
    /// The protected column of this number.
    #[must_use]
    pub fn column(&self, attnum: i16) -> Option<&Arc<ProtectedColumn>> {
        self.columns
            .iter()
            .find(|column| column.column.attnum == attnum)
    }
}

/// All that is protected in one database.
#[derive(Debug, Default)]
pub struct Protection {
    /// The catalog's epoch that this was made for.
    pub epoch: u64,
    /// By table.
    pub tables: HashMap<Oid, Arc<ProtectedTable>, RandomState>,
    /// Which table each rule means, by the schema and name that the rule gives it.
    pub roots: HashMap<(String, String), Oid>,
}

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

/// Applies rules to a catalog.
///
/// # Errors
/// Every rule that cannot be applied: none is ever left out silently.
pub fn resolve(rules: &[Rule], catalog: &Catalog) -> Result<Protection, Vec<RuleProblem>> {
    let former = None;
    resolve_in(rules, Tables { catalog, former })
}

/// The same while the database changes: a table that has another name, or stands in another schema, than its rule says
/// is still the one that `former` protects, and a rule whose table was dropped protects nothing. The second is what is
/// to be told of these.
///
/// # Errors
/// Every other rule that cannot be applied.
pub fn resolve_again(
    rules: &[Rule],
    catalog: &Catalog,
    former: &Protection,
) -> Result<(Protection, Vec<RuleProblem>), Vec<RuleProblem>> {
    let lost = |rule: &&Rule| find_table(catalog, &rule.schema, &rule.table).is_err();
    let message = "its table was dropped, renamed or moved since pgseal started: correct the rule";
    let told = rules.iter().filter(lost);
    let told = told.map(|rule| problem(rule, message.into())).collect();
    let former = Some(former);
    let tables = Tables { catalog, former };
    let left = rules.iter().filter(|rule| !tables.is_dropped(rule));
    let left: Vec<Rule> = left.cloned().collect();
    Ok((resolve_in(&left, tables)?, told))
}

fn resolve_in(rules: &[Rule], tables: Tables<'_>) -> Result<Protection, Vec<RuleProblem>> {
    let mut protection = Protection {
        epoch: tables.catalog.epoch,
        ..Protection::default()
    };
    let mut problems = Vec::new();
    for rule in rules {
        match apply(rule, tables) {
            Ok((root, family)) => {
                for table in family {
                    let table = match protection.tables.remove(&table.oid) {
                        Some(other) => both(&other, table),
                        None => table,
                    };
                    protection.tables.insert(table.oid, Arc::new(table));
                }
                let name = (rule.schema.clone(), rule.table.clone());
                protection.roots.insert(name, root);
            }
            Err(messages) => {
                problems.extend(messages.into_iter().map(|message| problem(rule, message)));
            }
        }
    }
    if problems.is_empty() {
        Ok(protection)
    } else {
        Err(problems)
    }
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

fn problem(rule: &Rule, message: String) -> RuleProblem {
    RuleProblem {
        file: rule.file.clone(),
        line: rule.line,
        message,
    }
}

/// The tables that rules name.
#[derive(Clone, Copy)]
struct Tables<'a> {
    catalog: &'a Catalog,
    /// What was protected before, where a name that is gone may mean what it meant.
    former: Option<&'a Protection>,
}

impl<'a> Tables<'a> {
    fn find(&self, schema: &str, name: &str) -> Result<&'a Relation, String> {
        let found = find_table(self.catalog, schema, name);
        found.or_else(|problem| self.former(schema, name).ok_or(problem))
    }

    /// The table that the name meant, if it is still there.
    fn former(&self, schema: &str, name: &str) -> Option<&'a Relation> {
        let name = (schema.to_owned(), name.to_owned());
        let oid = self.former?.roots.get(&name)?;
        self.catalog.relation(*oid)
    }

    /// Whether the table of a rule, which was there, is no more.
    fn is_dropped(&self, rule: &Rule) -> bool {
        find_table(self.catalog, &rule.schema, &rule.table).is_err()
            && self.former(&rule.schema, &rule.table).is_none()
    }
}

fn apply(rule: &Rule, tables: Tables<'_>) -> Result<(Oid, Vec<ProtectedTable>), Vec<String>> {
    let catalog = tables.catalog;
    let relation = tables
        .find(&rule.schema, &rule.table)
        .map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    let tenant = match tenant_of(rule, relation, tables) {
        Ok(tenant) => Some(tenant),
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    for column in &rule.columns {
        if let Err(problem) = kind_of(rule, column, relation) {
            problems.push(problem);
        }
    }
    let Some(tenant) = tenant.filter(|_| problems.is_empty()) else {
        return Err(problems);
    };
    let family = descendants(relation, catalog);
    let family = family.into_iter();
    let family = family.filter_map(|member| protect(rule, member, &tenant));
    Ok((relation.oid, family.collect()))
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

fn tenant_of(rule: &Rule, relation: &Relation, tables: Tables<'_>) -> Result<Tenant, String> {
    let column_of = |relation: &Relation, name: &str| {
        let found = relation.column(name).map(|column| column.attnum);
        found.ok_or_else(|| {
            format!(
                "{}.{} has no column \"{name}\" to find the tenant in",
                relation.schema, relation.name
            )
        })
    };
    match &rule.tenant {
        TenantRule::Column(name) => Ok(Tenant::Column {
            name: name.clone(),
            attnum: column_of(relation, name)?,
        }),
        TenantRule::Setting(rule) => Ok(Tenant::Setting(rule.setting.clone())),
        TenantRule::Constant(rule) => Ok(Tenant::Constant(rule.constant.clone())),
        TenantRule::Parent(rule) => {
            let (schema, name) = qualified(&rule.parent);
            let parent = tables.find(&schema, &name)?;
            column_of(parent, &rule.column)?;
            let key = match &rule.key {
                Some(key) => column_of(parent, key).map(|_| key.clone())?,
                None => primary_key(parent)?,
            };
            let on_attnum = column_of(relation, &rule.on)?;
            Ok(Tenant::Parent {
                table: parent.oid,
                schema: parent.schema.clone(),
                table_name: parent.name.clone(),
                on: rule.on.clone(),
                on_attnum,
                key,
                column: rule.column.clone(),
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

fn kind_of(rule: &Rule, column: &ColumnRule, relation: &Relation) -> Result<ValueKind, String> {
    let table = format!("{}.{}", relation.schema, relation.name);
    let found = relation
        .column(&column.name)
        .ok_or_else(|| format!("{table} has no column \"{}\"", column.name))?;
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
    Ok(kind)
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

fn protect(rule: &Rule, relation: &Relation, tenant: &Tenant) -> Option<ProtectedTable> {
    let columns = rule.columns.iter().map(|column| {
        let found = relation.column(&column.name)?;
        // A partition's values are sealed under the rule's table: they may be moved by ATTACH and DETACH.
        let label = column
            .label
            .clone()
            .unwrap_or_else(|| format!("{}.{}.{}", rule.schema, rule.table, column.name));
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
                table: relation.oid,
                attnum: found.attnum,
            },
            schema: relation.schema.clone(),
            table: relation.name.clone(),
            name: column.name.clone(),
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
            attnum: relation.column(name)?.attnum,
        },
        Tenant::Parent { on, .. } => {
            let attnum = relation.column(on)?.attnum;
            let mut tenant = tenant.clone();
            if let Tenant::Parent { on_attnum, .. } = &mut tenant {
                *on_attnum = attnum;
            }
            tenant
        }
        Tenant::Setting(_) | Tenant::Constant(_) => tenant.clone(),
    };
    let columns = columns.collect::<Option<Vec<_>>>()?;
    Some(ProtectedTable {
        oid: relation.oid,
        schema: relation.schema.clone(),
        name: relation.name.clone(),
        tenant,
        columns,
        torn: false,
    })
}
