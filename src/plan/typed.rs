//! The type that PostgreSQL gives to constants among each other, before they are stored.

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, ValueWithSpan};

use crate::model::ValueKind;

use super::expr::kind_of;
use super::operand::{TEXT, VARCHAR};
use super::walk::{FillValue, Walk};

/// The type that PostgreSQL sees in an expression before it is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Typed {
    /// Still to be given by what stands around it.
    Open,
    Text,
    Other,
}

impl Walk<'_> {
    /// Constants that are a text to PostgreSQL where they stand, whatever the column's type is, are sent as one, so that it
    /// says so: those of a CASE or COALESCE in which nothing gives another type. `before`: how many slots there were.
    pub(super) fn take_for_texts(&mut self, expr: &Expr, cast: Option<ValueKind>, before: usize) {
        if cast.is_none() && self.type_of(expr) == Typed::Text {
            self.send_as_texts(before);
        }
    }

    /// The same for the elements of an array.
    pub(super) fn take_all_for_texts(&mut self, exprs: &[&Expr], before: usize) {
        if self.common_type(exprs.iter().copied()) == Typed::Text {
            self.send_as_texts(before);
        }
    }

    fn send_as_texts(&mut self, before: usize) {
        for fill in self.fills.iter_mut().skip(before) {
            if let FillValue::Literal { stands, .. } = &mut fill.value {
                *stands = Some(ValueKind::Text);
            }
        }
    }

    fn type_of(&self, expr: &Expr) -> Typed {
        match expr {
            Expr::Nested(inner) => self.type_of(inner),
            Expr::Value(value) => self.type_of_constant(value),
            Expr::Cast { data_type, .. } if kind_of(data_type) == Some(ValueKind::Text) => {
                Typed::Text
            }
            Expr::Case {
                conditions,
                else_result,
                ..
            } => {
                let results = conditions.iter().map(|when| &when.result);
                self.common_type(results.chain(else_result.as_deref()))
            }
            Expr::Function(function) => match &function.args {
                FunctionArguments::List(list) => {
                    self.common_type(list.args.iter().filter_map(|argument| match argument {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                        _ => None,
                    }))
                }
                _ => Typed::Other,
            },
            _ => Typed::Other,
        }
    }

    fn type_of_constant(&self, value: &ValueWithSpan) -> Typed {
        let token = self.token_at(value.span);
        let number = token.and_then(|token| self.param_number(token));
        match number.and_then(|number| self.declared(number)) {
            None => Typed::Open,
            Some(TEXT | VARCHAR) => Typed::Text,
            Some(_) => Typed::Other,
        }
    }

    /// The first that is given decides; where none is, it is text.
    fn common_type<'e>(&self, exprs: impl Iterator<Item = &'e Expr>) -> Typed {
        let mut types = exprs.map(|expr| self.type_of(expr));
        types.find(|one| *one != Typed::Open).unwrap_or(Typed::Text)
    }
}
