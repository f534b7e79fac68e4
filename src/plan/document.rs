//! `jsonb` objects that hold sealed values, put together with `||` and taken apart with `-`.

use sqlparser::ast::{
    ArrayElemTypeDef, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
};

use crate::model::ValueKind;

use super::expr::kind_of;
use super::lineage::{Lineage, Member, Shape};
use super::refuse::{OPERATOR, Walked};
use super::scope::Scope;
use super::walk::Walk;

impl Walk<'_> {
    /// `document || document || …`: of members of one name the last is left. `None`: some document behind the first may have
    /// members of any name.
    pub(super) fn joined_documents(
        &self,
        operands: &[&Expr],
        lineages: &[Lineage],
    ) -> Option<Lineage> {
        let mut members: Vec<Member> = Vec::new();
        for (at, (operand, lineage)) in operands.iter().zip(lineages).enumerate() {
            let own = match lineage {
                Lineage::None if at == 0 => Vec::new(),
                Lineage::None => self.plain_members(operand)?,
                sealed => members_of(sealed)?,
            };
            members.retain(|member| own.iter().all(|later| later.name != member.name));
            members.extend(own);
        }
        Some(object(members))
    }

    /// The members of an object that holds nothing sealed, where their names are known.
    fn plain_members(&self, document: &Expr) -> Option<Vec<Member>> {
        let names: Vec<String> = match document {
            Expr::Nested(inner) => return self.plain_members(inner),
            Expr::Function(function) => {
                let names = self.names(&function.name).ok()?;
                let FunctionArguments::List(list) = &function.args else {
                    return None;
                };
                if !matches!(names.as_slice(), [name] if name == "jsonb_build_object") {
                    return None;
                }
                let keys = list.args.iter().step_by(2).map(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(key)) => self.constant_text(key),
                    _ => None,
                });
                keys.collect::<Option<_>>()?
            }
            Expr::Cast {
                expr, data_type, ..
            } if kind_of(data_type) == Some(ValueKind::Jsonb) => {
                return self.plain_members(expr);
            }
            constant => {
                let text = self.constant_text(constant)?;
                let parsed: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_str(&text).ok()?;
                parsed.into_iter().map(|(name, _)| name).collect()
            }
        };
        let members = names.into_iter().map(|name| Member {
            name,
            lineage: Lineage::None,
            tenant: None,
        });
        Some(members.collect())
    }

    /// `document - 'key' - '{other,third}'::text[] …`
    pub(super) fn without(
        &mut self,
        document: &Expr,
        keys: &[&Expr],
        scope: &Scope<'_>,
    ) -> Walked<Lineage> {
        let lineage = self.expr(document, scope)?;
        self.all_plain(keys.iter().copied(), scope, OPERATOR)?;
        let names: Option<Vec<Vec<String>>> = keys.iter().map(|key| self.taken_out(key)).collect();
        if let (Some(mut members), Some(names)) = (members_of(&lineage), names) {
            members.retain(|member| !names.concat().contains(&member.name));
            return Ok(object(members));
        }
        self.must_be_plain(&lineage, OPERATOR)
            .map(|()| Lineage::None)
    }

    /// The names in a constant array.
    pub(super) fn names_listed(&self, array: &Expr) -> Option<Vec<String>> {
        match array {
            Expr::Nested(inner) => self.names_listed(inner),
            Expr::Value(_) => simple_array(&self.constant_text(array)?),
            Expr::Array(_) | Expr::Cast { .. } => self.taken_out(array),
            _ => None,
        }
    }

    /// The names that a constant takes out of an object.
    fn taken_out(&self, keys: &Expr) -> Option<Vec<String>> {
        match keys {
            Expr::Nested(inner) => self.taken_out(inner),
            Expr::Array(array) => array
                .elem
                .iter()
                .map(|key| self.constant_text(key))
                .collect(),
            Expr::Cast {
                expr,
                data_type: DataType::Array(ArrayElemTypeDef::SquareBracket(of, None)),
                ..
            } if kind_of(of) == Some(ValueKind::Text) => match expr.as_ref() {
                Expr::Array(_) => self.taken_out(expr),
                constant => simple_array(&self.constant_text(constant)?),
            },
            key => self.constant_text(key).map(|name| vec![name]),
        }
    }
}

/// The elements of an array's text form without quotes, NULL and blanks.
fn simple_array(text: &str) -> Option<Vec<String>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let elements = inner.split(',').map(|element| {
        let word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let simple = !element.is_empty()
            && element.chars().all(word)
            && !element.eq_ignore_ascii_case("null");
        simple.then(|| element.to_owned())
    });
    elements.collect()
}

/// The members of a jsonb object that holds sealed values.
fn members_of(document: &Lineage) -> Option<Vec<Member>> {
    let Lineage::Within(shape) = document else {
        return None;
    };
    let Shape::Json {
        of: Lineage::Within(inner),
        to: ValueKind::Jsonb,
    } = shape.as_ref()
    else {
        return None;
    };
    match inner.as_ref() {
        Shape::Record(members) => Some(members.clone()),
        _ => None,
    }
}

/// A jsonb object of these members. The tenant's place may be another now, or gone.
fn object(mut members: Vec<Member>) -> Lineage {
    members.iter_mut().for_each(|member| member.tenant = None);
    Lineage::within(Shape::Json {
        of: Lineage::within(Shape::Record(members)),
        to: ValueKind::Jsonb,
    })
}
