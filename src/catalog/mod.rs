//! An immutable snapshot of the tables, columns, types and views of one database.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use crate::model::Oid;

/// What kind of relation `pg_class.relkind` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    /// `r`
    Table,
    /// `p`
    Partitioned,
    /// `v`
    View,
    /// `m`
    MaterializedView,
    /// `f`
    Foreign,
    /// Anything else that has a name: sequences, composite types.
    Other,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// `pg_attribute.attnum`.
    pub attnum: i16,
    /// Its name, as stored.
    pub name: String,
    /// Its type, the base type under domains.
    pub type_oid: Oid,
    /// That type's name, as stored in `pg_type`.
    pub type_name: String,
    /// The same as SQL writes it, with its length or precision, and its schema where it needs one.
    pub written_type: String,
    /// Whether texts that are equal are the same: not under a nondeterministic collation.
    pub deterministic: bool,
    /// n of `varchar(n)`.
    pub max_chars: Option<u32>,
    /// NOT NULL.
    pub not_null: bool,
    /// Computed from other columns.
    pub generated: bool,
}

/// A primary key, unique constraint or unique index over plain columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueKey {
    /// The index's name, which is the constraint's.
    pub name: String,
    /// Its columns.
    pub attnums: Vec<i16>,
    /// Whether it is the primary key.
    pub primary: bool,
    /// Whether it holds at every moment: valid and not deferrable.
    pub enforced: bool,
    /// Whether a foreign key passes on its changes to other rows.
    pub followed: bool,
}

/// One relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// `pg_class.oid`.
    pub oid: Oid,
    /// Its schema, as stored.
    pub schema: String,
    /// Its name, as stored.
    pub name: String,
    /// Its kind.
    pub kind: RelationKind,
    /// Its columns in order, dropped ones left out.
    pub columns: Vec<Column>,
    /// The tables that it is a partition or a child of, in their order.
    pub parents: Vec<Oid>,
    /// The relations that its rewrite rules read or write: a view's have one that reads.
    pub reads: Vec<Oid>,
    /// The functions that its rewrite rules call.
    pub calls: Vec<Oid>,
    /// Another one when these rules change.
    pub rules_version: i64,
    /// `pg_get_viewdef`, for views that are asked about: with the schema of every name.
    pub view_definition: Option<String>,
    /// Unique keys, the primary one included.
    pub unique_keys: Vec<UniqueKey>,
    /// A table on which an UPDATE of columns that no foreign key passes on changes nothing else, and hides or shows no row:
    /// it has no triggers, rules, row security, partitions or children.
    pub quiet: bool,
}

impl Relation {
    /// Whether it is a view, materialized or not.
    #[must_use]
    pub fn is_view(&self) -> bool {
        matches!(
            self.kind,
            RelationKind::View | RelationKind::MaterializedView
        )
    }

    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The column of this number.
    #[must_use]
    pub fn attnum(&self, attnum: i16) -> Option<&Column> {
        self.columns.iter().find(|column| column.attnum == attnum)
    }
}

/// A function whose body is SQL or PL/pgSQL text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// `pg_proc.oid`.
    pub oid: Oid,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its body.
    pub body: String,
}

/// What runs a function under another name than its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runner {
    /// An operator of this name.
    Operator(String),
    /// A cast that a type of this name leads to: its target's, where that is not the system's own, or else its source's.
    Cast(String),
}

/// The snapshot.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Grows with every reload.
    pub epoch: u64,
    relations: HashMap<Oid, Relation, RandomState>,
    names: HashMap<String, Vec<Oid>>,
    functions: Vec<Function>,
    /// What runs some of them, and which.
    runners: Vec<(Runner, Oid)>,
    /// Names under which a row may be the only argument of a function; `None`: any may be one.
    of_rows: Option<HashSet<String>>,
}

impl Catalog {
    /// Puts a snapshot together.
    #[must_use]
    pub fn new(epoch: u64, relations: Vec<Relation>, functions: Vec<Function>) -> Self {
        let mut names: HashMap<String, Vec<Oid>> = HashMap::new();
        for relation in &relations {
            names
                .entry(relation.name.clone())
                .or_default()
                .push(relation.oid);
        }
        let relations = relations
            .into_iter()
            .map(|relation| (relation.oid, relation))
            .collect();
        Self {
            epoch,
            relations,
            names,
            functions,
            runners: Vec::new(),
            of_rows: None,
        }
    }

    /// Says which operators and casts run functions with a body.
    #[must_use]
    pub fn running(mut self, runners: Vec<(Runner, Oid)>) -> Self {
        self.runners = runners;
        self
    }

    /// Says which names, written behind a row and a point, can call a function of the row.
    #[must_use]
    pub fn calling(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.of_rows = Some(names.into_iter().collect());
        self
    }

    /// Whether `row.name` may call a function of this name, where the row has no such column.
    #[must_use]
    pub fn may_call(&self, name: &str) -> bool {
        self.of_rows
            .as_ref()
            .is_none_or(|names| names.contains(name))
    }

    /// Whether a table is this other one, or a partition or child of it at any depth.
    #[must_use]
    pub fn is_within(&self, table: Oid, other: Oid) -> bool {
        let parents = self.relation(table).map(|relation| &relation.parents);
        let mut parents = parents.into_iter().flatten();
        table == other || parents.any(|parent| self.is_within(*parent, other))
    }

    /// The relation of this OID.
    #[must_use]
    pub fn relation(&self, oid: Oid) -> Option<&Relation> {
        self.relations.get(&oid)
    }

    /// Relations of this exact name, in this schema or in any.
    #[must_use]
    pub fn find(&self, schema: Option<&str>, name: &str) -> Vec<&Relation> {
        let oids = self.names.get(name).map(Vec::as_slice).unwrap_or_default();
        let found = oids.iter().filter_map(|oid| self.relation(*oid));
        found
            .filter(|relation| schema.is_none_or(|schema| relation.schema == schema))
            .collect()
    }

    /// All relations, in no order.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values()
    }

    /// Functions with a body.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// Operators and casts, and the function that each runs.
    #[must_use]
    pub fn runners(&self) -> &[(Runner, Oid)] {
        &self.runners
    }
}
