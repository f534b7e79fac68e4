//! Look-ups of several statements of one text: they are all made before the text goes, so each must be such that what the
//! statements before it do cannot change its answer.
//!
//! Drivers send UPDATEs of one table by key so, many in one text. An UPDATE of a quiet table changes nothing but the
//! columns that it names, unless a foreign key passes them on, and a look-up that reads none of them finds the same before and after.

use std::collections::BTreeSet;
use std::ops::Range;

use sqlparser::ast::{Assignment, AssignmentTarget, Expr, ObjectName};

use crate::catalog::Relation;
use crate::model::Oid;
use crate::rules::{ProtectedTable, Tenant};

use super::lexer;
use super::lookup::Reads;
use super::store::is_default;
use super::types::Lookup;
use super::update::Change;
use super::walk::Walk;

/// Columns that an UPDATE changes without naming them.
const SYSTEM: &[&str] = &["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

/// Words that read other rows than the one at hand.
const QUERIES: &[&str] = &["select", "values", "table", "with"];

impl Lookup {
    /// Whether it finds the same whatever is stored in columns of these names.
    pub(super) fn is_independent(&self, set: &BTreeSet<String>) -> bool {
        let reads = self.reads.as_ref();
        set.is_empty() || reads.is_some_and(|names| names.is_disjoint(set))
    }
}

impl Walk<'_> {
    /// The columns that assignments to a row of this table change, generated ones included, if that is all they do.
    pub(super) fn sets_only(
        &self,
        relation: &Relation,
        assignments: &[Assignment],
    ) -> Option<BTreeSet<String>> {
        let targets: Vec<&ObjectName> = assignments
            .iter()
            .flat_map(|assignment| match &assignment.target {
                AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
                AssignmentTarget::Tuple(names) => names.as_slice(),
            })
            .collect();
        // What a default or a subquery does is not looked into.
        let plain = assignments.iter().all(|assignment| {
            let value = &assignment.value;
            let column = matches!(assignment.target, AssignmentTarget::ColumnName(_));
            column && !is_default(value) && !matches!(value, Expr::Subquery(_))
        });
        if !relation.quiet || !plain {
            return None;
        }
        let mut set = BTreeSet::new();
        for target in targets {
            let column = relation.column(&self.names(target).ok()?.pop()?)?;
            let mut keys = relation.unique_keys.iter();
            if keys.any(|key| key.followed && key.attnums.contains(&column.attnum)) {
                return None;
            }
            set.insert(column.name.clone());
        }
        let generated = relation.columns.iter().filter(|column| column.generated);
        set.extend(generated.map(|column| column.name.clone()));
        Some(set)
    }

    /// What is read to know the tenant of a row of this table.
    pub(super) fn tenant_reads(&self, table: &ProtectedTable) -> Reads {
        let quiet = |oid: Oid| {
            let relation = self.relations.catalog.relation(oid);
            relation.is_some_and(|relation| relation.quiet)
        };
        let (others, names) = match &table.tenant {
            Tenant::Column { name, .. } => (true, vec![name]),
            Tenant::Parent {
                table,
                on,
                key,
                column,
                ..
            } => (quiet(*table), vec![on, key, column]),
            Tenant::Setting(_) | Tenant::Constant(_) => (true, Vec::new()),
        };
        if quiet(table.oid) && others {
            Reads::Names(names.into_iter().cloned().collect())
        } else {
            Reads::Unclear
        }
    }

    /// The names in a condition on the changed row, where it reads columns that it names and nothing else.
    pub(super) fn names_in(&self, range: &Range<usize>, change: &Change<'_>) -> Reads {
        let catalog = self.relations.catalog.relation(change.table.oid);
        let mut names = BTreeSet::new();
        for at in range.clone() {
            let Some(token) = self.token(at) else {
                return Reads::Unclear;
            };
            let Some(name) = lexer::ident(token, self.sql) else {
                continue;
            };
            let name = name.into_owned();
            let follows =
                |at: usize, byte: u8| self.token(at).is_some_and(|token| token.is_special(byte));
            let whole_row = (change.own.contains(&name.as_str()) || name == change.table.name)
                && !follows(at + 1, b'.');
            let query = QUERIES.iter().any(|word| token.is_word(self.sql, word));
            if whole_row || query || SYSTEM.contains(&name.as_str()) {
                return Reads::Unclear;
            }
            // What stands behind a point may be a function of the row, and `t.*` is the row.
            let behind = at > 0 && follows(at - 1, b'.');
            let parted = follows(at + 1, b'.');
            let column = catalog.and_then(|relation| relation.column(&name));
            let opens = parted
                && self
                    .token(at + 2)
                    .is_none_or(|next| lexer::ident(next, self.sql).is_none());
            if opens || behind && !parted && column.is_none() {
                return Reads::Unclear;
            }
            names.insert(name);
        }
        Reads::Names(names)
    }
}
