//! Constants and parameters in derived rows, one by one: what they are, and the type that what stands around gives them.

use sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, Expr, UnaryOperator, Value, ValueWithSpan,
};

use crate::model::ValueKind;

use super::expr::kind_of;
use super::lexer::TokenKind;
use super::operand::Operand;
use super::passed::Passed;
use super::walk::Walk;

/// One constant or parameter.
#[derive(Clone)]
pub(super) struct Cell {
    pub token: usize,
    /// A minus stands before the number.
    pub negative: bool,
    /// The innermost cast; inner `None`: to a type that no sealed column has.
    pub cast: Option<Option<ValueKind>>,
    /// Every cast around it keeps the value whole in columns of this kind, from the innermost.
    pub casts: Vec<Option<ValueKind>>,
    /// A set operation made it a text: the other branch was of no type either.
    pub united: bool,
    /// It is used in another way than being stored.
    pub plain: bool,
    /// The slot that it became.
    pub fill: Option<usize>,
}

/// A cell before it is recorded.
pub(super) struct Found {
    /// `None`: NULL.
    pub token: Option<usize>,
    pub negative: bool,
    pub casts: Vec<Option<ValueKind>>,
}

impl Found {
    /// The last cast of a NULL, whose type the column has.
    pub(super) fn cast_of_null(&self) -> Option<Option<ValueKind>> {
        let null = self.token.is_none();
        self.casts.last().copied().filter(|_| null)
    }
}

impl Walk<'_> {
    /// The constant, parameter or NULL that an expression is, and its casts from the innermost.
    pub(super) fn cell(&self, expr: &Expr) -> Option<Found> {
        let (bare, casts) = uncast(expr);
        let mut found = self.bare_cell(bare)?;
        found.casts.extend(casts);
        Some(found)
    }

    fn bare_cell(&self, expr: &Expr) -> Option<Found> {
        match expr {
            Expr::TypedString(typed) => Some(Found {
                token: Some(self.token_at(typed.value.span)?),
                negative: false,
                casts: vec![kind_of(&typed.data_type)],
            }),
            Expr::Value(ValueWithSpan {
                value: Value::Null, ..
            }) => Some(Found {
                token: None,
                negative: false,
                casts: Vec::new(),
            }),
            Expr::Value(value) => {
                let token = self.token_at(value.span)?;
                let known = self.param_number(token).is_some()
                    || matches!(self.token(token)?.kind, TokenKind::String(_))
                    || self.is_number(token);
                known.then_some(Found {
                    token: Some(token),
                    negative: false,
                    casts: Vec::new(),
                })
            }
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => {
                let number = self.cell(expr)?;
                let positive = self.is_number(number.token?) && !number.negative;
                positive.then_some(Found {
                    negative: true,
                    ..number
                })
            }
            _ => None,
        }
    }

    pub(super) fn record(&mut self, found: Found) -> Option<usize> {
        let token = found.token?;
        self.cells.push(Cell {
            token,
            negative: found.negative,
            cast: found.casts.first().copied(),
            casts: found.casts,
            united: false,
            plain: false,
            fill: None,
        });
        Some(self.cells.len() - 1)
    }

    /// An array that is one constant or parameter, under casts to array types.
    pub(super) fn array_cell(&self, expr: &Expr) -> Option<Found> {
        if let Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            expr,
            data_type: DataType::Array(ArrayElemTypeDef::SquareBracket(of, None)),
            format: None,
        } = expr
        {
            let mut found = self.array_cell(expr)?;
            found.casts.push(kind_of(of));
            return Some(found);
        }
        self.cell(expr)
            .filter(|found| found.casts.is_empty() && found.token.is_some())
    }

    /// The operand that stands in a row of a passed column.
    pub(super) fn passed_operand(&self, id: usize, row: usize) -> Option<Operand> {
        let passed = self.passed.get(id)?;
        let cell = self.cells.get((*passed.cells.get(row)?)?)?;
        let cast = self.cell_cast(passed, cell);
        let mut casts = cell.casts.iter().chain(&passed.casts);
        let constant = self.param_number(cell.token).is_none();
        let text = |kind: Option<ValueKind>| kind == Some(ValueKind::Text);
        let through = !cast.is_none_or(text) || !casts.all(|kind| text(*kind));
        let as_text = match passed.elements && constant {
            true => !through,
            false => cast.is_none_or(text),
        };
        Some(Operand {
            token: cell.token,
            negative: cell.negative,
            param: self.param_number(cell.token),
            as_text,
            through,
            is_cast: cell.cast.is_some(),
            elements: passed.elements,
            numbers: None,
        })
    }

    /// The innermost cast of a cell, or that of another cell of its column, whose type PostgreSQL gives to all.
    pub(super) fn cell_cast(&self, passed: &Passed, cell: &Cell) -> Option<Option<ValueKind>> {
        let united = cell.united.then_some(Some(ValueKind::Text));
        cell.cast.or(united).or_else(|| self.cast_of_any(passed))
    }

    fn cast_of_any(&self, passed: &Passed) -> Option<Option<ValueKind>> {
        let cells = passed.cells.iter().flatten();
        let mut cells = cells.filter_map(|cell| self.cells.get(*cell));
        let of_cell = cells.find_map(|cell| {
            let number = self.is_number(cell.token);
            cell.casts.last().copied().or(number.then_some(None))
        });
        of_cell.or(passed.null)
    }

    /// Whether the cells of a column have a type before it is united with another.
    pub(super) fn is_typed(&self, passed: &Passed) -> bool {
        let mut cells = passed.cells.iter().flatten();
        self.cast_of_any(passed).is_some()
            || self.column_kind(passed).is_some()
            || cells.any(|cell| self.cells.get(*cell).is_some_and(|cell| cell.united))
    }

    /// The kind that a declared parameter gives to a column without casts.
    pub(super) fn column_kind(&self, passed: &Passed) -> Option<Option<ValueKind>> {
        let mut cells = passed.cells.iter().flatten();
        cells.find_map(|cell| self.declared_kind(self.cells.get(*cell)?.token))
    }

    /// The kind that a parameter is declared with; `None`: its type is left open, or it is none.
    fn declared_kind(&self, token: usize) -> Option<Option<ValueKind>> {
        match self.declared(self.param_number(token)?)?.0 {
            25 | 1043 => Some(Some(ValueKind::Text)),
            114 => Some(Some(ValueKind::Json)),
            3802 => Some(Some(ValueKind::Jsonb)),
            17 => Some(Some(ValueKind::Bytea)),
            _ => Some(None),
        }
    }
}

/// An expression without brackets and casts, and the kinds that these cast it to, from the innermost.
pub(super) fn uncast(mut expr: &Expr) -> (&Expr, Vec<Option<ValueKind>>) {
    let mut casts = Vec::new();
    loop {
        expr = match expr {
            Expr::Nested(inner) => inner,
            Expr::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon,
                expr: inner,
                data_type,
                format: None,
            } => {
                casts.push(kind_of(data_type));
                inner
            }
            bare => {
                casts.reverse();
                return (bare, casts);
            }
        };
    }
}
