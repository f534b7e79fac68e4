//! Foreign keys from and to sealed columns.

use crate::model::Oid;
use crate::rules::{ProtectedColumn, Tenant};

use super::facts::ForeignKey;
use super::{Severity, Survey};

impl Survey<'_> {
    pub(super) fn foreign_keys(&mut self, keys: &[ForeignKey]) {
        for key in keys {
            self.followed_tenant(key);
            let pairs = key.from_attnums.iter().zip(&key.to_attnums);
            for (from, to) in pairs {
                let from_column = self.column(key.from, *from);
                let to_column = self.column(key.to, *to);
                if let (Some(left), Some(right)) = (from_column, to_column)
                    && comparable(left, right)
                {
                    continue;
                }
                let other = |oid: Oid, attnum: i16| {
                    let relation = self.planner.catalog().relation(oid);
                    let column = relation.and_then(|relation| relation.attnum(attnum));
                    match (relation, column) {
                        (Some(relation), Some(column)) => {
                            format!("{}.{}.{}", relation.schema, relation.name, column.name)
                        }
                        _ => "another column".to_owned(),
                    }
                };
                let (column, other) = match (from_column, to_column) {
                    (Some(column), _) => (column, other(key.to, *to)),
                    (None, Some(column)) => (column, other(key.from, *from)),
                    (None, None) => continue,
                };
                let words = format!(
                    "foreign key {} compares it with {other}: equal values are equal where both columns are searchable, with one domain and scope",
                    key.name
                );
                self.of_column(Severity::Error, column, words);
            }
        }
    }

    /// Values stay sealed for the tenant that their row had.
    fn followed_tenant(&mut self, key: &ForeignKey) {
        let Some(table) = self.table(key.from).filter(|_| key.follows) else {
            return;
        };
        if let Tenant::Column { name, attnum } = &table.tenant
            && key.from_attnums.contains(attnum)
        {
            let words = format!(
                "foreign key {} sets {name} when the row that it refers to changes its key or is deleted: what is sealed for the former tenant cannot be read beside the new one",
                key.name
            );
            self.of_table(Severity::Note, table, words);
        }
    }
}

/// Whether equal values of both are sealed alike.
fn comparable(left: &ProtectedColumn, right: &ProtectedColumn) -> bool {
    match (&left.search, &right.search) {
        (Some(left), Some(right)) => left == right,
        _ => false,
    }
}
