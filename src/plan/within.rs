//! Expressions that keep sealed values whole inside something larger: JSON, arrays, records, texts.

use sqlparser::ast::{DataType, Expr, FunctionArgumentClause, Value, ValueWithSpan};

use crate::model::ValueKind;

use super::expr::kind_of;
use super::lexer::{self, StringKind, TokenKind};
use super::lineage::{Lineage, Member, Shape, columns, innermost, merge, unclear, weakened};
use super::parts;
use super::refuse::{AGGREGATE, CAST, Construct, FUNCTION, JSON, NULL_IF, Walked, XML};
use super::scope::Scope;
use super::walk::Walk;

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
    pub(super) fn first(&self) -> Lineage {
        self.arguments
            .first()
            .map_or(Lineage::None, |argument| argument.lineage.clone())
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Lineage> {
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
        if let Some(lineage) = self.constructed(call)? {
            return Ok(lineage);
        }
        if let Some(lineage) = self.parted(call)? {
            return Ok(lineage);
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
            "json_agg" | "json_agg_strict" => json(list(call.first()), ValueKind::Json),
            "jsonb_agg" | "jsonb_agg_strict" => json(list(call.first()), ValueKind::Jsonb),
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
            "json_object_agg"
            | "json_object_agg_strict"
            | "json_object_agg_unique"
            | "json_object_agg_unique_strict"
            | "jsonb_object_agg"
            | "jsonb_object_agg_strict"
            | "jsonb_object_agg_unique"
            | "jsonb_object_agg_unique_strict" => match call.arguments {
                [key, value] if key.lineage.is_none() => {
                    let members = Lineage::within(Shape::Members(value.lineage.clone()));
                    let to = match call.name.starts_with("jsonb") {
                        false => ValueKind::Json,
                        true => ValueKind::Jsonb,
                    };
                    json(members, to)
                }
                _ => self.refuse_call(call, FUNCTION),
            },
            "nullif" => self.null_if(call),
            "min" | "max" => self.extreme(call),
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
            "json_exists"
            | "json_query"
            | "json_value"
            | "jsonb_path_exists"
            | "jsonb_path_query"
            | "jsonb_path_query_array"
            | "jsonb_path_query_first" => self.refuse_call(call, JSON),
            "xmlagg" | "xmlcomment" | "xmlconcat" | "xmlelement" | "xmlexists" | "xmlforest"
            | "xmlparse" | "xmlpi" | "xmlroot" | "xmlserialize" | "xmltext" => {
                self.refuse_call(call, XML)
            }
            _ => self.refuse_call(call, FUNCTION),
        }
    }

    pub(super) fn refuse_call<T>(&self, call: &Call<'_, '_>, construct: Construct) -> Walked<T> {
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
    pub(super) fn literal(&self, value: &ValueWithSpan) -> Option<String> {
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

    /// `NULLIF(value, NULL)` is the value.
    fn null_if(&self, call: &Call<'_, '_>) -> Walked<Lineage> {
        match call.arguments {
            [value, other] if other.expr.is_some_and(|expr| self.is_null(expr)) => {
                Ok(value.lineage.clone())
            }
            _ => self.refuse_call(call, NULL_IF),
        }
    }

    /// `min` and `max` of one row's value are that value.
    fn extreme(&self, call: &Call<'_, '_>) -> Walked<Lineage> {
        if let [argument] = call.arguments
            && let Some(expr) = argument.expr
            && matches!(argument.lineage, Lineage::Exact(_))
            && self.has_key(self.origin_of(expr, call.scope), &self.single)
        {
            return Ok(argument.lineage.clone());
        }
        self.refuse_call(call, AGGREGATE)
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

    /// What a value carries after a cast.
    pub(super) fn recast(&self, lineage: Lineage, data_type: &DataType) -> Walked<Lineage> {
        if lineage.is_none() {
            return Ok(Lineage::None);
        }
        let refused = |lineage: &Lineage| self.must_be_plain(lineage, CAST).map(|()| Lineage::None);
        if let (Lineage::Within(shape), DataType::Array(element)) = (&lineage, data_type) {
            return self.recast_array(shape, element);
        }
        match kind_of(data_type) {
            Some(to) => self.recast_as(lineage, to),
            None => refused(&lineage),
        }
    }

    /// The same, by the kind that it is cast to.
    pub(super) fn recast_as(&self, lineage: Lineage, to: ValueKind) -> Walked<Lineage> {
        let refused = |lineage: &Lineage| self.must_be_plain(lineage, CAST).map(|()| Lineage::None);
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
            Shape::Array(Lineage::Within(dimension))
                if matches!(dimension.as_ref(), Shape::Array(_)) =>
            {
                Ok(list(self.recast_array(dimension, element)?))
            }
            Shape::Array(of) => Ok(list(self.recast(of.clone(), inner)?)),
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
            // Without such a field it calls a function of the row.
            return match found {
                Some(member) => Ok(member.lineage.clone()),
                None => self
                    .must_be_plain(row, FUNCTION)
                    .map(|()| Lineage::None)
                    .map_err(|stop| self.or_as_the_server_says(stop)),
            };
        }
        self.must_be_plain(row, JSON).map(|()| Lineage::None)
    }

    /// An element or a slice of an array.
    pub(super) fn element(&self, whole: &Lineage, slice: bool) -> Walked<Lineage> {
        if let (Some(of), false) = (parts::elements(whole), slice) {
            return Ok(of);
        }
        if let Lineage::Within(shape) = whole
            && let Shape::Array(of) = shape.as_ref()
        {
            return Ok(Lineage::within(Shape::Array(of.clone())));
        }
        self.must_be_plain(whole, JSON).map(|()| Lineage::None)
    }
}

/// An array of such elements; an array of arrays is one of more dimensions, in which places are not those of one.
pub(super) fn array(of: Lineage) -> Lineage {
    match innermost(&of) {
        Lineage::Within(shape) if matches!(shape.as_ref(), Shape::Items(_)) => unclear([&of]),
        _ => list(of),
    }
}

/// A JSON array of such elements.
pub(super) fn list(of: Lineage) -> Lineage {
    Lineage::within(Shape::Array(of))
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
