//! `SET column[index] = …`: the parser is not told of the subscripts.

use sqlparser::ast::ObjectName;

use crate::catalog::Relation;
use crate::model::ColumnRef;

use super::lexer::TokenKind;
use super::refuse::{JSON, Walked};
use super::relations::Standing;
use super::scope::Scope;
use super::tokens;
use super::update::anchor;
use super::walk::Walk;

impl Walk<'_> {
    /// Visits a target's subscripts; whether it has any.
    pub(super) fn subscripted(&mut self, target: &ObjectName, scope: &Scope<'_>) -> Walked<bool> {
        let Some(mut open) = self.name_token(target).map(|at| at + 1) else {
            return Ok(false);
        };
        let mut any = false;
        while self.token(open).is_some_and(|token| token.is_special(b'[')) {
            let Some(close) = self.closing(open) else {
                return Err(self.not_understood("a subscript", Some(open)));
            };
            any = true;
            let mut from = open + 1;
            let mut depth = 0usize;
            for at in open + 1..=close {
                let kind = self.token(at).map(|token| token.kind);
                match kind {
                    Some(TokenKind::Special(b'(' | b'[')) => depth += 1,
                    Some(TokenKind::Special(b')' | b']')) if at < close => {
                        depth = depth.saturating_sub(1);
                    }
                    _ => {}
                }
                // A slice has a bound on either side of the colon, or none.
                let bound = kind == Some(TokenKind::Special(b':')) && depth == 0;
                if !bound && at < close {
                    continue;
                }
                let tokens = self.tokens.get(from..at).unwrap_or_default();
                if !tokens.is_empty() {
                    let index = tokens::parse_element(self.sql, tokens)
                        .map_err(|_| self.not_understood("a subscript", Some(open)))?;
                    self.plain(&index, scope, JSON)?;
                }
                from = at + 1;
            }
            open = close + 1;
        }
        Ok(any)
    }

    /// The same for a target in a protected table: neither a sealed column nor the tenant is changed in part.
    pub(super) fn subscripted_plain(
        &mut self,
        target: &ObjectName,
        relation: &Relation,
        scope: &Scope<'_>,
    ) -> Walked<()> {
        if !self.subscripted(target, scope)? {
            return Ok(());
        }
        let at = self.name_token(target);
        let name = self.names(target)?.pop().unwrap_or_default();
        let Some(attnum) = relation.column(&name).map(|column| column.attnum) else {
            return Err(self.not_understood("a subscript", at));
        };
        let column = ColumnRef {
            table: relation.oid,
            attnum,
        };
        if let Some(lineage) = self.relations.column(column) {
            self.last_sealed = at;
            self.must_be_plain(&lineage, JSON)?;
        }
        match self.relations.standing(relation.oid) {
            Standing::Table(table) if anchor(table) == Some(attnum) => {
                Err(self.not_understood("a part of the tenant's column", at))
            }
            _ => Ok(()),
        }
    }
}
