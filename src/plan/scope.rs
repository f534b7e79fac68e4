//! Names in a query: what each column reference means.

use crate::model::{ColumnRef, Oid};

use super::types::Lineage;

/// A column that a source of rows offers.
#[derive(Clone)]
pub(super) struct Offered {
    pub name: String,
    pub lineage: Lineage,
    /// The table's column that it is, unchanged.
    pub origin: Option<ColumnRef>,
}

/// A table, subquery, CTE or function in FROM.
#[derive(Clone, Default)]
pub(super) struct Source {
    /// The name that qualifies its columns; empty: none.
    pub name: String,
    /// The schema that may stand before that name.
    pub schema: Option<String>,
    pub columns: Vec<Offered>,
    /// Whether it may have further columns, which then carry nothing sealed.
    pub open: bool,
    pub table: Option<Oid>,
}

/// A named subquery of WITH.
#[derive(Clone)]
pub(super) struct Cte {
    pub name: String,
    pub columns: Vec<Offered>,
    pub open: bool,
}

/// One query level.
#[derive(Default)]
pub(super) struct Scope<'s> {
    pub sources: Vec<Source>,
    pub ctes: Vec<Cte>,
    pub outer: Option<&'s Scope<'s>>,
}

/// What a column reference means.
pub(super) enum Meaning {
    /// Columns of this name of the nearest level that has any: usually one.
    Column {
        lineage: Lineage,
        origin: Option<ColumnRef>,
        source: String,
    },
    /// A whole row.
    Row { lineage: Lineage },
    /// No source has it.
    Unknown,
}

impl<'s> Scope<'s> {
    /// A level below another one.
    pub(super) fn below(outer: &'s Scope<'s>) -> Self {
        Self {
            sources: Vec::new(),
            ctes: Vec::new(),
            outer: Some(outer),
        }
    }

    fn levels(&self) -> impl Iterator<Item = &Scope<'s>> {
        std::iter::successors(Some(self), |scope| scope.outer)
    }

    /// The CTE of this name.
    pub(super) fn cte(&self, name: &str) -> Option<&Cte> {
        self.levels()
            .find_map(|scope| scope.ctes.iter().rev().find(|cte| cte.name == name))
    }

    /// The sources that `schema.name` or `name` qualifies, at the nearest level that has one.
    fn qualified(&self, schema: Option<&str>, name: &str) -> Vec<&Source> {
        let fits = |source: &&Source| {
            source.name == name
                && schema.is_none_or(|schema| source.schema.as_deref() == Some(schema))
        };
        let found = self
            .levels()
            .map(|scope| scope.sources.iter().filter(fits).collect::<Vec<_>>());
        let mut found = found.filter(|sources| !sources.is_empty());
        found.next().unwrap_or_default()
    }

    /// The source that a qualified star means.
    pub(super) fn star(&self, parts: &[String]) -> Option<&Source> {
        let found = match parts {
            [name] => self.qualified(None, name),
            [schema, name] => self.qualified(Some(schema), name),
            _ => Vec::new(),
        };
        found.first().copied()
    }

    /// What a column reference of these parts means.
    pub(super) fn resolve(&self, parts: &[String]) -> Meaning {
        match parts {
            [column] => self.resolve_bare(column),
            [table, column] => match in_sources(&self.qualified(None, table), column) {
                Meaning::Unknown => Meaning::Unknown,
                found => found,
            },
            [schema, table, column] => in_sources(&self.qualified(Some(schema), table), column),
            _ => Meaning::Unknown,
        }
    }

    fn resolve_bare(&self, column: &str) -> Meaning {
        for scope in self.levels() {
            let sources: Vec<&Source> = scope.sources.iter().collect();
            let known = sources
                .iter()
                .any(|source| source.columns.iter().any(|offered| offered.name == column));
            if known {
                return in_sources(&sources, column);
            }
            if let Some(row) = sources.iter().find(|source| source.name == column) {
                return Meaning::Row {
                    lineage: merge(row.columns.iter().map(|offered| &offered.lineage)),
                };
            }
        }
        let open = self
            .levels()
            .any(|scope| scope.sources.iter().any(|source| source.open));
        if open { nothing() } else { Meaning::Unknown }
    }
}

fn nothing() -> Meaning {
    Meaning::Column {
        lineage: Lineage::None,
        origin: None,
        source: String::new(),
    }
}

fn in_sources(sources: &[&Source], column: &str) -> Meaning {
    let mut found = Vec::new();
    for source in sources {
        found.extend(
            source
                .columns
                .iter()
                .filter(|offered| offered.name == column)
                .map(|offered| (*source, offered)),
        );
    }
    match found.as_slice() {
        [] => {
            let system = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"].contains(&column);
            if sources
                .iter()
                .any(|source| source.open || (system && source.table.is_some()))
            {
                nothing()
            } else {
                Meaning::Unknown
            }
        }
        [(source, offered)] => Meaning::Column {
            lineage: offered.lineage.clone(),
            origin: offered.origin,
            source: source.name.clone(),
        },
        many => Meaning::Column {
            lineage: merge(many.iter().map(|(_, offered)| &offered.lineage)),
            origin: None,
            source: String::new(),
        },
    }
}

/// What a value carries that is one of several.
pub(super) fn merge<'l>(all: impl Iterator<Item = &'l Lineage>) -> Lineage {
    let mut merged: Option<Lineage> = None;
    for lineage in all {
        merged = Some(match merged {
            None => lineage.clone(),
            Some(before) => either(&before, lineage),
        });
    }
    merged.unwrap_or(Lineage::None)
}

fn either(left: &Lineage, right: &Lineage) -> Lineage {
    match (left, right) {
        (Lineage::None, Lineage::None) => Lineage::None,
        (Lineage::Exact(left), Lineage::Exact(right)) if left.label == right.label => {
            Lineage::Exact(left.clone())
        }
        _ => {
            let mut columns = columns(left);
            for column in self::columns(right) {
                if !columns.iter().any(|known| known.label == column.label) {
                    columns.push(column);
                }
            }
            Lineage::Maybe(columns)
        }
    }
}

/// The sealed columns that a value may come from.
pub(super) fn columns(lineage: &Lineage) -> Vec<std::sync::Arc<crate::rules::ProtectedColumn>> {
    match lineage {
        Lineage::None => Vec::new(),
        Lineage::Exact(column) => vec![column.clone()],
        Lineage::Maybe(columns) => columns.clone(),
    }
}

/// The same, but no longer surely a sealed value.
pub(super) fn weakened(lineage: Lineage) -> Lineage {
    match lineage {
        Lineage::Exact(column) => Lineage::Maybe(vec![column]),
        other => other,
    }
}
