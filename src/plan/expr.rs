//! Expressions: what a value carries, and which uses of a sealed column are refused.

use sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, DataType, Expr, InTarget, OrderByExpr, Spanned,
    Subscript, Value, ValueWithSpan, WindowFrameBound, WindowSpec,
};

use crate::model::ValueKind;

use super::among::How;
use super::lineage::{Lineage, columns, merge, unclear};
use super::parts;
use super::refuse::{
    COMPARISON, CONDITION, Construct, FUNCTION, GROUP, JSON, LIKE, OPERATOR, ORDER, OTHER, Walked,
};
use super::scope::{Meaning, Scope, Source};
use super::walk::Walk;
use super::within;

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

    /// A chain of operators leans to the left: walked without a stack frame per link.
    fn chain(&mut self, expr: &Expr, scope: &Scope<'_>) -> Walked<Lineage> {
        let (operands, first) = links(expr, &BinaryOperator::StringConcat);
        if !operands.is_empty() && is_operand(first) {
            return self.concatenated(first, &operands, scope);
        }
        let (keys, first) = links(expr, &BinaryOperator::Minus);
        if !keys.is_empty() && is_operand(first) {
            return self.without(first, &keys, scope);
        }
        if let Some(lineage) = self.stepped(expr, scope)? {
            return Ok(lineage);
        }
        let (mut at, mut construct) = (expr, OTHER);
        while let Expr::BinaryOp { left, right, op } = at {
            construct = operation(op);
            if self.searched(left, op, right, scope)? {
                return Ok(Lineage::None);
            }
            if let BinaryOperator::Custom(_) | BinaryOperator::PGCustomBinaryOperator(_) = op {
                self.impure = self.impure.or(Some(self.range.start));
            }
            self.plain(right, scope, construct)?;
            if let Some(lineage) = self.stepped(left, scope)? {
                return self
                    .must_be_plain(&lineage, construct)
                    .map(|()| Lineage::None);
            }
            at = left;
        }
        self.all_plain([at], scope, construct)
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

    fn in_target(&mut self, expr: &Expr, target: &InTarget, scope: &Scope<'_>) -> Walked<Lineage> {
        if let InTarget::List(items) = target
            && self.searched_list(expr, items, scope)?
        {
            return Ok(Lineage::None);
        }
        if let InTarget::Subquery(query) = target
            && self.searched_subquery(expr, query, scope)?
        {
            return Ok(Lineage::None);
        }
        self.plain(expr, scope, COMPARISON)?;
        match target {
            InTarget::List(items) => self.all_plain(items, scope, COMPARISON),
            InTarget::Subquery(query) => {
                let rows = self.query(query, scope)?;
                self.use_all_plain(&rows.columns);
                for column in &rows.columns {
                    self.must_be_plain(&column.lineage, COMPARISON)?;
                }
                Ok(Lineage::None)
            }
            InTarget::Unnest(_) | InTarget::Table { .. } => {
                Err(self.not_understood("this form of IN", self.token_at(expr.span())))
            }
        }
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

    /// The source whose whole row an expression is, if its row's fields have other names than its columns.
    fn renamed_row<'s>(&self, row: &Expr, scope: &'s Scope<'_>) -> Option<&'s Source> {
        let parts: Vec<String> = match row {
            Expr::Nested(inner) => return self.renamed_row(inner, scope),
            Expr::Identifier(ident) => vec![self.name(ident)],
            Expr::CompoundIdentifier(idents) => idents.iter().map(|one| self.name(one)).collect(),
            _ => return None,
        };
        let row = matches!(scope.resolve(&parts), Meaning::Row { .. });
        let source = scope.star(&parts).filter(|_| row);
        source.filter(|source| !source.fields.is_empty())
    }

    fn field_access(
        &mut self,
        root: &Expr,
        chain: &[AccessExpr],
        scope: &Scope<'_>,
    ) -> Walked<Lineage> {
        let mut lineage = self.expr(root, scope)?;
        let mut renamed = self.renamed_row(root, scope);
        for access in chain {
            match access {
                // A field's name is no column reference; a star would unfold the row.
                AccessExpr::Dot(Expr::Identifier(field)) => {
                    self.place(field);
                    let name = self.name(field);
                    // `(t).x` is `t.x`, whatever the fields of its rows are called.
                    lineage = match renamed.take() {
                        Some(source) => source.column(&name),
                        None => self.field(&lineage, &name)?,
                    };
                }
                AccessExpr::Dot(_) => {
                    return Err(
                        self.not_understood("this access to a field", self.token_at(root.span()))
                    );
                }
                AccessExpr::Subscript(Subscript::Index { index }) => {
                    self.plain(index, scope, JSON)?;
                    lineage = self.element_at(&lineage, index)?;
                }
                AccessExpr::Subscript(Subscript::Slice {
                    lower_bound,
                    upper_bound,
                    stride,
                }) => {
                    let bounds = lower_bound.iter().chain(upper_bound).chain(stride);
                    self.all_plain(bounds, scope, JSON)?;
                    lineage = self.element(&lineage, true)?;
                }
            }
        }
        Ok(lineage)
    }

    /// One item of an ORDER BY.
    pub(super) fn order_item(
        &mut self,
        item: &OrderByExpr,
        scope: &Scope<'_>,
        construct: Construct,
    ) -> Walked<()> {
        if item.with_fill.is_some() {
            return Err(self.not_understood("WITH FILL", None));
        }
        self.plain(&item.expr, scope, construct)
    }

    /// The window of OVER or WINDOW.
    pub(super) fn window(&mut self, window: &WindowSpec, scope: &Scope<'_>) -> Walked<()> {
        if let Some(name) = &window.window_name {
            self.place(name);
        }
        let keys = self.keys(&window.partition_by, None, scope);
        let around = std::mem::replace(&mut self.keys, keys);
        for expr in &window.partition_by {
            let lineage = self.expr(expr, scope)?;
            self.comparable(&lineage, self.origin_of(expr, scope), GROUP)?;
        }
        self.keys = around;
        for item in &window.order_by {
            self.order_item(item, scope, ORDER)?;
        }
        let Some(frame) = &window.window_frame else {
            return Ok(());
        };
        for bound in [Some(&frame.start_bound), frame.end_bound.as_ref()]
            .into_iter()
            .flatten()
        {
            match bound {
                WindowFrameBound::Preceding(Some(expr))
                | WindowFrameBound::Following(Some(expr)) => self.plain(expr, scope, OTHER)?,
                WindowFrameBound::CurrentRow
                | WindowFrameBound::Preceding(None)
                | WindowFrameBound::Following(None) => {}
            }
        }
        Ok(())
    }
}

/// The right sides of a chain of one operator, from left to right, and what it begins with.
fn links<'e>(expr: &'e Expr, operator: &BinaryOperator) -> (Vec<&'e Expr>, &'e Expr) {
    let (mut rights, mut at) = (Vec::new(), expr);
    while let Expr::BinaryOp { left, right, op } = at
        && op == operator
    {
        rights.push(right.as_ref());
        at = left;
    }
    rights.reverse();
    (rights, at)
}

/// What an operator does with its operands.
fn operation(op: &BinaryOperator) -> Construct {
    use BinaryOperator as Op;
    match op {
        Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => COMPARISON,
        Op::And | Op::Or => CONDITION,
        Op::PGRegexMatch
        | Op::PGRegexIMatch
        | Op::PGRegexNotMatch
        | Op::PGRegexNotIMatch
        | Op::PGLikeMatch
        | Op::PGILikeMatch
        | Op::PGNotLikeMatch
        | Op::PGNotILikeMatch
        | Op::PGStartsWith => LIKE,
        Op::Arrow
        | Op::LongArrow
        | Op::HashArrow
        | Op::HashLongArrow
        | Op::HashMinus
        | Op::AtArrow
        | Op::ArrowAt
        | Op::AtQuestion
        | Op::AtAt
        | Op::Question
        | Op::QuestionAnd
        | Op::QuestionPipe => JSON,
        _ => OPERATOR,
    }
}

/// Whether an expression binds tighter than operators of any name, so that walking it does not go down a chain.
fn is_operand(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op, .. } => matches!(
            op,
            BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo
        ),
        _ => true,
    }
}
