//! Values on their way into a sealed column.

use std::sync::Arc;

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Spanned, Value,
    ValueWithSpan,
};

use crate::model::{Plain, ValueKind};
use crate::rules::ProtectedColumn;

use super::expr::kind_of;
use super::lexer::{self, StringKind, TokenKind};
use super::lineage::Lineage;
use super::refuse::{COMPARISON, Stop, Walked, full_name};
use super::scope::{Meaning, Offered, Origin, Scope};
use super::walk::{Fill, FillValue, Walk};

/// Where a value is stored.
#[derive(Clone, Copy)]
pub(super) struct Target<'t> {
    pub column: &'t Arc<ProtectedColumn>,
    /// The names under which the row itself can be referred to: its table's, and `excluded`.
    pub own: &'t [&'t str],
}

/// Whether an expression is the keyword DEFAULT.
pub(super) fn is_default(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(Ident { value, quote_style: None, .. }) if value.eq_ignore_ascii_case("default"))
}

/// Whether it stores nothing that needs a tenant: NULL or DEFAULT.
pub(super) fn is_empty_value(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_empty_value(inner),
        Expr::Value(ValueWithSpan {
            value: Value::Null, ..
        }) => true,
        other => is_default(other),
    }
}

/// Whether it is a constant or parameter without a cast.
fn is_bare(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_bare(inner),
        other => matches!(other, Expr::Value(_)),
    }
}

/// Whether a value cast to this kind reaches a column of that kind whole, as a sealed value.
pub(super) fn keeps(cast: Option<ValueKind>, column: ValueKind) -> bool {
    match (cast, column) {
        (Some(ValueKind::Text), _) => true,
        (Some(ValueKind::Json | ValueKind::Jsonb), ValueKind::Json | ValueKind::Jsonb) => true,
        (cast, column) => cast == Some(column),
    }
}

/// Whether a value is cast to this kind last.
fn is_cast_to(value: &Expr, kind: ValueKind) -> bool {
    match value {
        Expr::Nested(inner) => is_cast_to(inner, kind),
        Expr::Cast { data_type, .. } => kind_of(data_type) == Some(kind),
        _ => false,
    }
}

/// What a constant for a column is read as: json that is cast to jsonb first is stored as jsonb prints it.
pub(super) fn literal_kind(column: ValueKind, cast: Option<ValueKind>) -> ValueKind {
    match (column, cast) {
        (ValueKind::Json, Some(ValueKind::Jsonb)) => ValueKind::Jsonb,
        _ => column,
    }
}

impl Walk<'_> {
    /// Visits an expression whose value is stored in a sealed column.
    pub(super) fn store(
        &mut self,
        expr: &Expr,
        target: Target<'_>,
        scope: &Scope<'_>,
    ) -> Walked<()> {
        self.store_cast(expr, target, scope, None)
    }

    pub(super) fn store_cast(
        &mut self,
        expr: &Expr,
        target: Target<'_>,
        scope: &Scope<'_>,
        cast: Option<ValueKind>,
    ) -> Walked<()> {
        match expr {
            Expr::Nested(inner) => self.store_cast(inner, target, scope, cast),
            Expr::Cast {
                expr: inner,
                data_type,
                format: None,
                ..
            } => {
                let kind = kind_of(data_type);
                if keeps(kind, target.column.kind) {
                    self.store_cast(inner, target, scope, kind)
                } else {
                    Err(self.cast_away(target, self.token_at(expr.span())))
                }
            }
            Expr::TypedString(typed) if keeps(kind_of(&typed.data_type), target.column.kind) => {
                self.store_constant(&typed.value, target, cast)
            }
            Expr::Value(value) => self.store_constant(value, target, cast),
            expr if is_default(expr) => Ok(()),
            Expr::Identifier(ident) => self.store_own(std::slice::from_ref(ident), target, scope),
            Expr::CompoundIdentifier(idents) => self.store_own(idents, target, scope),
            Expr::Case { .. } => {
                let before = self.fills.len();
                self.store_case(expr, target, scope, cast)?;
                self.take_for_texts(expr, cast, before);
                Ok(())
            }
            Expr::Function(function) => {
                let before = self.fills.len();
                self.store_coalesce(function, target, scope, cast)?;
                self.take_for_texts(expr, cast, before);
                Ok(())
            }
            Expr::Subquery(query) => {
                let rows = self.query(query, scope)?;
                match rows.columns.as_slice() {
                    [column] if !rows.open => {
                        self.store_offered(column, target, self.token_at(expr.span()))
                    }
                    _ => Err(self.computed(target.column, self.token_at(expr.span()))),
                }
            }
            other => Err(self.computed(target.column, self.token_at(other.span()))),
        }
    }

    pub(super) fn computed(&self, column: &ProtectedColumn, token: Option<usize>) -> Stop {
        let message = format!(
            "the value for sealed column {} would be computed by the server",
            full_name(column)
        );
        let help = "Give the value as a string constant or a parameter.";
        self.refuse(message, help, "refused-stored-value", token)
    }

    fn store_coalesce(
        &mut self,
        function: &Function,
        target: Target<'_>,
        scope: &Scope<'_>,
        cast: Option<ValueKind>,
    ) -> Walked<()> {
        let names = self.names(&function.name)?;
        let token = self.name_token(&function.name);
        let FunctionArguments::List(list) = &function.args else {
            return Err(self.computed(target.column, token));
        };
        let bare = list.clauses.is_empty()
            && list.duplicate_treatment.is_none()
            && function.over.is_none()
            && function.filter.is_none();
        if !bare {
            return Err(self.computed(target.column, token));
        }
        let mut values = Vec::new();
        for argument in &list.args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => values.push(expr),
                _ => return Err(self.computed(target.column, token)),
            }
        }
        match (names.as_slice(), values.as_slice()) {
            ([name], values) if name == "coalesce" => values
                .iter()
                .try_for_each(|value| self.store_cast(value, target, scope, cast)),
            ([name], [value, other]) if name == "nullif" => {
                self.store_nullif(value, other, target, scope, cast)
            }
            _ => Err(self.computed(target.column, token)),
        }
    }

    /// `NULLIF($1, '')` with a constant: the server cannot compare a sealed value, so the value is compared before it is
    /// sealed, and sent as NULL where it is equal.
    fn store_nullif(
        &mut self,
        value: &Expr,
        other: &Expr,
        target: Target<'_>,
        scope: &Scope<'_>,
        cast: Option<ValueKind>,
    ) -> Walked<()> {
        let kind = target.column.kind;
        let of_kind = cast == Some(kind) || (cast.is_none() && kind == ValueKind::Text);
        if self.is_null(other) && of_kind && kind != ValueKind::Json {
            return self.store_cast(value, target, scope, cast);
        }
        let constant = self
            .operand(other)
            .and_then(|operand| self.token(operand.token))
            .filter(|token| matches!(token.kind, TokenKind::String(_)));
        let comparable = target.column.kind != ValueKind::Json
            && cast.is_none_or(|kind| kind == target.column.kind)
            && self.operand(value).is_some()
            && (kind == ValueKind::Text
                || cast.is_none()
                || [value, other].iter().any(|side| is_cast_to(side, kind)));
        let (Some(constant), true) = (constant, comparable) else {
            return Err(self.computed(target.column, self.token_at(value.span())));
        };
        let text = lexer::string_value(constant, self.sql)
            .map_err(|_| self.computed(target.column, self.token_at(other.span())))?;
        let text = Plain::new(text.as_bytes().to_vec());
        self.plain(other, scope, COMPARISON)?;
        self.store_cast(value, target, scope, cast)?;
        let untyped = cast.is_none() && is_bare(value) && is_bare(other);
        if let Some(fill) = self.fills.last_mut()
            && target.column.is_sealed_on_write()
        {
            fill.null_if = Some(text);
            if let (FillValue::Literal { stands, .. }, true) = (&mut fill.value, untyped) {
                *stands = Some(ValueKind::Text);
            }
        }
        Ok(())
    }

    /// A column reference stored in a sealed column: only the same column of the same row.
    fn store_own(&mut self, idents: &[Ident], target: Target<'_>, scope: &Scope<'_>) -> Walked<()> {
        let parts: Vec<String> = idents.iter().map(|ident| self.name(ident)).collect();
        let own = match scope.resolve(&parts) {
            Meaning::Column {
                origin: Some(Origin::Values(id)),
                ..
            } => {
                let token = idents.last().and_then(|ident| self.token_at(ident.span));
                idents.iter().for_each(|ident| self.place(ident));
                return self.store_passed(id, target, token);
            }
            Meaning::Column {
                lineage: Lineage::Exact(column),
                source,
                ..
            } => column.label == target.column.label && target.own.contains(&source.as_str()),
            _ => false,
        };
        if !own {
            let token = idents.last().and_then(|ident| self.token_at(ident.span));
            return Err(self.copied(target.column, token));
        }
        idents.iter().for_each(|ident| self.place(ident));
        Ok(())
    }

    pub(super) fn copied(&self, column: &ProtectedColumn, token: Option<usize>) -> Stop {
        let message = format!(
            "a value would be copied into sealed column {} inside the server",
            full_name(column)
        );
        let help = "Read the value and write it back through pgseal; only the same column of the same tenant's row can be copied.";
        self.refuse(message, help, "refused-stored-value", token)
    }

    /// A derived column that is stored in a sealed one.
    pub(super) fn store_offered(
        &mut self,
        offered: &Offered,
        target: Target<'_>,
        token: Option<usize>,
    ) -> Walked<()> {
        match offered.origin {
            Some(Origin::Values(id)) => self.store_passed(id, target, token),
            _ if matches!(offered.lineage, Lineage::None) => {
                Err(self.computed(target.column, token))
            }
            _ => Err(self.copied(target.column, token)),
        }
    }

    fn store_constant(
        &mut self,
        value: &ValueWithSpan,
        target: Target<'_>,
        cast: Option<ValueKind>,
    ) -> Walked<()> {
        if matches!(value.value, Value::Null) {
            return Ok(());
        }
        match self.token_at(value.span) {
            Some(index) => self.store_token(index, target, cast, None, false),
            None => Err(self.computed(target.column, None)),
        }
    }

    /// A constant or parameter becomes a slot; `row` is where it stands in derived rows.
    pub(super) fn store_token(
        &mut self,
        index: usize,
        target: Target<'_>,
        cast: Option<ValueKind>,
        row: Option<(usize, usize)>,
        elements: bool,
    ) -> Walked<()> {
        let Some(token) = self.token(index) else {
            return Err(self.computed(target.column, None));
        };
        let value = match token.kind {
            TokenKind::String(
                StringKind::Plain
                | StringKind::Escaping
                | StringKind::Escape
                | StringKind::Unicode
                | StringKind::Dollar,
            ) => {
                let text = lexer::string_value(token, self.sql)
                    .map_err(|_| self.computed(target.column, Some(index)))?;
                FillValue::Literal {
                    value: Plain::new(text.as_bytes().to_vec()),
                    kind: literal_kind(target.column.kind, cast),
                    stands: cast.filter(|_| row.is_some()),
                }
            }
            TokenKind::Param(_) => {
                let Some(original) = self.param_number(index) else {
                    return Err(self.computed(target.column, Some(index)));
                };
                FillValue::Param {
                    original,
                    kind: self.wire_kind(original, target.column, cast, (index, elements))?,
                }
            }
            _ => {
                let message = format!(
                    "the value for sealed column {} is not a string constant",
                    full_name(target.column)
                );
                return Err(self.refuse(
                    message,
                    "Put the value in quotes, or pass it as a parameter.",
                    "refused-number",
                    Some(index),
                ));
            }
        };
        if !target.column.is_sealed_on_write() {
            return self.store_plain(index, target.column);
        }
        if !self.placed.insert(index) {
            return Err(self.not_understood("a constant in two roles", Some(index)));
        }
        self.unowned.push(self.fills.len());
        self.fills.push(Fill {
            token: index,
            column: Arc::clone(target.column),
            tenant: None,
            value,
            row,
            elements,
            sought: false,
            null_if: None,
            branch: None,
        });
        Ok(())
    }

    pub(super) fn leave_plain(&mut self, column: &Arc<ProtectedColumn>) {
        if !self.left_plain.contains(column) {
            self.left_plain.push(Arc::clone(column));
        }
    }

    /// A constant or parameter is stored as it is: its column is being unsealed.
    fn store_plain(&mut self, index: usize, column: &Arc<ProtectedColumn>) -> Walked<()> {
        self.leave_plain(column);
        match self.param_number(index) {
            Some(number) => {
                self.plain_param(number, index);
                Ok(())
            }
            None if self.placed.insert(index) => Ok(()),
            None => Err(self.not_understood("a constant in two roles", Some(index))),
        }
    }

    /// How a parameter's value is written: as declared, else as its innermost cast says, else as the column.
    fn wire_kind(
        &self,
        number: u16,
        column: &ProtectedColumn,
        cast: Option<ValueKind>,
        (token, elements): (usize, bool),
    ) -> Walked<ValueKind> {
        let declared = self.declared(number);
        let kind = match (declared.map_or(0, |oid| oid.0), elements) {
            (0, _) => Some(cast.unwrap_or(column.kind)),
            (25 | 1043, false) | (1009 | 1015, true) => Some(ValueKind::Text),
            (114, false) | (199, true) => Some(ValueKind::Json),
            (3802, false) | (3807, true) => Some(ValueKind::Jsonb),
            (17, false) | (1001, true) => Some(ValueKind::Bytea),
            _ => None,
        };
        // PostgreSQL would store the text form of a sealed document or of sealed bytes, which nobody could open.
        kind.filter(|kind| column.kind != ValueKind::Text || *kind == ValueKind::Text)
            .ok_or_else(|| {
                let message = format!(
                    "the parameter for sealed column {} is declared with another type",
                    full_name(column)
                );
                self.refuse(
                    message,
                    "Declare it with the column's type, or leave its type open.",
                    "refused-parameter",
                    Some(token),
                )
            })
    }
}
