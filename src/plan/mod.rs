//! SQL text to a plan or a refusal.

pub mod lexer;
pub mod mention;
pub mod tokens;
mod types;

use std::sync::Arc;

use aho_corasick::AhoCorasick;

pub use types::*;

use crate::catalog::Catalog;
use crate::model::{ColumnRef, Oid, Refusal};
use crate::rules::{Protection, Tenant};

/// Plans statements for one catalog and what is protected in it.
pub struct Planner {
    catalog: Arc<Catalog>,
    protection: Arc<Protection>,
    names: Option<AhoCorasick>,
}

impl Planner {
    /// A planner for this snapshot.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>, protection: Arc<Protection>) -> Self {
        let names = protection.tables.values().map(|table| table.name.clone());
        let patterns: Vec<String> = names.chain(["u&".to_owned()]).collect();
        let names = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(patterns)
            .ok();
        Self {
            catalog,
            protection,
            names,
        }
    }

    /// The catalog's epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.catalog.epoch
    }

    /// Whether a text may touch a protected table: never false when it does.
    #[must_use]
    pub fn mentions(&self, sql: &[u8]) -> bool {
        self.names.as_ref().is_none_or(|names| names.is_match(sql))
    }

    /// Plans a text.
    #[must_use]
    pub fn plan(&self, sql: &[u8], _env: &Env<'_>) -> Verdict {
        if !self.mentions(sql) {
            return Verdict::Forward;
        }
        Verdict::Refuse(Refusal::new(
            "0A000",
            "the statement names a protected table in a way that is not understood",
            "See docs/errors.md#refused-statement.",
        ))
    }

    /// What a column of a table or view carries.
    #[must_use]
    pub fn column(&self, column: ColumnRef) -> Option<Lineage> {
        let table = self.protection.tables.get(&column.table)?;
        table
            .column(column.attnum)
            .map(|column| Lineage::Exact(column.clone()))
    }

    /// The column of a protected table that holds its row's tenant.
    #[must_use]
    pub fn tenant_column(&self, table: Oid) -> Option<i16> {
        match self.protection.tables.get(&table)?.tenant {
            Tenant::Column { attnum, .. } => Some(attnum),
            Tenant::Setting(_) | Tenant::Constant(_) | Tenant::Parent { .. } => None,
        }
    }
}
