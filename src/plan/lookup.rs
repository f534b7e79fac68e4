//! What is asked from the server about tenants before a statement goes.

use std::collections::BTreeSet;
use std::ops::Range;

use super::lexer::TokenKind;
use super::places::Repeats;
use super::types::{AssignedTenant, Branches, Guard, Lookup, Splice};
use super::walk::Walk;

/// The look-up of a statement while it is put together.
#[derive(Default)]
pub(super) struct Asking {
    terms: Vec<Term>,
    /// How many numbers they have.
    numbers: i32,
    params: Vec<u16>,
    pub repeats: Repeats,
    cases: Vec<Branches>,
    /// All that the terms read; `None`: that is not certain.
    reads: Reads,
    pub zero_rows_ok: Vec<i32>,
    /// Terms of the tenants of rows that are only compared: there may be no such rows.
    pub may_be_none: BTreeSet<i32>,
    pub must_equal: Vec<(usize, i32)>,
    pub assigned: Option<AssignedTenant>,
    pub none_matched: Vec<Splice>,
    pub guards: Vec<Guard>,
}

struct Term {
    first: i32,
    query: String,
    /// It has two columns: a number that is added to the first, and the tenant.
    numbered: bool,
}

/// The names that a query reads, columns or not.
pub(super) enum Reads {
    Names(BTreeSet<String>),
    Unclear,
}

impl Default for Reads {
    fn default() -> Self {
        Self::Names(BTreeSet::new())
    }
}

impl Reads {
    pub(super) fn and(&mut self, more: Self) {
        match (&mut *self, more) {
            (Self::Names(names), Self::Names(more)) => names.extend(more),
            _ => *self = Self::Unclear,
        }
    }
}

impl Asking {
    pub(super) fn param(&mut self, original: u16) -> usize {
        match self.params.iter().position(|known| *known == original) {
            Some(at) => at + 1,
            None => {
                self.params.push(original);
                self.params.len()
            }
        }
    }

    /// The number of the term that this query (of one column, the tenant) is.
    pub(super) fn term(&mut self, query: String, reads: Reads) -> i32 {
        self.reads.and(reads);
        self.numbered(query, 1, false)
    }

    /// A query of which branch of a CASE rows take, and of their tenants; its index.
    pub(super) fn case(
        &mut self,
        query: String,
        reads: Reads,
        count: i32,
        number: String,
    ) -> usize {
        self.reads.and(reads);
        let first = self.numbered(query, count, true);
        self.cases.push(Branches {
            terms: first..first.saturating_add(count),
            number,
        });
        self.cases.len() - 1
    }

    /// What gives the number of the branch that a row takes, as the statement may say it.
    pub(super) fn branch_number(&self, case: usize) -> &str {
        let case = self.cases.get(case);
        case.map_or("", |case| case.number.as_str())
    }

    fn numbered(&mut self, query: String, count: i32, numbered: bool) -> i32 {
        let known = self.terms.iter().find(|known| known.query == query);
        if let Some(known) = known {
            return known.first;
        }
        let first = self.numbers + 1;
        self.numbers = self.numbers.saturating_add(count);
        self.terms.push(Term {
            first,
            query,
            numbered,
        });
        first
    }

    /// The look-up of a statement of this text.
    pub(super) fn finish(&mut self, text: &str) -> Option<Lookup> {
        let terms = self.terms.iter().map(|term| {
            let (first, query) = (term.first, &term.query);
            if term.numbered {
                format!("SELECT {first}::int4 + q.n AS term, q.t::text AS tenant FROM ({query}) AS q(n, t)")
            } else {
                format!("SELECT {first}::int4 AS term, q.t::text AS tenant FROM ({query}) AS q(t)")
            }
        });
        let terms: Vec<String> = terms.collect();
        let sql = terms.join(" UNION ALL ");
        (!terms.is_empty()).then(|| Lookup {
            params: self.params.as_slice().into(),
            places: self.repeats.places(text, &sql),
            sql,
            zero_rows_ok: self.zero_rows_ok.clone(),
            may_be_none: std::mem::take(&mut self.may_be_none),
            must_equal: self.must_equal.clone(),
            assigned: self.assigned.clone(),
            cases: std::mem::take(&mut self.cases),
            reads: match std::mem::take(&mut self.reads) {
                Reads::Names(names) => Some(names),
                Reads::Unclear => None,
            },
        })
    }
}

impl Walk<'_> {
    /// The number of a term that reads no table.
    pub(super) fn value_term(&mut self, query: String) -> i32 {
        self.asking.term(query, Reads::default())
    }

    /// The bracket that closes the one at a token.
    pub(super) fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for (at, token) in self.tokens.iter().enumerate().skip(open) {
            match token.kind {
                TokenKind::Special(b'(' | b'[') => depth += 1,
                TokenKind::Special(b')' | b']') => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ if depth == 0 => return None,
                _ => {}
            }
        }
        None
    }

    /// The statement's WITH for a look-up, which is sent alone.
    pub(super) fn repeated_with(&mut self) -> String {
        match self.with_prefix.clone() {
            Some(range) if !self.cte_reads.is_empty() => format!("{} ", self.repeated(range)),
            _ => String::new(),
        }
    }

    /// A stretch of the statement for a look-up, its parameters renumbered.
    pub(super) fn repeated(&mut self, range: Range<usize>) -> String {
        let (Some(first), Some(last)) = (
            self.token(range.start),
            range.end.checked_sub(1).and_then(|last| self.token(last)),
        ) else {
            return String::new();
        };
        let mut text = String::new();
        let mut from = first.start;
        let mut parts = Vec::new();
        let sealed = self.sealed_tokens();
        for index in range.clone() {
            if let (true, Some(token)) = (sealed.contains_key(&index), self.token(index)) {
                // A value that is to be sealed must not reach the server in a question. Each type of a sealed column
                // has this constant.
                parts.push((text.len(), from..token.start));
                text.push_str(self.sql.get(from..token.start).unwrap_or_default());
                parts.push((text.len(), token.start..token.start + 1));
                text.push_str(match sealed.get(&index) {
                    Some(true) => "'{}'",
                    _ => "'null'",
                });
                from = token.end;
                continue;
            }
            if let (Some(number), Some(token)) = (self.param_number(index), self.token(index)) {
                parts.push((text.len(), from..token.start));
                text.push_str(self.sql.get(from..token.start).unwrap_or_default());
                parts.push((text.len(), token.start..token.start + 1));
                let at = self.asking.param(number);
                text.push_str(&format!("${at}"));
                from = token.end;
            }
        }
        parts.push((text.len(), from..last.end));
        text.push_str(self.sql.get(from..last.end).unwrap_or_default());
        self.asking.repeats.remember(&text, parts);
        text
    }
}
