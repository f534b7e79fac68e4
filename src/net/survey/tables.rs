//! Columns themselves: how long they are, what fills them, what is checked of them, what rows are parted by.

use crate::model::{Oid, ValueKind};
use crate::plan::quoted;
use crate::rules::{ProtectedColumn, ProtectedTable};
use crate::seal;

use super::expression::names_one;
use super::facts::{Check, Filled, Partitioned};
use super::{Severity, Survey};

/// What the constraints of `pgseal fence` are called, before the column's name.
const FENCE: &str = "pgseal_fence_";

/// A table as SQL names it.
pub(super) fn sql_name(schema: &str, table: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(table))
}

fn name_of(table: &ProtectedTable) -> String {
    sql_name(&table.schema, &table.name)
}

impl<'a> Survey<'a> {
    /// The protected columns of all tables, partitions among them.
    fn all_columns(&self) -> impl Iterator<Item = &'a ProtectedColumn> + use<'a> {
        let tables = self.planner.protection().tables.values();
        tables.flat_map(|table| table.columns.iter().map(AsRef::as_ref))
    }

    /// Types that sealed values do not fit.
    pub(super) fn columns(&mut self) {
        for column in self.all_columns() {
            if let (Some(length), ValueKind::Text) = (column.max_chars, column.kind) {
                self.length(column, length);
            }
            let relation = self.planner.catalog().relation(column.column.table);
            let found = relation.and_then(|relation| relation.attnum(column.column.attnum));
            if column.search.is_some() && found.is_some_and(|found| !found.deterministic) {
                let words = "its collation is not deterministic: sealed values that differ would count as equal. Give it another collation";
                self.of_column(Severity::Error, column, words.to_owned());
            }
        }
    }

    fn length(&mut self, column: &ProtectedColumn, length: u32) {
        if !column.is_sealed_on_write() {
            return;
        }
        let (chars, searchable) = (
            usize::try_from(length).unwrap_or(usize::MAX),
            column.search.is_some(),
        );
        let least = seal::text_len(0, searchable);
        let table = sql_name(&column.schema, &column.table);
        let name = quoted(&column.name);
        let wanted = seal::text_len(chars, searchable);
        let fix = format!(
            "ALTER TABLE {table} ALTER COLUMN {name} TYPE varchar({wanted}) takes {length} characters of ASCII, TYPE text any"
        );
        match seal::longest_plaintext(chars, searchable) {
            None | Some(0) => {
                let words = format!(
                    "varchar({length}) is too short: a sealed value has more than {least} characters, and every write fails (22001). {fix}"
                );
                self.of_column(Severity::Error, column, words);
            }
            Some(longest) => {
                let words = format!(
                    "varchar({length}) holds sealed values of {longest} bytes of plaintext at most: what is longer fails (22001). {fix}"
                );
                self.of_column(Severity::Warning, column, words);
            }
        }
    }

    /// Defaults and generated columns.
    pub(super) fn defaults(&mut self, filled: &[Filled]) {
        for filled in filled {
            let Some(table) = self.table(filled.table) else {
                continue;
            };
            match self.column(filled.table, filled.attnum) {
                Some(column) if column.is_sealed_on_write() => self.filled(column, filled),
                None if filled.generated => {
                    let what = format!("generated column {}", filled.name);
                    self.computing(table, &what, &filled.expr);
                }
                Some(_) | None => {}
            }
        }
    }

    fn filled(&mut self, column: &ProtectedColumn, filled: &Filled) {
        if filled.generated {
            let words =
                "it is a generated column: the server computes its values, and they are not sealed";
            self.of_column(Severity::Error, column, words.to_owned());
        } else if filled.expr != "NULL" && !filled.expr.starts_with("NULL::") {
            let words = format!(
                "its DEFAULT is stored as plaintext in rows that leave it out: ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT (or SET DEFAULT NULL)",
                sql_name(&column.schema, &column.table),
                quoted(&column.name)
            );
            self.of_column(Severity::Error, column, words);
        }
    }

    /// Tells if an expression of a table works on sealed columns of it.
    pub(super) fn computing(&mut self, table: &ProtectedTable, what: &str, exprs: &str) {
        let Some((severity, why)) = self.expressions.judge(exprs, &name_of(table)) else {
            return;
        };
        let words = format!("{what} works on what is stored, which is ciphertext: {why}");
        let named = |column: &&ProtectedColumn| names_one(exprs, |name| name == column.name);
        let mut columns = table
            .columns
            .iter()
            .map(AsRef::as_ref)
            .filter(named)
            .peekable();
        match columns.peek() {
            None => self.of_table(severity, table, words),
            Some(_) => columns.for_each(|column| self.of_column(severity, column, words.clone())),
        }
    }

    pub(super) fn checks(&mut self, checks: &[Check]) {
        let others = checks.iter().filter(|check| !check.name.starts_with(FENCE));
        for check in others {
            let Some(table) = self.table(check.table) else {
                continue;
            };
            match (check.attnum, self.column(check.table, check.attnum)) {
                (0, _) => self.computing(table, &format!("constraint {}", check.name), &check.expr),
                (_, Some(column)) => {
                    let what = format!("constraint {} of its domain", check.name);
                    self.computing(table, &what, &about_value(&check.expr, &column.name));
                }
                (_, None) => {}
            }
        }
    }

    /// Which columns have the fence, and whether it stands in the way.
    pub(super) fn fences(&mut self, checks: &[Check]) {
        let has = |column: &ProtectedColumn| {
            let name = format!("{FENCE}{}", column.name);
            checks
                .iter()
                .any(|check| check.table == column.column.table && check.name == name)
        };
        for column in self
            .all_columns()
            .filter(|column| !column.is_sealed_on_write())
        {
            if has(column) {
                let words = "the fence refuses what its rule leaves unsealed: `pgseal fence` prints the DROP";
                self.of_column(Severity::Error, column, words.to_owned());
            }
        }
        let columns = self.planner.sealed_columns();
        let open: Vec<String> = columns
            .iter()
            .filter(|column| column.is_sealed_on_write() && !has(column))
            .map(|column| column.full_name())
            .collect();
        if !open.is_empty() {
            let words = format!(
                "no fence keeps plaintext out of {} of {} columns, whatever path it takes (`pgseal fence`): {}",
                open.len(),
                columns.len(),
                open.join(", ")
            );
            self.tell(Severity::Note, String::new(), words);
        }
    }

    pub(super) fn partitioning(&mut self, tables: &[Partitioned]) {
        for partitioned in tables {
            let Some(table) = self.table(partitioned.table) else {
                continue;
            };
            let keys = partitioned.attnums.iter();
            for column in keys.filter_map(|attnum| table.column(*attnum)) {
                let words =
                    "rows are partitioned by it: ciphertext says which partition they go to";
                self.of_column(Severity::Error, column, words.to_owned());
            }
            if let Some(exprs) = &partitioned.exprs {
                self.computing(table, "the partition key", exprs);
            }
        }
    }

    /// Rows of other servers.
    pub(super) fn subscriptions(&mut self, subscriptions: &[(Oid, String)]) {
        for (table, name) in subscriptions {
            if let Some(table) = self.table(*table) {
                let words = format!(
                    "subscription {name} stores what its publisher sends, past pgseal: it must be sealed there"
                );
                self.of_table(Severity::Warning, table, words);
            }
        }
    }
}

/// A domain's constraint as if it were the column's.
fn about_value(expr: &str, column: &str) -> String {
    use crate::plan::lexer::{self, Limits};
    let Ok(tokens) = lexer::lex(expr, &Limits::default()) else {
        return expr.to_owned();
    };
    let (mut out, mut end) = (String::new(), 0);
    for token in tokens.iter().filter(|token| token.is_word(expr, "value")) {
        out.push_str(expr.get(end..token.start).unwrap_or_default());
        out.push_str(&quoted(column));
        end = token.end;
    }
    out.push_str(expr.get(end..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domains_value_is_the_column() {
        let expr = "((VALUE ~ 'VALUE'::text) OR (VALUE IS NULL))";
        let expected = "((\"key\" ~ 'VALUE'::text) OR (\"key\" IS NULL))";
        assert_eq!(about_value(expr, "key"), expected);
    }
}
