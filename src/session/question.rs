//! A question of ours to the server: its text, what it is asked for, and the statement of ours that asks it.

use std::borrow::Cow;
use std::sync::{Arc, Weak};

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use super::names::Prepared;
use crate::model::Oid;
use crate::plan::{Lookup, Place};
use crate::wire::message::FEW;
use crate::wire::{WireError, encode};

/// Our statement and portal: no client would choose it.
pub(super) const NAME: &[u8] = b"_pgseal_ask";

/// How the context of an error in our portal begins.
pub(super) const CONTEXT: &[u8] = b"portal \"_pgseal_ask\"";

/// Between the numbers of the terms of look-ups that are put together.
pub(super) const APART: i32 = 1 << 24;

/// How many are put together: PostgreSQL reads a chain of UNION ALL from its end, and would run out of stack.
pub(super) const TOGETHER: usize = 64;

/// A question, and what its error is told by.
pub(super) struct Question<'a> {
    sql: Cow<'a, str>,
    arguments: SmallVec<[Argument<'a>; FEW]>,
    pub(super) origin: Origin,
    /// The named statement of the client that it is asked for with each Bind.
    pub(super) of: Option<&'a Arc<Prepared>>,
}

impl<'a> Question<'a> {
    /// One that has nothing of the client's text in it.
    pub(super) fn of(sql: String) -> Self {
        Self {
            sql: sql.into(),
            arguments: SmallVec::new(),
            origin: Origin::default(),
            of: None,
        }
    }

    /// A look-up by itself.
    pub(super) fn alone(lookup: &'a Lookup) -> Self {
        Self {
            sql: lookup.sql.as_str().into(),
            arguments: SmallVec::new(),
            of: None,
            origin: Origin {
                params: Arc::clone(&lookup.params),
                places: Arc::clone(&lookup.places),
            },
        }
    }

    /// The look-up of a prepared statement. If that has a name, ours is kept: it is there as long as the client's is, for
    /// whatever ends all prepared statements, unseen in a function too, ends both. Where the answer is not compared with
    /// the rows it is not kept: the client could put a statement of its own in its place.
    pub(super) fn bound(
        lookup: &'a Lookup,
        name: &[u8],
        statement: &'a Arc<Prepared>,
        arguments: SmallVec<[Argument<'a>; FEW]>,
    ) -> Self {
        let is_kept = statement.asked_by.get().is_some();
        Self {
            arguments,
            of: (!name.is_empty() && (is_kept || statement.plan.is_guarded())).then_some(statement),
            ..Self::alone(lookup)
        }
    }

    /// Look-ups of several statements as few questions.
    pub(super) fn together(lookups: &[&'a Lookup]) -> Vec<Self> {
        let one = |group: &[&'a Lookup]| match group {
            [only] => Self::alone(only),
            group => Self::joined(group),
        };
        lookups.chunks(TOGETHER).map(one).collect()
    }

    pub(super) fn parse(&self, buf: &mut BytesMut, name: &[u8]) -> Result<(), WireError> {
        let types = self.arguments.iter().map(|argument| argument.type_oid);
        let types: SmallVec<[Oid; FEW]> = types.collect();
        encode::close(buf, b'S', name)?;
        encode::parse(buf, name, self.sql.as_bytes(), &types)
    }

    pub(super) fn execute(&self, buf: &mut BytesMut, name: &[u8]) -> Result<(), WireError> {
        let formats = self.arguments.iter().map(|argument| argument.format);
        let formats: SmallVec<[i16; FEW]> = formats.collect();
        let values = self.arguments.iter().map(|argument| argument.value);
        let values: SmallVec<[Option<&[u8]>; FEW]> = values.collect();
        encode::bind(buf, NAME, name, &formats, &values, &[0])?;
        encode::execute(buf, NAME, 0)?;
        encode::close(buf, b'P', NAME)
    }

    fn joined(group: &[&Lookup]) -> Self {
        let mut sql = String::new();
        let mut places = Vec::new();
        let mut before = 0;
        for (lookup, at) in group.iter().zip(0..) {
            let between = if at == 0 { "" } else { " UNION ALL " };
            let from: i32 = at * APART;
            let head = format!("{between}SELECT {from}::int4 + q.term, q.tenant FROM (");
            before += head.chars().count();
            places.extend(lookup.places.iter().map(|place| Place {
                asked: before + place.asked,
                ..place.clone()
            }));
            before += lookup.sql.chars().count() + TAIL.len();
            sql.extend([&head, lookup.sql.as_str(), TAIL]);
        }
        Self {
            sql: sql.into(),
            arguments: SmallVec::new(),
            of: None,
            origin: Origin {
                params: Arc::default(),
                places: places.into(),
            },
        }
    }
}

/// Behind each of the look-ups that are put together.
const TAIL: &str = ") AS q";

/// What a question has of the client's text.
#[derive(Default, Clone)]
pub(super) struct Origin {
    /// The client's numbers of its parameters.
    params: Arc<[u16]>,
    places: Arc<[Place]>,
}

impl Origin {
    /// The 1-based position in the client's text for one in the question, in characters.
    pub(super) fn position(&self, asked: usize) -> Option<usize> {
        let at = asked.checked_sub(1)?;
        let mut places = self.places.iter();
        places.find_map(|place| {
            let within = at.checked_sub(place.asked)?;
            (within < place.length).then_some(place.own + within + 1)
        })
    }

    /// The client's number of a parameter.
    pub(super) fn param(&self, asked: usize) -> Option<u16> {
        self.params.get(asked.checked_sub(1)?).copied()
    }
}

/// A parameter of a question.
pub(super) struct Argument<'a> {
    pub(super) value: Option<&'a [u8]>,
    pub(super) format: i16,
    pub(super) type_oid: Oid,
}

/// The client's statements whose look-ups are kept. Ours are numbered; a number is free again when the client's is gone.
#[derive(Default)]
pub(super) struct Kept(Vec<Weak<Prepared>>);

impl Kept {
    /// The name of ours for this one.
    pub(super) fn name(&mut self, of: &Arc<Prepared>) -> Bytes {
        let is_own = |kept: &Weak<Prepared>| std::ptr::eq(kept.as_ptr(), Arc::as_ptr(of));
        let own = self.0.iter().position(is_own);
        let free = || self.0.iter().position(|kept| kept.strong_count() == 0);
        let number = own.or_else(free).unwrap_or(self.0.len());
        match self.0.get_mut(number) {
            Some(kept) => *kept = Arc::downgrade(of),
            None => self.0.push(Arc::downgrade(of)),
        }
        format!("_pgseal_ask_{number}").into()
    }
}

/// The question what unqualified names mean to this session: (number of the name, OID or NULL).
pub(super) fn meaning_of(names: &[String]) -> String {
    let terms: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let quoted = name.replace('\'', "''");
            format!("SELECT {n}::int4, pg_catalog.to_regclass('{quoted}')::oid::text")
        })
        .collect();
    terms.join(" UNION ALL ")
}
