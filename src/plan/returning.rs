//! RETURNING.

use sqlparser::ast::{Expr, Ident, SelectItem};

use super::query::Rows;
use super::refuse::Walked;
use super::scope::{Scope, Source};
use super::walk::Walk;

/// The names of the changed row as it was and as it is.
const OLD_AND_NEW: [&str; 2] = ["old", "new"];

impl Walk<'_> {
    /// The rows of RETURNING, where `old` and `new` name the changed row too (since PostgreSQL 18).
    pub(super) fn returning(
        &mut self,
        items: Option<&[SelectItem]>,
        scope: Scope<'_>,
    ) -> Walked<Rows> {
        let Some(items) = items else {
            return Ok(Rows::default());
        };
        match scope.sources.first().cloned() {
            Some(target) => self.returned(items, &target, scope),
            None => self.outputs(items, &scope),
        }
    }

    /// The outputs, in whose scope the changed row is named by `WITH (OLD AS o, NEW AS n)` or else by `old` and `new`.
    pub(super) fn returned(
        &mut self,
        items: &[SelectItem],
        target: &Source,
        mut scope: Scope<'_>,
    ) -> Walked<Rows> {
        let mut names = OLD_AND_NEW.map(str::to_owned);
        let mut outputs = items;
        while let Some((SelectItem::ExprWithAlias { expr, alias }, rest)) = outputs.split_first()
            && let Expr::Identifier(option) = expr
            && self.is_option(option)
        {
            let option = self.name(option);
            for (known, name) in OLD_AND_NEW.iter().zip(&mut names) {
                if option == *known {
                    *name = self.name(alias);
                }
            }
            self.place(alias);
            outputs = rest;
        }
        for name in names {
            if scope.sources.iter().all(|source| source.name != name) {
                scope.sources.push(Source {
                    name,
                    schema: None,
                    qualified_only: true,
                    ..target.clone()
                });
            }
        }
        self.outputs(outputs, &scope)
    }

    /// Whether an output is an option of RETURNING, as the parser is given them.
    fn is_option(&self, option: &Ident) -> bool {
        let word = |at: usize, word: &str| {
            let token = self.token(at);
            token.is_some_and(|token| token.is_word(self.sql, word))
        };
        let bracket = |at: usize| self.token(at).is_some_and(|token| token.is_special(b'('));
        let Some(mut at) = self.token_at(option.span) else {
            return false;
        };
        // `WITH (OLD AS o, NEW` goes back to the bracket over names, AS and commas.
        while let Some(before) = at.checked_sub(1) {
            if bracket(before) {
                let Some(with) = before.checked_sub(1) else {
                    return false;
                };
                return word(with, "with")
                    && with.checked_sub(1).is_some_and(|at| word(at, "returning"));
            }
            let Some(list) = before.checked_sub(3) else {
                return false;
            };
            let earlier = self
                .token(before)
                .is_some_and(|token| token.is_special(b','))
                && word(before - 2, "as");
            if !earlier {
                return false;
            }
            at = list;
        }
        false
    }
}
