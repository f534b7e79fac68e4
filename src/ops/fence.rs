//! `pgseal fence`: constraints in the database itself.

use std::fmt::Write as _;

use crate::model::ValueKind;
use crate::plan::{Planner, quoted};

/// DDL for constraints that keep plaintext out of sealed columns whatever path it takes: other servers' sessions,
/// functions, new views and partitions. It may run any number of times.
#[must_use]
pub fn fence(planner: &Planner) -> String {
    let mut out = String::new();
    for column in planner.sealed_columns() {
        let name = quoted(&column.name);
        let constraint = quoted(&format!("pgseal_fence_{}", column.name));
        let table = format!("{}.{}", quoted(&column.schema), quoted(&column.table));
        if !column.is_sealed_on_write() {
            // Writing to a String cannot fail.
            let _ = writeln!(
                out,
                "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {constraint};"
            );
            continue;
        }
        let test = match column.kind {
            ValueKind::Text => format!("{name} ~ '^~s[12][A-Za-z0-9_-]+~$'"),
            ValueKind::Json | ValueKind::Jsonb => {
                format!("{name}::text ~ '^\"~s[12][A-Za-z0-9_-]+~\"$'")
            }
            ValueKind::Bytea => format!("pg_catalog.substr({name}, 1, 3) = '\\xf87376'::bytea"),
        };
        let _ = writeln!(
            out,
            "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {constraint}, ADD CONSTRAINT {constraint} CHECK ({name} IS NULL OR {test}) NOT VALID;"
        );
    }
    out
}
