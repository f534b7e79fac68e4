//! Objects by their members, where plain ones stand beside sealed ones: `jsonb_each`, of whose rows a condition takes some by
//! their keys, and `jsonb_to_record`.

use sqlparser::ast::{BinaryOperator, DataType, Expr, InTarget, TableAlias};

use crate::model::ValueKind;

use super::conjunction::terms;
use super::expr::kind_of;
use super::lineage::{Lineage, Member, Shape, columns, merge};
use super::parts::{built, is_container, listed, member};
use super::refuse::{CAST, FUNCTION, JSON, Walked};
use super::scope::{Offered, Source};
use super::walk::Walk;
use super::within::Argument;

/// The members of an object, each given as a row of its name and its value.
#[derive(Clone)]
pub(super) struct Members {
    all: Vec<Member>,
    /// The kind of the object.
    of: ValueKind,
    as_text: bool,
}

impl Members {
    /// Those that a function gives of a document.
    pub(super) fn of(document: &Lineage, function: &str) -> Option<Self> {
        let each = function
            .strip_prefix("jsonb")
            .or(function.strip_prefix("json"))?;
        let as_text = match each {
            "_each" => false,
            "_each_text" => true,
            _ => return None,
        };
        let (Shape::Record(all), of) = built(document)? else {
            return None;
        };
        let all = all.clone();
        Some(Self { all, of, as_text })
    }
}

/// A condition that all rows meet: a column is one of these keys, or none of them.
pub(super) struct KeyTest {
    column: Vec<String>,
    keys: Vec<String>,
    equal: bool,
}

impl Walk<'_> {
    /// What a condition says of the keys of members.
    pub(super) fn key_tests(&self, condition: Option<&Expr>) -> Vec<KeyTest> {
        let tests = terms(condition).into_iter();
        tests.filter_map(|term| self.key_test(term)).collect()
    }

    fn key_test(&self, term: &Expr) -> Option<KeyTest> {
        let is_equal = |op: &BinaryOperator| match op {
            BinaryOperator::Eq => Some(true),
            BinaryOperator::NotEq => Some(false),
            _ => None,
        };
        let (column, keys, equal) = match term {
            Expr::BinaryOp { left, op, right } => {
                let key = |side: &Expr| self.constant_text(side).map(|key| vec![key]);
                match (key(left), key(right)) {
                    (None, Some(keys)) => (left, keys, is_equal(op)?),
                    (Some(keys), None) => (right, keys, is_equal(op)?),
                    _ => return None,
                }
            }
            Expr::In {
                expr,
                target: InTarget::List(items),
                negated,
                global: false,
            } => {
                let keys = items.iter().map(|item| self.constant_text(item));
                (expr, keys.collect::<Option<_>>()?, !negated)
            }
            Expr::AnyOp {
                left,
                compare_op: BinaryOperator::Eq,
                right,
                ..
            } => (left, self.names_listed(right)?, true),
            Expr::AllOp {
                left,
                compare_op: BinaryOperator::NotEq,
                right,
            } => (left, self.names_listed(right)?, false),
            _ => return None,
        };
        Some(KeyTest {
            column: self.reference_names(column)?,
            keys,
            equal,
        })
    }

    /// Of the rows of an object's members those are left whose keys the query asks for: what their value carries.
    pub(super) fn keep_tested(&self, source: &mut Source) -> Walked<()> {
        let (Some(members), [key, value, ..]) = (&source.members, source.columns.as_mut_slice())
        else {
            return Ok(());
        };
        let is_key = |column: &[String]| match column {
            [only] => *only == key.name,
            [row, only] => *row == source.name && *only == key.name,
            _ => false,
        };
        let tests = self.key_tests.iter().filter(|test| is_key(&test.column));
        let tests: Vec<&KeyTest> = tests.collect();
        let left = members.all.iter().filter(|member| {
            let mut tests = tests.iter();
            tests.all(|test| test.keys.contains(&member.name) == test.equal)
        });
        let left: Vec<&Lineage> = left.map(|member| &member.lineage).collect();
        let plain = left.iter().filter(|lineage| lineage.is_none()).count();
        if plain == left.len() {
            value.lineage = Lineage::None;
        } else if plain == 0 {
            let any = merge(left.into_iter());
            if !any.is_unclear() {
                value.lineage = self.taken(any, members.of, members.as_text)?;
            }
        }
        Ok(())
    }

    /// The columns of a function behind which they are defined, `AS t (a text, b int)`; `None`: they are not.
    pub(super) fn defined_columns(
        &self,
        function: &str,
        own: bool,
        arguments: &[Argument<'_>],
        alias: Option<&TableAlias>,
    ) -> Walked<Option<Vec<Offered>>> {
        let defined = alias.iter().flat_map(|alias| &alias.columns);
        let defined = defined.map(|column| Some((&column.name, column.data_type.as_ref()?)));
        let Some(defined) = defined.collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        if defined.is_empty() {
            return Ok(None);
        }
        let plain = arguments.iter().all(|argument| argument.lineage.is_none());
        let made = match plain {
            true => None,
            false => Some(self.object_of(function, own, arguments)?),
        };
        let mut columns = Vec::new();
        for (ident, data_type) in defined {
            let name = self.name(ident);
            let lineage = match &made {
                None => Lineage::None,
                Some((object, of)) => self.member_as(member(object, &name), *of, data_type)?,
            };
            columns.push(Offered {
                name,
                lineage,
                origin: None,
            });
        }
        Ok(Some(columns))
    }

    /// The object that `json_to_record` and its like read, and its kind.
    fn object_of(
        &self,
        function: &str,
        own: bool,
        arguments: &[Argument<'_>],
    ) -> Walked<(Shape, ValueKind)> {
        let document = match (function, arguments) {
            ("json_to_record" | "jsonb_to_record", [document]) if own => {
                Some(document.lineage.clone())
            }
            ("json_to_recordset" | "jsonb_to_recordset", [documents]) if own => {
                match listed(&documents.lineage) {
                    Some((of, to)) => Some(self.taken(of, to, false)?),
                    None => None,
                }
            }
            _ => None,
        };
        let found = document.as_ref().and_then(built);
        let is_object = |shape: &Shape| matches!(shape, Shape::Record(_) | Shape::Members(_));
        match found.filter(|(shape, _)| is_object(shape)) {
            Some((object, of)) => Ok((object.clone(), of)),
            None => {
                for argument in arguments {
                    self.must_be_plain(&argument.lineage, FUNCTION)?;
                }
                Err(self.not_understood("this function", None))
            }
        }
    }

    /// A member of an object of kind `of`, as a value of this type.
    fn member_as(&self, part: Lineage, of: ValueKind, data_type: &DataType) -> Walked<Lineage> {
        match kind_of(data_type) {
            _ if part.is_none() => Ok(Lineage::None),
            Some(ValueKind::Text) => self.taken(part, of, true),
            // A document that is null would have become NULL.
            Some(to @ (ValueKind::Json | ValueKind::Jsonb)) if !may_be_null(&part) => {
                self.recast_as(self.taken(part, of, false)?, to)
            }
            Some(ValueKind::Json | ValueKind::Jsonb) => {
                self.must_be_plain(&part, JSON).map(|()| Lineage::None)
            }
            _ => self.must_be_plain(&part, CAST).map(|()| Lineage::None),
        }
    }
}

/// Whether a part may be the null of JSON where its plaintext is.
fn may_be_null(part: &Lineage) -> bool {
    let columns = columns(part);
    let mut documents = columns.iter().map(|column| column.kind);
    !is_container(part) && documents.any(|kind| matches!(kind, ValueKind::Json | ValueKind::Jsonb))
}
