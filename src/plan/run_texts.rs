//! Functions that run SQL which is given to them as text, or read a table whose name is. What they run does not pass
//! through pgseal: a constant in it would reach the server as it stands, and sealed values would come out of it sealed.
//!
//! Known are those of PostgreSQL, of its extensions dblink, tablefunc and xml2, and pg_cron's. A text that a parameter or
//! another table gives cannot be looked into here: such a call is refused only where its statement names something
//! protected at all.

use std::collections::BTreeSet;
use std::ops::Range;

use super::lexer::{self, Limits, Token, TokenKind};
use super::refuse::Walked;
use super::relations::{Standing, mentions_any};
use super::tokens::{Tokens, executes_text, split};
use super::view::View;

const RUNNING: &[&str] = &[
    "connectby",
    "crosstab",
    "crosstab2",
    "crosstab3",
    "crosstab4",
    "dblink",
    "dblink_build_sql_delete",
    "dblink_build_sql_insert",
    "dblink_build_sql_update",
    "dblink_exec",
    "dblink_open",
    "dblink_send_query",
    "query_to_xml",
    "query_to_xml_and_xmlschema",
    "query_to_xmlschema",
    "table_to_xml",
    "table_to_xml_and_xmlschema",
    "ts_rewrite",
    "ts_stat",
    "xpath_table",
];

/// Those of the schema `cron`.
const SCHEDULING: &[&str] = &["alter_job", "schedule", "schedule_in_database"];

/// Those that reach tables without naming any.
const REACHING: &[&str] = &[
    "cursor_to_xml",
    "database_to_xml",
    "database_to_xml_and_xmlschema",
    "schema_to_xml",
    "schema_to_xml_and_xmlschema",
];

/// What stands in each of their names.
pub(super) const TO_XML: &str = "_to_xml";

/// Words of an argument that is a constant all the same.
const OF_CONSTANTS: &[&str] = &[
    "as",
    "bpchar",
    "cast",
    "char",
    "character",
    "false",
    "name",
    "null",
    "pg_catalog",
    "refcursor",
    "regclass",
    "text",
    "true",
    "varchar",
    "varying",
];

/// Texts in texts are followed so far; what is deeper is searched for the names as it stands.
const DEPTH: usize = 8;

/// One text, and the names that must not be run in it.
#[derive(Clone, Copy)]
struct Text<'a> {
    of: Tokens<'a>,
    names: &'a BTreeSet<String>,
    conforming: bool,
    depth: usize,
}

impl View<'_> {
    /// Refuses a statement that hands a text which names something protected to a function that runs it.
    pub(super) fn runs_no_text(&self, range: &Range<usize>) -> Walked<()> {
        let of = Tokens {
            sql: self.sql,
            tokens: self.tokens.get(..range.end).unwrap_or_default(),
        };
        let mut calls = range.clone().filter(|at| is_call(of, *at)).peekable();
        if calls.peek().is_none() {
            return Ok(());
        }
        let names = self.planner.relations.names();
        let text = Text {
            of,
            names: &names,
            conforming: self.env.standard_conforming_strings,
            depth: 0,
        };
        for at in calls {
            let found = text.run_by(at, range).or_else(|| self.reached_by(of, at));
            if let Some(named) = found {
                let function = name_at(of, at).unwrap_or_default();
                let message = format!(
                    "function {function} would work on {named}, which is protected, inside the server"
                );
                return Err(self.walk(range.clone()).code(message, at));
            }
        }
        Ok(())
    }

    /// The protected table that a function reaches through its schema, its database or a cursor.
    fn reached_by(&self, of: Tokens<'_>, at: usize) -> Option<String> {
        let function = name_at(of, at).filter(|name| REACHING.contains(&name.as_str()))?;
        let (what, _) = function.split_once('_')?;
        let given = of.tokens.get(at + 2);
        let given = given.and_then(|token| lexer::string_value(token, of.sql).ok());
        let relations = &self.planner.relations;
        let protected = |schema: Option<&str>| {
            let mut all = relations.catalog.relations();
            let found = all.find(|relation| {
                !matches!(relations.standing(relation.oid), Standing::Plain)
                    && schema.is_none_or(|schema| relation.schema == schema)
            })?;
            Some(format!("{}.{}", found.schema, found.name))
        };
        match what {
            "database" => protected(None),
            "schema" => protected(Some(&given?)),
            "cursor" => {
                let cursor = given?;
                (self.env.cursors)(&cursor).map(|_| format!("cursor {cursor}"))
            }
            _ => None,
        }
    }
}

impl Text<'_> {
    /// What is protected and named in a text that the function called at a token runs.
    fn run_by(self, at: usize, statement: &Range<usize>) -> Option<String> {
        let arguments = self.of.elements(at + 2);
        let texts = match (name_at(self.of, at)?.as_str(), arguments.as_slice()) {
            (name, _) if REACHING.contains(&name) => return None,
            // With three arguments it runs nothing.
            ("ts_rewrite", [_, query]) => std::slice::from_ref(query),
            ("ts_rewrite", _) => return None,
            (_, all) => all,
        };
        match texts.iter().all(|text| self.is_constant(text)) {
            true => texts.iter().find_map(|text| self.named_in_strings(text)),
            // The text may be made of anything that stands in the statement.
            false => self
                .named(statement)
                .or_else(|| self.named_in_strings(statement)),
        }
    }

    fn is_constant(self, argument: &Range<usize>) -> bool {
        argument.clone().all(|at| {
            let Some(token) = self.of.tokens.get(at) else {
                return false;
            };
            let word = || {
                let named = self.of.tokens.get(at + 1);
                let named = named.is_some_and(|next| {
                    next.is_operator(self.of.sql, "=>") || next.kind == TokenKind::ColonEquals
                });
                named
                    || OF_CONSTANTS
                        .iter()
                        .any(|word| token.is_word(self.of.sql, word))
            };
            match token.kind {
                TokenKind::Param(_) => false,
                _ => !token.is_ident() || word(),
            }
        })
    }

    /// The first protected name among these tokens.
    fn named(self, range: &Range<usize>) -> Option<String> {
        let mut tokens = self.of.tokens.get(range.clone())?.iter();
        let name = |token: &Token| lexer::called(token, self.of.sql);
        tokens.find_map(|token| {
            Some(name(token)?.into_owned()).filter(|name| self.names.contains(name))
        })
    }

    /// The first one in a string among these tokens.
    fn named_in_strings(self, range: &Range<usize>) -> Option<String> {
        let mut tokens = self.of.tokens.get(range.clone())?.iter();
        tokens.find_map(|token| match token.kind {
            TokenKind::String(_) => {
                let text = lexer::string_value(token, self.of.sql);
                self.named_in(text.as_deref().unwrap_or_else(|_| token.text(self.of.sql)))
            }
            _ => None,
        })
    }

    /// The first one in a text that is run: also in the texts that this one runs.
    fn named_in(self, text: &str) -> Option<String> {
        let tokens = lexer::lex_as(text, &Limits::default(), self.conforming);
        let Some(tokens) = tokens.ok().filter(|_| self.depth < DEPTH) else {
            let mut names = self.names.iter();
            let named = |name: &&String| mentions_any(text, &BTreeSet::from([(*name).clone()]));
            return names.find(named).cloned();
        };
        let inner = Text {
            of: Tokens {
                sql: text,
                tokens: &tokens,
            },
            depth: self.depth + 1,
            ..self
        };
        let whole = 0..tokens.len();
        inner.named(&whole).or_else(|| {
            let mut statements = split(text, &tokens).into_iter();
            statements.find_map(|statement| inner.run_in(&statement))
        })
    }

    fn run_in(self, statement: &Range<usize>) -> Option<String> {
        if executes_text(self.of.sql, self.of.tokens.get(statement.clone())?) {
            return self.named_in_strings(statement);
        }
        let mut calls = statement.clone().filter(|at| is_call(self.of, *at));
        calls.find_map(|at| self.run_by(at, statement))
    }
}

/// Whether a function of this name runs texts, or reaches what these name.
pub(super) fn runs(name: &str) -> bool {
    [RUNNING, REACHING, SCHEDULING]
        .iter()
        .any(|names| names.contains(&name))
}

/// The name of what is called at a token.
fn name_at(of: Tokens<'_>, at: usize) -> Option<String> {
    let token = of.tokens.get(at)?;
    lexer::ident(token, of.sql).map(std::borrow::Cow::into_owned)
}

/// Whether a function that runs texts is called at a token.
fn is_call(of: Tokens<'_>, at: usize) -> bool {
    if !of.is_special(at + 1, b'(') {
        return false;
    }
    let Some(name) = name_at(of, at) else {
        return false;
    };
    let of_cron = || {
        let schema = at.checked_sub(2).and_then(|schema| name_at(of, schema));
        of.is_special(at - 1, b'.') && schema.is_some_and(|schema| schema == "cron")
    };
    RUNNING.contains(&name.as_str())
        || REACHING.contains(&name.as_str())
        || SCHEDULING.contains(&name.as_str()) && at >= 2 && of_cron()
}
