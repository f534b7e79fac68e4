//! Statements that are no queries: which of them carry no value of a sealed column.

use std::collections::BTreeSet;

use crate::model::Oid;
use crate::rules::Tenant;

use super::lexer::{self, TokenKind};
use super::refuse::Walked;
use super::walk::Walk;

/// Commands that work on whole tables or on names, never on values.
const HARMLESS: &[&str] = &[
    "truncate",
    "lock",
    "vacuum",
    "analyze",
    "analyse",
    "cluster",
    "reindex",
    "grant",
    "revoke",
    "drop",
    "refresh",
    "comment",
    "security",
    "checkpoint",
    "set",
    "reset",
    "show",
    "begin",
    "start",
    "commit",
    "end",
    "rollback",
    "abort",
    "savepoint",
    "release",
    "listen",
    "unlisten",
    "notify",
    "discard",
    "import",
    "reassign",
];

impl Walk<'_> {
    fn word(&self, at: usize) -> String {
        let token = self
            .token(at)
            .filter(|token| self.range.contains(&at) && token.kind == TokenKind::Ident);
        token
            .and_then(|token| lexer::ident(token, self.sql))
            .unwrap_or_default()
            .into_owned()
    }

    fn words(&self) -> Vec<String> {
        self.range.clone().map(|at| self.word(at)).collect()
    }

    /// Whether a statement that names something protected may go as it stands.
    pub(super) fn utility(&mut self) -> Walked<()> {
        let words = self.words();
        let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
        let has = |wanted: &str| words.iter().any(|word| word == wanted);
        match word(0) {
            first if HARMLESS.contains(&first) => Ok(()),
            "copy" => Err(self.refuse(
                "COPY of a protected table is not supported",
                "Use INSERT and SELECT through pgseal.",
                "refused-copy",
                None,
            )),
            "do" | "call" => Err(self.code()),
            "alter" => self.alter(&words),
            "create" => {
                let kinds = [
                    "table",
                    "index",
                    "view",
                    "function",
                    "procedure",
                    "trigger",
                    "rule",
                    "policy",
                    "statistics",
                    "publication",
                    "sequence",
                ];
                let kind = words
                    .iter()
                    .map(String::as_str)
                    .find(|word| kinds.contains(word));
                match kind {
                    Some("table")
                        if has("select") || has("execute") || self.copies_table(&words) =>
                    {
                        let help = "Create the table first and fill it through pgseal.";
                        Err(self.refuse(
                            "CREATE TABLE AS over a protected table is not supported",
                            help,
                            "refused-create-table-as",
                            None,
                        ))
                    }
                    Some("table" | "publication" | "sequence") => Ok(()),
                    Some("index" | "policy" | "statistics") => {
                        self.no_sealed_name("an index, policy or statistics")
                    }
                    Some("view") => self.create_view(&words),
                    Some("function" | "procedure" | "trigger" | "rule") => Err(self.code()),
                    _ => Err(self.not_understood("this command", None)),
                }
            }
            _ => Err(self.not_understood("this command", None)),
        }
    }

    /// `CREATE TABLE … AS TABLE name` and `AS VALUES`, which have no SELECT.
    fn copies_table(&self, words: &[String]) -> bool {
        words.windows(2).any(|pair| {
            pair.first().is_some_and(|word| word == "as")
                && pair
                    .get(1)
                    .is_some_and(|word| word == "table" || word == "values")
        })
    }

    fn code(&self) -> super::refuse::Stop {
        let message = "code that runs in the server and names a protected table is not supported";
        let help = "Run the statements through pgseal, or create the code on a direct connection, knowing that it sees sealed values only.";
        self.refuse(message, help, "refused-code", None)
    }

    fn create_view(&mut self, words: &[String]) -> Walked<()> {
        let Some(at) = words.iter().position(|word| word == "as") else {
            return Err(self.not_understood("this command", None));
        };
        let range = self.range.start + at + 1..self.range.end;
        let mut inner = Walk::new(self.relations, self.env, self.sql, self.tokens, range);
        let rows = inner.parsed()?;
        for column in &rows.columns {
            let construct = super::refuse::Construct {
                name: "a new view",
                anchor: "refused-view",
                hint: "Create the view on a direct connection; pgseal then opens the columns that it selects.",
            };
            inner.must_be_plain(&column.lineage, construct)?;
        }
        inner.account()
    }

    /// Protected tables that the statement names, by any name of theirs.
    fn named(&self) -> BTreeSet<Oid> {
        let mut oids = BTreeSet::new();
        for at in self.range.clone() {
            let Some(name) = self
                .token(at)
                .and_then(|token| lexer::ident(token, self.sql))
            else {
                continue;
            };
            oids.extend(
                self.relations
                    .catalog
                    .find(None, &name)
                    .iter()
                    .map(|relation| relation.oid),
            );
        }
        oids.retain(|oid| {
            !matches!(
                self.relations.standing(*oid),
                super::relations::Standing::Plain
            )
        });
        oids
    }

    fn no_sealed_name(&self, what: &str) -> Walked<()> {
        let sealed = self.relations.sealed_names(&self.named());
        for at in self.range.clone() {
            let Some(name) = self
                .token(at)
                .and_then(|token| lexer::ident(token, self.sql))
            else {
                continue;
            };
            let inside = matches!(self.word(at).as_str(), "key")
                && at.checked_sub(1).is_some_and(|before| {
                    ["primary", "foreign"].contains(&self.word(before).as_str())
                });
            if sealed.contains(name.as_ref()) && !inside {
                let message = format!("{what} over sealed column {name} is not supported");
                return Err(self.refuse(
                    message,
                    "Leave the sealed column out.",
                    "refused-ddl",
                    Some(at),
                ));
            }
        }
        Ok(())
    }

    fn alter(&mut self, words: &[String]) -> Walked<()> {
        let on = |wanted: &[&str]| {
            words
                .windows(wanted.len())
                .any(|found| found.iter().map(String::as_str).eq(wanted.iter().copied()))
        };
        let help = "Do it on a direct connection, then change the rules in the same breath.";
        if on(&["rename", "to"]) || on(&["set", "schema"]) {
            return Err(self.refuse("a protected table cannot be renamed or moved through pgseal: its rule would be lost", help, "refused-ddl", None));
        }
        self.no_sealed_name("ALTER")?;
        let mut anchors = BTreeSet::new();
        for oid in self.named() {
            if let super::relations::Standing::Table(table) = self.relations.standing(oid) {
                match &table.tenant {
                    Tenant::Column { name, .. } => anchors.insert(name.clone()),
                    Tenant::Parent { on, .. } => anchors.insert(on.clone()),
                    Tenant::Setting(_) | Tenant::Constant(_) => false,
                };
            }
        }
        let changes = on(&["rename"]) || on(&["type"]) || on(&["drop"]);
        let anchor = self.range.clone().find(|at| {
            let name = self
                .token(*at)
                .and_then(|token| lexer::ident(token, self.sql));
            name.is_some_and(|name| anchors.contains(name.as_ref()))
        });
        match anchor {
            Some(at) if changes => Err(self.refuse(
                "the column that a row's tenant hangs on cannot be changed through pgseal",
                help,
                "refused-ddl",
                Some(at),
            )),
            _ => Ok(()),
        }
    }
}
