//! What other rules would no longer protect.

use std::collections::BTreeMap;

use super::{ColumnState, Protection};
use crate::catalog::Catalog;
use crate::model::Oid;

/// The columns, and tables that their rule no longer fits, that `before` protects and `after` does not, in words; both are
/// of this catalog. Columns that are being unsealed may go: their values are written as they are already. Columns of
/// partitions and children are those of their table.
#[must_use]
pub fn left_out(before: &Protection, after: &Protection, catalog: &Catalog) -> Vec<String> {
    let mut lost: BTreeMap<&str, (Oid, String)> = BTreeMap::new();
    for table in before.tables.values() {
        let now = after.tables.get(&table.oid);
        for column in &table.columns {
            let kept = now.is_some_and(|now| now.column(column.column.attnum).is_some());
            if kept || column.state == ColumnState::Unsealing {
                continue;
            }
            let name = format!("{}.{}.{}", table.schema, table.name, column.name);
            let first = lost
                .entry(&column.label)
                .or_insert((table.oid, name.clone()));
            if table.oid < first.0 {
                *first = (table.oid, name);
            }
        }
    }
    let mut words: Vec<String> = lost.into_values().map(|(_, name)| name).collect();
    let unfit = before.unfit.iter();
    words.extend(unfit.filter_map(|oid| {
        let kept = after.tables.contains_key(oid) || after.unfit.contains(oid);
        let table = catalog.relation(*oid).filter(|_| !kept)?;
        Some(format!("{}.{}", table.schema, table.name))
    }));
    words.sort();
    words
}
