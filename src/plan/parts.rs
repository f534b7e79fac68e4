//! Parts of documents and arrays that pgseal knows the shape of: `->`, `->>`, elements, `unnest`.

use sqlparser::ast::{BinaryOperator, Expr, Value};

use crate::model::ValueKind;

use super::lineage::{Lineage, Member, Shape, columns, innermost, merge, weakened};
use super::refuse::{FUNCTION, JSON, MIXTURE, Walked};
use super::scope::Scope;
use super::walk::Walk;
use super::within::{Call, array};

/// One step into a document.
struct Step<'e> {
    key: &'e Expr,
    as_text: bool,
}

impl Walk<'_> {
    /// `document -> 'key' ->> 0 …`; `None`: no such chain.
    pub(super) fn stepped(&mut self, expr: &Expr, scope: &Scope<'_>) -> Walked<Option<Lineage>> {
        let (mut steps, mut at) = (Vec::new(), expr);
        while let Expr::BinaryOp { left, right, op } = at {
            let as_text = match op {
                BinaryOperator::Arrow => false,
                BinaryOperator::LongArrow => true,
                _ => break,
            };
            if self.constant_text(right).is_none() && index(right).is_none() {
                break;
            }
            steps.push(Step {
                key: right,
                as_text,
            });
            at = left;
        }
        // What binds as tightly as an arrow stands on its left side, with all that is left of it.
        if steps.is_empty() || matches!(at, Expr::BinaryOp { .. }) {
            return Ok(None);
        }
        let mut lineage = self.expr(at, scope)?;
        for step in steps.iter().rev() {
            self.expr(step.key, scope)?;
            lineage = self.step(&lineage, step)?;
        }
        Ok(Some(lineage))
    }

    fn step(&self, document: &Lineage, step: &Step<'_>) -> Walked<Lineage> {
        let Some((of, to)) = built(document) else {
            return self.must_be_plain(document, JSON).map(|()| Lineage::None);
        };
        let part = match (self.constant_text(step.key), index(step.key)) {
            (Some(name), _) => match of {
                Shape::Record(members) => {
                    let named = members.iter().filter(|member| member.name == name);
                    merge(named.map(|member| &member.lineage))
                }
                Shape::Members(of) => weakened(of.clone()),
                Shape::Array(_) | Shape::Items(_) => Lineage::None,
                _ => return self.must_be_plain(document, JSON).map(|()| Lineage::None),
            },
            (None, Some(at)) => match of {
                Shape::Items(parts) => parts.get(at).cloned().unwrap_or(Lineage::None),
                Shape::Array(of) => of.clone(),
                Shape::Record(_) | Shape::Members(_) => Lineage::None,
                _ => return self.must_be_plain(document, JSON).map(|()| Lineage::None),
            },
            (None, None) => return self.must_be_plain(document, JSON).map(|()| Lineage::None),
        };
        self.taken(part, to, step.as_text)
    }

    /// A part of a document of kind `to`, as JSON or as text.
    fn taken(&self, part: Lineage, to: ValueKind, as_text: bool) -> Walked<Lineage> {
        let kinds = columns(&part);
        let text = kinds.iter().all(|column| column.kind == ValueKind::Text);
        match &part {
            Lineage::None => Ok(Lineage::None),
            Lineage::Exact(_) | Lineage::Maybe(_) if as_text && text => Ok(part),
            // The text of a sealed document inside another depends on its plaintext's kind.
            Lineage::Exact(_) | Lineage::Maybe(_) if as_text => {
                self.must_be_plain(&part, JSON).map(|()| Lineage::None)
            }
            Lineage::Within(shape) if as_text => match shape.as_ref() {
                Shape::Json { .. }
                | Shape::Array(_)
                | Shape::Items(_)
                | Shape::Record(_)
                | Shape::Members(_)
                    if is_container(&part) =>
                {
                    self.recast_as(
                        Lineage::within(Shape::Json { of: part, to }),
                        ValueKind::Text,
                    )
                }
                _ => self.must_be_plain(&part, JSON).map(|()| Lineage::None),
            },
            _ => Ok(Lineage::within(Shape::Json { of: part, to })),
        }
    }

    /// `array[index]`
    pub(super) fn element_at(&self, whole: &Lineage, at: &Expr) -> Walked<Lineage> {
        if let (Lineage::Within(shape), Some(at)) = (whole, index(at))
            && let Shape::Items(parts) = shape.as_ref()
        {
            let part = at.checked_sub(1).and_then(|at| parts.get(at));
            return Ok(part.cloned().unwrap_or(Lineage::None));
        }
        self.element(whole, false)
    }

    /// What a function over arrays, or over documents that pgseal knows the shape of, gives; `None`: it is another one.
    pub(super) fn parted(&self, call: &Call<'_, '_>) -> Walked<Option<Lineage>> {
        let first = call.first();
        let is_array = elements(&first).is_some();
        let rest_plain = || call.all().skip(1).all(Lineage::is_none);
        let found = match call.name {
            // Nothing of a value is looked at.
            "num_nonnulls" | "num_nulls" | "pg_typeof" => Some(Lineage::None),
            "cardinality" | "array_length" | "array_lower" | "array_upper" | "array_ndims"
            | "array_dims"
                if is_array && rest_plain() =>
            {
                Some(Lineage::None)
            }
            "json_array_length" | "jsonb_array_length" | "json_object_keys"
            | "jsonb_object_keys"
                if built(&first).is_some() =>
            {
                Some(Lineage::None)
            }
            "array_cat" | "array_append" | "array_prepend" => {
                let operands = call.arguments.iter().map(|argument| argument.expr);
                let operands: Option<Vec<&Expr>> = operands.collect();
                let lineages: Vec<Lineage> = call.all().cloned().collect();
                operands.and_then(|operands| self.joined_arrays(&operands, &lineages, call.scope))
            }
            "trim_array" | "array_reverse" | "array_shuffle" if rest_plain() => kept(&first),
            "unnest" if call.arguments.len() == 1 => elements(&first),
            "json_array_elements" | "jsonb_array_elements" => match listed(&first) {
                Some((of, to)) => Some(self.taken(of, to, false)?),
                None => None,
            },
            "json_array_elements_text" | "jsonb_array_elements_text" => match listed(&first) {
                Some((of, to)) => Some(self.taken(of, to, true)?),
                None => None,
            },
            "json_each" | "jsonb_each" | "json_each_text" | "jsonb_each_text" => {
                match membered(&first) {
                    Some((of, to)) => {
                        Some(pair(self.taken(of, to, call.name.ends_with("_text"))?))
                    }
                    None if built(&first).is_some() => {
                        return self.refuse_call(call, MIXTURE).map(Some);
                    }
                    None => None,
                }
            }
            "json_strip_nulls" | "jsonb_strip_nulls" => {
                // A null inside of a sealed document would have been left out, too.
                let texts = columns(&first)
                    .iter()
                    .all(|column| !matches!(column.kind, ValueKind::Json | ValueKind::Jsonb));
                let stripped = built(&first).is_some() && texts && call.arguments.len() == 1;
                stripped.then(|| weakened(first.clone()))
            }
            _ => return Ok(None),
        };
        match found {
            Some(lineage) => Ok(Some(lineage)),
            None => self.refuse_call(call, FUNCTION).map(Some),
        }
    }
}

/// A constant index that is not negative.
fn index(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Nested(inner) => index(inner),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// What a document was made of, and its kind.
fn built(document: &Lineage) -> Option<(&Shape, ValueKind)> {
    let json = |kind: &ValueKind| matches!(kind, ValueKind::Json | ValueKind::Jsonb);
    let Lineage::Within(shape) = document else {
        return None;
    };
    match shape.as_ref() {
        Shape::Json {
            of: Lineage::Within(inner),
            to,
        } if json(to) => match inner.as_ref() {
            // json cast to jsonb, or the other way.
            Shape::Json {
                of: Lineage::Within(innermost),
                to: was,
            } if json(was) => Some((innermost, *to)),
            made => Some((made, *to)),
        },
        _ => None,
    }
}

/// What the elements of a document that is an array carry, and its kind.
fn listed(document: &Lineage) -> Option<(Lineage, ValueKind)> {
    let (shape, to) = built(document)?;
    elements_in(shape).map(|of| (of, to))
}

/// What the members of a document that is an object carry, whichever is taken, and its kind; `None`, too, where a plain
/// member is among them: a sealed value that somebody stored there would be opened.
fn membered(document: &Lineage) -> Option<(Lineage, ValueKind)> {
    let (shape, to) = built(document)?;
    let of = match shape {
        Shape::Record(members) if members.iter().any(|member| member.lineage.is_none()) => {
            return None;
        }
        Shape::Record(members) => merge(members.iter().map(|member| &member.lineage)),
        Shape::Members(of) => weakened(of.clone()),
        _ => return None,
    };
    (!of.is_unclear()).then_some((of, to))
}

/// A row of `json_each` and its like.
fn pair(value: Lineage) -> Lineage {
    let member = |name: &str, lineage| Member {
        name: name.to_owned(),
        lineage,
        tenant: None,
    };
    let pair = [member("key", Lineage::None), member("value", value)];
    Lineage::within(Shape::Record(pair.into()))
}

/// Whether it is a JSON array or object whatever it holds.
fn is_container(part: &Lineage) -> bool {
    let Lineage::Within(shape) = part else {
        return false;
    };
    match shape.as_ref() {
        Shape::Array(_) | Shape::Items(_) | Shape::Record(_) | Shape::Members(_) => true,
        Shape::Json { of, to } => *to != ValueKind::Text && is_container(of),
        _ => false,
    }
}

/// What an array's elements carry, whichever is taken, in whatever dimension.
pub(super) fn elements(whole: &Lineage) -> Option<Lineage> {
    match whole {
        Lineage::Within(shape) => elements_in(shape).map(|of| innermost(&of).clone()),
        _ => None,
    }
}

/// An array with some of the elements of this one.
fn kept(whole: &Lineage) -> Option<Lineage> {
    match whole {
        Lineage::Within(shape) if matches!(shape.as_ref(), Shape::Array(_)) => Some(whole.clone()),
        _ => elements(whole).map(array),
    }
}

/// Whether it is an array of more than one dimension.
pub(super) fn has_dimensions(whole: &Lineage) -> bool {
    match whole {
        Lineage::Within(shape) => match shape.as_ref() {
            Shape::Array(of) => elements(of).is_some(),
            _ => false,
        },
        _ => false,
    }
}

fn elements_in(shape: &Shape) -> Option<Lineage> {
    match shape {
        Shape::Array(of) => Some(of.clone()),
        Shape::Items(parts) => Some(merge(parts.iter())),
        _ => None,
    }
}
