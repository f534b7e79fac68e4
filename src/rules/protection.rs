//! What is protected in one database: which columns of which relations, and how.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use serde::Deserialize;

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
    /// `schema.table.column`, for people.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}.{}.{}", self.schema, self.table, self.name)
    }

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
    /// Which column each name in the rules means, by its table and that name.
    pub names: HashMap<(Oid, String), i16>,
    /// Tables that their rule no longer fits, and which therefore cannot be used.
    pub unfit: HashSet<Oid, RandomState>,
    /// What rules name and that is not there.
    pub vacant: Vacant,
}

/// Names of rules under which nothing is there: what is made under them is protected by the first catalog that has it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Vacant {
    /// Columns that are to be sealed, by the schema and name of their table.
    pub tables: HashMap<(String, String), BTreeSet<String>>,
    /// Columns that are to be sealed in a table that is there.
    pub columns: HashMap<Oid, BTreeSet<String>>,
}
