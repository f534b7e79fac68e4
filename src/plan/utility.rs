//! Statements that are no queries: which of them carry no value of a sealed column.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::model::{Oid, Refusal};

use super::defined::{columns_of, makes};
use super::env::Defined;
use super::finish::forward;
use super::lexer::{self, TokenKind};
use super::lineage::Lineage;
use super::query::Rows;
use super::refuse::{NEW_TABLE, Walked};
use super::relations::mentions_any;
use super::tokens::text_span;
use super::types::{StatementKind, StatementPlan};
use super::walk::Walk;

/// What is said about a new table that holds sealed values.
const COPIES: &str = "the new table holds copies of sealed values: they stay sealed, and pgseal opens them only in the columns of its rules";

/// What is said about a partition that is one no more.
const DETACHED: &str = "a table that is no partition of a protected one any more is protected only by a rule of its own: its sealed values stay sealed, and new ones are not sealed";

/// What is said about a new table that is like a protected one.
const UNPROTECTED: &str =
    "no rule names the new table: values are stored in it as they are, whatever table it is like";

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

/// Things whose CREATE says nothing of tables, but may bear the name of one.
const OTHER_THINGS: &[&str] = &[
    "access",
    "aggregate",
    "cast",
    "collation",
    "conversion",
    "database",
    "domain",
    "extension",
    "foreign",
    "group",
    "language",
    "operator",
    "role",
    "schema",
    "server",
    "subscription",
    "tablespace",
    "text",
    "type",
    "user",
];

/// All words that begin a command of PostgreSQL 14 to 18 (`stmt` in `gram.y`).
const COMMANDS: &[&str] = &[
    "abort",
    "alter",
    "analyse",
    "analyze",
    "begin",
    "call",
    "checkpoint",
    "close",
    "cluster",
    "comment",
    "commit",
    "copy",
    "create",
    "deallocate",
    "declare",
    "delete",
    "discard",
    "do",
    "drop",
    "end",
    "execute",
    "explain",
    "fetch",
    "grant",
    "import",
    "insert",
    "listen",
    "load",
    "lock",
    "merge",
    "move",
    "notify",
    "prepare",
    "reassign",
    "refresh",
    "reindex",
    "release",
    "reset",
    "revoke",
    "rollback",
    "savepoint",
    "security",
    "select",
    "set",
    "show",
    "start",
    "table",
    "truncate",
    "unlisten",
    "update",
    "vacuum",
    "values",
    "with",
];

impl Walk<'_> {
    pub(super) fn word(&self, at: usize) -> String {
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

    /// The plan of a statement that names something protected and may go as it stands.
    pub(super) fn utility(&mut self) -> Walked<StatementPlan> {
        let words = self.words();
        let notice = self.allowed(&words)?;
        let tokens = self.tokens.get(self.range.clone()).unwrap_or_default();
        let mut plan = forward(text_span(tokens));
        plan.defines = makes(self.sql, tokens, &self.relations.relation_names());
        plan.defines.extend(columns_of(self.sql, tokens));
        let vacant = self.makes_vacant(&words)?.into_iter();
        let new = vacant.map(Defined::Relation);
        let new = new.filter(|made| !plan.defines.contains(made));
        plan.defines.extend(new.collect::<Vec<_>>());
        plan.notice = notice;
        if !plan.defines.is_empty() || plan.notice.is_some() {
            plan.kind = StatementKind::Define;
        }
        Ok(plan)
    }

    /// Whether it may go; gives what the client is to be told afterwards.
    fn allowed(&mut self, words: &[String]) -> Walked<Option<&'static str>> {
        let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
        let has = |wanted: &str| words.iter().any(|word| word == wanted);
        match word(0) {
            first if HARMLESS.contains(&first) => Ok(None),
            "do" | "call" => Err(self.code_of_it()),
            "alter" => {
                let notice = self.alter(words)?;
                let detaches = words.windows(2).any(|two| two == ["detach", "partition"]);
                Ok(notice.or(detaches.then_some(DETACHED)))
            }
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
                    Some("table") if has("execute") => {
                        let execute = words.iter().position(|word| word == "execute");
                        let execute = execute.map(|at| self.range.start + at);
                        Err(self.create_table_as_execute(execute))
                    }
                    Some("table") if self.query_of(words).is_some() => self.create_table_as(words),
                    Some("table") => self.create_table(words),
                    Some("sequence") => Ok(None),
                    Some("publication") => self.publication().map(|()| None),
                    Some("index" | "policy" | "statistics") => self
                        .no_sealed_name(
                            "an index, policy or statistics",
                            "refused-index",
                            &self.range,
                        )
                        .map(|()| None),
                    Some("view") => self.create_view(words).map(|()| None),
                    Some("function" | "procedure" | "trigger" | "rule") => Err(self.code_of_it()),
                    None if OTHER_THINGS.contains(&word(1)) => Ok(None),
                    _ => Err(self.not_understood("this command", None)),
                }
            }
            first if !first.is_empty() && !COMMANDS.contains(&first) => Err(self.no_command()),
            _ => Err(self.not_understood("this command", None)),
        }
    }

    /// A word that begins no command, in PostgreSQL's words. Its text does not go to the server, whose log would show it.
    fn no_command(&self) -> super::refuse::Stop {
        let first = self.token(self.range.start);
        let word = first.map(|token| token.text(self.sql)).unwrap_or_default();
        let mut refusal = Refusal::new(
            "42601",
            format!("syntax error at or near \"{word}\""),
            "No command begins with this word. See docs/errors.md#refused-syntax.",
        );
        refusal.position = self.position(Some(self.range.start));
        refusal.into()
    }

    /// The tokens of the query behind AS.
    pub(super) fn query_of(&self, words: &[String]) -> Option<Range<usize>> {
        let starts = |at: usize| {
            words
                .get(at)
                .is_some_and(|word| matches!(word.as_str(), "select" | "with" | "values" | "table"))
                || self
                    .token(self.range.start + at)
                    .is_some_and(|token| token.is_special(b'('))
        };
        // In the brackets of the columns, AS says what one is generated from.
        let mut depth = 0usize;
        let mut outside = |at: &usize| {
            let special = |of| {
                let token = self.token(self.range.start + at);
                token.is_some_and(|token| token.is_special(of))
            };
            depth += usize::from(special(b'('));
            depth = depth.saturating_sub(usize::from(special(b')')));
            depth == 0
        };
        let mut outside = (0..words.len()).filter(|at| outside(at));
        let at =
            outside.find(|at| words.get(*at).is_some_and(|word| word == "as") && starts(at + 1))?;
        let tails = [&["with", "data"][..], &["with", "no", "data"]];
        let query = tails.iter().find_map(|tail| ends_with(words, tail));
        let end = query.unwrap_or(words).len();
        Some(self.range.start + at + 1..self.range.start + end)
    }

    /// A partition or child may not say more about a sealed column than its parent does: a default would be stored as it
    /// stands. A table that is only like a protected one is none.
    fn create_table(&self, words: &[String]) -> Walked<Option<&'static str>> {
        let has = |wanted: &str| words.iter().any(|word| word == wanted);
        let partition = words.windows(2).any(|pair| pair == ["partition", "of"]);
        let says = ["default", "check", "generated"]
            .iter()
            .any(|word| has(word));
        if partition || has("inherits") && says {
            self.no_sealed_name("CREATE TABLE", "refused-ddl", &self.range)?;
        }
        let mut likes = self.range.clone().filter(|at| self.word(*at) == "like");
        Ok(likes.any(|at| self.is_like(at + 1)).then_some(UNPROTECTED))
    }

    /// Whether a protected table is named at a token.
    fn is_like(&self, at: usize) -> bool {
        let name = self.name_at(self.up_to_end().last_part(at));
        name.is_some_and(|name| self.relations.relation_names().contains(&name))
    }

    /// Columns are sent as they stand there; which rows, the condition decides.
    pub(super) fn publication(&self) -> Walked<()> {
        let conditions = self.range.clone().filter(|at| self.word(*at) == "where");
        for at in conditions {
            if let Some(close) = self.closing(at + 1) {
                self.no_sealed_name("a publication's condition", "refused-index", &(at..close))?;
            }
        }
        Ok(())
    }

    /// `CREATE TABLE … AS`: whole columns are copied as they are, sealed.
    fn create_table_as(&mut self, words: &[String]) -> Walked<Option<&'static str>> {
        let Some(range) = self.query_of(words) else {
            return Err(self.not_understood("this command", None));
        };
        let mut inner = Walk::new(self.relations, self.env, self.sql, self.tokens, range);
        let rows = inner.parsed()?;
        inner.account()?;
        inner.copies_sealed(&rows)
    }

    /// `CREATE TABLE … AS EXECUTE`: what the name means when the statement runs is not known before.
    pub(super) fn create_table_as_execute(&self, at: Option<usize>) -> super::refuse::Stop {
        let message =
            "CREATE TABLE AS EXECUTE of a statement on a protected table is not supported";
        let help = "Write the query itself behind AS.";
        self.refuse(message, help, "refused-create-table-as", at)
    }

    /// Whether a new table holds copies of sealed columns; only whole ones can be copied.
    pub(super) fn copies_sealed(&self, rows: &Rows) -> Walked<Option<&'static str>> {
        let mut sealed = false;
        for column in &rows.columns {
            match &column.lineage {
                Lineage::None => {}
                Lineage::Exact(_) => sealed = true,
                other => self.must_be_plain(other, NEW_TABLE)?,
            }
        }
        Ok(sealed.then_some(COPIES))
    }

    /// The refusal of a statement that runs or stores code.
    fn code_of_it(&self) -> super::refuse::Stop {
        let at = self.protected_token();
        let named = match self.protected_name() {
            none if none.is_empty() => at.map_or(none, |at| self.protected_in(at)),
            named => named,
        };
        let message = format!(
            "code that runs in the server and names protected table{named} is not supported"
        );
        self.code(message, at.unwrap_or(self.range.start))
    }

    /// The first protected relation that a constant names, with a blank before it.
    fn protected_in(&self, at: usize) -> String {
        let text = self.token(at).map(|token| token.text(self.sql));
        let text = text.unwrap_or_default();
        let mut names = self.relations.relation_names().into_iter();
        let named = names.find(|name| mentions_any(text, &BTreeSet::from([name.clone()])));
        let named = named.unwrap_or_default();
        let found = self.relations.catalog.find(None, &named);
        let schema = found.first().map(|relation| relation.schema.as_str());
        schema.map_or_else(String::new, |schema| format!(" {schema}.{named}"))
    }

    /// The refusal of code that would reach something protected.
    pub(super) fn code(&self, message: String, at: usize) -> super::refuse::Stop {
        let help = "Run the statements through pgseal, or create the code on a direct connection, knowing that it sees sealed values only; what `pgseal fence` prints keeps it from storing plaintext.";
        self.refuse(message, help, "refused-code", Some(at))
    }

    fn create_view(&mut self, words: &[String]) -> Walked<()> {
        let Some(at) = words.iter().position(|word| word == "as") else {
            return Err(self.not_understood("this command", None));
        };
        let mut end = self.range.end;
        if let Some(rest) = ends_with(words, &["check", "option"]) {
            let kind = ["local", "cascaded"]
                .iter()
                .find_map(|kind| ends_with(rest, &[kind]));
            let option = ends_with(kind.unwrap_or(rest), &["with"]);
            end = option.map_or(end, |query| self.range.start + query.len());
        }
        let range = self.range.start + at + 1..end;
        let mut inner = Walk::new(self.relations, self.env, self.sql, self.tokens, range);
        inner.parsed()?;
        inner.account()
    }

    /// Protected tables that the statement names, by any name of theirs.
    pub(super) fn named(&self) -> BTreeSet<Oid> {
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

    /// The first token that names something protected, or the constant that does.
    pub(super) fn protected_token(&self) -> Option<usize> {
        let names = self.relations.names();
        let named = |at: &usize| {
            let token = self.token(*at);
            let name = token.and_then(|token| lexer::called(token, self.sql));
            name.is_some_and(|name| names.contains(name.as_ref()))
        };
        let in_text = |at: &usize| {
            let token = self.token(*at);
            let token = token.filter(|token| matches!(token.kind, TokenKind::String(_)));
            token.is_some_and(|token| mentions_any(token.text(self.sql), &names))
        };
        let mut all = self.range.clone();
        all.clone().find(named).or_else(|| all.find(in_text))
    }

    /// Refuses a definition in which a sealed column stands among these tokens, but for conditions that ask nothing of its
    /// value.
    pub(super) fn no_sealed_name(
        &self,
        what: &str,
        anchor: &str,
        definition: &Range<usize>,
    ) -> Walked<()> {
        let mut sealed = definition.clone().filter_map(|at| {
            let primary = self.word(at) == "key"
                && at.checked_sub(1).is_some_and(|before| {
                    ["primary", "foreign"].contains(&self.word(before).as_str())
                });
            let column = self.sealed_in(at..at + 1).filter(|_| !primary)?;
            Some((at, column))
        });
        let Some(first) = sealed.next() else {
            return Ok(());
        };
        let harmless = self.harmless_conditions(definition);
        let asked = std::iter::once(first).chain(sealed);
        let mut asked =
            asked.filter(|(at, _)| !harmless.iter().any(|condition| condition.contains(at)));
        match asked.next() {
            None => Ok(()),
            Some((at, column)) => {
                let message = format!("{what} over sealed column {column} is not supported");
                Err(self.refuse(message, "Leave the sealed column out.", anchor, Some(at)))
            }
        }
    }
}

/// The words before these, if they end with them.
fn ends_with<'w>(words: &'w [String], tail: &[&str]) -> Option<&'w [String]> {
    let (rest, last) = words.split_at_checked(words.len().checked_sub(tail.len())?)?;
    last.iter().eq(tail.iter()).then_some(rest)
}
