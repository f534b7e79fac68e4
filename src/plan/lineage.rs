//! What an output can carry of sealed columns, and where in it.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::model::ValueKind;
use crate::rules::ProtectedColumn;

/// Which sealed columns a value can carry, and how.
#[derive(Clone, PartialEq, Eq)]
pub enum Lineage {
    /// No sealed value.
    None,
    /// The column itself: every value that is not NULL must be a sealed one of it.
    Exact(Arc<ProtectedColumn>),
    /// A sealed value of one of these columns, or anything else.
    Maybe(Vec<Arc<ProtectedColumn>>),
    /// Sealed values stand inside it.
    Within(Arc<Shape>),
}

/// How a value that sealed values stand in is built. The parts are followed by position and name, so that a sealed value
/// that somebody stored in a part of another lineage is never opened.
#[derive(Clone, PartialEq, Eq)]
pub enum Shape {
    /// One sealed value, cast to another type.
    Cast {
        /// [`Lineage::Exact`] or [`Lineage::Maybe`].
        of: Lineage,
        /// The type that it was cast to.
        to: ValueKind,
    },
    /// A text with sealed values in it.
    Text {
        /// What may stand in it.
        parts: Vec<Lineage>,
        /// How many sealed values it is made of when it is not NULL; `None`: any number, and then nothing else that it is
        /// made of can hold one.
        count: Option<usize>,
    },
    /// A JSON document that `to_json` or its like made.
    Json {
        /// What it was made of.
        of: Lineage,
        /// `json`, `jsonb`, or `text` after a cast.
        to: ValueKind,
    },
    /// An array by what each element carries. One of several dimensions is an array of arrays in JSON, and as an output an
    /// array of its innermost elements.
    Array(Lineage),
    /// An array by what the elements carry at each position.
    Items(Vec<Lineage>),
    /// A record, or a JSON object of these members.
    Record(Vec<Member>),
    /// A JSON object, by what the value of every member carries.
    Members(Lineage),
    /// A mixture of the above, which cannot be opened.
    Unclear(Vec<Arc<ProtectedColumn>>),
}

/// A field of a record, or member of a JSON object.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// What it carries.
    pub lineage: Lineage,
    /// The member, by position, that holds the tenant of the row that this one comes from.
    pub tenant: Option<usize>,
}

impl Lineage {
    /// Sealed values inside a value of this shape; [`Lineage::None`] if there are none.
    pub(super) fn within(shape: Shape) -> Self {
        let whole = Self::Within(Arc::new(shape));
        if columns(&whole).is_empty() {
            Self::None
        } else {
            whole
        }
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Whether some part is a mixture that cannot be opened.
    pub(super) fn is_unclear(&self) -> bool {
        let Self::Within(shape) = self else {
            return false;
        };
        match shape.as_ref() {
            Shape::Unclear(_) => true,
            Shape::Cast { of, .. }
            | Shape::Json { of, .. }
            | Shape::Array(of)
            | Shape::Members(of) => of.is_unclear(),
            Shape::Text { parts, .. } | Shape::Items(parts) => parts.iter().any(Self::is_unclear),
            Shape::Record(members) => members.iter().any(|member| member.lineage.is_unclear()),
        }
    }

    /// In words, for `pgseal explain`: `-` for nothing.
    #[must_use]
    pub fn words(&self) -> String {
        let named = |columns: &[Arc<ProtectedColumn>]| {
            let names = columns
                .iter()
                .map(|column| format!("{}.{}.{}", column.schema, column.table, column.name));
            names.collect::<Vec<_>>().join(" or ")
        };
        match self {
            Self::None => "-".to_owned(),
            Self::Exact(column) => format!("exact {}", named(std::slice::from_ref(column))),
            Self::Maybe(columns) => format!("maybe {}", named(columns)),
            Self::Within(shape) => shape.words(),
        }
    }
}

impl Shape {
    fn words(&self) -> String {
        let list = |parts: &mut dyn Iterator<Item = &Lineage>| {
            let words: Vec<String> = parts.map(Lineage::words).collect();
            words.join(", ")
        };
        match self {
            Self::Cast { of, .. } => format!("cast of {}", of.words()),
            Self::Text { parts, .. } => format!("within text ({})", list(&mut parts.iter())),
            Self::Json { of, .. } => format!("within JSON ({})", of.words()),
            Self::Array(of) => format!("within array ({})", of.words()),
            Self::Items(parts) => format!("within array ({})", list(&mut parts.iter())),
            Self::Members(of) => format!("within every member ({})", of.words()),
            Self::Unclear(_) => "unclear".to_owned(),
            Self::Record(members) => {
                let mut words = String::from("within record (");
                for member in members.iter().filter(|member| !member.lineage.is_none()) {
                    let comma = if words.ends_with('(') { "" } else { ", " };
                    // Writing to a String cannot fail.
                    let _ = write!(words, "{comma}{}: {}", member.name, member.lineage.words());
                }
                words.push(')');
                words
            }
        }
    }
}

/// What a value carries that is one of several.
pub(super) fn merge<'l>(all: impl Iterator<Item = &'l Lineage>) -> Lineage {
    all.fold(None, |merged: Option<Lineage>, lineage| {
        Some(match merged {
            None => lineage.clone(),
            Some(before) => either(&before, lineage),
        })
    })
    .unwrap_or(Lineage::None)
}

fn either(left: &Lineage, right: &Lineage) -> Lineage {
    match (left, right) {
        (Lineage::None, Lineage::None) => Lineage::None,
        (Lineage::Exact(left), Lineage::Exact(right)) if left.label == right.label => {
            Lineage::Exact(left.clone())
        }
        (Lineage::Within(shape), Lineage::None) | (Lineage::None, Lineage::Within(shape)) => {
            weakened(Lineage::Within(shape.clone()))
        }
        (Lineage::Within(left_shape), Lineage::Within(right_shape)) => {
            same_shape(left_shape, right_shape).unwrap_or_else(|| unclear([left, right]))
        }
        (Lineage::Within(_), _) | (_, Lineage::Within(_)) => unclear([left, right]),
        _ => {
            let all = united([left, right]);
            let same = |column: &Arc<ProtectedColumn>| {
                all.first().is_none_or(|first| first.kind == column.kind)
            };
            if all.iter().all(same) {
                Lineage::Maybe(all)
            } else {
                unclear([left, right])
            }
        }
    }
}

fn same_shape(left: &Shape, right: &Shape) -> Option<Lineage> {
    let merged = match (left, right) {
        (Shape::Cast { of: a, to }, Shape::Cast { of: b, to: other }) if to == other => {
            Shape::Cast {
                of: either(a, b),
                to: *to,
            }
        }
        (
            Shape::Text {
                parts: a,
                count: None,
            },
            Shape::Text {
                parts: b,
                count: None,
            },
        ) => Shape::Text {
            parts: a.iter().chain(b).cloned().collect(),
            count: None,
        },
        (Shape::Json { of: a, to }, Shape::Json { of: b, to: other }) if to == other => {
            Shape::Json {
                of: either(a, b),
                to: *to,
            }
        }
        (Shape::Array(a), Shape::Array(b)) => Shape::Array(either(a, b)),
        (Shape::Members(a), Shape::Members(b)) => Shape::Members(either(a, b)),
        (Shape::Items(a), Shape::Items(b)) if a.len() == b.len() => {
            Shape::Items(a.iter().zip(b).map(|(a, b)| either(a, b)).collect())
        }
        (Shape::Record(a), Shape::Record(b))
            if a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.name == b.name) =>
        {
            let members = a.iter().zip(b).map(|(a, b)| Member {
                name: a.name.clone(),
                lineage: either(&a.lineage, &b.lineage),
                tenant: a.tenant.filter(|_| a.tenant == b.tenant),
            });
            Shape::Record(members.collect())
        }
        (same, other) if same == other => same.clone(),
        _ => return None,
    };
    Some(Lineage::Within(Arc::new(merged)))
}

/// What the elements of an array carry through all its dimensions.
pub(super) fn innermost(of: &Lineage) -> &Lineage {
    match of {
        Lineage::Within(shape) => match shape.as_ref() {
            Shape::Array(inner) => innermost(inner),
            _ => of,
        },
        _ => of,
    }
}

/// A value as it is sent: PostgreSQL's arrays have elements, not arrays, however many dimensions they have. Those of a JSON
/// document remain lists of lists.
pub(super) fn sent(lineage: &Lineage) -> Lineage {
    let Lineage::Within(shape) = lineage else {
        return lineage.clone();
    };
    let shape = match shape.as_ref() {
        Shape::Array(of) => Shape::Array(sent(innermost(of))),
        Shape::Items(parts) => Shape::Items(parts.iter().map(sent).collect()),
        Shape::Record(members) => {
            let member = |member: &Member| Member {
                lineage: sent(&member.lineage),
                ..member.clone()
            };
            Shape::Record(members.iter().map(member).collect())
        }
        _ => return lineage.clone(),
    };
    Lineage::Within(Arc::new(shape))
}

/// A mixture that cannot be opened.
pub(super) fn unclear<'l>(all: impl IntoIterator<Item = &'l Lineage>) -> Lineage {
    let columns = united(all);
    if columns.is_empty() {
        Lineage::None
    } else {
        Lineage::Within(Arc::new(Shape::Unclear(columns)))
    }
}

fn united<'l>(all: impl IntoIterator<Item = &'l Lineage>) -> Vec<Arc<ProtectedColumn>> {
    let mut united: Vec<Arc<ProtectedColumn>> = Vec::new();
    for column in all.into_iter().flat_map(columns) {
        if !united.iter().any(|known| known.label == column.label) {
            united.push(column);
        }
    }
    united
}

/// The sealed columns that a value may come from.
pub(super) fn columns(lineage: &Lineage) -> Vec<Arc<ProtectedColumn>> {
    match lineage {
        Lineage::None => Vec::new(),
        Lineage::Exact(column) => vec![column.clone()],
        Lineage::Maybe(columns) => columns.clone(),
        Lineage::Within(shape) => match shape.as_ref() {
            Shape::Unclear(columns) => columns.clone(),
            Shape::Cast { of, .. }
            | Shape::Json { of, .. }
            | Shape::Array(of)
            | Shape::Members(of) => columns(of),
            Shape::Text { parts, .. } | Shape::Items(parts) => united(parts),
            Shape::Record(members) => united(members.iter().map(|member| &member.lineage)),
        },
    }
}

/// The same, but what stands there is no longer surely a sealed value.
pub(super) fn weakened(lineage: Lineage) -> Lineage {
    let shape = match lineage {
        Lineage::Exact(column) => return Lineage::Maybe(vec![column]),
        Lineage::Within(shape) => shape,
        other => return other,
    };
    let all = |parts: &[Lineage]| parts.iter().cloned().map(weakened).collect();
    let weak = match shape.as_ref() {
        Shape::Cast { of, to } => Shape::Cast {
            of: weakened(of.clone()),
            to: *to,
        },
        // Another text may stand there, with sealed values that are not this text's own.
        Shape::Text { count: Some(_), .. } => {
            return unclear([&Lineage::Within(shape.clone())]);
        }
        Shape::Text { parts, count: None } => Shape::Text {
            parts: all(parts),
            count: None,
        },
        Shape::Json { of, to } => Shape::Json {
            of: weakened(of.clone()),
            to: *to,
        },
        Shape::Array(of) => Shape::Array(weakened(of.clone())),
        Shape::Items(parts) => Shape::Items(all(parts)),
        Shape::Members(of) => Shape::Members(weakened(of.clone())),
        Shape::Record(members) => Shape::Record(
            members
                .iter()
                .map(|member| Member {
                    name: member.name.clone(),
                    lineage: weakened(member.lineage.clone()),
                    tenant: member.tenant,
                })
                .collect(),
        ),
        Shape::Unclear(columns) => Shape::Unclear(columns.clone()),
    };
    Lineage::Within(Arc::new(weak))
}
