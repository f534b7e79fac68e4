//! Code of the database: triggers, rules, policies, publications, views and functions.

use crate::plan::Verdict;
use crate::rules::{ProtectedColumn, ProtectedTable};

use super::expression::names_one;
use super::facts::{Condition, Rule, Running, Trigger, naming};
use super::tables::sql_name;
use super::{Severity, Survey};

/// `pg_trigger.tgtype`: for each row, before it is written, by INSERT or UPDATE.
const ROW: i16 = 1;
const BEFORE: i16 = 2;
const WRITES: i16 = 4 | 16;

impl Survey<'_> {
    pub(super) fn triggers(&mut self, triggers: &[Trigger]) {
        for trigger in triggers {
            if let Some(table) = self.table(trigger.table) {
                self.trigger(table, trigger);
            }
        }
    }

    fn trigger(&mut self, table: &ProtectedTable, trigger: &Trigger) {
        let runs = format!("trigger {} runs {}()", trigger.name, trigger.function);
        let has = |bits: i16| trigger.bits & bits == bits;
        let changes = has(ROW | BEFORE) && trigger.bits & WRITES != 0;
        let names = |column: &ProtectedColumn| {
            let named = |text: &str| names_one(text, |name| name == column.name);
            named(&trigger.source) || named(&trigger.arguments)
        };
        let named: Vec<_> = table
            .columns
            .iter()
            .filter(|column| names(column))
            .collect();
        for column in &named {
            let (severity, words) = match changes {
                true => (
                    Severity::Error,
                    format!(
                        "{runs} before rows are written, and names it: it sees the sealed value, and what it sets is stored as it is"
                    ),
                ),
                false => (
                    Severity::Warning,
                    format!("{runs}, and names it: it sees the sealed value"),
                ),
            };
            self.of_column(severity, column, words);
        }
        if changes && named.is_empty() {
            let words = format!(
                "{runs} before rows are written: it sees sealed values, and what it sets in their columns is stored as it is"
            );
            self.of_table(Severity::Warning, table, words);
        }
        if let Some(when) = condition_of(&trigger.definition) {
            let rows = sql_name(&table.schema, &table.name);
            let from = format!("{rows} AS new, {rows} AS old");
            if let Some((_, why)) = self.expressions.judge(when, &from) {
                let words = format!(
                    "the condition (WHEN) of trigger {} works on what is stored, which is ciphertext: {why}",
                    trigger.name
                );
                self.of_table(Severity::Warning, table, words);
            }
        }
    }

    pub(super) fn rules(&mut self, rules: &[Rule]) {
        for rule in rules {
            let words = format!(
                "rule {} runs statements in the server: they see sealed values, and what they write is not sealed",
                rule.name
            );
            self.tell(Severity::Warning, rule.table.clone(), words);
        }
    }

    /// Policies of row security, and filters of publications.
    pub(super) fn conditions(&mut self, conditions: &[Condition]) {
        for condition in conditions {
            let from = sql_name(&condition.schema, &condition.table);
            if let Some((severity, why)) = self.expressions.judge(&condition.expr, &from) {
                let words = format!(
                    "{} works on what is stored, which is ciphertext: {why}",
                    condition.what
                );
                let place = format!("{}.{}", condition.schema, condition.table);
                self.tell(severity, place, words);
            }
        }
    }

    /// Views that compute with sealed columns.
    pub(super) fn views(&mut self) {
        let planner = self.planner;
        for view in planner.catalog().relations().filter(|view| view.is_view()) {
            let Some(definition) = &view.view_definition else {
                continue;
            };
            if let Verdict::Refuse(refusal) = self.expressions.verdict(definition) {
                let place = format!("{}.{}", view.schema, view.name);
                let words = format!(
                    "the view works on what is stored, which is ciphertext, and pgseal refuses it: {}",
                    refusal.message
                );
                self.tell(Severity::Warning, place, words);
            }
        }
    }

    /// Functions that name a protected table.
    pub(super) fn functions(&mut self) {
        for function in naming(self.planner) {
            let place = format!("{}.{}()", function.schema, function.name);
            let words = "the function names a protected table: it sees sealed values, what it writes is not sealed, and pgseal refuses calls of it";
            self.tell(Severity::Warning, place, words.to_owned());
        }
    }

    /// What runs them without naming them in a statement.
    pub(super) fn running(&mut self, running: &[Running]) {
        for running in running {
            let words = format!(
                "it runs {}(), which names a protected table: what that reads of sealed columns stays sealed, also where it is stored",
                running.function
            );
            self.tell(Severity::Warning, running.what.clone(), words);
        }
    }
}

/// What stands behind WHEN in `pg_get_triggerdef`.
fn condition_of(definition: &str) -> Option<&str> {
    let (_, rest) = definition.split_once(" WHEN (")?;
    let (condition, _) = rest.rsplit_once(") EXECUTE ")?;
    Some(condition)
}
