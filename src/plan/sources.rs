//! Sources of rows: tables, views, CTEs, subqueries and functions in FROM.

use sqlparser::ast::{ObjectName, Query, TableAlias, TableFactor, TableSampleKind, TableWithJoins};

use crate::catalog::Relation;
use crate::model::{ColumnRef, Oid};
use crate::rules::{ProtectedTable, Tenant};

use super::functions::ordinality;
use super::lineage::Lineage;
use super::query::Rows;
use super::refuse::{MIXTURE, OTHER, Walked};
use super::relations::Standing;
use super::scope::{Offered, Origin, Scan, Scope, Source};
use super::walk::Walk;

impl Walk<'_> {
    /// Adds a FROM item with its joins to the scope.
    pub(super) fn table_with_joins(
        &mut self,
        item: &TableWithJoins,
        scope: &mut Scope<'_>,
    ) -> Walked<()> {
        let rows = self.joined(item, scope)?;
        let star = scope.star.get_or_insert_default();
        star.columns.extend(rows.columns);
        star.open |= rows.open;
        Ok(())
    }

    /// Adds the sources of a FROM item; gives the columns that a star over it stands for.
    fn joined(&mut self, item: &TableWithJoins, scope: &mut Scope<'_>) -> Walked<Rows> {
        let mut rows = self.table_factor(&item.relation, scope)?;
        for join in &item.joins {
            if join.global {
                return Err(self.not_understood("a join of another dialect", None));
            }
            let right = self.table_factor(&join.relation, scope)?;
            rows = self.join(join, (rows, right), scope)?;
        }
        Ok(rows)
    }

    /// Adds the table that a statement changes: it is never a query of WITH, whatever these are named.
    pub(super) fn changed_table(
        &mut self,
        table: &TableFactor,
        scope: &mut Scope<'_>,
    ) -> Walked<()> {
        let mut alone = Scope::default();
        let rows = self.table_factor(table, &mut alone)?;
        scope.sources.append(&mut alone.sources);
        let star = scope.star.get_or_insert_default();
        star.columns.extend(rows.columns);
        star.open |= rows.open;
        Ok(())
    }

    pub(super) fn table_factor(
        &mut self,
        factor: &TableFactor,
        scope: &mut Scope<'_>,
    ) -> Walked<Rows> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_directives,
                inheritance: _,
            } => {
                let foreign = !with_hints.is_empty()
                    || version.is_some()
                    || !partitions.is_empty()
                    || json_path.is_some()
                    || !index_directives.is_empty();
                if foreign {
                    return Err(self.not_understood(
                        "a table reference of another dialect",
                        self.name_token(name),
                    ));
                }
                self.sample(sample.as_ref(), scope)?;
                let mut source = match args {
                    Some(args) => self.table_function(name, &args.args, alias.as_ref(), scope)?,
                    None => self.named_source(name, scope)?,
                };
                if *with_ordinality && !source.open {
                    source.scalar = false;
                    source.columns.push(ordinality());
                } else {
                    source.open |= *with_ordinality;
                }
                let mut source = self.aliased(source, alias.as_ref())?;
                self.keep_tested(&mut source)?;
                Ok(pushed(source, scope))
            }
            TableFactor::Derived {
                lateral,
                subquery,
                alias,
                sample,
            } => {
                self.sample(sample.as_ref(), scope)?;
                let rows = self.derived(*lateral, subquery, scope)?;
                let source = Source {
                    columns: rows.columns,
                    open: rows.open,
                    ..Source::default()
                };
                let source = self.aliased(source, alias.as_ref())?;
                Ok(pushed(source, scope))
            }
            TableFactor::Function {
                name, args, alias, ..
            } => {
                let source = self.table_function(name, args, alias.as_ref(), scope)?;
                let mut source = self.aliased(source, alias.as_ref())?;
                self.keep_tested(&mut source)?;
                Ok(pushed(source, scope))
            }
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset,
                with_offset_alias: _,
                with_ordinality,
            } => {
                if *with_offset {
                    return Err(self.not_understood("UNNEST of another dialect", None));
                }
                let source = self.unnest(array_exprs, *with_ordinality, alias.as_ref(), scope)?;
                Ok(pushed(source, scope))
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } => {
                let (inner, merged) = (scope.sources.len(), scope.merged.len());
                // What the query names behind an alias are other columns.
                let tests = match alias {
                    Some(_) => std::mem::take(&mut self.key_tests),
                    None => Vec::new(),
                };
                let rows = self.joined(table_with_joins, scope)?;
                self.key_tests.extend(tests);
                if alias.is_none() {
                    return Ok(rows);
                }
                // The alias hides the names inside.
                let usual = scope.merged.len() == merged;
                let inside = scope.sources.split_off(inner);
                scope.merged.truncate(merged);
                let source = Source {
                    columns: rows.columns,
                    open: rows.open,
                    ..Source::default()
                };
                let known = known_at_first(&inside).filter(|_| usual && source.open);
                let source = match known {
                    Some(known) => self.known_at_first(source, known, alias.as_ref())?,
                    None => self.aliased(source, alias.as_ref())?,
                };
                Ok(pushed(source, scope))
            }
            TableFactor::JsonTable { .. } | TableFactor::XmlTable { .. } => Err(self.unread(None)),
            TableFactor::TableFunction { .. }
            | TableFactor::OpenJsonTable { .. }
            | TableFactor::Pivot { .. }
            | TableFactor::Unpivot { .. }
            | TableFactor::UnpivotExpr { .. }
            | TableFactor::MatchRecognize { .. }
            | TableFactor::SemanticView { .. } => {
                Err(self.not_understood("this kind of FROM item", None))
            }
        }
    }

    fn sample(&mut self, sample: Option<&TableSampleKind>, scope: &Scope<'_>) -> Walked<()> {
        let Some(
            TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample),
        ) = sample
        else {
            return Ok(());
        };
        self.impure = self.impure.or(Some(self.range.start));
        if sample.bucket.is_some() || sample.offset.is_some() {
            return Err(self.not_understood("TABLESAMPLE of another dialect", None));
        }
        if let Some(quantity) = &sample.quantity {
            self.plain(&quantity.value, scope, OTHER)?;
        }
        if let Some(seed) = &sample.seed {
            self.constant(&seed.value)?;
        }
        Ok(())
    }

    /// A subquery in FROM sees its siblings only after LATERAL.
    fn derived(&mut self, lateral: bool, query: &Query, scope: &Scope<'_>) -> Walked<Rows> {
        if lateral {
            return self.query(query, scope);
        }
        match scope.outer {
            Some(outer) => self.query(query, outer),
            None => self.query(query, &Scope::default()),
        }
    }

    pub(super) fn aliased(
        &mut self,
        mut source: Source,
        alias: Option<&TableAlias>,
    ) -> Walked<Source> {
        let Some(alias) = alias else {
            return Ok(source);
        };
        if alias.at.is_some() {
            return Err(self.not_understood("an alias of another dialect", None));
        }
        self.place(&alias.name);
        source.name = self.name(&alias.name);
        source.schema = None;
        if source.open && !source.columns.is_empty() && !alias.columns.is_empty() {
            for column in &source.columns {
                self.must_be_plain(&column.lineage, MIXTURE)?;
            }
            self.use_all_plain(&source.columns);
        }
        if let (Some(first), true) = (source.columns.first_mut(), source.of_alias) {
            first.name.clone_from(&source.name);
        }
        // The rows of a table keep its type's names.
        if source.table.is_some() && !alias.columns.is_empty() {
            let names = source.columns.iter().map(|column| column.name.clone());
            source.fields = names.collect();
        }
        for (at, column) in alias.columns.iter().enumerate() {
            self.place(&column.name);
            let name = self.name(&column.name);
            match source.columns.get_mut(at) {
                Some(offered) => offered.name = name,
                None => source.columns.push(Offered {
                    name,
                    lineage: Lineage::None,
                    origin: None,
                }),
            }
        }
        if source.open && source.table.is_none() && source.columns.is_empty() {
            // A function that gives one value: its column bears the alias.
            source.columns.push(Offered {
                name: source.name.clone(),
                lineage: Lineage::None,
                origin: None,
            });
        }
        Ok(source)
    }

    fn named_source(&mut self, name: &ObjectName, scope: &Scope<'_>) -> Walked<Source> {
        let parts = self.names(name)?;
        if let [only] = parts.as_slice()
            && let Some(cte) = scope.cte(only)
        {
            if cte.later {
                let what = "a query of WITH RECURSIVE before the place where it is written";
                return Err(self.not_understood(what, self.name_token(name)));
            }
            self.place_name(name);
            self.relation_tokens.extend(self.name_token(name));
            *self.cte_reads.entry(only.clone()).or_default() += 1;
            // A look-up that is sent alone has no WITH.
            if self.with_prefix.is_none() {
                self.impure = self.impure.or(self.name_token(name));
            }
            let mut source = Source {
                name: only.clone(),
                columns: cte.columns.clone(),
                open: cte.open,
                ..Source::default()
            };
            self.scan_anew(&mut source.columns);
            return Ok(source);
        }
        let oid = self.relation(name)?;
        self.relation_source(oid, &parts, name)
    }

    pub(super) fn next_scan(&mut self) -> usize {
        self.scans += 1;
        self.scans
    }

    /// Another reference to a CTE gives other rows.
    fn scan_anew(&mut self, columns: &mut [Offered]) {
        let mut renumbered: Vec<(usize, usize)> = Vec::new();
        for column in columns {
            let Some(origin) = column.origin else {
                continue;
            };
            column.origin = Some(origin.renumbered(|number| {
                let known = renumbered.iter().find(|(old, _)| *old == number);
                known.map(|(_, new)| *new).unwrap_or_else(|| {
                    let new = self.next_scan();
                    renumbered.push((number, new));
                    new
                })
            }));
        }
        self.tenancy.renumbered(&renumbered);
    }

    /// What a relation offers when it is read.
    pub(super) fn relation_source(
        &mut self,
        oid: Option<Oid>,
        parts: &[String],
        name: &ObjectName,
    ) -> Walked<Source> {
        let own = parts.last().cloned().unwrap_or_default();
        let relation = oid.and_then(|oid| self.relations.catalog.relation(oid));
        let Some(relation) = relation else {
            return Ok(Source {
                name: own,
                open: true,
                ..Source::default()
            });
        };
        match self.relations.standing(relation.oid) {
            Standing::Ancestor => {
                return Err(self.ancestor(relation, self.name_token(name)));
            }
            Standing::View(view) if view.given.is_none() => {
                let message = format!(
                    "view {}.{} computes with sealed columns",
                    relation.schema, relation.name
                );
                let help = "Let the view select the columns themselves, or query the table.";
                return Err(self.refuse(message, help, "refused-view", self.name_token(name)));
            }
            Standing::Table(_) | Standing::View(_) | Standing::Plain => {}
        }
        let columns = self.columns_read(relation);
        Ok(Source {
            name: own,
            schema: Some(relation.schema.clone()),
            columns,
            table: Some(relation.oid),
            ..Source::default()
        })
    }

    /// The columns of another reading of a relation.
    pub(super) fn columns_read(&mut self, relation: &Relation) -> Vec<Offered> {
        let relations = self.relations;
        let (mut tenant, mut before) = (None, 0);
        match relations.standing(relation.oid) {
            Standing::Table(table) => tenant = tenant_column(table),
            Standing::View(view) => {
                if let Some(given) = &view.given {
                    before = self.scans;
                    self.scans += given.scans;
                    self.tenancy.read_through(&given.tenancy, before);
                }
            }
            Standing::Ancestor | Standing::Plain => {}
        }
        let number = self.next_scan();
        let columns = relation.columns.iter().map(|column| {
            let own = ColumnRef {
                table: relation.oid,
                attnum: column.attnum,
            };
            let scan = Scan {
                number,
                tenant: tenant == Some(column.attnum),
            };
            let through = relations.read_through(own, before);
            Offered {
                name: column.name.clone(),
                lineage: relations.column(own).unwrap_or(Lineage::None),
                origin: Some(through.unwrap_or(Origin::Column(own, scan))),
            }
        });
        columns.collect()
    }
}

/// The column that holds the tenant of a table's rows.
fn tenant_column(table: &ProtectedTable) -> Option<i16> {
    match &table.tenant {
        Tenant::Column { attnum, .. } => Some(*attnum),
        Tenant::Setting(_) | Tenant::Constant(_) | Tenant::Parent { .. } => None,
    }
}

/// How many columns stand before those that are not known, if no sealed one is among what follows.
fn known_at_first(sources: &[Source]) -> Option<usize> {
    let open = sources.iter().position(|source| source.open)?;
    let (before, behind) = sources.split_at(open);
    let mut columns = behind.iter().flat_map(|source| &source.columns);
    let known = before.iter().map(|source| source.columns.len()).sum();
    columns
        .all(|column| column.lineage.is_none())
        .then_some(known)
}

/// Adds a source to the scope; gives its columns.
fn pushed(source: Source, scope: &mut Scope<'_>) -> Rows {
    let rows = Rows {
        columns: source.columns.clone(),
        open: source.open,
    };
    scope.sources.push(source);
    rows
}
