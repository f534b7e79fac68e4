//! Functions over protected tables that are run where no parsed call names them: by operators and casts, and in expressions
//! that are not parsed.

use std::ops::Range;

use super::lexer::{self, TokenKind};
use super::refuse::Walked;
use super::walk::Walk;

/// Words before a bracket in which AS is followed by a type.
const CASTS: &[&str] = &["cast", "treat"];

impl Walk<'_> {
    /// Refuses expressions that are not parsed, where one of these tokens names a function over a protected table.
    pub(super) fn calls_nothing(&self, range: &Range<usize>) -> Walked<()> {
        let name = |at: usize| lexer::ident(self.token(at)?, self.sql);
        let function = |at| name(at).filter(|name| self.relations.is_function(name));
        match range.clone().find_map(|at| Some((at, function(at)?))) {
            Some((at, name)) => Err(self.works_in_server(&format!("function {name}"), Some(at))),
            None => self.runs_no_function(range),
        }
    }

    /// Refuses `row.name` where it may call such a function with the row, which has no column of that name.
    pub(super) fn calls_none_of_row(&self, name: &str, token: Option<usize>) -> Walked<()> {
        let relations = self.relations;
        let called = relations.is_function(name) && relations.catalog.may_call(name);
        match called || relations.is_cast_type(name) {
            true => Err(self.works_in_server(&format!("function {name}"), token)),
            false => Ok(()),
        }
    }

    /// Refuses an operator, or a cast to a type, among these tokens that works on a protected table.
    pub(super) fn runs_no_function(&self, range: &Range<usize>) -> Walked<()> {
        if !self.relations.has_runners() {
            return Ok(());
        }
        let mut in_cast = Vec::new();
        for at in range.clone() {
            let Some(token) = self.token(at) else {
                continue;
            };
            match token.kind {
                TokenKind::Operator if self.relations.is_operator(token.text(self.sql)) => {
                    let operator = format!("operator {}", token.text(self.sql));
                    return Err(self.works_in_server(&operator, Some(at)));
                }
                TokenKind::TypeCast => self.casts_to_none(at + 1)?,
                TokenKind::Special(b'(') => {
                    let before = at.checked_sub(1).and_then(|before| self.token(before));
                    let casts =
                        |word: &&str| before.is_some_and(|token| token.is_word(self.sql, word));
                    in_cast.push(CASTS.iter().any(casts));
                }
                TokenKind::Special(b')') => {
                    in_cast.pop();
                }
                _ if in_cast.last() == Some(&true) && token.is_word(self.sql, "as") => {
                    self.casts_to_none(at + 1)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Refuses the type whose name begins at a token.
    fn casts_to_none(&self, mut at: usize) -> Walked<()> {
        let point = |at| self.token(at).is_some_and(|token| token.is_special(b'.'));
        while point(at + 1) {
            at += 2;
        }
        let name = self
            .token(at)
            .and_then(|token| lexer::ident(token, self.sql));
        match name.filter(|name| self.relations.is_cast_type(name)) {
            Some(name) => Err(self.works_in_server(&format!("a cast of type {name}"), Some(at))),
            None => Ok(()),
        }
    }
}
