//! Constants and parameters under casts, as values that something hangs on.

use sqlparser::ast::{DataType, ExactNumberInfo, Expr, ObjectNamePart, UnaryOperator, Value};

use crate::catalog::Column;
use crate::model::{Oid, ValueKind};

use super::expr::kind_of;
use super::lexer::TokenKind;
use super::walk::Walk;

/// A constant or parameter under any casts.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    pub token: usize,
    /// A minus stands before the number.
    pub negative: bool,
    pub param: Option<u16>,
    /// The innermost cast is to text.
    pub as_text: bool,
    /// Some cast is to another type than text, as which a text may come out as another one.
    pub through: bool,
    /// It is cast at all.
    pub is_cast: bool,
    /// It is an array, one element per row.
    pub elements: bool,
    /// The type of its elements, where it is cast to an array of numbers.
    pub numbers: Option<Oid>,
}

pub(super) const TEXT: Oid = Oid(25);

pub(super) const VARCHAR: Oid = Oid(1043);

pub(super) const INTEGERS: [Oid; 3] = [Oid(21), Oid(23), Oid(20)];

pub(super) const UUID: Oid = Oid(2950);

/// Its text is not padded.
pub(super) const BPCHAR: Oid = Oid(1042);

impl Walk<'_> {
    /// The constant or parameter that an expression is, casts aside.
    pub(super) fn operand(&self, expr: &Expr) -> Option<Operand> {
        match expr {
            Expr::Nested(inner) => self.operand(inner),
            Expr::Cast {
                expr, data_type, ..
            } if keeps_whole(data_type) => {
                let inner = self.operand(expr)?;
                let text = is_text(data_type);
                Some(Operand {
                    as_text: if inner.is_cast { inner.as_text } else { text },
                    through: inner.through || !text,
                    is_cast: true,
                    ..inner
                })
            }
            Expr::TypedString(typed) if keeps_whole(&typed.data_type) => {
                let token = self.token_at(typed.value.span)?;
                let text = is_text(&typed.data_type);
                Some(Operand {
                    token,
                    negative: false,
                    param: None,
                    as_text: text,
                    through: !text,
                    is_cast: true,
                    elements: false,
                    numbers: None,
                })
            }
            Expr::Value(value) => {
                let token = self.token_at(value.span)?;
                match value.value {
                    Value::Null | Value::Boolean(_) => None,
                    _ => Some(Operand {
                        token,
                        negative: false,
                        param: self.param_number(token),
                        as_text: false,
                        through: false,
                        is_cast: false,
                        elements: false,
                        numbers: None,
                    }),
                }
            }
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => {
                let number = self.operand(expr)?;
                let positive = self.is_number(number.token) && !number.negative;
                positive.then_some(Operand {
                    negative: true,
                    ..number
                })
            }
            _ => None,
        }
    }

    /// A constant or parameter that is an array, cast to one of these elements.
    pub(super) fn array_operand(&self, expr: &Expr, of: Option<&DataType>) -> Option<Operand> {
        let operand = self.operand(expr)?;
        let numbers = of.and_then(|of| match of {
            DataType::SmallInt(None) | DataType::Int2(None) => Some(INTEGERS[0]),
            DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => {
                Some(INTEGERS[1])
            }
            DataType::BigInt(None) | DataType::Int8(None) => Some(INTEGERS[2]),
            _ => None,
        });
        Some(Operand {
            // A constant without a cast is read as the column's type.
            as_text: match of {
                Some(of) => is_text(of),
                None => operand.param.is_none(),
            },
            through: operand.through || of.is_some_and(|of| !is_text(of)),
            is_cast: of.is_some(),
            elements: true,
            numbers,
            ..operand
        })
    }

    pub(super) fn is_number(&self, token: usize) -> bool {
        let token = self.token(token);
        token.is_some_and(|token| matches!(token.kind, TokenKind::Integer | TokenKind::Number))
    }

    /// The operand's text in a look-up, of a column's type.
    pub(super) fn operand_sql(&mut self, operand: Operand, column: &Column) -> String {
        let of_type = &column.written_type;
        let sql = match operand.param {
            Some(number) => {
                let at = self.asking.param(number);
                if operand.as_text || self.declared_text(number) {
                    format!("${at}::text::{of_type}")
                } else {
                    format!("${at}::{of_type}")
                }
            }
            None => {
                let text = self
                    .token(operand.token)
                    .map(|token| token.text(self.sql))
                    .unwrap_or_default();
                match operand.negative {
                    true => format!("(-{text})::{of_type}"),
                    false => format!("{text}::{of_type}"),
                }
            }
        };
        if let Some(token) = self.token(operand.token) {
            let at = if operand.negative { "(-".len() } else { 0 };
            let part = token.start..token.start + 1;
            self.asking.repeats.remember(&sql, vec![(at, part)]);
        }
        sql
    }

    pub(super) fn declared(&self, number: u16) -> Option<Oid> {
        let declared = self.env.declared.get(usize::from(number).checked_sub(1)?)?;
        // 705 is "unknown": PostgreSQL infers the type, as for 0.
        (!matches!(declared.0, 0 | 705)).then_some(*declared)
    }

    pub(super) fn declared_text(&self, number: u16) -> bool {
        self.declared(number)
            .is_some_and(|oid| oid == TEXT || oid == VARCHAR)
    }
}

/// The element type of an array type that a tenant can have.
pub(super) fn element_type(array: Oid) -> Option<Oid> {
    Some(match array.0 {
        1009 => TEXT,
        1015 => VARCHAR,
        1005 => Oid(21),
        1007 => Oid(23),
        1016 => Oid(20),
        2951 => UUID,
        _ => return None,
    })
}

fn is_text(data_type: &DataType) -> bool {
    kind_of(data_type) == Some(ValueKind::Text)
}

/// Whether a cast to this type gives a value that is written otherwise at most: no part is cut off, nothing is rounded.
pub(super) fn keeps_whole(data_type: &DataType) -> bool {
    const CUTTING: [&str; 7] = [
        "name", "char", "bpchar", "float4", "float8", "bit", "varbit",
    ];
    match data_type {
        DataType::Custom(name, modifiers) => {
            let last = name.0.last().and_then(ObjectNamePart::as_ident);
            let last = last.map(|ident| ident.value.to_lowercase());
            modifiers.is_empty() && last.is_some_and(|last| !CUTTING.contains(&last.as_str()))
        }
        DataType::Uuid
        | DataType::SmallInt(None)
        | DataType::Int(None)
        | DataType::Integer(None)
        | DataType::BigInt(None)
        | DataType::Int2(None)
        | DataType::Int4(None)
        | DataType::Int8(None)
        | DataType::Numeric(ExactNumberInfo::None)
        | DataType::Decimal(ExactNumberInfo::None) => true,
        _ => kind_of(data_type).is_some(),
    }
}
