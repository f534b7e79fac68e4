//! Parts of documents and arrays that pgseal knows the shape of: `->`, `->>`, elements, `unnest`.

use sqlparser::ast::{BinaryOperator, Expr, Value};

use crate::model::ValueKind;

use super::lineage::{Lineage, Member, Shape, columns, innermost, merge, unclear, weakened};
use super::refuse::{FUNCTION, JSON, MIXTURE, Walked};
use super::scope::Scope;
use super::walk::Walk;
use super::within::{Call, array};

/// One step into a document.
struct Step {
    key: Key,
    as_text: bool,
}

/// What a step takes.
enum Key {
    /// The member of an object.
    Name(String),
    /// The element of an array.
    Index(usize),
    /// A part of a path: either of them.
    Part(String),
}

impl Walk<'_> {
    /// `document -> 'key' ->> 0 #>> '{a,b}' …`; `None`: no such chain.
    pub(super) fn stepped(&mut self, expr: &Expr, scope: &Scope<'_>) -> Walked<Option<Lineage>> {
        let (mut steps, mut keys, mut at) = (Vec::new(), Vec::new(), expr);
        while let Expr::BinaryOp { left, right, op } = at
            && let Some(taken) = self.taken_by(op, right)
        {
            steps.extend(taken.into_iter().rev());
            keys.push(right);
            at = left;
        }
        // What binds as tightly as an arrow stands on its left side, with all that is left of it.
        if steps.is_empty() || matches!(at, Expr::BinaryOp { .. }) {
            return Ok(None);
        }
        let mut lineage = self.expr(at, scope)?;
        for key in keys.iter().rev() {
            self.expr(key, scope)?;
        }
        for step in steps.iter().rev() {
            lineage = self.step(&lineage, step)?;
        }
        Ok(Some(lineage))
    }

    /// The steps of an operator with a constant on its right side.
    fn taken_by(&self, op: &BinaryOperator, key: &Expr) -> Option<Vec<Step>> {
        let as_text = matches!(
            op,
            BinaryOperator::LongArrow | BinaryOperator::HashLongArrow
        );
        match op {
            BinaryOperator::Arrow | BinaryOperator::LongArrow => {
                let name = self.constant_text(key).map(Key::Name);
                let key = name.or_else(|| index(key).map(Key::Index))?;
                Some(vec![Step { key, as_text }])
            }
            BinaryOperator::HashArrow | BinaryOperator::HashLongArrow => {
                Some(path(self.names_listed(key)?, as_text)).filter(|steps| !steps.is_empty())
            }
            _ => None,
        }
    }

    fn step(&self, document: &Lineage, step: &Step) -> Walked<Lineage> {
        let Some((of, to)) = built(document) else {
            return self.must_be_plain(document, JSON).map(|()| Lineage::None);
        };
        let part = match (of, &step.key) {
            (Shape::Record(_) | Shape::Members(_), Key::Name(name) | Key::Part(name)) => {
                member(of, name)
            }
            (Shape::Array(_) | Shape::Items(_), Key::Name(_))
            | (Shape::Record(_) | Shape::Members(_), Key::Index(_)) => Lineage::None,
            (Shape::Array(of), _) => of.clone(),
            (Shape::Items(parts), Key::Index(at)) => {
                parts.get(*at).cloned().unwrap_or(Lineage::None)
            }
            (Shape::Items(parts), Key::Part(at)) => match at.parse::<usize>() {
                Ok(at) => parts.get(at).cloned().unwrap_or(Lineage::None),
                // From the end.
                Err(_) => return self.must_be_plain(document, JSON).map(|()| Lineage::None),
            },
            _ => return self.must_be_plain(document, JSON).map(|()| Lineage::None),
        };
        if part.is_unclear() {
            return self.must_be_plain(document, JSON).map(|()| Lineage::None);
        }
        self.taken(part, to, step.as_text)
    }

    /// A part of a document of kind `to`, as JSON or as text.
    pub(super) fn taken(&self, part: Lineage, to: ValueKind, as_text: bool) -> Walked<Lineage> {
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

    /// `json_extract_path(document, 'a', 'b')`; `None`: the path is not known.
    fn extracted(&self, call: &Call<'_, '_>) -> Walked<Option<Lineage>> {
        let names = call.arguments.iter().skip(1);
        let names = names.map(|argument| self.constant_text(argument.expr?));
        let Some(names) = names.collect::<Option<Vec<_>>>() else {
            return self.refuse_call(call, JSON).map(Some);
        };
        let mut lineage = call.first();
        for step in path(names, call.name.ends_with("_text")) {
            lineage = self.step(&lineage, &step)?;
        }
        Ok(Some(lineage))
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
                    // Which of them a row holds its key says.
                    None => match built(&first) {
                        Some((Shape::Record(members), _)) => {
                            Some(pair(unclear(members.iter().map(|member| &member.lineage))))
                        }
                        Some(_) => return self.refuse_call(call, MIXTURE).map(Some),
                        None => None,
                    },
                }
            }
            "json_extract_path"
            | "jsonb_extract_path"
            | "json_extract_path_text"
            | "jsonb_extract_path_text" => self.extracted(call)?,
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

/// The steps to what a path names.
fn path(names: Vec<String>, as_text: bool) -> Vec<Step> {
    let last = names.len();
    let steps = names.into_iter().zip(1..).map(|(name, at)| Step {
        key: Key::Part(name),
        as_text: as_text && at == last,
    });
    steps.collect()
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
pub(super) fn built(document: &Lineage) -> Option<(&Shape, ValueKind)> {
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

/// What a member of an object carries.
pub(super) fn member(object: &Shape, name: &str) -> Lineage {
    match object {
        Shape::Record(members) => {
            let named = members.iter().filter(|member| member.name == name);
            merge(named.map(|member| &member.lineage))
        }
        Shape::Members(each) => weakened(each.clone()),
        _ => Lineage::None,
    }
}

/// What the elements of a document that is an array carry, and its kind.
pub(super) fn listed(document: &Lineage) -> Option<(Lineage, ValueKind)> {
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
pub(super) fn is_container(part: &Lineage) -> bool {
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
