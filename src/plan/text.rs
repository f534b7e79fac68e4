//! Texts with sealed values in them.

use sqlparser::ast::{ArrayElemTypeDef, DataType, Expr, Value, ValueWithSpan};

use crate::model::{Oid, ValueKind};

use super::expr::kind_of;
use super::lineage::{Lineage, Shape, columns, merge, unclear};
use super::parts;
use super::refuse::{FUNCTION, OPERATOR, Walked};
use super::scope::{Meaning, Origin, Scope};
use super::walk::Walk;
use super::within::{Argument, Call, array};

/// `pg_type`'s numbers, dates, `bool` and `uuid`: their text holds no sealed value, whoever stored it.
const HARMLESS_TYPES: &[u32] = &[
    16, 20, 21, 23, 26, 700, 701, 1082, 1083, 1114, 1184, 1186, 1266, 1700, 2950,
];

/// Functions that give one of those.
const HARMLESS_FUNCTIONS: &[&str] = &[
    "clock_timestamp",
    "count",
    "date_part",
    "extract",
    "gen_random_uuid",
    "length",
    "now",
    "rank",
    "row_number",
    "statement_timestamp",
    "transaction_timestamp",
];

impl Walk<'_> {
    /// A text of sealed values and of others in which nobody can have stored one.
    pub(super) fn text(&self, call: &Call<'_, '_>, arguments: &[Argument<'_>]) -> Walked<Lineage> {
        let mut parts = Vec::new();
        for argument in arguments {
            if argument.lineage.is_none() {
                let harmless = argument
                    .expr
                    .is_some_and(|expr| self.is_harmless(expr, call.scope));
                if !harmless {
                    return self.refuse_call(call, FUNCTION);
                }
            } else {
                match text_parts(&argument.lineage) {
                    Some((inner, None)) => parts.extend(inner),
                    _ => return self.refuse_call(call, FUNCTION),
                }
            }
        }
        if one_rendition(&parts) {
            Ok(Lineage::within(Shape::Text { parts, count: None }))
        } else {
            self.refuse_call(call, FUNCTION)
        }
    }

    /// `a || b || …`
    pub(super) fn concatenated(
        &mut self,
        first: &Expr,
        rest: &[&Expr],
        scope: &Scope<'_>,
    ) -> Walked<Lineage> {
        let operands: Vec<&Expr> = std::iter::once(first).chain(rest.iter().copied()).collect();
        let mut lineages = Vec::new();
        for operand in &operands {
            lineages.push(self.expr(operand, scope)?);
        }
        let all = unclear(&lineages);
        if all.is_none() {
            return Ok(Lineage::None);
        }
        if let Some(document) = self.joined_documents(&operands, &lineages) {
            return Ok(document);
        }
        if let Some(array) = self.joined_arrays(&operands, &lineages, scope) {
            return Ok(array);
        }
        let (mut parts, mut count, mut sure, mut harmless) = (Vec::new(), 0, true, true);
        for (operand, lineage) in operands.iter().zip(&lineages) {
            if lineage.is_none() {
                harmless &= self.is_harmless(operand, scope);
                continue;
            }
            // json || text is another operator, and bytea || bytea joins bytes.
            let text = columns(lineage)
                .iter()
                .all(|column| column.kind == ValueKind::Text)
                || matches!(lineage, Lineage::Within(shape) if matches!(shape.as_ref(), Shape::Cast { to: ValueKind::Text, .. }));
            let Some((inner, inner_count)) = text_parts(lineage).filter(|_| text) else {
                self.must_be_plain(lineage, OPERATOR)?;
                continue;
            };
            count += inner_count.unwrap_or(inner.len());
            sure &= inner.iter().all(is_strict)
                && (inner_count.is_some() || !matches!(lineage, Lineage::Within(_)));
            harmless &= inner_count.is_none();
            parts.extend(inner);
        }
        if harmless {
            Ok(Lineage::within(Shape::Text { parts, count: None }))
        } else if sure {
            // NULL in one is NULL in all: more sealed values than operands are somebody else's.
            Ok(Lineage::within(Shape::Text {
                parts,
                count: Some(count),
            }))
        } else {
            self.must_be_plain(&all, OPERATOR)?;
            Ok(Lineage::None)
        }
    }

    /// `array || array`, `array || element` and `element || array`; `None`: no operand is an array that pgseal knows the
    /// shape of, those before it may be texts that are joined first, or somebody may have stored a sealed value in one.
    pub(super) fn joined_arrays(
        &self,
        operands: &[&Expr],
        lineages: &[Lineage],
        scope: &Scope<'_>,
    ) -> Option<Lineage> {
        let first = lineages
            .iter()
            .position(|one| parts::elements(one).is_some())?;
        if lineages.iter().any(parts::has_dimensions) {
            return None;
        }
        let mut plain = operands.iter().zip(lineages);
        let harmless = plain.all(|(one, of)| !of.is_none() || self.is_harmless(one, scope));
        let each = lineages
            .iter()
            .map(|one| parts::elements(one).unwrap_or_else(|| one.clone()));
        let each: Vec<Lineage> = each.collect();
        let of = merge(each.iter());
        (first < 2 && harmless && !of.is_unclear()).then(|| array(of))
    }

    /// Whether nobody can have stored a sealed value in what an expression gives as text, or in the elements of an array.
    pub(super) fn is_harmless(&self, expr: &Expr, scope: &Scope<'_>) -> bool {
        match expr {
            Expr::Nested(inner) => self.is_harmless(inner, scope),
            Expr::Value(ValueWithSpan {
                value: Value::Null | Value::Boolean(_) | Value::Number(..),
                ..
            }) => true,
            Expr::Value(value) => self
                .literal(value)
                .is_some_and(|text| !text.contains("~s") && !text.ends_with('~')),
            Expr::Cast {
                expr, data_type, ..
            } => {
                is_harmless_type(data_type)
                    || (kind_of(data_type) == Some(ValueKind::Text)
                        && self.is_harmless(expr, scope))
                    || (has_escapes(data_type) && self.is_harmless_without_escapes(expr, scope))
            }
            Expr::Array(array) => {
                let mut elements = array.elem.iter();
                elements.all(|element| self.is_harmless(element, scope))
            }
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
                let parts = self.reference_names(expr);
                parts.is_some_and(|parts| self.is_harmless_column(&scope.resolve(&parts)))
            }
            Expr::Function(function) => self.names(&function.name).is_ok_and(|names| {
                matches!(names.as_slice(), [name] if HARMLESS_FUNCTIONS.contains(&name.as_str()))
            }),
            Expr::Extract { .. } => true,
            _ => false,
        }
    }

    /// The same of what is read as JSON or as an array, where an escape could spell a sealed value.
    fn is_harmless_without_escapes(&self, expr: &Expr, scope: &Scope<'_>) -> bool {
        let plain = |text: String| !text.contains('\\');
        match self.constant_text(expr) {
            Some(text) => plain(text) && self.is_harmless(expr, scope),
            None => matches!(expr, Expr::Array(_)) && self.is_harmless(expr, scope),
        }
    }

    fn is_harmless_column(&self, meaning: &Meaning) -> bool {
        let Meaning::Column {
            origin: Some(Origin::Column(origin, _)),
            ..
        } = meaning
        else {
            return false;
        };
        let relation = self.relations.catalog.relation(origin.table);
        let column = relation.and_then(|relation| relation.attnum(origin.attnum));
        column.is_some_and(|column| {
            let Oid(type_oid) = column.type_oid;
            HARMLESS_TYPES.contains(&type_oid)
        })
    }

    /// Whether a format string only puts its arguments in as they are.
    pub(super) fn is_plain_format(&self, pattern: &Argument<'_>) -> bool {
        let Some(text) = pattern.expr.and_then(|expr| self.constant_text(expr)) else {
            return false;
        };
        if text.contains("~s") {
            return false;
        }
        let mut rest = text.split('%');
        rest.next();
        let mut skip = false;
        rest.all(|after| {
            if std::mem::take(&mut skip) {
                return true;
            }
            let digits = after.trim_start_matches(|c: char| c.is_ascii_digit());
            skip = after.is_empty();
            skip || after.starts_with('s')
                || (digits.len() < after.len() && digits.starts_with("$s"))
        })
    }
}

/// Whether no column stands in a text both as json and as jsonb: the sealed value looks the same, its plaintext does not.
fn one_rendition(parts: &[Lineage]) -> bool {
    let renditions = parts.iter().flat_map(|part| {
        let jsonb = matches!(part, Lineage::Within(shape)
            if matches!(shape.as_ref(), Shape::Cast { to: ValueKind::Jsonb, .. }));
        columns(part)
            .into_iter()
            .map(move |column| (column.label.clone(), jsonb))
    });
    let renditions: Vec<_> = renditions.collect();
    renditions.iter().all(|(label, jsonb)| {
        renditions
            .iter()
            .all(|(other, rendition)| other != label || rendition == jsonb)
    })
}

/// Whether every value that is not NULL must be a sealed one.
fn is_strict(lineage: &Lineage) -> bool {
    match lineage {
        Lineage::Exact(column) => column.is_strict(),
        Lineage::Within(shape) => {
            matches!(shape.as_ref(), Shape::Cast { of, .. } if is_strict(of))
        }
        Lineage::None | Lineage::Maybe(_) => false,
    }
}

/// The sealed values in the text form of an argument, and their exact number if that is known; `None` where their end
/// cannot be told in a larger text.
fn text_parts(lineage: &Lineage) -> Option<(Vec<Lineage>, Option<usize>)> {
    match lineage {
        Lineage::None => Some((Vec::new(), None)),
        Lineage::Exact(_) | Lineage::Maybe(_) => columns(lineage)
            .iter()
            .all(|column| column.kind != ValueKind::Bytea)
            .then(|| (vec![lineage.clone()], None)),
        Lineage::Within(shape) => match shape.as_ref() {
            Shape::Text { parts, count } => Some((parts.clone(), *count)),
            Shape::Cast { of, .. } => columns(of)
                .iter()
                .all(|column| column.kind != ValueKind::Bytea)
                .then(|| (vec![lineage.clone()], None)),
            _ => None,
        },
    }
}

/// Whether the text form of a type has escapes, and what it holds can be told by pgseal.
fn has_escapes(data_type: &DataType) -> bool {
    match data_type {
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, None)) => {
            kind_of(element) == Some(ValueKind::Text) || has_escapes(element)
        }
        other => matches!(kind_of(other), Some(ValueKind::Json | ValueKind::Jsonb)),
    }
}

pub(super) fn is_harmless_type(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Int(_)
            | DataType::Integer(_)
            | DataType::BigInt(_)
            | DataType::SmallInt(_)
            | DataType::Int2(_)
            | DataType::Int4(_)
            | DataType::Int8(_)
            | DataType::Numeric(_)
            | DataType::Decimal(_)
            | DataType::Boolean
            | DataType::Bool
            | DataType::Uuid
            | DataType::Date
            | DataType::Timestamp(..)
    )
}
