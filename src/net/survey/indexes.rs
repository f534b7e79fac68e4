//! Indexes over sealed columns.

use crate::rules::{ProtectedColumn, Scope, Tenant};
use crate::seal;

use super::facts::Index;
use super::{Severity, Survey};

/// Access methods that look for equal values.
const EQUALITY: &[&str] = &["btree", "hash"];

impl Survey<'_> {
    pub(super) fn indexes(&mut self, indexes: &[Index]) {
        for index in indexes {
            let Some(table) = self.table(index.table) else {
                continue;
            };
            for (at, attnum) in index.attnums.iter().enumerate() {
                if let Some(column) = table.column(*attnum) {
                    self.indexed(index, column, at < index.keys);
                }
            }
            let what = format!("index {}", index.name);
            for exprs in index.exprs.iter().chain(&index.predicate) {
                self.computing(table, &what, exprs);
            }
        }
    }

    fn indexed(&mut self, index: &Index, column: &ProtectedColumn, key: bool) {
        let name = &index.name;
        let searchable = column.search.is_some();
        let limit = || {
            let longest = seal::longest_plaintext(seal::BTREE_LIMIT, searchable);
            let longest = longest.unwrap_or_default();
            format!("a value of more than about {longest} bytes cannot be stored")
        };
        let told = match key {
            true if index.exclusion => Some((
                Severity::Error,
                format!("exclusion constraint {name} compares ciphertext"),
            )),
            true if index.unique && !searchable => Some((
                Severity::Error,
                format!(
                    "index {name} keeps nothing unique: ciphertext of equal values differs. Make the column searchable (search = \"exact\"), or drop it"
                ),
            )),
            true if !EQUALITY.contains(&index.method.as_str()) => Some((
                Severity::Warning,
                format!(
                    "index {name} ({}) is of no use: it finds nothing in ciphertext",
                    index.method
                ),
            )),
            true if index.unique => self.unique_within(index, column),
            _ if searchable => None,
            true if index.method == "hash" => Some((
                Severity::Warning,
                format!("index {name} is of no use: ciphertext of equal values differs"),
            )),
            true => Some((
                Severity::Warning,
                format!(
                    "index {name} is of no use, for ciphertext of equal values differs, and {}",
                    limit()
                ),
            )),
            false if index.method == "btree" => Some((
                Severity::Warning,
                format!("index {name} includes it: {}", limit()),
            )),
            false => None,
        };
        if let Some((severity, words)) = told {
            self.of_column(severity, column, words);
        }
    }

    /// A searchable column is unique within each tenant, if its scope is the tenant.
    fn unique_within(&self, index: &Index, column: &ProtectedColumn) -> Option<(Severity, String)> {
        let of_tenant = column.search.as_ref()?.scope == Scope::Tenant;
        let table = self.table(index.table)?;
        let by_tenant = match &table.tenant {
            Tenant::Column { attnum, .. } => {
                index.attnums.iter().take(index.keys).any(|at| at == attnum)
            }
            Tenant::Constant(_) => true,
            Tenant::Setting(_) | Tenant::Parent { .. } => false,
        };
        (of_tenant && !by_tenant).then(|| {
            let words = format!(
                "index {} keeps its values unique within each tenant only: those of two tenants differ where they are equal (scope = \"deployment\" would seal them alike)",
                index.name
            );
            (Severity::Warning, words)
        })
    }
}
