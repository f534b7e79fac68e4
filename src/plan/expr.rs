//! Expressions: what a value carries, and which uses of a sealed column are refused.

use sqlparser::ast::{CastKind, DataType, Expr, Spanned, Value, ValueWithSpan};

use crate::model::ValueKind;

use super::among::How;
use super::lineage::{Lineage, columns, merge, unclear};
use super::refuse::{
    COMPARISON, CONDITION, Construct, FUNCTION, GROUP, LIKE, OPERATOR, OTHER, Walked,
};
use super::scope::Scope;
use super::walk::Walk;
use super::{parts, within};

/// The kind of value that a type name means, without a length.
pub(super) fn kind_of(data_type: &DataType) -> Option<ValueKind> {
    match data_type {
        DataType::Text | DataType::Varchar(None) | DataType::CharacterVarying(None) => {
            Some(ValueKind::Text)
        }
        DataType::JSON => Some(ValueKind::Json),
        DataType::JSONB => Some(ValueKind::Jsonb),
        DataType::Bytea => Some(ValueKind::Bytea),
        DataType::Custom(name, arguments) if arguments.is_empty() => {
            let parts: Vec<String> = name
                .0
                .iter()
                .filter_map(|part| part.as_ident())
                .map(|i| i.value.to_lowercase())
                .collect();
            match parts
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .as_slice()
            {
                ["pg_catalog", last] | [last] => match *last {
                    "text" | "varchar" => Some(ValueKind::Text),
                    "json" => Some(ValueKind::Json),
                    "jsonb" => Some(ValueKind::Jsonb),
                    "bytea" => Some(ValueKind::Bytea),
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    }
}

impl Walk<'_> {
    /// Visits an expression that must not carry a sealed value.
    pub(super) fn plain(
        &mut self,
        expr: &Expr,
        scope: &Scope<'_>,
        construct: Construct,
    ) -> Walked<()> {
        let lineage = self.expr(expr, scope)?;
        self.must_be_plain(&lineage, construct)
    }

    pub(super) fn all_plain<'e>(
        &mut self,
        exprs: impl IntoIterator<Item = &'e Expr>,
        scope: &Scope<'_>,
        construct: Construct,
    ) -> Walked<Lineage> {
        for expr in exprs {
            self.plain(expr, scope, construct)?;
        }
        Ok(Lineage::None)
    }

    /// Visits an expression and says what it carries.
    pub(super) fn expr(&mut self, expr: &Expr, scope: &Scope<'_>) -> Walked<Lineage> {
        match expr {
            Expr::Identifier(ident) => self.reference(std::slice::from_ref(ident), scope),
            Expr::CompoundIdentifier(idents) => self.reference(idents, scope),
            Expr::Nested(inner) => self.expr(inner, scope),
            Expr::Collate { expr, .. } => self.collated(expr, scope),
            Expr::Value(value) => self.constant(value),
            Expr::TypedString(typed) => self.constant(&typed.value),
            Expr::Prefixed { value, prefix: _ } => self.all_plain([value.as_ref()], scope, OTHER),
            Expr::Interval(interval) => self.all_plain([interval.value.as_ref()], scope, OTHER),
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => match inner.as_ref() {
                // `t.* IS NULL` is about the row.
                Expr::QualifiedWildcard(row, _) => {
                    self.place_name(row);
                    Ok(Lineage::None)
                }
                _ => self.expr(inner, scope).map(|_| Lineage::None),
            },
            Expr::IsFalse(e)
            | Expr::IsNotFalse(e)
            | Expr::IsTrue(e)
            | Expr::IsNotTrue(e)
            | Expr::IsUnknown(e)
            | Expr::IsNotUnknown(e) => self.all_plain([e.as_ref()], scope, CONDITION),
            Expr::IsDistinctFrom(a, b) | Expr::IsNotDistinctFrom(a, b) => {
                let how = match expr {
                    Expr::IsDistinctFrom(..) => How::Distinct,
                    _ => How::NotDistinct,
                };
                // The same as IS [NOT] NULL.
                if self.is_null(a) || self.is_null(b) {
                    self.lineages([a.as_ref(), b.as_ref()], scope)?;
                    return Ok(Lineage::None);
                }
                if self.searched_pair(a, b, Some(how), scope)? {
                    return Ok(Lineage::None);
                }
                self.all_plain([a.as_ref(), b.as_ref()], scope, COMPARISON)
            }
            Expr::IsJson { expr, .. } | Expr::IsNormalized { expr, .. } => {
                self.all_plain([expr.as_ref()], scope, CONDITION)
            }
            Expr::Between {
                expr, low, high, ..
            } => self.all_plain([expr.as_ref(), low, high], scope, COMPARISON),
            Expr::BinaryOp { .. } => self.chain(expr, scope),
            Expr::AnyOp {
                left,
                compare_op,
                right,
                ..
            }
            | Expr::AllOp {
                left,
                compare_op,
                right,
            } => {
                if self.searched_array(left, compare_op, right, scope)? {
                    return Ok(Lineage::None);
                }
                self.all_plain([left.as_ref(), right], scope, COMPARISON)
            }
            Expr::Like {
                expr,
                pattern,
                escape_char,
                ..
            }
            | Expr::ILike {
                expr,
                pattern,
                escape_char,
                ..
            }
            | Expr::SimilarTo {
                expr,
                pattern,
                escape_char,
                ..
            } => self.all_plain(
                [expr.as_ref(), pattern]
                    .into_iter()
                    .chain(escape_char.as_deref()),
                scope,
                LIKE,
            ),
            Expr::UnaryOp { expr, op: _ } => self.all_plain([expr.as_ref()], scope, OPERATOR),
            Expr::In { expr, target, .. } => self.in_target(expr, target, scope),
            Expr::Cast {
                expr,
                data_type,
                kind,
                format,
            } => {
                let plain_syntax =
                    matches!(kind, CastKind::Cast | CastKind::DoubleColon) && format.is_none();
                if !plain_syntax {
                    return Err(self.not_understood("this form of CAST", None));
                }
                self.cast(expr, data_type, scope)
            }
            Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => {
                if let Some(operand) = operand {
                    self.plain(operand, scope, COMPARISON)?;
                }
                let mut results = Vec::new();
                for when in conditions {
                    self.plain(&when.condition, scope, CONDITION)?;
                    results.push((&when.result, self.expr(&when.result, scope)?));
                }
                if let Some(otherwise) = else_result {
                    results.push((otherwise.as_ref(), self.expr(otherwise, scope)?));
                }
                self.one_of(results.iter().map(|(expr, lineage)| (Some(*expr), lineage)))
            }
            Expr::Exists { subquery, .. } => self.query(subquery, scope).map(|_| Lineage::None),
            Expr::Subquery(query) => {
                let rows = self.query(query, scope)?;
                self.use_all_plain(&rows.columns);
                Ok(merge(rows.columns.iter().map(|column| &column.lineage)))
            }
            Expr::Function(function) => self.function(function, scope),
            Expr::AtTimeZone {
                timestamp,
                time_zone,
            } => self.all_plain([timestamp.as_ref(), time_zone], scope, FUNCTION),
            Expr::Extract { expr, .. } | Expr::Ceil { expr, .. } | Expr::Floor { expr, .. } => {
                self.all_plain([expr.as_ref()], scope, FUNCTION)
            }
            Expr::Position { expr, r#in } => self.all_plain([expr.as_ref(), r#in], scope, FUNCTION),
            Expr::Substring {
                expr,
                substring_from,
                substring_for,
                ..
            } => {
                let rest = substring_from
                    .as_deref()
                    .into_iter()
                    .chain(substring_for.as_deref());
                self.all_plain([expr.as_ref()].into_iter().chain(rest), scope, FUNCTION)
            }
            Expr::Trim {
                expr,
                trim_what,
                trim_characters,
                ..
            } => {
                let rest = trim_what
                    .as_deref()
                    .into_iter()
                    .chain(trim_characters.iter().flatten());
                self.all_plain([expr.as_ref()].into_iter().chain(rest), scope, FUNCTION)
            }
            Expr::Overlay {
                expr,
                overlay_what,
                overlay_from,
                overlay_for,
            } => {
                let rest = [expr.as_ref(), overlay_what, overlay_from];
                self.all_plain(
                    rest.into_iter().chain(overlay_for.as_deref()),
                    scope,
                    FUNCTION,
                )
            }
            Expr::Tuple(fields) => Ok(within::record(self.lineages(fields, scope)?.iter())),
            Expr::Array(array) => {
                let elements = self.lineages(&array.elem, scope)?;
                // The places of an array of arrays are not those of one.
                let nested = array.elem.iter().any(|e| matches!(e, Expr::Array(_)))
                    || elements.iter().any(|one| parts::elements(one).is_some());
                Ok(match nested {
                    true => unclear(&elements),
                    false => within::items(elements.iter()),
                })
            }
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                self.all_plain(sets.iter().flatten(), scope, GROUP)
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.field_access(root, access_chain, scope)
            }
            Expr::Named { expr, name } => {
                self.place(name);
                self.all_plain([expr.as_ref()], scope, OTHER)
            }
            Expr::JsonAccess { .. }
            | Expr::RLike { .. }
            | Expr::Convert { .. }
            | Expr::Struct { .. }
            | Expr::Dictionary(_)
            | Expr::Map(_)
            | Expr::MatchAgainst { .. }
            | Expr::Wildcard(_)
            | Expr::QualifiedWildcard(..)
            | Expr::OuterJoin(_)
            | Expr::Prior(_)
            | Expr::Lambda(_)
            | Expr::MemberOf(_) => {
                Err(self.not_understood("this expression", self.token_at(expr.span())))
            }
        }
    }

    fn lineages<'e>(
        &mut self,
        exprs: impl IntoIterator<Item = &'e Expr>,
        scope: &Scope<'_>,
    ) -> Walked<Vec<Lineage>> {
        exprs
            .into_iter()
            .map(|expr| self.expr(expr, scope))
            .collect()
    }

    /// A constant or parameter in a plain role.
    pub(super) fn constant(&mut self, value: &ValueWithSpan) -> Walked<Lineage> {
        let Some(token) = self.token_at(value.span) else {
            return Err(self.not_understood("a constant of unknown place", None));
        };
        match &value.value {
            Value::Placeholder(_) => match self.param_number(token) {
                Some(number) => self.plain_param(number, token),
                None => {
                    return Err(self.not_understood("a parameter of another dialect", Some(token)));
                }
            },
            Value::Null | Value::Boolean(_) => {}
            Value::Number(..)
            | Value::SingleQuotedString(_)
            | Value::DollarQuotedString(_)
            | Value::EscapedStringLiteral(_)
            | Value::UnicodeStringLiteral(_)
            | Value::NationalStringLiteral(_)
            | Value::HexStringLiteral(_)
            | Value::SingleQuotedByteStringLiteral(_) => {
                if !self.placed.insert(token) {
                    return Err(self.not_understood("a constant in two roles", Some(token)));
                }
            }
            _ => return Err(self.not_understood("a constant of another dialect", Some(token))),
        }
        Ok(Lineage::None)
    }

    fn cast(&mut self, expr: &Expr, data_type: &DataType, scope: &Scope<'_>) -> Walked<Lineage> {
        let lineage = self.expr(expr, scope)?;
        self.recast(lineage, data_type)
    }

    /// A collation says how a value is compared, and leaves it as it is.
    fn collated(&mut self, expr: &Expr, scope: &Scope<'_>) -> Walked<Lineage> {
        let lineage = self.expr(expr, scope)?;
        // Sealed values are compared by their bytes.
        let compared = columns(&lineage).iter().any(|one| one.search.is_some());
        match compared {
            true => self
                .must_be_plain(&lineage, FUNCTION)
                .map(|()| Lineage::None),
            false => Ok(lineage),
        }
    }
}
