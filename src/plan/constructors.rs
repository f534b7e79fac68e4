//! SQL/JSON: `JSON_ARRAY`, `JSON_OBJECT` and their like (PostgreSQL 16 and later).

use sqlparser::ast::{Expr, FunctionArgumentClause, JsonNullClause};

use crate::model::{Oid, ValueKind};

use super::expr::kind_of;
use super::lineage::{Lineage, Member, Shape, columns, merge, weakened};
use super::refuse::Walked;
use super::scope::{Origin, Scope};
use super::walk::Walk;
use super::within::{Call, items, list};

/// `jsonb` in `pg_type`.
const JSONB: Oid = Oid(3802);

/// What NULL becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    Kept,
    Left,
}

impl Walk<'_> {
    /// What a constructor of SQL/JSON gives; `None`: it is another function.
    pub(super) fn constructed(&mut self, call: &Call<'_, '_>) -> Walked<Option<Lineage>> {
        let inner = match call.name {
            "json_object" => self.json_object(call)?,
            "json_array" => self.json_array(call)?,
            "json_objectagg" => self.json_objectagg(call),
            "json_arrayagg" => call.arguments.first().map(|one| list(one.lineage.clone())),
            "json_scalar" => return self.json_scalar(call).map(Some),
            "json_serialize" => return self.json_serialize(call).map(Some),
            _ => return Ok(None),
        };
        match (inner, self.constructed_kind(call)) {
            (Some(of), Some(ValueKind::Text)) => {
                let json = Lineage::within(Shape::Json {
                    of,
                    to: ValueKind::Json,
                });
                let to = ValueKind::Text;
                Ok(Some(Lineage::within(Shape::Json { of: json, to })))
            }
            (Some(of), Some(to)) => Ok(Some(Lineage::within(Shape::Json { of, to }))),
            _ => self.refuse_call(call, super::refuse::FUNCTION).map(Some),
        }
    }

    fn json_object(&self, call: &Call<'_, '_>) -> Walked<Option<Lineage>> {
        let absent = nulls(call.clauses, Nulls::Kept) == Nulls::Left;
        let members = call.arguments.iter().map(|argument| {
            let lineage = argument.lineage.clone();
            Some(Member {
                name: self.constant_text(argument.key?)?,
                // Of a member that may be missing nothing is sure.
                lineage: if absent { weakened(lineage) } else { lineage },
                tenant: None,
            })
        });
        let members: Option<Vec<Member>> = members.collect();
        Ok(members.map(|members| Lineage::within(Shape::Record(members))))
    }

    /// Where NULL is left out the others move up, so that their places tell nothing.
    fn json_array(&self, call: &Call<'_, '_>) -> Walked<Option<Lineage>> {
        if nulls(call.clauses, Nulls::Left) == Nulls::Kept {
            return Ok(Some(items(call.all())));
        }
        let first = call.first();
        if call.all().all(|lineage| *lineage == first) {
            return Ok(Some(list(first)));
        }
        let harmless = call.arguments.iter().all(|argument| {
            let plain = |expr: &Expr| self.is_harmless(expr, call.scope);
            !argument.lineage.is_none() || argument.expr.is_some_and(plain)
        });
        Ok(harmless.then(|| list(weakened(merge(call.all())))))
    }

    fn json_objectagg(&self, call: &Call<'_, '_>) -> Option<Lineage> {
        match call.arguments {
            [pair] if pair.key.is_some() => {
                Some(Lineage::within(Shape::Members(pair.lineage.clone())))
            }
            _ => None,
        }
    }

    /// The kind of the result: what RETURNING names, else jsonb if some value is that; `None`: it cannot be followed.
    fn constructed_kind(&self, call: &Call<'_, '_>) -> Option<ValueKind> {
        let named = call.clauses.iter().find_map(|clause| match clause {
            FunctionArgumentClause::JsonReturningClause(returning) => Some(&returning.data_type),
            _ => None,
        });
        if let Some(named) = named {
            return kind_of(named).filter(|kind| *kind != ValueKind::Bytea);
        }
        if call.all().any(is_jsonb) {
            return Some(ValueKind::Jsonb);
        }
        let known = call.arguments.iter().all(|argument| {
            let known = |expr: &Expr| self.is_no_jsonb(expr, call.scope);
            !argument.lineage.is_none() || argument.expr.is_some_and(known)
        });
        known.then_some(ValueKind::Json)
    }

    /// Whether a plain value is surely of another type than jsonb.
    fn is_no_jsonb(&self, expr: &Expr, scope: &Scope<'_>) -> bool {
        match expr {
            Expr::Nested(inner) => self.is_no_jsonb(inner, scope),
            Expr::Value(_) => true,
            Expr::Cast { data_type, .. } if kind_of(data_type).is_some() => {
                kind_of(data_type) != Some(ValueKind::Jsonb)
            }
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
                let Some(Origin::Column(column, _)) = self.origin_of(expr, scope) else {
                    return false;
                };
                let relation = self.relations.catalog.relation(column.table);
                let column = relation.and_then(|relation| relation.attnum(column.attnum));
                column.is_some_and(|column| column.type_oid != JSONB)
            }
            other => self.is_harmless(other, scope),
        }
    }

    /// A text as a JSON string.
    fn json_scalar(&self, call: &Call<'_, '_>) -> Walked<Lineage> {
        let of = call.first();
        let text = columns(&of)
            .iter()
            .all(|column| column.kind == ValueKind::Text);
        if text && matches!(of, Lineage::Exact(_) | Lineage::Maybe(_)) {
            let to = ValueKind::Json;
            return Ok(Lineage::within(Shape::Json { of, to }));
        }
        self.refuse_call(call, super::refuse::FUNCTION)
    }

    /// A json document as text. (Of a jsonb one PostgreSQL 17 and 18 give its bytes.)
    fn json_serialize(&self, call: &Call<'_, '_>) -> Walked<Lineage> {
        let of = call.first();
        let json = |kind| kind == ValueKind::Json;
        let document = match &of {
            Lineage::Within(shape) => {
                matches!(shape.as_ref(), Shape::Json { to, .. } | Shape::Cast { to, .. } if json(*to))
            }
            whole => columns(whole).iter().all(|column| json(column.kind)),
        };
        match call.clauses {
            [] if document => self.recast_as(of, ValueKind::Text),
            [FunctionArgumentClause::JsonReturningClause(returning)]
                if document && kind_of(&returning.data_type) == Some(ValueKind::Text) =>
            {
                self.recast_as(of, ValueKind::Text)
            }
            _ => self.refuse_call(call, super::refuse::FUNCTION),
        }
    }
}

/// Whether a sealed value stands there as jsonb.
fn is_jsonb(lineage: &Lineage) -> bool {
    match lineage {
        Lineage::Within(shape) => matches!(
            shape.as_ref(),
            Shape::Json {
                to: ValueKind::Jsonb,
                ..
            } | Shape::Cast {
                to: ValueKind::Jsonb,
                ..
            }
        ),
        whole => columns(whole)
            .iter()
            .any(|column| column.kind == ValueKind::Jsonb),
    }
}

fn nulls(clauses: &[FunctionArgumentClause], default: Nulls) -> Nulls {
    let said = clauses.iter().find_map(|clause| match clause {
        FunctionArgumentClause::JsonNullClause(JsonNullClause::NullOnNull) => Some(Nulls::Kept),
        FunctionArgumentClause::JsonNullClause(JsonNullClause::AbsentOnNull) => Some(Nulls::Left),
        _ => None,
    });
    said.unwrap_or(default)
}
