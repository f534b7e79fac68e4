//! Expressions that keep sealed values whole inside something larger: JSON, arrays, records, texts.

use sqlparser::ast::{DataType, Expr, FunctionArgumentClause, Value, ValueWithSpan};

use crate::model::{Oid, ValueKind};
use crate::rules::ColumnState;

use super::expr::kind_of;
use super::lexer::{self, StringKind, TokenKind};
use super::lineage::{Lineage, Member, Shape, columns, merge, unclear, weakened};
use super::refuse::{AGGREGATE, CAST, Construct, FUNCTION, JSON, OPERATOR, Walked};
use super::scope::{Meaning, Origin, Scope};
use super::walk::Walk;

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

/// One argument of a function call.
#[derive(Clone)]
pub(super) struct Argument<'e> {
    /// `None`: a star over a row.
    pub expr: Option<&'e Expr>,
    pub lineage: Lineage,
    /// The key before a colon or VALUE, in SQL/JSON.
    pub key: Option<&'e Expr>,
}

/// A call of a function of `pg_catalog`, some of whose arguments carry sealed values.
pub(super) struct Call<'e, 's> {
    pub name: &'e str,
    pub arguments: &'e [Argument<'e>],
    pub clauses: &'e [FunctionArgumentClause],
    pub distinct: bool,
    pub scope: &'e Scope<'s>,
}

impl Call<'_, '_> {
    fn first(&self) -> Lineage {
        self.arguments
            .first()
            .map_or(Lineage::None, |argument| argument.lineage.clone())
    }

    fn all(&self) -> impl Iterator<Item = &Lineage> {
        self.arguments.iter().map(|argument| &argument.lineage)
    }
}

impl Walk<'_> {
    /// What a function's result carries.
    pub(super) fn call(&mut self, call: &Call<'_, '_>) -> Walked<Lineage> {
        if call.all().all(Lineage::is_none) {
            return Ok(Lineage::None);
        }
        if call.distinct && self.counts_keyed(call) {
            return Ok(Lineage::None);
        }
        if let (
            "count",
            true,
            [
                Argument {
                    expr: Some(expr),
                    lineage,
                    ..
                },
            ],
        ) = (call.name, call.distinct, call.arguments)
        {
            let origin = self.origin_of(expr, call.scope);
            return self
                .comparable(lineage, origin, AGGREGATE)
                .map(|()| Lineage::None);
        }
        if call.distinct {
            return self.refuse_call(call, AGGREGATE);
        }
        let json = |of: Lineage, to| Ok(Lineage::within(Shape::Json { of, to }));
        match call.name {
            "count" => Ok(Lineage::None),
            "coalesce" => self.one_of(
                call.arguments
                    .iter()
                    .map(|argument| (argument.expr, &argument.lineage)),
            ),
            "any_value" | "first_value" | "last_value" | "nth_value" | "lag" | "lead" => {
                Ok(weakened(merge(call.all())))
            }
            "row_to_json" | "to_json" | "array_to_json" => json(call.first(), ValueKind::Json),
            "to_jsonb" => json(call.first(), ValueKind::Jsonb),
            "json_agg" => json(array(call.first()), ValueKind::Json),
            "jsonb_agg" => json(array(call.first()), ValueKind::Jsonb),
            "json_build_array" => json(items(call.all()), ValueKind::Json),
            "jsonb_build_array" => json(items(call.all()), ValueKind::Jsonb),
            "json_build_object" | "jsonb_build_object" => {
                let pairs = call.arguments.chunks(2).map(|pair| match pair {
                    [key, value] => key
                        .expr
                        .filter(|_| key.lineage.is_none())
                        .map(|key| (key, &value.lineage)),
                    _ => None,
                });
                let pairs = pairs.collect::<Option<Vec<_>>>();
                self.object(call, pairs, call.name.starts_with("jsonb"))
            }
            "json_object_agg" | "jsonb_object_agg" => match call.arguments {
                [key, value] if key.lineage.is_none() => {
                    let members = Lineage::within(Shape::Members(value.lineage.clone()));
                    let to = match call.name {
                        "json_object_agg" => ValueKind::Json,
                        _ => ValueKind::Jsonb,
                    };
                    json(members, to)
                }
                _ => self.refuse_call(call, FUNCTION),
            },
            "json_object" => {
                let pairs = call.arguments.iter().map(|argument| {
                    argument
                        .key
                        .map(|key| (key, &argument.lineage))
                        .filter(|_| call.clauses.is_empty())
                });
                let pairs = pairs.collect::<Option<Vec<_>>>();
                self.object(call, pairs, false)
            }
            "json_arrayagg" if call.clauses.iter().all(is_order) => {
                json(array(call.first()), ValueKind::Json)
            }
            "array_agg" => Ok(array(call.first())),
            "array_remove" => match call.arguments {
                [whole, removed] if removed.expr.is_some_and(|expr| self.is_null(expr)) => {
                    self.element(&whole.lineage, true)
                }
                _ => self.refuse_call(call, FUNCTION),
            },
            "array_to_string" => match call.arguments {
                [whole, rest @ ..] => {
                    let elements = Argument {
                        expr: None,
                        lineage: self.element(&whole.lineage, false)?,
                        key: None,
                    };
                    let rest = rest.iter().map(Argument::clone);
                    let all: Vec<_> = std::iter::once(elements).chain(rest).collect();
                    self.text(call, &all)
                }
                [] => self.refuse_call(call, FUNCTION),
            },
            "row" => Ok(record(call.all())),
            "string_agg" | "concat" | "concat_ws" => self.text(call, call.arguments),
            "format" => match call.arguments.split_first() {
                Some((pattern, rest)) if self.is_plain_format(pattern) => self.text(call, rest),
                _ => self.refuse_call(call, FUNCTION),
            },
            _ => self.refuse_call(call, FUNCTION),
        }
    }

    fn refuse_call<T>(&self, call: &Call<'_, '_>, construct: Construct) -> Walked<T> {
        let aggregate = matches!(
            call.name,
            "count"
                | "min"
                | "max"
                | "sum"
                | "avg"
                | "string_agg"
                | "array_agg"
                | "json_agg"
                | "jsonb_agg"
        );
        let construct = if aggregate { AGGREGATE } else { construct };
        let all = unclear(call.all());
        self.must_be_plain(&all, construct)?;
        Err(self.not_understood("this function call", None))
    }

    /// One of several values, as in COALESCE and CASE.
    pub(super) fn one_of<'e, 'l>(
        &self,
        alternatives: impl Iterator<Item = (Option<&'e Expr>, &'l Lineage)>,
    ) -> Walked<Lineage> {
        let alternatives: Vec<_> = alternatives.collect();
        let within = alternatives
            .iter()
            .any(|(_, lineage)| matches!(lineage, Lineage::Within(_)));
        if !within {
            return Ok(weakened(merge(
                alternatives.iter().map(|(_, lineage)| *lineage),
            )));
        }
        // NULL and an empty container hold nothing, so what the others carry stays sure.
        let others = alternatives
            .iter()
            .filter(|(expr, _)| !expr.is_some_and(|expr| self.is_void(expr)))
            .map(|(_, lineage)| *lineage);
        Ok(merge(others))
    }

    pub(super) fn is_null(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => self.is_null(inner),
            Expr::Value(value) => matches!(value.value, Value::Null),
            _ => false,
        }
    }

    fn is_void(&self, expr: &Expr) -> bool {
        match expr {
            expr if self.is_null(expr) => true,
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => self.is_void(inner),
            Expr::Array(array) => array.elem.is_empty(),
            Expr::Value(value) => self
                .literal(value)
                .is_some_and(|text| matches!(text.trim(), "" | "[]" | "{}" | "null")),
            _ => false,
        }
    }

    /// The text of a string constant.
    fn literal(&self, value: &ValueWithSpan) -> Option<String> {
        let token = self
            .token_at(value.span)
            .and_then(|index| self.token(index))?;
        let string = matches!(
            token.kind,
            TokenKind::String(
                StringKind::Plain
                    | StringKind::Escaping
                    | StringKind::Escape
                    | StringKind::Unicode
                    | StringKind::Dollar
            )
        );
        string
            .then(|| lexer::string_value(token, self.sql).ok())
            .flatten()
            .map(|text| text.to_string())
    }

    /// The text of a constant under brackets and casts to text.
    pub(super) fn constant_text(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Nested(inner) => self.constant_text(inner),
            Expr::Cast {
                expr, data_type, ..
            } if kind_of(data_type) == Some(ValueKind::Text) => self.constant_text(expr),
            Expr::Value(value) => self.literal(value),
            _ => None,
        }
    }

    fn object(
        &mut self,
        call: &Call<'_, '_>,
        pairs: Option<Vec<(&Expr, &Lineage)>>,
        jsonb: bool,
    ) -> Walked<Lineage> {
        let members = pairs.and_then(|pairs| {
            let members = pairs.into_iter().map(|(key, lineage)| {
                Some(Member {
                    name: self.constant_text(key)?,
                    lineage: lineage.clone(),
                    tenant: None,
                })
            });
            members.collect::<Option<Vec<_>>>()
        });
        let Some(members) = members else {
            return self.refuse_call(call, FUNCTION);
        };
        Ok(Lineage::within(Shape::Json {
            of: Lineage::within(Shape::Record(members)),
            to: if jsonb {
                ValueKind::Jsonb
            } else {
                ValueKind::Json
            },
        }))
    }

    /// A text of sealed values and of others in which nobody can have stored one.
    fn text(&self, call: &Call<'_, '_>, arguments: &[Argument<'_>]) -> Walked<Lineage> {
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

    /// Whether nobody can have stored a sealed value in what an expression gives as text.
    fn is_harmless(&self, expr: &Expr, scope: &Scope<'_>) -> bool {
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
            }
            Expr::Identifier(ident) => {
                self.is_harmless_column(&scope.resolve(&[self.name(ident)]))
            }
            Expr::CompoundIdentifier(idents) => {
                let parts: Vec<String> = idents.iter().map(|ident| self.name(ident)).collect();
                self.is_harmless_column(&scope.resolve(&parts))
            }
            Expr::Function(function) => self.names(&function.name).is_ok_and(|names| {
                matches!(names.as_slice(), [name] if HARMLESS_FUNCTIONS.contains(&name.as_str()))
            }),
            Expr::Extract { .. } => true,
            _ => false,
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
    fn is_plain_format(&self, pattern: &Argument<'_>) -> bool {
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

    /// What a value carries after a cast.
    pub(super) fn recast(&self, lineage: Lineage, data_type: &DataType) -> Walked<Lineage> {
        if lineage.is_none() {
            return Ok(Lineage::None);
        }
        let refused = |lineage: &Lineage| self.must_be_plain(lineage, CAST).map(|()| Lineage::None);
        if let (Lineage::Within(shape), DataType::Array(element)) = (&lineage, data_type) {
            return self.recast_array(shape, element);
        }
        let Some(to) = kind_of(data_type) else {
            return refused(&lineage);
        };
        let shape = match &lineage {
            Lineage::Within(shape) => shape,
            _ => {
                return match columns(&lineage).first().map(|column| column.kind) {
                    Some(from) if from == to => Ok(weakened(lineage)),
                    Some(from) if casts(from, to) => {
                        Ok(Lineage::within(Shape::Cast { of: lineage, to }))
                    }
                    _ => refused(&lineage),
                };
            }
        };
        match (shape.as_ref(), to) {
            (Shape::Cast { to: was, .. } | Shape::Json { to: was, .. }, to) if *was == to => {
                Ok(lineage)
            }
            (Shape::Text { .. }, ValueKind::Text) => Ok(lineage),
            (
                Shape::Json {
                    of,
                    to: ValueKind::Text,
                },
                ValueKind::Json | ValueKind::Jsonb,
            ) => Ok(Lineage::within(Shape::Json { of: of.clone(), to })),
            (Shape::Json { .. }, ValueKind::Json | ValueKind::Jsonb | ValueKind::Text) => {
                Ok(Lineage::within(Shape::Json { of: lineage, to }))
            }
            _ => refused(&lineage),
        }
    }

    fn recast_array(
        &self,
        shape: &Shape,
        element: &sqlparser::ast::ArrayElemTypeDef,
    ) -> Walked<Lineage> {
        use sqlparser::ast::ArrayElemTypeDef as Element;
        let whole = || Lineage::Within(std::sync::Arc::new(shape.clone()));
        let inner = match element {
            Element::SquareBracket(inner, _)
            | Element::AngleBracket(inner)
            | Element::Parenthesis(inner) => inner,
            Element::None | Element::ParenthesisNotNull(_) | Element::Qualified(..) => {
                return self.must_be_plain(&whole(), CAST).map(|()| Lineage::None);
            }
        };
        match shape {
            Shape::Array(of) => Ok(Lineage::within(Shape::Array(
                self.recast(of.clone(), inner)?,
            ))),
            Shape::Items(parts) => {
                let mut cast = Vec::new();
                for part in parts {
                    cast.push(self.recast(part.clone(), inner)?);
                }
                Ok(Lineage::within(Shape::Items(cast)))
            }
            _ => self.must_be_plain(&whole(), CAST).map(|()| Lineage::None),
        }
    }

    /// A field of a record.
    pub(super) fn field(&self, row: &Lineage, name: &str) -> Walked<Lineage> {
        if let Lineage::Within(shape) = row
            && let Shape::Record(members) = shape.as_ref()
        {
            let found = members.iter().find(|member| member.name == name);
            return Ok(found.map_or(Lineage::None, |member| member.lineage.clone()));
        }
        self.must_be_plain(row, JSON).map(|()| Lineage::None)
    }

    /// An element or a slice of an array.
    pub(super) fn element(&self, whole: &Lineage, slice: bool) -> Walked<Lineage> {
        if let Lineage::Within(shape) = whole
            && let Shape::Array(of) = shape.as_ref()
        {
            return Ok(if slice { whole.clone() } else { of.clone() });
        }
        self.must_be_plain(whole, JSON).map(|()| Lineage::None)
    }
}

fn is_order(clause: &FunctionArgumentClause) -> bool {
    matches!(clause, FunctionArgumentClause::OrderBy(_))
}

/// An array of such elements; an array of arrays is one of more dimensions.
pub(super) fn array(of: Lineage) -> Lineage {
    match &of {
        Lineage::Within(shape) => match shape.as_ref() {
            Shape::Array(_) => of,
            Shape::Items(_) => unclear([&of]),
            _ => Lineage::within(Shape::Array(of)),
        },
        _ => Lineage::within(Shape::Array(of)),
    }
}

/// An array of these elements.
pub(super) fn items<'l>(all: impl Iterator<Item = &'l Lineage>) -> Lineage {
    Lineage::within(Shape::Items(all.cloned().collect()))
}

/// `ROW(…)`: its fields are named f1, f2, ….
pub(super) fn record<'l>(all: impl Iterator<Item = &'l Lineage>) -> Lineage {
    let members = all.zip(1..).map(|(lineage, at): (&Lineage, u32)| Member {
        name: format!("f{at}"),
        lineage: lineage.clone(),
        tenant: None,
    });
    Lineage::within(Shape::Record(members.collect()))
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

/// Whether a value of one kind cast to another is known from its plaintext.
fn casts(from: ValueKind, to: ValueKind) -> bool {
    matches!(
        (from, to),
        (ValueKind::Json, ValueKind::Jsonb)
            | (ValueKind::Jsonb, ValueKind::Json)
            | (
                ValueKind::Json | ValueKind::Jsonb | ValueKind::Bytea,
                ValueKind::Text
            )
    )
}

/// Whether every value that is not NULL must be a sealed one.
fn is_strict(lineage: &Lineage) -> bool {
    match lineage {
        Lineage::Exact(column) => column.state != ColumnState::Migrating,
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

fn is_harmless_type(data_type: &DataType) -> bool {
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
