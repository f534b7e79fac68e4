//! Statements after which names mean the tables that they meant before.
//!
//! Names of a text are asked about before it goes. What could give one another meaning meanwhile: SET and its like, DDL,
//! the end of a transaction, and code that does any of these.

use std::ops::Range;

use crate::catalog::RelationKind;

use super::lexer::{self, TokenKind};
use super::run_texts;
use super::tokens::Tokens;
use super::view::View;

/// Settings that say what names mean, and what else SET and RESET may name that does.
const MEANING: &[&str] = &[
    "all",
    "authorization",
    "role",
    "schema",
    "search_path",
    "session_authorization",
];

/// Operators of PostgreSQL, in everyday use: another one may be anybody's function.
pub(super) const OPERATORS: &[&str] = &[
    "=", "<>", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "%", "||", "->", "->>", "#>", "#>>",
    "@>", "<@", "?", "?|", "?&", "&&", "~", "~*", "!~", "!~*",
];

/// Statements that change nothing, whatever stands in them. (COMMIT ends what SET LOCAL has set.)
const UNCHANGING: &[&str] = &["begin", "start", "savepoint", "release", "show"];

/// Words by which a query, or what gives an INSERT its rows, does more than read.
const CHANGES: &[&str] = &["conflict", "delete", "insert", "into", "merge", "update"];

impl View<'_> {
    /// Whether a statement certainly changes nothing: neither what names mean nor what a look-up found.
    pub(super) fn changes_nothing(&self, range: &Range<usize>) -> bool {
        let queries = self.starts_with(range, &["select", "values", "table", "with"]);
        self.starts_with(range, UNCHANGING) || queries && self.runs_no_code(range)
    }

    /// Whether names certainly mean what they did before, after a statement that may change something else.
    pub(super) fn keeps_names(&self, range: &Range<usize>) -> bool {
        if self.starts_with(range, &["set", "reset"]) {
            return self.sets_another(range);
        }
        let adds = self.target(range).map(|target| target..range.end);
        adds.is_some_and(|rest| self.runs_no_code(&rest))
    }

    /// SET or RESET of a setting that names do not hang on.
    fn sets_another(&self, range: &Range<usize>) -> bool {
        let scope = |at: &usize| {
            ["local", "session"]
                .iter()
                .any(|word| self.is_word(*at, word))
        };
        let mut names = (range.start + 1..range.end).skip_while(scope);
        let name = names.next().and_then(|at| self.name(at));
        name.is_some_and(|name| !MEANING.contains(&name.to_ascii_lowercase().as_str()))
    }

    /// The table of an INSERT, where it runs no trigger.
    fn target(&self, range: &Range<usize>) -> Option<usize> {
        let inserts = self.starts_with(range, &["insert"]) && self.is_word(range.start + 1, "into");
        let of = Tokens {
            sql: self.sql,
            tokens: self.tokens,
        };
        let at = of.last_part(range.start + 2);
        let found = self.planner.relations.catalog.find(None, &self.name(at)?);
        let quiet = !found.is_empty() && found.iter().all(|relation| relation.quiet);
        (inserts && quiet).then_some(at)
    }

    /// Whether a statement changes no row, and calls nothing that anybody has written and nothing of PostgreSQL's that sets or
    /// runs something.
    fn runs_no_code(&self, range: &Range<usize>) -> bool {
        let catalog = &self.planner.relations.catalog;
        let changes = |at: usize| CHANGES.iter().any(|word| self.is_word(at, word));
        !range.clone().any(changes)
            && range.clone().all(|at| {
                let Some(token) = self.tokens.get(at) else {
                    return false;
                };
                if token.kind == TokenKind::Operator {
                    return OPERATORS.contains(&token.text(self.sql));
                }
                let Some(name) = lexer::ident(token, self.sql) else {
                    return true;
                };
                let mut relations = catalog.find(None, &name).into_iter();
                let view = relations.any(|relation| relation.kind == RelationKind::View);
                let mut functions = catalog.functions().iter();
                let written = functions.any(|function| function.name == name);
                !view && !written && name != "set_config" && !run_texts::runs(&name)
            })
    }
}
