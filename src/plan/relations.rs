//! Which relations, columns and functions of the catalog a statement must be planned for.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::catalog::{Catalog, Relation, Runner};
use crate::model::{ColumnRef, Oid};
use crate::rules::{ProtectedTable, Protection};

use super::lineage::Lineage;
use super::owners::{Parent, parents};
use super::scope::Origin;
use super::steady::OPERATORS;
use super::tenancy::Tenancy;

/// A view over protected tables.
pub(super) struct View {
    /// What it gives; `None`: its definition is not understood.
    pub given: Option<Given>,
}

/// What a view gives.
#[derive(Default)]
pub(super) struct Given {
    /// Its columns by position.
    pub columns: Vec<Column>,
    /// How many times its definition reads tables.
    pub scans: usize,
    /// What the definition says of the tenants of their rows.
    pub tenancy: Tenancy,
}

/// A column of a view.
#[derive(Clone)]
pub(super) struct Column {
    pub lineage: Lineage,
    /// The column of a table, or of another view, that it is unchanged.
    pub origin: Option<Origin>,
}

impl Given {
    /// What is read of a table whose rules of `CREATE RULE` read or write protected ones: its own columns.
    pub(super) fn own(columns: usize) -> Self {
        let own = Column {
            lineage: Lineage::None,
            origin: None,
        };
        Self {
            columns: vec![own; columns],
            ..Self::default()
        }
    }
}

/// Everything protected, by OID and by name.
pub(super) struct Relations {
    pub catalog: Arc<Catalog>,
    pub protection: Arc<Protection>,
    views: HashMap<Oid, View, RandomState>,
    /// Unprotected parents of protected partitions: a write to them would reach the partition in the clear.
    ancestors: HashSet<Oid, RandomState>,
    /// Tables whose rows say the tenants of others.
    pub parents: HashMap<Oid, Parent, RandomState>,
    functions: HashSet<String>,
    /// Operators that run one of these functions.
    operators: HashSet<String>,
    /// Types that a cast leads to which does.
    cast_types: HashSet<String>,
}

/// What a relation means to the analysis.
pub(super) enum Standing<'a> {
    Table(&'a Arc<ProtectedTable>),
    View(&'a View),
    /// The unprotected parent of a protected partition, the child of tables whose rules disagree, or a table that its rule
    /// no longer fits.
    Ancestor,
    Plain,
}

impl Relations {
    /// Finds the views, parents and functions over protected tables. The views' lineage is not known yet.
    pub(super) fn new(catalog: Arc<Catalog>, protection: Arc<Protection>) -> Self {
        let ancestors = ancestors(&catalog, &protection);
        let parents = parents(&catalog, &protection);
        let mut all = Self {
            catalog,
            protection,
            views: HashMap::default(),
            ancestors,
            parents,
            functions: HashSet::new(),
            operators: HashSet::new(),
            cast_types: HashSet::new(),
        };
        // A view may call a function over a protected table, by an operator too, and a function read a view.
        loop {
            all.find_views();
            all.find_runners();
            let before = all.functions.len();
            all.find_functions();
            if before == all.functions.len() {
                return all;
            }
        }
    }

    fn find_views(&mut self) {
        let catalog = Arc::clone(&self.catalog);
        let protected = self.function_oids();
        loop {
            let found: Vec<Oid> = catalog
                .relations()
                .filter(|relation| !self.views.contains_key(&relation.oid))
                .filter(|view| {
                    let mut reads = view.reads.iter();
                    reads.any(|oid| !matches!(self.standing(*oid), Standing::Plain))
                        || view.calls.iter().any(|oid| protected.contains(oid))
                })
                .map(|view| view.oid)
                .collect();
            if found.is_empty() {
                return;
            }
            self.views
                .extend(found.into_iter().map(|oid| (oid, View { given: None })));
        }
    }

    fn find_functions(&mut self) {
        let catalog = Arc::clone(&self.catalog);
        let mut names = self.names();
        loop {
            let found: Vec<String> = catalog
                .functions()
                .iter()
                .filter(|function| {
                    !self.functions.contains(&function.name) && mentions_any(&function.body, &names)
                })
                .map(|function| function.name.clone())
                .collect();
            if found.is_empty() {
                return;
            }
            names.extend(found.iter().cloned());
            self.functions.extend(found);
        }
    }

    fn find_runners(&mut self) {
        let protected = self.function_oids();
        let catalog = Arc::clone(&self.catalog);
        let all = catalog.runners().iter();
        for (runner, _) in all.filter(|(_, function)| protected.contains(function)) {
            match runner {
                // Ordinary statements are full of them, and mean PostgreSQL's own.
                Runner::Operator(name) if OPERATORS.contains(&name.as_str()) => false,
                Runner::Operator(name) => self.operators.insert(name.clone()),
                Runner::Cast(name) => self.cast_types.insert(name.clone()),
            };
        }
    }

    fn function_oids(&self) -> HashSet<Oid> {
        let functions = self.catalog.functions().iter();
        let protected = functions.filter(|function| self.is_function(&function.name));
        protected.map(|function| function.oid).collect()
    }

    /// Views whose lineage is still to be found.
    pub(super) fn open_views(&self) -> Vec<Oid> {
        self.views
            .iter()
            .filter(|(_, view)| view.given.is_none())
            .map(|(oid, _)| *oid)
            .collect()
    }

    /// Records what a view gives.
    pub(super) fn know_view(&mut self, oid: Oid, given: Given) {
        self.views.insert(oid, View { given: Some(given) });
    }

    /// Names of the relations that must be planned for, those among them for which there is a rule and nothing else.
    pub(super) fn relation_names(&self) -> BTreeSet<String> {
        let oids = self
            .protection
            .tables
            .keys()
            .chain(&self.protection.unfit)
            .chain(self.views.keys())
            .chain(self.ancestors.iter());
        let vacant = &self.protection.vacant;
        let there = oids
            .filter_map(|oid| self.catalog.relation(*oid))
            .chain(self.above_vacant())
            .map(|relation| relation.name.clone());
        let vacant = vacant.tables.keys().map(|(_, table)| table.clone());
        there.chain(vacant).collect()
    }

    /// The tables in which columns that are to be sealed are not there, and those that they would get them from.
    fn above_vacant(&self) -> impl Iterator<Item = &Relation> {
        let columns = &self.protection.vacant.columns;
        let relations = self.catalog.relations().filter(|_| !columns.is_empty());
        relations.filter(|relation| {
            let mut below = columns.keys();
            below.any(|oid| self.catalog.is_within(*oid, relation.oid))
        })
    }

    /// All names whose mention makes a statement worth planning.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let mut names = self.relation_names();
        let runners = self.operators.iter().chain(&self.cast_types);
        names.extend(self.functions.iter().chain(runners).cloned());
        names
    }

    /// Whether any operator or cast works on a protected table.
    pub(super) fn has_runners(&self) -> bool {
        !(self.operators.is_empty() && self.cast_types.is_empty())
    }

    /// Whether an operator of this name works on a protected table.
    pub(super) fn is_operator(&self, name: &str) -> bool {
        self.operators.contains(name)
    }

    /// Whether a cast to, or from, a type of this name does.
    pub(super) fn is_cast_type(&self, name: &str) -> bool {
        self.cast_types.contains(name)
    }

    /// Whether no statement needs planning.
    pub(super) fn protects_nothing(&self) -> bool {
        let vacant = &self.protection.vacant;
        let awaits = !(vacant.tables.is_empty() && vacant.columns.is_empty());
        self.protection.tables.is_empty() && self.protection.unfit.is_empty() && !awaits
    }

    /// Whether a function of this name works on a protected table.
    pub(super) fn is_function(&self, name: &str) -> bool {
        self.functions.contains(name) || self.is_cast_type(name)
    }

    /// The same for a function that a FunctionCall names.
    pub(super) fn is_function_oid(&self, oid: Oid) -> bool {
        let mut functions = self.catalog.functions().iter();
        functions.any(|function| function.oid == oid && self.is_function(&function.name))
    }

    /// Whether an unqualified name can mean one of several relations, one of them protected.
    pub(super) fn is_ambiguous(&self, name: &str) -> bool {
        let found = self.catalog.find(None, name);
        found.len() > 1
            && found
                .iter()
                .any(|relation| !matches!(self.standing(relation.oid), Standing::Plain))
    }

    /// The protected relation that alone bears a name.
    pub(super) fn sole(&self, name: &str) -> Option<Oid> {
        let found = self.catalog.find(None, name);
        let [relation] = found.as_slice() else {
            return None;
        };
        let protected = !matches!(self.standing(relation.oid), Standing::Plain);
        protected.then_some(relation.oid)
    }

    /// Whether the snapshot holds no relation of this name in the schema, but a protected one elsewhere: its schema may have
    /// been renamed.
    pub(super) fn may_have_moved(&self, schema: &str, name: &str) -> bool {
        let protected =
            |relation: &&Relation| !matches!(self.standing(relation.oid), Standing::Plain);
        self.catalog.find(Some(schema), name).is_empty()
            && self.catalog.find(None, name).iter().any(protected)
    }

    /// What a relation means to the analysis.
    pub(super) fn standing(&self, oid: Oid) -> Standing<'_> {
        if self.protection.unfit.contains(&oid) {
            Standing::Ancestor
        } else if let Some(table) = self.protection.tables.get(&oid) {
            if table.torn {
                return Standing::Ancestor;
            }
            Standing::Table(table)
        } else if let Some(view) = self.views.get(&oid) {
            Standing::View(view)
        } else if self.ancestors.contains(&oid) {
            Standing::Ancestor
        } else {
            Standing::Plain
        }
    }

    /// What a column carries.
    pub(super) fn column(&self, column: ColumnRef) -> Option<Lineage> {
        match self.standing(column.table) {
            Standing::Table(table) => table
                .column(column.attnum)
                .map(|sealed| Lineage::Exact(Arc::clone(sealed))),
            Standing::View(view) => self
                .view_column(view, column)
                .map(|column| column.lineage.clone()),
            Standing::Ancestor | Standing::Plain => None,
        }
    }

    /// What a view gives as this column of its.
    pub(super) fn view_column<'v>(&self, view: &'v View, column: ColumnRef) -> Option<&'v Column> {
        let relation = self.catalog.relation(column.table)?;
        let mut columns = relation.columns.iter();
        let at = columns.position(|known| known.attnum == column.attnum)?;
        view.given.as_ref()?.columns.get(at)
    }

    /// The protected tables that a change of this relation's columns changes, too, and itself.
    pub(super) fn with_below(&self, oid: Oid) -> Vec<Oid> {
        let ancestor = matches!(self.standing(oid), Standing::Ancestor);
        let tables = self.protection.tables.keys();
        let below = tables.filter(|table| ancestor && self.catalog.is_within(**table, oid));
        std::iter::once(oid).chain(below.copied()).collect()
    }

    /// Names of all sealed columns of the tables and views among these relations.
    pub(super) fn sealed_names(&self, oids: &BTreeSet<Oid>) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for oid in oids {
            let Some(relation) = self.catalog.relation(*oid) else {
                continue;
            };
            let sealed = relation.columns.iter().filter(|column| {
                let column = ColumnRef {
                    table: *oid,
                    attnum: column.attnum,
                };
                !matches!(self.column(column), None | Some(Lineage::None))
            });
            names.extend(sealed.map(|column| column.name.clone()));
        }
        names
    }
}

/// Unprotected tables that a sealed column is inherited from: by a change of theirs it would take plaintext.
fn ancestors(catalog: &Catalog, protection: &Protection) -> HashSet<Oid, RandomState> {
    let parents = |oid| catalog.relation(oid).map(|relation| &relation.parents);
    let mut found = HashSet::default();
    for table in protection.tables.values() {
        let mut above: Vec<Oid> = parents(table.oid).into_iter().flatten().copied().collect();
        let mut seen = HashSet::new();
        while let Some(oid) = above.pop() {
            if !seen.insert(oid) {
                continue;
            }
            above.extend(parents(oid).into_iter().flatten());
            let shared = |relation: &Relation| {
                let mut sealed = table.columns.iter();
                sealed.any(|column| relation.column(&column.name).is_some())
            };
            if !protection.tables.contains_key(&oid) && catalog.relation(oid).is_some_and(shared) {
                found.insert(oid);
            }
        }
    }
    for oid in &protection.unfit {
        let own = parents(*oid).into_iter().flatten().copied();
        found.extend(own.filter(|parent| !protection.tables.contains_key(parent)));
    }
    found
}

/// Whether a body or definition holds one of the names as a whole word, in any case; of an operator, at all.
pub(super) fn mentions_any(text: &str, names: &BTreeSet<String>) -> bool {
    let lower = text.to_lowercase();
    names.iter().any(|name| {
        let name = name.to_lowercase();
        lower.match_indices(&name).any(|(at, _)| {
            let before = lower.get(..at).and_then(|text| text.chars().next_back());
            let after = lower
                .get(at + name.len()..)
                .and_then(|text| text.chars().next());
            let letter = |c: char| c.is_alphanumeric() || c == '_';
            let word = |c: Option<char>| c.is_some_and(letter) && name.contains(letter);
            !word(before) && !word(after)
        })
    })
}
