//! Whether an expression of the schema works on what a sealed column holds: the planner says so, as of a query.

use std::collections::BTreeSet;

use crate::plan::lexer::{self, Limits};
use crate::plan::{Env, Lineage, Outputs, Plan, Planner, Verdict};

use super::Severity;

/// Judges expressions as the server stores them.
pub(super) struct Expressions<'a> {
    planner: &'a Planner,
    /// Sealed columns and protected tables.
    names: BTreeSet<&'a str>,
}

impl<'a> Expressions<'a> {
    pub(super) fn new(planner: &'a Planner) -> Self {
        let tables = planner.protection().tables.values();
        let mut names = BTreeSet::new();
        for table in tables {
            names.insert(table.name.as_str());
            names.extend(table.columns.iter().map(|column| column.name.as_str()));
        }
        Self { planner, names }
    }

    /// Why the expressions cannot stand in a table's definition, and how bad that is: what works on a sealed column, or
    /// cannot be read although it names one. `from` is what they are asked of.
    pub(super) fn judge(&self, exprs: &str, from: &str) -> Option<(Severity, String)> {
        if !self.names_any(exprs) {
            return None;
        }
        match self.verdict(&format!("SELECT {exprs} FROM {from}")) {
            Verdict::Forward => None,
            Verdict::Protect(plan) if leaves_alone(&plan) => None,
            Verdict::Protect(_) => {
                let words = "it gives or compares the sealed value itself";
                Some((Severity::Error, words.to_owned()))
            }
            Verdict::Refuse(refusal) => {
                let hint = refusal.hint.unwrap_or_default();
                let unread = ["#refused-syntax", "#refused-limits"];
                match unread.iter().any(|anchor| hint.contains(anchor)) {
                    true => Some((
                        Severity::Warning,
                        format!("it cannot be judged ({})", refusal.message),
                    )),
                    false => Some((Severity::Error, refusal.message)),
                }
            }
            Verdict::Resolve(names) => {
                let words = format!(
                    "it cannot be judged ({} has several meanings)",
                    names.join(", ")
                );
                Some((Severity::Warning, words))
            }
        }
    }

    /// What the planner says of a text in a new session.
    pub(super) fn verdict(&self, sql: &str) -> Verdict {
        self.planner.plan(sql.as_bytes(), &Env::of_new_session())
    }

    fn names_any(&self, text: &str) -> bool {
        names_one(text, |name| self.names.contains(name))
    }
}

/// Whether an identifier of a text is wanted; where the text cannot be cut into tokens, whether a word of it is.
pub(super) fn names_one(text: &str, wanted: impl Fn(&str) -> bool) -> bool {
    match lexer::lex(text, &Limits::default()) {
        Ok(tokens) => tokens
            .iter()
            .any(|token| lexer::ident(token, text).is_some_and(|name| wanted(&name))),
        Err(_) => text
            .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
            .any(|word| wanted(word) || wanted(&word.to_ascii_lowercase())),
    }
}

/// Whether a plan asks of sealed columns only what is true of ciphertext, too.
fn leaves_alone(plan: &Plan) -> bool {
    plan.statements.iter().all(|statement| {
        let plain = match &statement.outputs {
            Outputs::None => true,
            Outputs::ByDescription { lineage } => lineage
                .as_ref()
                .is_some_and(|lineage| lineage.iter().all(|one| *one == Lineage::None)),
        };
        plain && statement.slots.is_empty() && statement.lookup.is_none()
    })
}
