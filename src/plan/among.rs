//! Searches among several tenants: `org IN ($1, $2) AND email = $3`, `org = ANY ($1) AND email = $2`.
//!
//! What is looked for is another ciphertext for each tenant. The value in the text is sealed for the first one; for the
//! others the comparison gets company, `(email = $3 OR email = ANY ($4))`, with an array that is known when the statement
//! runs. Of an array of values the elements of all tenants go into that array itself.

use std::ops::Range;

use sqlparser::ast::{ArrayElemTypeDef, BinaryOperator, CastKind, DataType, Expr, Ident, InTarget};

use crate::model::ValueKind;

use super::conjunction::{equalities, terms};
use super::lexer::TokenKind;
use super::operand::{Operand, keeps_whole};
use super::owners::has_one_text;
use super::refuse::Walked;
use super::scope::Scope;
use super::search::Search;
use super::store::{is_default, is_empty_value};
use super::tenancy::{Held, Tenancy};
use super::types::{Expected, Guard, Splice, TenantSource};
use super::walk::Walk;

/// How a column is compared with values, where several values can stand for each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Equal,
    Different,
    NotDistinct,
    Distinct,
}

impl How {
    pub(super) fn of(op: &BinaryOperator) -> Option<Self> {
        match op {
            BinaryOperator::Eq => Some(Self::Equal),
            BinaryOperator::NotEq => Some(Self::Different),
            _ => None,
        }
    }
}

/// A comparison in the text that further values can be compared beside, or in.
pub(super) enum Place {
    /// The comparison itself takes no more.
    Beside {
        /// Its tokens.
        whole: Range<usize>,
        /// Those of the column in it.
        column: Range<usize>,
        how: How,
    },
    /// With an array, which takes more.
    Array,
}

impl Walk<'_> {
    /// The place of a comparison of two sides, one of them the column.
    pub(super) fn place_of_pair(
        &self,
        (left, right): (&Expr, &Expr),
        column: &Expr,
        how: Option<How>,
    ) -> Option<Place> {
        let (first, last) = (self.extent(left)?, self.extent(right)?);
        Some(Place::Beside {
            whole: first.start..last.end,
            column: self.extent(column)?,
            how: how?,
        })
    }

    /// The place of `column [NOT] IN (…)`.
    pub(super) fn place_of_list(&self, column: &Expr) -> Option<Place> {
        let column = self.extent(column)?;
        let not = self.is_word_at(column.end, "not");
        let at = column.end + usize::from(not);
        let close = self.is_word_at(at, "in").then(|| self.closing(at + 1))?;
        Some(Place::Beside {
            whole: column.start..close? + 1,
            column,
            how: if not { How::Different } else { How::Equal },
        })
    }

    /// The place of `column = ANY (…)` or `column <> ALL (…)`; of the others a further value would change the meaning.
    pub(super) fn place_of_array(
        &self,
        column: &Expr,
        op: &BinaryOperator,
        written: bool,
    ) -> Option<Place> {
        let column = self.extent(column)?;
        let at = column.end + 1;
        let any = self.is_word_at(at, "any") || self.is_word_at(at, "some");
        let how = match (How::of(op)?, any) {
            (How::Equal, true) => How::Equal,
            (How::Different, false) if self.is_word_at(at, "all") => How::Different,
            _ => return None,
        };
        if !written {
            return Some(Place::Array);
        }
        Some(Place::Beside {
            whole: column.start..self.closing(at + 1)? + 1,
            column,
            how,
        })
    }

    fn is_word_at(&self, at: usize, word: &str) -> bool {
        let token = self.token(at);
        token.is_some_and(|token| token.is_word(self.sql, word))
    }

    /// The tokens of a column reference, a constant or a parameter, with the casts and brackets around it.
    fn extent(&self, expr: &Expr) -> Option<Range<usize>> {
        let is = |at: usize, special: u8| {
            let token = self.token(at);
            token.is_some_and(|token| token.is_special(special))
        };
        let ident = |ident: &Ident| self.token_at(ident.span);
        match expr {
            Expr::Identifier(only) => ident(only).map(|at| at..at + 1),
            Expr::CompoundIdentifier(idents) => {
                Some(ident(idents.first()?)?..ident(idents.last()?)? + 1)
            }
            Expr::Value(value) => self.token_at(value.span).map(|at| at..at + 1),
            Expr::Nested(inner) => {
                let inner = self.extent(inner)?;
                let open = inner.start.checked_sub(1)?;
                (is(open, b'(') && is(inner.end, b')')).then_some(open..inner.end + 1)
            }
            Expr::Cast {
                kind: CastKind::DoubleColon,
                expr,
                ..
            } => {
                let inner = self.extent(expr)?;
                let cast = self.token(inner.end)?.kind == TokenKind::TypeCast;
                let end = cast.then(|| self.type_end(inner.end + 1))??;
                Some(inner.start..end)
            }
            Expr::Cast {
                kind: CastKind::Cast,
                expr,
                ..
            } => {
                let open = self.extent(expr)?.start.checked_sub(1)?;
                let start = open.checked_sub(1)?;
                let cast = self.is_word_at(start, "cast");
                Some(start..cast.then(|| self.closing(open))?? + 1)
            }
            _ => None,
        }
    }

    /// Where the name of a type ends.
    fn type_end(&self, start: usize) -> Option<usize> {
        let special = |at: usize, byte: u8| {
            let token = self.token(at);
            token.is_some_and(|token| token.is_special(byte))
        };
        let mut last = start;
        while special(last + 1, b'.') {
            last += 2;
        }
        matches!(
            self.token(last)?.kind,
            TokenKind::Ident | TokenKind::QuotedIdent | TokenKind::UnicodeIdent
        )
        .then_some(())?;
        let mut end = last + 1;
        end += usize::from(self.is_word_at(end, "varying"));
        match special(end, b'(') {
            true => Some(self.closing(end)? + 1),
            false => Some(end),
        }
    }

    /// What a condition says of the tenants of this level's sources.
    pub(super) fn said(&mut self, condition: Option<&Expr>, scope: &Scope<'_>) -> Tenancy {
        let mut facts = self.facts(&equalities(condition), scope);
        for term in terms(condition) {
            match term {
                Expr::In {
                    expr,
                    target: InTarget::List(items),
                    negated: false,
                    ..
                } => {
                    let operands = self.tenants_of(items);
                    self.hold(expr, operands, scope, &mut facts);
                }
                Expr::AnyOp {
                    left,
                    compare_op: BinaryOperator::Eq,
                    right,
                    ..
                } => {
                    let operands = self.tenants_in(right);
                    self.hold(left, operands, scope, &mut facts);
                }
                _ => {}
            }
        }
        facts
    }

    fn tenants_of(&self, items: &[Expr]) -> Option<Vec<Operand>> {
        // NULL is no tenant.
        let items = items.iter();
        let items = items.filter(|item| !is_empty_value(item) || is_default(item));
        items.map(|item| self.operand(item)).collect()
    }

    /// The tenants in an array, casts aside.
    fn tenants_in(&self, array: &Expr) -> Option<Vec<Operand>> {
        match array {
            Expr::Nested(inner) => self.tenants_in(inner),
            Expr::Array(array) => self.tenants_of(&array.elem),
            Expr::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon,
                expr,
                data_type: DataType::Array(ArrayElemTypeDef::SquareBracket(of, None)),
                format: None,
            } if keeps_whole(of) => match expr.as_ref() {
                Expr::Value(_) => Some(vec![self.array_operand(expr, Some(of))?]),
                inner => self.tenants_in(inner),
            },
            Expr::Value(_) => Some(vec![self.array_operand(array, None)?]),
            _ => None,
        }
    }

    fn hold(
        &mut self,
        column: &Expr,
        operands: Option<Vec<Operand>>,
        scope: &Scope<'_>,
        facts: &mut Tenancy,
    ) {
        let Some((owner, operands)) = self.owner_of(column, scope).zip(operands) else {
            return;
        };
        if !scope.offers(owner.rows) || !has_one_text(owner.type_oid) {
            return;
        }
        match operands.as_slice() {
            [only] if !only.elements => {
                let held = self.held_to(owner, *only);
                facts.held.push((owner.scan, held));
            }
            _ => facts.among.push((owner.scan, owner, operands)),
        }
    }

    /// The tenants that the rows are held to among which values are searched, where the comparison has room for several.
    pub(super) fn tenants_among(
        &mut self,
        search: &Search,
        here: &Tenancy,
    ) -> Walked<Option<usize>> {
        let ([side], Some(place)) = (search.sides.as_slice(), &search.place) else {
            return Ok(None);
        };
        let Some(scan) = side.scan.filter(|_| !search.fills.is_empty()) else {
            return Ok(None);
        };
        let class = self.tenancy.class(here, scan);
        let Some((owner, operands)) = self.tenancy.among(here, &class) else {
            return Ok(None);
        };
        let mut of = Vec::new();
        for operand in operands {
            let held = Held::Operand(owner, operand);
            match self.held_tenant(&held, search.token)? {
                Some(tenant) => of.push(tenant),
                None => return Ok(None),
            }
        }
        let at = match place {
            Place::Array => 0,
            Place::Beside { whole, .. } => self.token(whole.start).map_or(0, |token| token.start),
        };
        let tenant = self.tenant_index(TenantSource::Among { of, at });
        self.compare_beside(place, search.column.kind, tenant);
        Ok(Some(tenant))
    }

    /// Lets the column be compared with the values of the further tenants too.
    fn compare_beside(&mut self, place: &Place, kind: ValueKind, tenant: usize) {
        let Place::Beside { whole, column, how } = place else {
            return;
        };
        let (Some(start), Some(end)) = (
            self.token(whole.start).map(|token| token.start),
            self.token(whole.end - 1).map(|token| token.end),
        ) else {
            return;
        };
        let column = self.text_of(column.clone()).unwrap_or_default();
        let array = match kind {
            ValueKind::Bytea => "bytea[]",
            ValueKind::Text | ValueKind::Json | ValueKind::Jsonb => "text[]",
        };
        let (before, behind) = match how {
            How::Equal => (format!(" OR {column} = ANY ("), "))"),
            How::Different => (format!(" AND {column} <> ALL ("), "))"),
            How::NotDistinct => (format!(" OR ({column} = ANY ("), ")) IS TRUE)"),
            How::Distinct => (format!(" AND ({column} = ANY ("), ")) IS NOT TRUE)"),
        };
        self.asking.guards.push(Guard {
            open: Some(Splice {
                span: start..start,
                text: "(".to_owned(),
            }),
            at: end,
            parts: vec![
                Expected::Text(before),
                Expected::Others(tenant),
                Expected::Text(format!("::{array}{behind}")),
            ],
        });
    }
}
