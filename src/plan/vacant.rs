//! What is made under a name of the rules under which nothing is there (any more).
//!
//! It is protected by the first catalog that has it. Until then no value may be stored in it: not by the command that
//! makes it, and not by what follows in the same transaction.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::catalog::Relation;
use crate::model::Refusal;

use super::alter::moves;
use super::defined::CONSTRAINTS;
use super::env::Defined;
use super::refuse::{Stop, Walked};
use super::relations::Relations;
use super::types::{StatementKind, StatementPlan, UNDEFINED_COLUMN};
use super::walk::Walk;

impl Relations {
    /// The columns that are to be sealed in tables of this name that are not there; `None`: no rule names one.
    pub(super) fn vacant(&self, schema: Option<&str>, name: &str) -> Option<BTreeSet<String>> {
        let tables = self.protection.vacant.tables.iter();
        let mut named = tables
            .filter(|((of, table), _)| table == name && schema.is_none_or(|schema| schema == of));
        let first = named.next()?.1.clone();
        Some(named.fold(first, |all, (_, more)| &all | more))
    }

    /// Whether a new table of this name would be one of the rules: there is none, or the open transaction may have dropped
    /// it.
    pub(super) fn is_ruled(&self, schema: Option<&str>, name: &str) -> bool {
        let mut there = self.catalog.find(schema, name).into_iter();
        self.vacant(schema, name).is_some()
            || there.any(|table| self.protection.tables.contains_key(&table.oid))
    }

    /// The tables of this name, and those that get their columns from one, with the columns that are to be sealed in them and
    /// are not there.
    fn vacant_below(&self, name: &str) -> Vec<(&Relation, &BTreeSet<String>)> {
        let found = self.catalog.find(None, name);
        let columns = self.protection.vacant.columns.iter();
        let below = columns.filter(|(oid, _)| {
            let mut found = found.iter();
            found.any(|relation| self.catalog.is_within(**oid, relation.oid))
        });
        below
            .filter_map(|(oid, columns)| Some((self.catalog.relation(*oid)?, columns)))
            .collect()
    }
}

impl StatementPlan {
    /// The plan of what touches nothing protected, unless a table is absent then that a rule names.
    pub(super) fn unless_absent(self, absent: Option<Refusal>) -> Self {
        match absent {
            None => self,
            Some(_) => Self {
                kind: StatementKind::Run,
                absent,
                ..self
            },
        }
    }
}

impl Walk<'_> {
    /// Names of relations that a command makes, or gives columns, for which there are rules; refuses one that would fill
    /// them itself.
    pub(super) fn makes_vacant(&self, words: &[String]) -> Walked<Vec<String>> {
        match words.first().map(String::as_str) {
            Some("create") => self.vacant_table(words),
            Some("alter") => self.vacant_columns(words),
            _ => Ok(Vec::new()),
        }
    }

    fn vacant_table(&self, words: &[String]) -> Walked<Vec<String>> {
        let Some(table) = words.iter().position(|word| word == "table") else {
            return Ok(Vec::new());
        };
        // Not a temporary one, nor TABLE in the query of a view.
        let mut kind = words.get(1..table).unwrap_or_default().iter();
        if !kind.all(|word| ["foreign", "unlogged"].contains(&word.as_str())) {
            return Ok(Vec::new());
        }
        let mut first = self.range.start + table + 1;
        if self.word(first) == "if" {
            first += 3;
        }
        let of = self.up_to_end();
        let at = of.last_part(first);
        let schema = at.checked_sub(2).filter(|schema| *schema >= first);
        let schema = schema.and_then(|schema| self.name_at(schema));
        let name = self.name_at(at).unwrap_or_default();
        if self.query_of(words).is_some() && self.relations.is_ruled(schema.as_deref(), &name) {
            return Err(self.filled_table(&name, Some(at)));
        }
        let Some(columns) = self.relations.vacant(schema.as_deref(), &name) else {
            return Ok(Vec::new());
        };
        let open = (at..self.range.end).find(|at| of.is_special(*at, b'('));
        for column in open.map_or(Vec::new(), |open| of.elements(open + 1)) {
            self.stays_empty(column.start, column, &columns)?;
        }
        Ok(vec![name])
    }

    /// The refusal of a query that fills a new table for which there is a rule. `at`: the table's name.
    pub(super) fn filled_table(&self, name: &str, at: Option<usize>) -> Stop {
        let message =
            format!("a query would fill {name}, for which there is a rule, inside the server");
        let help = "Create the table first, then insert through pgseal.";
        self.refuse(message, help, "refused-create-table-as", at)
    }

    fn vacant_columns(&self, words: &[String]) -> Walked<Vec<String>> {
        let mut made = self.takes_vacant_name(words);
        for table in self.range.clone().filter_map(|at| self.name_at(at)) {
            for (below, columns) in self.relations.vacant_below(&table) {
                for action in self.actions(words) {
                    let Some(at) = self.gives(&action) else {
                        continue;
                    };
                    if self.name_at(at).is_some_and(|name| columns.contains(&name)) {
                        self.stays_empty(at, action, columns)?;
                        made.extend([table.clone(), below.name.clone()]);
                    }
                }
            }
        }
        let mut seen = BTreeSet::new();
        made.retain(|name| seen.insert(name.clone()));
        Ok(made)
    }

    /// The name that a relation gets, or takes into another schema, if there is a rule for it.
    fn takes_vacant_name(&self, words: &[String]) -> Vec<String> {
        if !moves(words) {
            return Vec::new();
        }
        let names = self.range.clone().filter_map(|at| self.name_at(at));
        names
            .filter(|name| self.relations.vacant(None, name).is_some())
            .collect()
    }

    /// The token of the name that an action gives a column.
    fn gives(&self, action: &Range<usize>) -> Option<usize> {
        let mut at = action.start + 1;
        match self.word(action.start).as_str() {
            "add" => {
                at += usize::from(self.word(at) == "column");
                at += if self.word(at) == "if" { 3 } else { 0 };
                Some(at).filter(|at| !CONSTRAINTS.contains(&self.word(*at).as_str()))
            }
            "rename" => action.end.checked_sub(1),
            _ => None,
        }
    }

    /// Refuses the definition of a column that is to be sealed if the server would fill it. `at`: its name.
    fn stays_empty(
        &self,
        at: usize,
        definition: Range<usize>,
        columns: &BTreeSet<String>,
    ) -> Walked<()> {
        let Some(name) = self.name_at(at).filter(|name| columns.contains(name)) else {
            return Ok(());
        };
        let fills = |at: &usize| match self.word(*at).as_str() {
            "default" => self.word(at + 1) != "null",
            "generated" => true,
            _ => false,
        };
        match (at + 1..definition.end).find(fills) {
            None => Ok(()),
            Some(filled) => {
                let message = format!(
                    "column {name}, which a rule seals, would be filled by the server with what is not sealed"
                );
                let help = "Leave the default out.";
                Err(self.refuse(message, help, "refused-ddl", Some(filled)))
            }
        }
    }

    /// Notes a column that a statement writes to and that the table does not have. It is not left to the server: a sealed one
    /// may have got that name in the open transaction, by a table or a type that it hangs on; or the name is misspelt.
    pub(super) fn note_no_column(&mut self, relation: &Relation, name: &str, at: Option<usize>) {
        let vacant = self.relations.protection.vacant.columns.get(&relation.oid);
        let sealed = vacant.is_some_and(|columns| columns.contains(name));
        let new = |made: &Defined| matches!(made, Defined::Column(column) if column == name);
        if self.absent.is_none() && (sealed || !self.env.made.iter().any(new)) {
            self.absent = Some(Refusal {
                sqlstate: UNDEFINED_COLUMN,
                message: format!(
                    "column \"{name}\" of relation \"{}\" does not exist",
                    relation.name
                ),
                detail: None,
                hint: None,
                position: self.position(at),
                routine: None,
                hollow: None,
            });
        }
    }

    /// Notes a value that is for no column, unless somebody has just added one: it may be a sealed one.
    pub(super) fn note_no_target(&mut self, at: Option<usize>) {
        let position = self.position(at);
        self.absent.get_or_insert(Refusal {
            sqlstate: "42601",
            message: "INSERT has more expressions than target columns".to_owned(),
            detail: None,
            hint: None,
            position,
            routine: None,
            hollow: None,
        });
    }

    /// Notes a table that is not there although a rule names it.
    pub(super) fn note_absent(&mut self, schema: Option<&str>, name: &str, at: Option<usize>) {
        if self.absent.is_none() && self.relations.vacant(schema, name).is_some() {
            let mut refusal = Refusal::new(
                "42P01",
                format!("relation \"{name}\" does not exist"),
                "A rule names it, so nothing is sent before it is there; if it was just made, commit first. See docs/errors.md#table-missing.",
            );
            refusal.position = self.position(at);
            self.absent = Some(refusal);
        }
    }
}
