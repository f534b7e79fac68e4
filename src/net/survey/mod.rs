//! What else in a database works on sealed columns, or breaks what they are for: defaults, triggers, constraints, indexes
//! and their like. The server runs all of that on what is stored, which is ciphertext.

mod expression;
mod facts;
mod indexes;
mod keys;
mod objects;
mod tables;

use std::collections::BTreeSet;
use std::fmt;

use tokio_postgres::{Client, Error};

use crate::model::Oid;
use crate::plan::Planner;
use crate::rules::{ProtectedColumn, ProtectedTable};

use super::metadata;
use expression::Expressions;
use facts::Facts;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Plaintext would be stored, data lost, a wrong answer given, or a write fail.
    Error,
    /// It works on sealed values, or may; whether that is right, the operator knows.
    Warning,
    /// Something that could be put up.
    Note,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// `schema.table.column`, or another object; empty: the database.
    pub place: String,
    /// What is there, why it matters, and what to do.
    pub words: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        match self.place.as_str() {
            "" => write!(f, "{severity}: {}", self.words),
            place => write!(f, "{severity}: {place}: {}", self.words),
        }
    }
}

/// Looks for all of it in the database that the planner was made for.
///
/// # Errors
/// What the database says, that somebody's lock keeps an answer back among it.
pub async fn survey(client: &Client, planner: &Planner) -> Result<Vec<Finding>, Error> {
    client.batch_execute(metadata::BEGIN).await?;
    let facts = Facts::read(client, planner).await;
    // Nothing was changed that the end could lose.
    let ended = client.batch_execute("ROLLBACK").await;
    let facts = facts?;
    ended.map(|()| judged(planner, &facts))
}

fn judged(planner: &Planner, facts: &Facts) -> Vec<Finding> {
    let mut survey = Survey {
        planner,
        expressions: Expressions::new(planner),
        found: Vec::new(),
    };
    survey.columns();
    survey.defaults(&facts.defaults);
    survey.checks(&facts.checks);
    survey.partitioning(&facts.partitioned);
    survey.indexes(&facts.indexes);
    survey.foreign_keys(&facts.foreign_keys);
    survey.triggers(&facts.triggers);
    survey.rules(&facts.rules);
    survey.conditions(&facts.conditions);
    survey.subscriptions(&facts.subscriptions);
    survey.views();
    survey.functions();
    survey.running(&facts.running);
    survey.fences(&facts.checks);
    survey.without_repetition()
}

/// A survey under way.
struct Survey<'a> {
    planner: &'a Planner,
    expressions: Expressions<'a>,
    found: Vec<(Option<Oid>, Finding)>,
}

impl<'a> Survey<'a> {
    fn tell(&mut self, severity: Severity, place: String, words: String) {
        let finding = Finding {
            severity,
            place,
            words,
        };
        self.found.push((None, finding));
    }

    fn of_column(&mut self, severity: Severity, column: &ProtectedColumn, words: String) {
        let finding = Finding {
            severity,
            place: column.full_name(),
            words,
        };
        self.found.push((Some(column.column.table), finding));
    }

    fn of_table(&mut self, severity: Severity, table: &ProtectedTable, words: String) {
        let finding = Finding {
            severity,
            place: format!("{}.{}", table.schema, table.name),
            words,
        };
        self.found.push((Some(table.oid), finding));
    }

    fn table(&self, oid: Oid) -> Option<&'a ProtectedTable> {
        let tables = &self.planner.protection().tables;
        tables.get(&oid).map(AsRef::as_ref)
    }

    fn column(&self, table: Oid, attnum: i16) -> Option<&'a ProtectedColumn> {
        self.table(table)?.column(attnum).map(AsRef::as_ref)
    }

    /// In order; what a partition shares with its parent is told of the parent.
    fn without_repetition(self) -> Vec<Finding> {
        let of = |(oid, finding): &(Option<Oid>, Finding)| {
            oid.map(|oid| (oid, finding.severity, finding.words.clone()))
        };
        let told: BTreeSet<_> = self.found.iter().filter_map(of).collect();
        let repeats = |(oid, finding): &(Option<Oid>, Finding)| {
            let relation = oid.and_then(|oid| self.planner.catalog().relation(oid));
            let mut parents = relation.into_iter().flat_map(|relation| &relation.parents);
            parents.any(|parent| told.contains(&(*parent, finding.severity, finding.words.clone())))
        };
        let own = self.found.iter().filter(|found| !repeats(found));
        let own: BTreeSet<Finding> = own.map(|(_, finding)| finding.clone()).collect();
        own.into_iter().collect()
    }
}
