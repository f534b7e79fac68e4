//! WITH: common table expressions, also recursive ones.

use sqlparser::ast::{Cte as CteNode, SetExpr, SetOperator, SetQuantifier, With};

use super::lexer::{self, TokenKind};
use super::lineage::{Lineage, merge};
use super::query::Rows;
use super::refuse::{COMPARISON, DEDUPE, ORDER, OTHER, Walked};
use super::scope::{Cte, Offered, Scope};
use super::walk::Walk;

/// How often a recursive query is walked until its columns carry the same as the round before.
const MAX_ROUNDS: usize = 8;

impl Walk<'_> {
    pub(super) fn with(&mut self, with: &With, scope: &mut Scope<'_>) -> Walked<()> {
        if with.recursive {
            let names = with.cte_tables.iter().map(|node| Cte {
                name: self.name(&node.alias.name),
                columns: Vec::new(),
                open: true,
                later: true,
            });
            scope.ctes.extend(names);
        }
        for node in &with.cte_tables {
            let name = self.name(&node.alias.name);
            self.place(&node.alias.name);
            if let Some(token) = self.token_at(node.alias.name.span) {
                self.relation_tokens.insert(token);
            }
            if node.from.is_some() || node.alias.at.is_some() {
                return Err(self.not_understood("WITH of another dialect", None));
            }
            let rows = if with.recursive {
                self.recursive(node, &name, scope)?
            } else {
                self.query(&node.query, scope)?
            };
            if rows.open && !node.alias.columns.is_empty() {
                for column in &rows.columns {
                    self.must_be_plain(&column.lineage, OTHER)?;
                }
                self.use_all_plain(&rows.columns);
            }
            let mut rows = self.renamed(rows, node);
            rows.open |= rows.columns.is_empty();
            self.recursion_columns(node, &mut rows)?;
            scope.ctes.push(Cte {
                name,
                columns: rows.columns,
                open: rows.open,
                later: false,
            });
        }
        Ok(())
    }

    /// A CTE of WITH RECURSIVE: its own rows are those of its first branch, and of the others when they carry the same.
    fn recursive(&mut self, node: &CteNode, name: &str, scope: &mut Scope<'_>) -> Walked<Rows> {
        let SetExpr::SetOperation {
            left,
            right,
            op: SetOperator::Union,
            set_quantifier,
        } = node.query.body.as_ref()
        else {
            return self.query(&node.query, scope);
        };
        if node.query.with.is_some() {
            return Err(self.not_understood("WITH inside WITH RECURSIVE", None));
        }
        let mut rows = self.body(left, scope, &node.query)?;
        self.use_all_plain(&rows.columns);
        // The server names no table for the columns of such a query.
        for column in &mut rows.columns {
            column.origin = None;
        }
        // What comes round may carry more than what came first, and then that comes round.
        for _ in 0..MAX_ROUNDS {
            let placed = self.placed.clone();
            let plain_params = self.plain_params.clone();
            let (cells, passed) = (self.cells.len(), self.passed.len());
            let named = self.renamed(rows.clone(), node);
            scope.ctes.push(Cte {
                name: name.to_owned(),
                columns: named.columns,
                open: named.open,
                later: false,
            });
            let more = self.body(right, scope, &node.query);
            scope.ctes.pop();
            let more = more?;
            self.use_all_plain(&more.columns);
            let mut grown = false;
            for (a, b) in rows.columns.iter_mut().zip(&more.columns) {
                let both = merge([&a.lineage, &b.lineage].into_iter());
                if *set_quantifier != SetQuantifier::All {
                    self.must_be_plain(&both, DEDUPE)?;
                }
                grown |= both != a.lineage;
                a.lineage = both;
            }
            if !grown {
                self.limits(&node.query, scope)?;
                return Ok(rows);
            }
            self.placed = placed;
            self.plain_params = plain_params;
            self.cells.truncate(cells);
            self.passed.truncate(passed);
        }
        Err(self.not_understood("WITH RECURSIVE whose columns change every round", None))
    }

    /// The columns that SEARCH and CYCLE add: they hold the values that the rows are ordered or compared by.
    fn recursion_columns(&mut self, node: &CteNode, rows: &mut Rows) -> Walked<()> {
        let statement = self.up_to_end();
        let closing = self.token_at(node.closing_paren_token.0.span);
        let Some(found) = closing.and_then(|at| statement.recursion(at + 1)) else {
            return Ok(());
        };
        for (names, construct) in [(&found.searched, ORDER), (&found.compared, COMPARISON)] {
            for at in names {
                self.placed.insert(*at);
                let named = self.named_at(*at);
                for column in rows.columns.iter().filter(|column| column.name == named) {
                    self.use_plain(column.origin);
                    self.last_sealed = Some(*at);
                    self.must_be_plain(&column.lineage, construct)?;
                }
            }
        }
        for at in found.marks.clone() {
            let constant = self.token(at).is_some_and(|token| {
                matches!(
                    token.kind,
                    TokenKind::String(_) | TokenKind::Integer | TokenKind::Number
                )
            });
            if constant && !self.placed.insert(at) {
                return Err(self.not_understood("a constant in two roles", Some(at)));
            }
        }
        for at in &found.added {
            self.placed.insert(*at);
            rows.columns.push(Offered {
                name: self.named_at(*at),
                lineage: Lineage::None,
                origin: None,
            });
        }
        Ok(())
    }

    /// The folded name at a token.
    fn named_at(&self, at: usize) -> String {
        let name = self
            .token(at)
            .and_then(|token| lexer::ident(token, self.sql));
        name.unwrap_or_default().into_owned()
    }

    fn renamed(&mut self, mut rows: Rows, node: &CteNode) -> Rows {
        for (offered, alias) in rows.columns.iter_mut().zip(&node.alias.columns) {
            offered.name = self.name(&alias.name);
        }
        node.alias
            .columns
            .iter()
            .for_each(|alias| self.place(&alias.name));
        rows
    }
}
