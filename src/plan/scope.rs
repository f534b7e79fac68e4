//! Names in a query: what each column reference means.

use crate::model::{ColumnRef, Oid};

use super::lineage::{Lineage, Member, Shape, merge, unclear};
use super::members::Members;
use super::query::Rows;

/// A column that a source of rows offers.
#[derive(Clone)]
pub(super) struct Offered {
    pub name: String,
    pub lineage: Lineage,
    /// What it is, unchanged.
    pub origin: Option<Origin>,
}

/// Where a column's values come from as they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A table's column.
    Column(ColumnRef, Scan),
    /// Of each branch of a set operation one, like this one of the first branch.
    United(ColumnRef, Scan),
    /// Constants and parameters of the statement: an index into the walk's passed columns.
    Values(usize),
}

impl Origin {
    /// Whether it is this column of a table.
    pub(super) fn is(self, column: ColumnRef) -> bool {
        matches!(self, Self::Column(own, _) if own == column)
    }

    /// The column of a table whose values they are or are like, and the rows that they come from.
    pub(super) fn scanned(self) -> Option<(ColumnRef, Scan)> {
        match self {
            Self::Column(column, scan) | Self::United(column, scan) => Some((column, scan)),
            Self::Values(_) => None,
        }
    }

    fn scan(self) -> Option<Scan> {
        self.scanned().map(|(_, scan)| scan)
    }

    /// The same of rows of another number.
    pub(super) fn renumbered(self, mut number: impl FnMut(usize) -> usize) -> Self {
        let mut anew = |scan: Scan| Scan {
            number: number(scan.number),
            ..scan
        };
        match self {
            Self::Column(column, scan) => Self::Column(column, anew(scan)),
            Self::United(column, scan) => Self::United(column, anew(scan)),
            Self::Values(_) => self,
        }
    }
}

/// Which of the statement's scans of a table a column comes from: two of one number come from one row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Scan {
    pub number: usize,
    /// Whether the column holds the row's tenant.
    pub tenant: bool,
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
    /// Whether only names that it qualifies reach it, as `old` and `new` in RETURNING.
    pub qualified_only: bool,
    /// The names of its row's fields, where its columns have others.
    pub fields: Vec<String>,
    /// Whether its rows are the values of its one column: those of a function.
    pub scalar: bool,
    /// Whether its first column bears the name of its alias.
    pub of_alias: bool,
    /// The members of the object that its rows are, each with its name and value.
    pub members: Option<Members>,
}

impl Source {
    fn gives(&self, number: usize) -> bool {
        let mut scans = self
            .columns
            .iter()
            .filter_map(|column| column.origin?.scan());
        scans.any(|scan| scan.number == number)
    }
}

impl Source {
    /// What its column of this name carries.
    pub(super) fn column(&self, name: &str) -> Lineage {
        let named = self.columns.iter().filter(|offered| offered.name == name);
        merge(named.map(|offered| &offered.lineage))
    }

    /// Whether it has a column of this name for certain.
    pub(super) fn offers(&self, name: &str) -> bool {
        self.columns.iter().any(|offered| offered.name == name)
    }

    /// What its whole row carries.
    pub(super) fn row(&self) -> Lineage {
        if let ([only], true, false) = (self.columns.as_slice(), self.scalar, self.open) {
            return only.lineage.clone();
        }
        if self.open {
            return unclear(self.columns.iter().map(|offered| &offered.lineage));
        }
        let members = self.columns.iter().enumerate().map(|(at, offered)| Member {
            name: self.fields.get(at).unwrap_or(&offered.name).clone(),
            lineage: offered.lineage.clone(),
            tenant: tenant_of(offered, &self.columns),
        });
        Lineage::within(Shape::Record(members.collect()))
    }
}

/// A named subquery of WITH.
#[derive(Clone)]
pub(super) struct Cte {
    pub name: String,
    pub columns: Vec<Offered>,
    pub open: bool,
    /// It stands further behind in the same WITH RECURSIVE, which may use it already: what it gives is not known.
    pub later: bool,
}

/// One query level.
#[derive(Default)]
pub(super) struct Scope<'s> {
    pub sources: Vec<Source>,
    /// What a star stands for, where joins merge columns; `None`: the sources' columns in order.
    pub star: Option<Rows>,
    /// Columns that USING and NATURAL made of two.
    pub merged: Vec<Offered>,
    pub ctes: Vec<Cte>,
    pub outer: Option<&'s Scope<'s>>,
}

/// What a column reference means.
pub(super) enum Meaning {
    /// Columns of this name of the nearest level that has any: usually one.
    Column {
        lineage: Lineage,
        origin: Option<Origin>,
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
            star: None,
            merged: Vec::new(),
            ctes: Vec::new(),
            outer: Some(outer),
        }
    }

    fn levels(&self) -> impl Iterator<Item = &Scope<'s>> {
        std::iter::successors(Some(self), |scope| scope.outer)
    }

    /// Whether rows of a scan come from this level's sources.
    pub(super) fn offers(&self, scan: usize) -> bool {
        self.sources.iter().any(|source| source.gives(scan))
    }

    /// The same for this level and those around it.
    pub(super) fn offers_above(&self, scan: usize) -> bool {
        self.levels().any(|scope| scope.offers(scan))
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

    /// What a star without a name stands for.
    pub(super) fn all_columns(&self) -> Rows {
        self.star.clone().unwrap_or_else(|| {
            let visible = || self.sources.iter().filter(|source| !source.qualified_only);
            Rows {
                columns: visible()
                    .flat_map(|source| source.columns.clone())
                    .collect(),
                open: visible().any(|source| source.open),
            }
        })
    }

    /// What the whole row of a qualified star carries, as a function's argument.
    pub(super) fn whole_row(&self, parts: &[String]) -> Option<Lineage> {
        self.star(parts).map(Source::row)
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
            if let Some(merged) = scope.merged.iter().rev().find(|one| one.name == column) {
                return Meaning::Column {
                    lineage: merged.lineage.clone(),
                    origin: merged.origin,
                    source: String::new(),
                };
            }
            let sources: Vec<&Source> = scope
                .sources
                .iter()
                .filter(|source| !source.qualified_only)
                .collect();
            let known = sources
                .iter()
                .any(|source| source.columns.iter().any(|offered| offered.name == column));
            if known {
                return in_sources(&sources, column);
            }
        }
        // A name is a row's only where no level has a column of that name.
        let mut rows = self.levels().flat_map(|scope| &scope.sources);
        if let Some(row) = rows.find(|source| source.name == column) {
            return Meaning::Row { lineage: row.row() };
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

/// The place of the column that holds the tenant of the row that a sealed column comes from.
fn tenant_of(sealed: &Offered, columns: &[Offered]) -> Option<usize> {
    let scan = |column: &Offered| column.origin.and_then(Origin::scan);
    let own = scan(sealed).filter(|_| !sealed.lineage.is_none())?;
    columns
        .iter()
        .position(|other| scan(other).is_some_and(|scan| scan.tenant && scan.number == own.number))
}
